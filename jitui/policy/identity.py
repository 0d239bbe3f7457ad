"""Identities as frozen values. What they may do is `rights.py`; every command imports both, and nothing that knows scopes."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    AGENT = "agent"
    APPROVER = "approver"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    UNMASK = "unmask"  # beside auditor: sees recorded secrets as they are, each time a fact
    ADMIN = "admin"  # the gateway's uid, or root, on the socket; never handed out as a token's role


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller: an agent with an owner, or a person with roles. Agent and person roles exclude each other."""

    name: str
    roles: frozenset[Role]
    owner: str = ""  # of an agent: the person who answers for it
    created_by: str = ""
    disabled: bool = False

    @property
    def is_agent(self) -> bool:
        return Role.AGENT in self.roles
