"""Facts about grants, the windows that were given. The subject is the grant's label, g-N; `identity` is the agent that holds it."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from jitui.recording.facts.fact import Kind
from jitui.recording.facts.payload import SCOPE, Payload, label
from jitui.values.instant import Deadline, Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantStarted(Payload):
    KIND: ClassVar = Kind.GRANT_STARTED
    request: Annotated[int, label("r")]
    identity: str
    connection: str
    scope: Annotated[str, SCOPE]
    duration_s: int
    approved_by: tuple[str, ...] = ()
    approved: Instant | None = None
    state: str  # waiting for its first use, or active
    started_us: int = 0  # UTC; 0 while it waits
    deadline: Deadline | None = None  # of an active one
    use_by: Deadline | None = None  # of one that waits


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantActive(Payload):
    """The first action under a grant that waited; or, after a restart, its deadline on the clock of the new boot."""

    KIND: ClassVar = Kind.GRANT_ACTIVE
    started_us: int  # UTC
    deadline: Deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantEnded(Payload):
    KIND: ClassVar = Kind.GRANT_ENDED
    state: str  # expired, revoked, released
    why: str = ""
    identity: str | None = None
    connection: str | None = None
    ended_us: int | None = None  # UTC; the fact may be written later


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantFrozen(Payload):
    KIND: ClassVar = Kind.GRANT_FROZEN
    by: str = ""  # empty: who wrote the fact
    streams: int = 0  # that stand still
    identity: str = ""
    connection: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantThawed(Payload):
    KIND: ClassVar = Kind.GRANT_THAWED
    streams: int = 0  # that go on
    held: int = 0  # bytes let go
    identity: str = ""
    connection: str = ""
