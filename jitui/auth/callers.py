"""Authenticates callers: by a token, or by the Unix user at the other end of the socket."""

from dataclasses import dataclass, field

from jitui.auth.directory import Directory
from jitui.auth.standing import Standing
from jitui.auth.tokens import Row
from jitui.policy.terms import Identity
from jitui.values.clock import Clock
from jitui.values.errors import UnknownCallerError


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller, and how it was authenticated."""

    who: Identity
    token: str = ""  # id of the token presented, empty if none
    uid: int | None = None  # of the other end of the socket, if that named them
    sha256: bytes = field(default=b"", repr=False)  # of the token


class Callers:
    """Authenticates each caller by the directory as it is at that moment. Rights are checked elsewhere."""

    def __init__(self, directory: Directory, clock: Clock) -> None:
        self._directory, self._clock = directory, clock

    def by_token(self, text: str) -> Caller:
        """The identity a token belongs to. Raises UnknownCallerError: unknown, revoked, expired, or its identity disabled."""
        return self._caller(self._directory.tokens.identify(text, self._clock.now().wall_us))

    def again(self, caller: Caller) -> Caller:
        """The same caller with the same token, a moment later, as `by_token` would find it. Raises UnknownCallerError."""
        found = self._caller(self._directory.tokens.again(caller.token, caller.sha256, self._clock.now().wall_us))
        return caller if found.who is caller.who else found

    def _caller(self, row: Row) -> Caller:
        who = self._directory.named(row.identity)
        if who is None or who.disabled:
            raise UnknownCallerError(f"{row.identity} is disabled here; ask an admin")
        return Caller(who, row.id, sha256=row.sha256)

    def by_uid(self, uid: int) -> Caller:
        """The person behind a Unix user. Raises UnknownCallerError."""
        return Caller(self._directory.people.by_uid(uid), uid=uid)

    def standing(self, caller: Caller) -> Standing:
        """A view of the caller that stays current while it is connected."""
        return Standing(self._directory, self._clock, caller.who.name, token=caller.token, uid=caller.uid)
