"""The one way a byte of a session gets on record: commit first, then let go.

A frame is put into the store; when the commit that holds it is done, and only if the session is still live at that instant, what waits for it is
called.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Protocol

from jitui.proxy.deliveries import GATEWAY, Deliveries, Flow
from jitui.proxy.ends import End, Why
from jitui.proxy.gate import Deadlined, Gate
from jitui.proxy.hold import Hold
from jitui.recording.frame import LARGEST, TO_CLIENT, TO_UPSTREAM, Channel, Frame
from jitui.values.clock import Clock
from jitui.values.instant import Instant

_new: Final = tuple.__new__  # without the Python function of a NamedTuple
SAY_WITHIN: Final = 0.15  # seconds that last words wait to be on record: 500 clients hear them within 250 ms, whatever the disk does


class Journal(Protocol):
    """The part of the store that the hot path knows: commit, then let go."""

    def put_all(self, frames: Sequence[Frame], done: Callable[[Exception | None], None]) -> None: ...


class Charged(Deadlined, Protocol):
    """The part of a window that recording charges."""

    used_in: int  # bytes on record, over all its sessions: towards the cluster
    used_out: int  # towards the client
    frames: int

    @property
    def left(self) -> int:
        """Bytes that may still be moved."""


class Recorder:
    """Numbers the pieces of one session, puts them on record, and calls what waits for that."""

    __slots__ = ("_deliveries", "_failed", "_id", "_started_us", "_window", "bytes_in", "bytes_out", "clock", "frames", "gate", "hold", "journal",
                 "spent", "taps")

    def __init__(
        self, ident: int, started: Instant, window: Charged, gate: Gate, hold: Hold, deliveries: Deliveries, *, journal: Journal, clock: Clock,
        spent: Callable[[], None], failed: Callable[[End], None],
    ) -> None:  # fmt: skip
        """`spent`: called once the last byte of the window's budget is on record. `failed`: called with the end of a session that can't be recorded."""
        self.journal = journal
        self.frames = 0
        self.bytes_in = self.bytes_out = 0  # on record, towards the cluster and towards the client
        self.taps: list[Callable[[Frame], None]] = []  # live viewers; they never hold anything up
        self._id, self._started_us, self._window, self.gate, self.hold, self._deliveries = ident, started.boot_us, window, gate, hold, deliveries
        self.clock, self.spent, self._failed = clock, spent, failed

    def record(self, pieces: Sequence[tuple[int, Channel, bytes]], then: Callable[[], None], now: Instant | None = None, flow: Flow | None = None) -> None:
        """Put the pieces on record in one commit; call `then` after it if bytes may still pass at that instant. `now`: this instant, if it is known.
        `flow`: of the one connection that all of them are of; they go one way, from or to its client, and none is the gateway's own word.

        After a mute, or when the store fails, `then` is never called: what it would have passed on is dropped.
        """
        gate, window = self.gate, self._window
        if gate.muted:
            return
        if now is None:
            now = self.clock.now()
        if not window.open_at(now):
            gate.late()
            return
        left = window.left
        if left <= 0:
            self.spent()
            return
        frames = self._numbered(now, pieces) if flow is None else self._of_one(now, pieces, flow)
        last = left <= LARGEST * len(frames) and window.left <= 0
        self.journal.put_all(frames, partial(self._recorded, frames, then, last))

    def _recorded(self, frames: Sequence[Frame], then: Callable[[], None], last: bool, error: Exception | None) -> None:
        """They are on record, or, with an error, they are not. `last`: with them the window's budget is used up."""
        if error is not None:
            self._unrecorded(frames, error)
            return
        if self.taps:
            self.show(frames)
        if self.hold.by:
            self.hold.flow(then, sum(len(frame.body) for frame in frames))
        elif self.gate.passing():
            then()
        if last:
            self.spent()

    def _unrecorded(self, frames: Sequence[Frame], error: Exception) -> None:
        """It failed: nothing of the session passes any more."""
        self._forget(frames)
        self._failed(End(Why.UNRECORDABLE, "gateway", f"jitui: this can't be recorded, so it does not pass ({error})", 503, "ServiceUnavailable"))

    def say(self, pieces: Sequence[tuple[int, Channel, bytes]], then: Callable[[], None]) -> None:
        """Put the gateway's own words to an ended session on record, if that works in time, and call `then` once in any case."""
        said = False

        def speak() -> None:
            nonlocal said
            if not said:
                said = True
                timer.cancel()
                then()

        def done(error: Exception | None) -> None:
            if error is None:
                self.show(frames)
                for frame in frames:
                    self._deliveries.handed(frame.conn, frame.channel, len(frame.body))
            else:
                self._forget(frames)
            speak()

        timer = asyncio.get_running_loop().call_later(SAY_WITHIN, speak)
        frames = self._numbered(self.clock.now(), pieces)
        self.journal.put_all(frames, done)

    def show(self, frames: Sequence[Frame]) -> None:
        """To the live viewers."""
        for frame in frames:
            for tap in self.taps:
                tap(frame)

    def _numbered(self, now: Instant, pieces: Sequence[tuple[int, Channel, bytes]]) -> list[Frame]:
        """Make frames of the pieces, and count them as if they were on record already."""
        window, flows, ident, seq = self._window, self._deliveries.flows, self._id, self.frames
        at_us = max(now.boot_us - self._started_us, 0)
        frames = []
        window.frames += len(pieces)
        self.frames += len(pieces)
        for conn, channel, body in pieces:
            flow, size = flows.get(conn), len(body)
            frames.append(_new(Frame, (ident, seq, at_us, conn, channel, body)))
            seq += 1
            if channel in TO_UPSTREAM:
                self.bytes_in += size
                window.used_in += size
                if flow is not None:
                    flow.recorded_in += size
            elif channel in TO_CLIENT:
                self.bytes_out += size
                window.used_out += size
                if flow is not None and channel is not GATEWAY:
                    flow.recorded_out += size
        return frames

    def _of_one(self, now: Instant, pieces: Sequence[tuple[int, Channel, bytes]], flow: Flow) -> list[Frame]:
        """The same for pieces of one connection that go one way: most requests."""
        ident, seq, at_us, size = self._id, self.frames, max(now.boot_us - self._started_us, 0), 0
        frames = []
        for conn, channel, body in pieces:
            frames.append(_new(Frame, (ident, seq, at_us, conn, channel, body)))
            seq += 1
            size += len(body)
        window = self._window
        window.frames += len(frames)
        self.frames = seq
        if channel in TO_UPSTREAM:
            self.bytes_in += size
            window.used_in += size
            flow.recorded_in += size
        else:
            self.bytes_out += size
            window.used_out += size
            flow.recorded_out += size
        return frames

    def _forget(self, frames: Sequence[Frame]) -> None:
        """Take back the count of frames that did not get on record: the next ones take their place."""
        window, flows = self._window, self._deliveries.flows
        if self.frames == frames[-1].seq + 1 or not self.gate.muted:
            self.frames = min(self.frames, frames[0].seq)
        window.frames -= len(frames)
        for frame in frames:
            flow, size = flows.get(frame.conn), len(frame.body)
            if frame.channel in TO_UPSTREAM:
                self.bytes_in -= size
                window.used_in -= size
                if flow is not None:
                    flow.recorded_in -= size
            elif frame.channel in TO_CLIENT:
                self.bytes_out -= size
                window.used_out -= size
                if flow is not None and frame.channel is not GATEWAY:
                    flow.recorded_out -= size
