"""Rules, requests and grants as frozen values, with the identities that they are about.

The state tables over them are `request.py` and `grant.py`; who may do what is `rights.py`; `policy.py` decides actions.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from jitui.policy.action import Action
from jitui.policy.clause import Clause
from jitui.policy.hazard import Guards
from jitui.policy.identity import Identity, Role
from jitui.policy.scope import Kinds, Scope
from jitui.policy.streams import EXEC
from jitui.values.instant import Deadline, Instant

__all__ = ["BUDGET", "Approval", "Grant", "GrantState", "Identity", "Request", "RequestState", "Role", "Rule"]

BUDGET: Final = 2 << 30


@dataclass(frozen=True, slots=True)
class Rule:
    """The widest terms that an identity may ask for, and be granted, on a connection. There is exactly one rule for each pair."""

    identity: str
    connection: str
    duration_s: int
    scope: Scope
    approvals: int = 1
    automatic: bool = False  # approval: automatic
    automatic_for: frozenset[str] = frozenset({"READ"})  # hazards that pass without a person when automatic
    on_first_use: bool = False  # starts: on-first-use
    use_within_s: int = 900
    pending_s: int = 3600
    owner_may_approve: bool = False
    budget: int = BUDGET  # bytes that a window of it may move each way; the busier one counts. A body that crosses compressed counts as it crosses
    guarded: Guards = ()  # namespaces, or patterns of them, where what is written must be written out; besides those of the cluster's own programs
    ends_processes: bool = True  # processes: end. At the end of a window what its commands started is ended in the pods; else it is only listed
    deletes_pods: bool = False  # unexplained: delete-pod. A pod is deleted where something may run on that can't be tied to a command, or was not seen to end
    probe_image: str = ""  # probe: ephemeral-container. Of the container that is put beside one without a shell, to look at its processes; empty: none is

    def allows(self, action: Action, kinds: Kinds) -> Clause | None:
        """The clause of the rule's scope that covers the action, or None."""
        return self.scope.allows(action, kinds, self.guarded)

    def covers(self, grant: "Grant", action: Action, kinds: Kinds) -> bool:
        """Whether both the rule's and the grant's scope cover the action, with the namespaces that are guarded now."""
        return self.allows(action, kinds) is not None and grant.scope.allows(action, kinds, self.guarded) is not None

    @property
    def version(self) -> str:
        """A short digest of the whole rule: an approver's decision is bound to it."""
        from hashlib import sha256  # noqa: PLC0415

        return sha256(repr((self.identity, self.connection, self.duration_s, str(self.scope), self.approvals, self.automatic,
                            sorted(self.automatic_for), self.on_first_use, self.use_within_s, self.pending_s,
                            self.owner_may_approve, self.budget, sorted(self.guarded), self.ends_processes, self.deletes_pods,
                            self.probe_image)).encode()).hexdigest()[:12]

    @property
    def at_end(self) -> str:
        """The end of its windows in the pods, in one sentence; empty if no window of it can run a command."""
        if not any(atom.target.subresource == EXEC.subresource for clause in self.scope.clauses for atom in clause.atoms):
            return ""
        beside = f"; beside a container without a shell an ephemeral container of {self.probe_image} is STARTED" if self.probe_image else ""
        if not self.ends_processes:
            return f"processes of its commands run on, and are listed{beside}"
        beyond = "the pod is DELETED where one can't be tied to a command or is not seen to end" if self.deletes_pods else "others are listed, and left"
        return f"processes of its commands are ended in the pods; {beyond}{beside}"


class RequestState(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class Approval:
    """One person's approval, with the terms they agreed to."""

    person: str
    at_us: int  # UTC
    duration_s: int
    scope: Scope
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """An agent's request for a window; it waits for a decision."""

    id: int
    identity: str
    connection: str
    duration_s: int
    scope: Scope
    reason: str  # the agent's own words: raw, shown only through Said
    asked: Instant
    pending_until: Deadline
    state: RequestState = RequestState.PENDING
    approvals: tuple[Approval, ...] = ()
    decided_by: str = ""
    decided_us: int = 0  # UTC
    why: str = ""
    grant: int = 0  # the grant it became, 0 if none
    peer: str = ""  # where it came from
    token: str = ""  # id of the token it was asked with
    same_user: bool = False  # asked by a process of the gateway's own Unix user


class GrantState(StrEnum):
    WAITING = "waiting"
    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Grant:
    """An approved window: a scope and, once active, an absolute deadline."""

    id: int
    request: int
    identity: str
    connection: str
    scope: Scope
    duration_s: int
    approved: Instant
    approved_by: tuple[str, ...] = ()
    state: GrantState = GrantState.ACTIVE
    deadline: Deadline | None = None  # fixed when it becomes active
    use_by: Deadline | None = None  # of a waiting grant
    started_us: int = 0  # UTC, when it became active
    ended_us: int = 0
    ended_by: str = ""
    why: str = ""
    frozen_by: str = ""

    @property
    def live(self) -> bool:
        return self.state in {GrantState.WAITING, GrantState.ACTIVE}

    @property
    def label(self) -> str:
        return f"g-{self.id}"
