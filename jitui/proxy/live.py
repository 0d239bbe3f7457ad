"""Windows and the sessions under them: the one way a byte gets on record, and the mute.

A frame is put into the store; when the commit that holds it is done, and only if the session is still live at that instant, it is let
go. Muting is one assignment: from then on nothing passes, whatever is still queued. A frozen session goes on
recording what comes, and lets it go in order once it is thawed; its window's clock runs on.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from jitui.policy.action import Action
from jitui.policy.terms import Grant
from jitui.proxy.ends import End, Why
from jitui.recording.facts import Undelivered
from jitui.recording.frame import COST, TO_CLIENT, TO_UPSTREAM, Channel, Frame
from jitui.values.clock import Clock
from jitui.values.instant import Instant

UNLIMITED: Final = 1 << 62
UNFINISHED: Final = 1000  # exchanges broken off of which the end of a session tells one by one; further ones are another session's
SAY_WITHIN: Final = 0.15  # seconds that last words wait to be on record: 500 clients hear them within 250 ms, whatever the disk does


class Journal(Protocol):
    """The part of the store that the hot path knows: commit, then let go."""

    def put_all(self, frames: Sequence[Frame], done: Callable[[Exception | None], None]) -> None: ...


class Leg(Protocol):
    """Something open in a session that must end with it."""

    @property
    def action(self) -> Action | None:
        """The action that it carries; it is judged again when the rules change."""

    def cut(self, end: End) -> None:
        """The session is muted. Say the last words to the client, let the upstream go, and then call `spoke` once. Must not await."""

    def freeze(self, on: bool) -> None:
        """Hold back what waits to be written, or let it go again. The session itself holds what is recorded from now on."""


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
        return not self.closed and deadline is not None and not deadline.passed(now)

    @property
    def left(self) -> int:
        """Bytes that may still be moved the way of which more were; less if very many small frames were."""
        return self.allowed - max(self.used_in, self.used_out, self.frames * COST)

    def charge(self, size: int) -> None:
        """So many bytes of rows and facts were written for it: they count as frames do."""
        self.frames += size // COST

    @property
    def open_streams(self) -> int:
        return sum(1 for session in self.sessions.values() if session.kind != "api")


@dataclass(slots=True)
class Delivered:
    """Bytes of one conn and direction: on record, and handed to the socket."""

    recorded: int = 0
    handed: int = 0


class Session:
    """A recorded conversation. Owned by the loop; not for threads."""

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
        self.id, self.kind, self.window, self.started = ident, kind, window, started
        self.target, self.argv, self.tty, self.stdin, self.peer = target, tuple(argv), tty, stdin, peer
        self.action: Action | None = None  # of a stream: judged again when the rules change
        self.muted = False
        self.gone = False  # its last words are said, and its closing fact is on its way
        self.end: End | None = None
        self.bytes_in = self.bytes_out = 0  # recorded, towards the cluster and towards the client
        self.handed_in = self.handed_out = 0
        self.frames = 0
        self.may_run_on = 0  # processes that this session started and that nobody saw end
        self.taps: list[Callable[[Frame], None]] = []  # live viewers; they never hold anything up
        self.frozen_by = ""  # who froze it; empty: it flows
        self.held = 0  # bytes recorded since then, and not let go
        self._waiting: list[Callable[[], None]] = []  # what happens once it is thawed, in order
        self._journal, self._clock, self._over, self._late, self._spent = journal, clock, over, late, spent
        self._conns = self._unfinished = 0
        self._speaking = 0
        self._quiet = asyncio.Event()
        self._legs: set[Leg] = set()
        self._flows: dict[int, tuple[Delivered, Delivered]] = {}  # conns still open

    @property
    def label(self) -> str:
        return f"s-{self.id}"

    @property
    def frozen_words(self) -> str:
        """What a request is told that waited for the thaw in vain."""
        what = self.window.grant.label if self.window.grant.frozen_by else self.label
        return f"{what} is frozen by {self.frozen_by}; try again once it is thawed"

    @property
    def next_conn(self) -> int:
        """The number that `open_conn` gives next."""
        return self._conns

    def open_conn(self, leg: Leg) -> int:
        """A number for the next exchange of this session; its leg is cut when the session ends."""
        conn = self._conns
        self._conns += 1
        self._legs.add(leg)
        self._flows[conn] = (Delivered(), Delivered())
        if self.frozen_by:
            leg.freeze(True)
        return conn

    def hand_over(self, old: Leg, new: Leg) -> None:
        """An upgrade is through: the relay stands in for the handshake."""
        self._legs.discard(old)
        self._legs.add(new)
        if self.frozen_by:
            new.freeze(True)

    @property
    def full(self) -> bool:
        """So much was broken off in it that no further exchange is to begin here."""
        return self._unfinished >= UNFINISHED

    def open_lane(self, conn: int) -> None:
        """A forwarded connection within a stream: its number, of which `undelivered` will speak."""
        self._conns = max(self._conns, conn + 1)
        self._flows[conn] = (Delivered(), Delivered())

    def close_lane(self, conn: int) -> None:
        """It is over by itself; what it handed on whole needs no further book-keeping."""
        flow = self._flows.get(conn)
        if flow is not None and all(way.recorded == way.handed for way in flow):
            del self._flows[conn]

    def close_conn(self, conn: int, leg: Leg) -> None:
        """The exchange is over by itself. What it handed on whole needs no further book-keeping; where there is too much of the rest, the session ends."""
        self._legs.discard(leg)
        self.close_lane(conn)
        if conn in self._flows:
            self._unfinished += 1
        if self.full and not self._legs and self.kind == "api":
            asyncio.get_running_loop().call_soon(self._over, self, End(Why.CLIENT_CLOSED, "client", ""))

    def passing(self) -> bool:
        """Whether a byte may pass at this very instant. If its time is over, the window ends now, whatever its timer says."""
        if self.muted:
            return False
        if self.window.open_at(self._clock.now()):
            return True
        self._late(self.window)
        return False

    # -- freezing ----------------------------------------------------------------------------------------------------------

    def freeze(self, by: str) -> None:
        """From this instant nothing passes in either direction; what is read is recorded and held, until each leg's window is full."""
        if self.muted or self.frozen_by:
            return
        self.frozen_by = by
        for leg in self._legs:
            leg.freeze(True)

    def thaw(self) -> None:
        """Everything held goes on in order."""
        self.frozen_by, self.held = "", 0
        if self.muted:
            return
        for leg in list(self._legs):
            leg.freeze(False)
        waiting, self._waiting = self._waiting, []
        for at, then in enumerate(waiting):
            if not self.passing():
                return
            if self.frozen_by:  # again, by what was just let go
                self._waiting[:0] = waiting[at:]
                return
            then()

    def flow(self, then: Callable[[], None], size: int = 0) -> None:
        """Call `then` now if bytes may pass, or once they may again if the session is frozen; never after its end."""
        if not self.passing():
            return
        if self.frozen_by:
            self._waiting.append(then)
            self.held += size
        else:
            then()

    # -- recording ---------------------------------------------------------------------------------------------------------

    def record(self, conn: int, pieces: Sequence[tuple[Channel, bytes]], then: Callable[[], None]) -> None:
        """Put the pieces of one conn on record in one commit; call `then` after it if bytes may still pass at that instant.

        After a mute, or when the recorder fails, `then` is never called: what it would have passed on is dropped.
        """
        self.record_all([(conn, channel, body) for channel, body in pieces], then)

    def record_all(self, pieces: Sequence[tuple[int, Channel, bytes]], then: Callable[[], None]) -> None:
        """The same of several conns."""
        if self.muted:
            return
        now = self._clock.now()
        if not self.window.open_at(now):
            self._late(self.window)
            return
        if self.window.left <= 0:
            self._spent(self.window)
            return
        frames = self._frames(now, pieces)
        last = self.window.left <= 0

        def done(error: Exception | None) -> None:
            if error is not None:
                self._unrecorded(frames)
                self._over(self, End(Why.UNRECORDABLE, "gateway", f"jitui: this can't be recorded, so it does not pass ({error})", 503, "ServiceUnavailable"))
                return
            for frame in frames:
                for tap in self.taps:
                    tap(frame)
            if self.frozen_by:
                self.flow(then, sum(len(frame.body) for frame in frames))
            elif self.passing():
                then()
            if last:
                self._spent(self.window)

        self._journal.put_all(frames, done)

    def say(self, conn: int, pieces: Sequence[tuple[Channel, bytes]], then: Callable[[], None]) -> None:
        """The gateway's own words of an ended session: on record first if that works in time, and said in any case."""
        self.say_all([(conn, channel, body) for channel, body in pieces], then)

    def say_all(self, pieces: Sequence[tuple[int, Channel, bytes]], then: Callable[[], None]) -> None:
        """The same to several conns."""
        said = False

        def speak() -> None:
            nonlocal said
            if not said:
                said = True
                timer.cancel()
                then()

        def done(error: Exception | None) -> None:
            if error is None:
                for frame in frames:
                    for tap in self.taps:
                        tap(frame)
                for frame in frames:
                    self.handed(frame.conn, frame.channel, len(frame.body))
            else:
                self._unrecorded(frames)
            speak()

        timer = asyncio.get_running_loop().call_later(SAY_WITHIN, speak)
        frames = self._frames(self._clock.now(), pieces)
        self._journal.put_all(frames, done)

    def handed(self, conn: int, channel: Channel, size: int) -> None:
        """So many recorded bytes were handed to the socket."""
        flow = self._flows.get(conn)
        if channel in TO_UPSTREAM:
            self.handed_in += size
            if flow:
                flow[0].handed += size
        elif channel in TO_CLIENT:
            self.handed_out += size
            if flow and channel is not Channel.GATEWAY:
                flow[1].handed += size

    def mute(self, end: End) -> bool:
        """From this instant no byte passes, in either direction. False if it was muted before."""
        if self.muted:
            return False
        self.muted = True
        self.end = end
        self._waiting.clear()
        return True

    def cut(self) -> int:
        """Last words and closing for every open leg of a muted session; how many there were."""
        assert self.end is not None
        end, legs = self.end, list(self._legs)
        self._speaking += len(legs)
        for leg in legs:
            self._cut(leg, end)
        if not self._speaking:
            self._quiet.set()
        return len(legs)

    def cut_those(self, ended: Callable[[Leg], End | None]) -> None:
        """The same for the legs that have an end of their own, in a session that goes on."""
        for leg in list(self._legs):
            end = ended(leg)
            if end is not None:
                self._speaking += 1
                self._cut(leg, end)

    def _cut(self, leg: Leg, end: End) -> None:
        self._legs.discard(leg)
        try:
            leg.cut(end)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one leg, the others end too
            asyncio.get_running_loop().call_exception_handler({"message": f"a leg of {self.label} could not be cut", "exception": error})
            self.spoke()

    def spoke(self) -> None:
        """A leg has said its last words, or has nobody to say them to."""
        self._speaking -= 1
        if self._speaking <= 0 and self.muted:
            self._quiet.set()

    async def quiet(self) -> None:
        """Until every leg of the muted session has spoken."""
        await self._quiet.wait()

    def undelivered(self) -> list[Undelivered]:
        """Each conn that lost something, for the closing fact."""
        return [
            Undelivered(conn, flow[0].recorded, flow[0].handed, flow[1].recorded, flow[1].handed)
            for conn, flow in sorted(self._flows.items())
            if flow[0].recorded != flow[0].handed or flow[1].recorded != flow[1].handed
        ]

    def _unrecorded(self, frames: Sequence[Frame]) -> None:
        """Nothing of these is on record: they count for nothing, and what comes next takes their place."""
        if self.frames == frames[-1].seq + 1 or not self.muted:
            self.frames = min(self.frames, frames[0].seq)
        self.window.frames -= len(frames)
        for frame in frames:
            flow, size = self._flows.get(frame.conn), len(frame.body)
            if frame.channel in TO_UPSTREAM:
                self.bytes_in -= size
                self.window.used_in -= size
                if flow:
                    flow[0].recorded -= size
            elif frame.channel in TO_CLIENT:
                self.bytes_out -= size
                self.window.used_out -= size
                if flow and frame.channel is not Channel.GATEWAY:
                    flow[1].recorded -= size

    def _frames(self, now: Instant, pieces: Sequence[tuple[int, Channel, bytes]]) -> list[Frame]:
        at_us = max(0, now.boot_us - self.started.boot_us)
        frames = []
        self.window.frames += len(pieces)
        for conn, channel, body in pieces:
            flow = self._flows.get(conn)
            frames.append(Frame(self.id, self.frames, at_us, conn, channel, body))
            self.frames += 1
            if channel in TO_UPSTREAM:
                self.bytes_in += len(body)
                self.window.used_in += len(body)
                if flow:
                    flow[0].recorded += len(body)
            elif channel in TO_CLIENT:
                self.bytes_out += len(body)
                self.window.used_out += len(body)
                if flow and channel is not Channel.GATEWAY:  # which passes what a mute drops, so it is no measure of it
                    flow[1].recorded += len(body)
        return frames
