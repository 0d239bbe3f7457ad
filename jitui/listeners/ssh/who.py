"""The callers who may come by SSH: a key, a certificate, or a token as a password, names an identity."""

from collections.abc import Callable
from dataclasses import dataclass

from jitui.auth.callers import Caller, Callers
from jitui.policy.terms import Identity


@dataclass(frozen=True, slots=True)
class Known:
    """An authenticated caller."""

    who: Identity
    how: str  # for the record: ssh, key SHA256:...
    standing: Callable[[], Identity]  # its identity by now; raises UnknownCallerError once the key or the identity has ended


class Keys:
    """All callers that may come by SSH. Each look-up is by the record as it is now, and raises UnknownCallerError for whoever is not known."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers

    @property
    def passwords(self) -> bool:
        """Whether a token is taken as a password."""
        return self._callers.passwords

    def by_key(self, name: str, blob: bytes, address: str) -> Known:
        """The caller who calls itself `name` from `address` and shows this key or certificate; that it holds the key is checked behind this."""
        return self._known(self._callers.by_key(name, blob, address))

    def by_password(self, name: str, password: str) -> Known:
        return self._known(self._callers.by_password(name, password))

    def _known(self, caller: Caller) -> Known:
        standing = self._callers.standing(caller)
        return Known(caller.who, caller.how, lambda: standing.who)
