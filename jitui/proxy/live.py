"""Windows and the sessions under them.

Every byte goes through its session, which records it first and lets it go afterwards (`recorder`), if bytes may pass then (`gate`). A frozen session
goes on recording what comes, and lets it go in order once it is thawed (`hold`); the clock of its window runs on. A session counts the bytes that
were handed on (`deliveries`), and its open legs end with it (`lastwords`).
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from jitui.policy.action import Action
from jitui.policy.streams import BY_SESSION
from jitui.policy.terms import Grant
from jitui.proxy.deliveries import Deliveries, Flow
from jitui.proxy.drain import NEVER
from jitui.proxy.ends import End, Why
from jitui.proxy.gate import Gate
from jitui.proxy.heads import Proof
from jitui.proxy.hold import Hold
from jitui.proxy.lastwords import LastWords, Leg, Taking
from jitui.proxy.recorder import Journal, Recorder
from jitui.recording.facts import ProcessTold, Undelivered
from jitui.recording.frame import COST, Channel, Frame
from jitui.values.clock import Clock
from jitui.values.instant import Instant

UNLIMITED: Final = 1 << 62
UNFINISHED: Final = 1000  # exchanges broken off of which the end of a session tells one by one; further ones are another session's


class Window:
    """A live grant and everything that is open under it."""

    def __init__(self, grant: Grant, allowed: int = UNLIMITED, used: tuple[int, int, int] = (0, 0, 0)) -> None:
        self.grant = grant
        self.allowed = allowed  # bytes either way, over all its sessions; with the frame that uses them up, the window ends
        self.used_in, self.used_out, self.frames = used  # on record: bytes towards the cluster and towards the client; frames, and what took as much room
        self.sessions: dict[int, Session] = {}
        self.closed = False
        self.end: End | None = None  # once it is closed: what every client of it is told

    def open_at(self, now: Instant) -> bool:
        """Whether a byte may still pass at this instant."""
        deadline = self.grant.deadline
        if deadline is None or self.closed:
            return False
        # as Deadline.passed has it, without another call: this is asked for each frame, and before each byte
        return now.boot_us < deadline.boot_us if now.boot_id == deadline.boot_id else now.wall_us < deadline.wall_us

    @property
    def left(self) -> int:
        """Bytes left in the busier direction; fewer if very many small frames were recorded."""
        return self.allowed - max(self.used_in, self.used_out, self.frames * COST)

    def charge(self, size: int) -> None:
        """So many bytes of rows and facts were written for it: they count as frames do."""
        self.frames += size // COST

    @property
    def open_streams(self) -> int:
        return sum(1 for session in self.sessions.values() if session.stream is not None)


class Session:
    """A recorded conversation. Owned by the loop; not for threads."""

    __slots__ = ("_legs", "_over", "action", "argv", "deliveries", "drain", "gate", "gone", "hold", "id", "kind", "last_words", "may_run_on", "passing", "peer",
                 "proof", "recorder", "started", "stdin", "stream", "target", "tty", "window")

    def __init__(
        self,
        ident: int,
        kind: str,
        window: Window,
        started: Instant,
        *,
        journal: Journal,
        clock: Clock,
        over: Callable[["Session", End], None],
        late: Callable[[Window], None],
        spent: Callable[[Window], None] = lambda window: None,  # noqa: ARG005 - of a window without a budget
        target: str = "",
        argv: Sequence[str] = (),
        tty: bool = False,
        stdin: bool = False,
        peer: str = "",
    ) -> None:
        """`over`: called with an end that the session comes to by itself. `late`: called when a byte comes after the deadline. `spent`: called once the
        last byte of the budget is on record.
        """
        self.id, self.kind, self.window, self.started = ident, kind, window, started
        self.stream = BY_SESSION.get(kind)  # None: of the plain requests, which share it
        self.target, self.argv, self.tty, self.stdin, self.peer = target, tuple(argv), tty, stdin, peer
        self.action: Action | None = None  # of a stream: judged again when the rules change
        self.gone = False  # its last words are said, and its closing fact is on its way
        self.may_run_on = 0  # processes that this session started and that nobody saw end
        self.drain = NEVER  # of a command whose processes are ended: what the cluster says behind the mute
        self._over = over
        self.gate = Gate(window, clock, lambda: late(window))
        self.hold = Hold(self.gate)
        self.deliveries = Deliveries()
        self.proof = Proof()
        self.last_words = LastWords(self.label, self.gate)
        self.recorder = Recorder(ident, started, window, self.gate, self.hold, self.deliveries, journal=journal, clock=clock,
                                 spent=lambda: spent(window), failed=lambda end: over(self, end))  # fmt: skip
        self.passing = self.gate.passing  # asked for every piece: without a call between
        self._legs = self.last_words.legs

    @property
    def label(self) -> str:
        return f"s-{self.id}"

    # -- connections -------------------------------------------------------------------------------------------------------

    @property
    def next_conn(self) -> int:
        """The number that `open_conn` will give to the next exchange."""
        return self.deliveries.next

    def open_conn(self, leg: Leg, flow: Flow | None = None) -> int:
        """Give the next exchange of this session its number; its leg is cut when the session ends. `flow`: as `Deliveries.open` has it."""
        conn = self.deliveries.open(flow)
        self._legs.add(leg)
        if self.hold.by:
            leg.freeze(True)
        return conn

    def hand_over(self, old: Leg, new: Leg) -> None:
        """The relay takes the place of the handshake: the cluster has switched."""
        self._legs.discard(old)
        self._legs.add(new)
        if self.hold.by:
            new.freeze(True)

    @property
    def full(self) -> bool:
        """Whether so many exchanges of it were broken off that no further one may begin here."""
        return self.deliveries.unfinished >= UNFINISHED

    def open_flow(self, conn: int) -> None:
        """A forwarded connection begins within a stream; `undelivered` names it by this number."""
        self.deliveries.open_flow(conn)

    def close_flow(self, conn: int) -> None:
        """A forwarded connection is over by itself. It is forgotten if all its bytes were handed on."""
        self.deliveries.close_flow(conn)

    def close_conn(self, conn: int, leg: Leg) -> None:
        """An exchange is over by itself. It is forgotten if all its bytes were handed on; a session in which too many lost some ends."""
        self._legs.discard(leg)
        self.deliveries.close(conn)
        if self.deliveries.unfinished >= UNFINISHED and not self._legs and self.stream is None:
            asyncio.get_running_loop().call_soon(self._over, self, End(Why.CLIENT_CLOSED, "client", ""))

    # -- recording ---------------------------------------------------------------------------------------------------------

    @property
    def frames(self) -> int:
        """The number of frames on record."""
        return self.recorder.frames

    @property
    def bytes_in(self) -> int:
        """The bytes on record that go towards the cluster."""
        return self.recorder.bytes_in

    @property
    def bytes_out(self) -> int:
        """The bytes on record that go towards the client."""
        return self.recorder.bytes_out

    @property
    def taps(self) -> list[Callable[[Frame], None]]:
        """The live viewers, each called with every frame; they never hold anything up."""
        return self.recorder.taps

    def record(self, conn: int, pieces: Sequence[tuple[Channel, bytes]], then: Callable[[], None]) -> None:
        """Put the pieces of one conn on record in one commit; call `then` after it if bytes may still pass at that instant.

        After a mute, or when the store fails, `then` is never called: what it would have passed on is dropped.
        """
        self.recorder.record([(conn, channel, body) for channel, body in pieces], then)

    def record_all(self, pieces: Sequence[tuple[int, Channel, bytes]], then: Callable[[], None]) -> None:
        """Do the same with pieces of several conns."""
        self.recorder.record(pieces, then)

    def say(self, conn: int, pieces: Sequence[tuple[Channel, bytes]], then: Callable[[], None]) -> None:
        """Put the gateway's own words to an ended session on record, if that works in time, and call `then` in any case."""
        self.recorder.say([(conn, channel, body) for channel, body in pieces], then)

    def say_all(self, pieces: Sequence[tuple[int, Channel, bytes]], then: Callable[[], None]) -> None:
        """Do the same with words to several conns."""
        self.recorder.say(pieces, then)

    # -- delivery ----------------------------------------------------------------------------------------------------------

    @property
    def handed_in(self) -> int:
        """The bytes that were handed to the sockets of the cluster."""
        return self.deliveries.handed_in

    @property
    def handed_out(self) -> int:
        """The bytes that were handed to the sockets of the client."""
        return self.deliveries.handed_out

    def handed(self, conn: int, channel: Channel, size: int) -> None:
        """So many recorded bytes were handed to the socket."""
        self.deliveries.handed(conn, channel, size)

    def undelivered(self) -> list[Undelivered]:
        """The connections that lost bytes, for the closing fact."""
        return self.deliveries.undelivered()

    # -- freezing ----------------------------------------------------------------------------------------------------------

    @property
    def frozen_by(self) -> str:
        """The person who froze it; empty: it flows."""
        return self.hold.by

    @property
    def held(self) -> int:
        """The bytes that were recorded since it was frozen, and wait."""
        return self.hold.held

    @property
    def frozen_words(self) -> str:
        """The error of a request that waited for the thaw in vain."""
        what = self.window.grant.label if self.window.grant.frozen_by else self.label
        return f"{what} is frozen by {self.hold.by}; try again once it is thawed"

    def freeze(self, by: str) -> None:
        """Let nothing pass from this instant on; what is read is recorded and held, until the buffer of each leg is full."""
        if not self.gate.muted and not self.hold.by:
            self.hold.by = by
            self.last_words.freeze(True)

    def thaw(self) -> None:
        """Let everything that was held go on, in order."""
        self.hold.by, self.hold.held = "", 0
        if not self.gate.muted:
            self.last_words.freeze(False)
            self.hold.release()

    def flow(self, then: Callable[[], None], size: int = 0) -> None:
        """Call `then` now if bytes may pass, or once they may again if the session is frozen; never after its end."""
        self.hold.flow(then, size)

    # -- the end -----------------------------------------------------------------------------------------------------------

    @property
    def muted(self) -> bool:
        """Whether it has ended: nothing passes any more."""
        return self.gate.muted

    @property
    def end(self) -> End | None:
        """How it ended; None until it is muted."""
        return self.gate.end

    def mute(self, end: End) -> bool:
        """Let no byte pass from this instant on, in either direction, whatever is still queued. False if it was muted before."""
        if self.gate.muted:
            return False
        self.gate.muted, self.gate.end = True, end
        self.hold.drop()
        self.proof.forget()
        return True

    def cut(self) -> int:
        """Close every open leg of the muted session with its last words; returns how many there were."""
        assert self.gate.end is not None
        return self.last_words.cut(self.gate.end)

    def cut_those(self, ended: Callable[[Leg], End | None]) -> None:
        """Close the legs for which `ended` gives an end of their own; the session goes on."""
        self.last_words.cut_those(ended)

    def spoke(self) -> None:
        """A leg has said its last words, or has nobody to say them to."""
        self.last_words.spoke()

    async def quiet(self) -> None:
        """Wait until every leg of the muted session has spoken."""
        await self.last_words.quiet()

    def taking(self, leg: Taking) -> None:
        """The client of a leg is still to take some of what was handed to its socket."""
        self.last_words.taking(leg)

    def took(self, leg: Taking) -> None:
        """It has taken all, or what it has not is dropped."""
        self.last_words.took(leg)

    @property
    def untaken(self) -> bool:
        """Whether a client is still to take something of the muted session."""
        return self.last_words.untaken

    def abandon(self) -> None:
        """Wait for no client any more: what it has not taken is dropped, and was not delivered."""
        self.last_words.abandon()

    async def taken(self) -> None:
        """Wait until what was delivered is known: no client is to take anything any more."""
        await self.last_words.taken()


@dataclass(frozen=True, slots=True)
class Cut:
    """The outcome of an end: streams closed, how long it took, and where something may go on."""

    streams: int
    took_ms: float
    may_run_on: tuple[str, ...]
    processes: int  # how many may go on there
    kinds: Sequence[tuple[str, str]] = ()  # kind and target of each stream
    told: Sequence[ProcessTold] = ()  # the last word about each process, as far as it is known by now


class Aftermath(Protocol):
    """Ends in the pods what commands started."""

    async def settle(self, sessions: Sequence[Session], ended: Grant | None, began: float) -> Sequence[ProcessTold]:
        """Sessions are muted, and their clients have their words: end what they started, and all that the window `ended` did; what was found in time.

        `began`: loop time of the mute.
        """
