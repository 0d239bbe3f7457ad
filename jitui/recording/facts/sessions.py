"""Facts about sessions. The subject is the session's label, s-N; `identity` is the agent whose window it was in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final

from jitui.recording.facts.fact import Kind
from jitui.recording.facts.payload import COUNT, Codec, Payload, label, of_store


@dataclass(frozen=True, slots=True)
class Undelivered:
    """Bytes of one connection of a session that lost some: what is on record, and what of it was handed on, each way."""

    conn: int
    recorded_in: int  # towards the cluster
    handed_in: int
    recorded_out: int  # towards the client
    handed_out: int

    @classmethod
    def read(cls, each: Mapping[str, Any]) -> "Undelivered":
        """Raises KeyError, TypeError."""
        values = each["conn"], each["in"], each["in_handed"], each["out"], each["out_handed"]
        if any(type(value) is not int for value in values):
            raise TypeError
        return cls(*values)

    def json(self) -> dict[str, int]:
        return {"conn": self.conn, "in": self.recorded_in, "in_handed": self.handed_in, "out": self.recorded_out, "out_handed": self.handed_out}


LOST: Final = Codec(lambda value: tuple(Undelivered.read(each) for each in value), lambda lost: [each.json() for each in lost])


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOpened(Payload):
    KIND: ClassVar = Kind.SESSION_OPENED
    grant: Annotated[int, label("g")]
    kind: str  # api, exec, attach, port-forward, logs, watch
    target: str = ""  # namespace/name/container
    argv: tuple[str, ...] = ()
    tty: bool = False
    stdin: bool | None = None  # the command reads what the client sends; None: it does not, or an older gateway did not say
    peer: str = ""  # the client's address
    command_group: str = ""  # the client's own word for one run of it (Kubectl-Session)
    started_us: int  # UTC
    started_boot_us: int
    boot_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFrozen(Payload):
    """A session was frozen without its window."""

    KIND: ClassVar = Kind.SESSION_FROZEN
    by: str
    grant: Annotated[int, label("g")]
    identity: str
    connection: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionThawed(Payload):
    """A session was thawed without its window."""

    KIND: ClassVar = Kind.SESSION_THAWED
    grant: Annotated[int, label("g")]
    held: int  # bytes let go
    identity: str
    connection: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnding(Payload):
    """A session that did not end by itself."""

    KIND: ClassVar = Kind.SESSION_ENDING
    why: str = ""  # one of proxy/ends.py
    by: str = ""  # empty: who wrote the fact
    words: str = ""  # the last words that its client was told


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded(Payload):
    """A session is over, and so is its record: nothing may be added to it."""

    KIND: ClassVar = Kind.SESSION_ENDED
    why: str  # one of proxy/ends.py
    by: str = ""  # empty: who wrote the fact
    ended_us: int | None = None  # UTC; the fact may be written later
    delivered_in: int | None = None  # bytes handed on towards the cluster; None: nobody knows, its gateway was lost
    delivered_out: int | None = None  # towards the client
    conns: Annotated[tuple[Undelivered, ...], LOST] | None = None  # those that lost something; None: nobody knows
    may_run_on: Annotated[int, COUNT] | None = None  # processes that it started and that nobody saw end
    problem: str | None = None  # why the record that a crash left is not whole: then frames, bytes and head are what is signed of it
    frames: int = of_store()
    bytes_in: int = of_store()
    bytes_out: int = of_store()
    head: bytes = of_store()  # the link of its last frame


def closed(ended: Mapping[str, Any], *, frames: int, bytes_in: int, bytes_out: int, head: bytes) -> Mapping[str, Any]:
    """The JSON of a session's end with where its record stands, which only the store knows."""
    return {"delivered_in": None, "delivered_out": None, **ended, "frames": frames, "bytes_in": bytes_in, "bytes_out": bytes_out, "head": head.hex()}
