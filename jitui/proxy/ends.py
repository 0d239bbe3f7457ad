"""How a session ends, by whose hand, and with which words."""

from dataclasses import dataclass
from enum import StrEnum


class Why(StrEnum):
    """How a session ended."""

    EXIT = "exit"
    CLIENT_CLOSED = "client-closed"
    CLUSTER_CLOSED = "cluster-closed"
    EXPIRED = "expired"
    REVOKED = "revoked"
    RELEASED = "released"
    KILLED = "killed"
    RULE_CHANGED = "rule-changed"
    DISABLED = "disabled"
    LOCKDOWN = "lockdown"
    BUDGET = "budget"
    UNRECORDABLE = "unrecordable"
    UNDECODABLE = "undecodable"
    UPSTREAM_LOST = "upstream-lost"
    FROZEN = "frozen"  # before anything of it went to the cluster
    GATEWAY_STOPPED = "gateway-stopped"
    GATEWAY_LOST = "gateway-lost"


@dataclass(frozen=True, slots=True)
class End:
    """Why a session ends, by whom, and the words its client is told."""

    why: Why
    by: str
    words: str
    code: int = 403  # of the Status that carries the words
    reason: str = "Forbidden"
