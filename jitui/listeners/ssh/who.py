"""The keys that callers are known by: a public key, or a token as a password, names an identity."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from asyncssh import SSHKey

from jitui.auth.directory import Directory
from jitui.policy.terms import Identity
from jitui.values.errors import UnknownCallerError


@dataclass(frozen=True, slots=True)
class Known:
    """An authenticated caller."""

    who: Identity
    how: str  # for the record: ssh, key SHA256:...
    standing: Callable[[], Identity]  # its identity by now; raises UnknownCallerError once the key or the identity has ended


class Keys(Protocol):
    """All callers that may come by SSH. Each look-up is by the record as it is now, and gives None to whoever is not known."""

    @property
    def passwords(self) -> bool:
        """Whether a token is taken as a password."""

    def by_key(self, name: str, key: SSHKey, address: str) -> Known | None:
        """The caller who calls itself `name` from `address` and offers this key; that it holds it is checked behind this."""

    def by_password(self, name: str, password: str) -> Known | None: ...


class FixedKeys:
    """Keys given by hand, by fingerprint."""

    passwords = False

    def __init__(self, keys: Mapping[str, str], directory: Directory) -> None:
        """`keys`: the identity's name of each fingerprint."""
        self._keys, self._directory = keys, directory

    def by_key(self, name: str, key: SSHKey, address: str) -> Known | None:  # noqa: ARG002 - a key by hand is for every address
        shown = key.get_fingerprint()
        if self._keys.get(shown) != name:
            return None
        return Known(self._named(name), f"ssh, key {shown}", lambda: self._named(name))

    def by_password(self, name: str, password: str) -> Known | None:  # noqa: ARG002 - there are none
        return None

    def _named(self, name: str) -> Identity:
        found = self._directory.named(name)
        if found is None or found.disabled:
            raise UnknownCallerError(f"{name} is disabled here; ask an admin")
        return found
