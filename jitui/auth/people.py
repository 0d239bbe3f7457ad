"""People of the configuration: on the local socket by their Unix user, over SSH by their keys.

The gateway's own user, and root, is admin. A configuration that names no people is the solo install: then that user is
also approver, operator and auditor.
"""

import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from jitui.auth.sshkeys import PublicKey
from jitui.policy.terms import Identity, Role
from jitui.values.errors import UnknownCallerError

RESERVED: Final = frozenset({"gateway", "clock", "client", "cluster", "automatic"})  # authors of facts besides identities and people
SOLO: Final = frozenset({Role.APPROVER, Role.OPERATOR, Role.AUDITOR})


@dataclass(frozen=True, slots=True)
class Person:
    """A person as the configuration names them."""

    uid: int
    roles: frozenset[Role]
    keys: tuple[PublicKey, ...] = ()


@dataclass(frozen=True, slots=True)
class People:
    """The people on the socket of a gateway that runs as `own_uid`, by uid and by name."""

    own_uid: int
    named: Mapping[str, Person]

    @property
    def solo(self) -> bool:
        return not self.named

    def by_uid(self, uid: int) -> Identity:
        """The person behind a peer uid. Raises UnknownCallerError if the configuration does not name them."""
        admin = frozenset({Role.ADMIN}) if uid in {self.own_uid, 0} else frozenset[Role]()
        for name, person in self.named.items():
            if person.uid == uid:
                return Identity(name, person.roles | admin)
        if not admin:
            raise UnknownCallerError(f"user {user_name(uid)} (uid {uid}) is nobody here; add it under people: in the configuration, or present a token")
        return Identity(user_name(uid), admin | SOLO if self.solo else admin)

    def declared(self, name: str) -> Identity | None:
        """The person of that name with the roles that the configuration gives them; admin is nobody but on the socket."""
        return Identity(name, self.named[name].roles) if name in self.named else None

    def logins(self, name: str) -> tuple[str, ...]:
        """Other names of the same person: the login of their Unix user, if nobody else has that name; without configured people, root for the own user."""
        if name in self.named:
            login = user_name(self.named[name].uid)
            return (login,) if login not in self.named else ()
        return (user_name(0),) if self.solo and self.own_uid and name == user_name(self.own_uid) else ()

    def by_name(self, name: str) -> Identity | None:
        """The person of that name: one of the configuration, or the gateway's own user; else None."""
        if name in self.named:
            return self.by_uid(self.named[name].uid)
        for uid in (self.own_uid, 0):
            if user_name(uid) == name:
                return self.by_uid(uid)
        return None


@lru_cache(maxsize=256)
def user_name(uid: int) -> str:
    """The login name of a uid, or `uid-1234` where there is none, as in a container."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid-{uid}"
