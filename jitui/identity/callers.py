"""Who is calling, behind two questions: a token's identity, or the person at the other end of the socket."""

from collections.abc import Callable
from dataclasses import dataclass

from jitui.clock import Clock
from jitui.errors import UnknownCallerError
from jitui.identity.people import People
from jitui.identity.tokens import Tokens
from jitui.rules.terms import Identity


@dataclass(frozen=True, slots=True)
class Caller:
    """One caller and how they came."""

    who: Identity
    token: str = ""  # id of the token presented, empty if none


class Callers:
    """Names every caller or refuses them; what they may do is asked elsewhere."""

    def __init__(self, tokens: Tokens, people: People, named: Callable[[str], Identity | None], clock: Clock) -> None:
        self.tokens = tokens
        self.people = people
        self._named = named  # the identities of the ledger, by name
        self._clock = clock

    def by_token(self, text: str) -> Caller:
        """The identity a token belongs to. Raises UnknownCallerError: unknown, revoked, expired, or its identity disabled."""
        row = self.tokens.identify(text, self._clock.now().wall_us)
        who = self._named(row.identity)
        if who is None or who.disabled:
            raise UnknownCallerError(f"{row.identity} is disabled here; ask an admin")
        return Caller(who, row.id)

    def by_uid(self, uid: int) -> Caller:
        """The person a Unix user is. Raises UnknownCallerError."""
        return Caller(self.people.by_uid(uid))
