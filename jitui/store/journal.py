"""The journal: one thread writes, all who wait share its commits.

Adaptive group commit without a timer: idle, it commits at once; busy, it commits everything that came meanwhile. What follows
a commit (bytes that may move now, facts that are published) runs on the event loop, in the order in which it was put.
While the loop is being told of a commit, less than that commit held waits until the loop has gone through it, as more comes of that: a flush costs more
than all that a small frame costs beside it. Bulk that flows waits for more of it, some milliseconds (`company.py`). Decisions never wait.
If a commit fails, everything that waits gets the error, nothing more is taken, and once a second a real write is tried.
"""

import asyncio
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from math import inf
from queue import Empty, SimpleQueue
from typing import Final

from jitui.recording.facts import Fact, Kind
from jitui.recording.frame import COST, Frame
from jitui.store.attempts import ROWS_S, Attempts
from jitui.store.checkpoint import Checkpointer
from jitui.store.company import WAIT_S, Flow, lonely, size_of
from jitui.store.folder import Folder
from jitui.store.ledger import HEAD_EVERY_S, Batch, Ledger, tape_opened
from jitui.store.queue import Commit, Committed, Done, Hurry, Op, Put, decides, decision_waits, hurry, take
from jitui.store.schema import PAGE, TAPE_PAGE
from jitui.store.tapes import Tapes
from jitui.values.clock import Clock
from jitui.values.errors import JituiError, UnrecordableError

_new: Final = tuple.__new__  # without the Python function of a NamedTuple
NOTES_AGAIN_S: Final = 0.01  # until the next so many, if more wait
PROBE_S: Final = 1.0
LEDGER_PAGES: Final = 8  # that a commit of facts changes, about: the rows, their indexes, the tables folded from them, the head


class Journal:
    """The writer thread and its queue. Its public methods are called on the event loop."""

    def __init__(self, folder: Folder, tapes: Tapes, ledger: Ledger, clock: Clock, loop: asyncio.AbstractEventLoop,
                 publish: Callable[[Sequence[Fact]], None]) -> None:
        self.recording_error: Exception | None = None  # as the loop knows it
        self._folder, self._tapes, self._ledger, self._clock = folder, tapes, ledger, clock
        self._loop, self._publish = loop, publish
        self._came: deque[Op | Hurry] = deque()  # the loop adds at the end, the writer takes at the front
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._asleep = self._holding = self._waking = False  # the writer waits to be woken, with something to write; the loop will do so in its next turn
        self._told = self._heard = 0  # batches of which the writer told the loop, and through which the loop went
        self._flow, self._lacks = Flow(), 0  # bytes of bulk for which the writer sleeps
        self._hurried = self._stopping = False  # something that was handed over in a hurry waits; nothing comes any more
        self.attempts = Attempts(loop, self._rouse)
        self._notes = self.attempts.rows
        self._error: Exception | None = None  # as the writer knows it
        self._closed = False
        self._probe_due = self._day_due = 0.0
        self._note_due = inf
        self._unannounced = ""  # a tape in use of which no fact tells yet
        self._head_due = time.monotonic() + HEAD_EVERY_S
        self._checkpointer = Checkpointer((tapes.path, folder.ledger))
        self._writer = threading.Thread(target=self._run, name="jitui-journal", daemon=True)

    def refuse(self, why: str) -> None:
        """Begin as if a commit had failed: before the start, where the disk is full already."""
        self._fail(UnrecordableError(why))
        self.recording_error = self._error

    def start(self) -> None:
        self._writer.start()
        self._checkpointer.start()

    # on the loop

    def put(self, frames: Sequence[Frame], done: Done) -> None:
        """Record all in one commit, or none; then `done` is called, with the error if there is one."""
        if self.recording_error or self._closed:
            self._loop.call_soon(done, self.recording_error or UnrecordableError("the recorder is closed; the gateway stops"))
            return
        size = COST * len(frames)
        for frame in frames:
            size += len(frame.body)
        self._came.append(_new(Put, (frames, done, size)))
        if self._asleep and not self._waking:
            self._wake_soon()

    def commit(self, batch: Batch, done: Committed) -> None:
        if self._closed:
            self._loop.call_soon(done, UnrecordableError("the recorder is closed; the gateway stops"))
            return
        if decides(batch):
            self._came.append(Hurry([Commit(batch, done)]))
            self._rouse()
            return
        self.attempts.hand_over()
        self._came.append(Commit(batch, done))
        if self._asleep and not self._waking:
            self._wake_soon()

    def _wake_soon(self) -> None:
        """Wake the writer once for all that one turn of the loop puts."""
        self._waking = True
        self._loop.call_soon(self._wake_now)

    def _wake_now(self) -> None:
        self._waking = False
        if self._told != self._heard or (self._lacks and (size := size_of(tuple(self._came))) is not None and size < self._lacks):
            return  # it is woken at the end of what it is told, or once there is enough
        self._rouse()

    def _rouse(self) -> None:
        if self._asleep:
            self._asleep = False
            self._wake.put(None)

    @property
    def failing(self) -> bool:
        """Did the last write fail; as the writer knows it, for who closes."""
        return self._error is not None

    async def aclose(self) -> None:
        """Write what waits, then end both threads."""
        self._closed = True
        self.attempts.hand_over()
        self._stopping = True
        self._rouse()
        await asyncio.to_thread(self._writer.join)
        await asyncio.to_thread(self._checkpointer.close)

    def _release(self, ops: Sequence[Op], results: Sequence[Sequence[Fact] | Exception | None]) -> None:
        """Go through a batch that is on record, or is not."""
        for op, result in zip(ops, results, strict=True):
            try:
                if isinstance(op, Put):
                    op.done(result if isinstance(result, Exception) else None)
                else:
                    facts = result if result is not None else ()
                    if not isinstance(facts, Exception):
                        self._publish(facts)
                    op.done(facts)
            except Exception as error:  # noqa: BLE001 - one waiter's mistake is not the others'
                self._loop.call_exception_handler({"message": "a waiter of the journal failed", "exception": error})
        self._heard += 1
        if self._asleep and not self._waking and (self._came or self._holding):
            self._wake_soon()

    def _learn(self, error: Exception | None) -> None:
        self.recording_error = error

    # in the writer thread

    def _tell(self, call: Callable[..., None], *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(call, *args)
        except RuntimeError:  # the loop is closed: nobody waits any more
            return

    def _run(self) -> None:
        waiting: deque[Op] = deque()
        written, failed = 0, False
        while True:
            self._take_in(waiting)
            try:
                if not failed:  # else those who wait are told first
                    self._await_company(waiting, written)
                failed = False
            except Exception as error:  # noqa: BLE001 - this thread must not die: everybody would wait for ever
                failed, self._asleep, self._lacks = True, False, 0  # or whoever came next would wait for more, alone
                self._fail(error)
                time.sleep(ROWS_S)
            if waiting:
                written = self._write(self._next(waiting))
            elif self._stopping and not self._came:
                break
            self._keep_house()
        self._finish()

    def _take_in(self, waiting: deque[Op]) -> None:
        came = self._came
        while came:
            op = came.popleft()
            if isinstance(op, Hurry):
                waiting.extend(op)
                self._hurried = True
            else:
                waiting.append(op)

    def _await_company(self, waiting: deque[Op], written: int) -> None:
        """Sleep until something came or is due. Little waits for what the loop brings as it goes through the `written` puts; bulk that flows, for more."""
        if not waiting or (self._told != self._heard and not self._hurried and lonely(waiting, written)):
            self._sleep(waiting, self._patience())
        if waiting and not self._hurried and (lacks := self._flow.lacks(waiting, time.monotonic())):
            had, self._lacks = len(waiting), lacks
            self._sleep(waiting, WAIT_S)
            self._lacks = 0
            self._flow.waited(in_vain=len(waiting) == had, now=time.monotonic())

    def _sleep(self, waiting: deque[Op], patience: float | None) -> None:
        self._holding = bool(waiting)
        self._asleep = True
        with suppress(Empty):
            if not self._overlooked(waiting):
                self._wake.get(timeout=patience)
        self._asleep = False
        self._take_in(waiting)

    def _overlooked(self, waiting: deque[Op]) -> bool:
        """Whether the loop did something before it saw that it has to wake for that."""
        return bool(self._came) or self._stopping or (bool(waiting) and not self._lacks and self._told == self._heard)

    def _next(self, waiting: deque[Op]) -> Sequence[Op]:
        if self._hurried:
            batch = hurry(waiting)
            self._hurried = decision_waits(waiting)  # it had to keep its place behind the end of a session
            return batch
        return take(waiting)

    def _patience(self) -> float | None:
        """Seconds until there is something to do unasked; None: for ever."""
        dues = []
        if self._error:
            dues.append(self._probe_due)
        elif self._notes:  # one that came just now has no due time yet
            dues.append(min(self._note_due, time.monotonic() + ROWS_S))
        if not self._error and self._tapes.changed:  # frames that no head speaks of yet; facts are signed with their commit
            dues.append(self._head_due)
        return max(min(dues) - time.monotonic(), 0.0) if dues else None

    def _write(self, ops: Sequence[Op]) -> int:
        """One batch: frames only, or facts only; how many puts it was."""
        puts = [op for op in ops if isinstance(op, Put)]
        results: Sequence[Sequence[Fact] | Exception | None]
        try:
            results = self._write_frames(puts) if puts else self._write_facts([op for op in ops if isinstance(op, Commit)])
        except Exception as error:  # noqa: BLE001 - whatever it is: it is not recorded, so it does not pass
            self._fail(error)
            results = [self._error] * len(ops)
        self._told += 1
        self._tell(self._release, ops, results)
        if puts and self._error is None:
            self._flow.wrote(puts, time.monotonic())
            self._checkpointer.committed(self._tapes.path, self._tapes.db, self._fail, size=TAPE_PAGE + sum([put.size for put in puts]))
        return len(puts)

    def _write_frames(self, puts: Sequence[Put]) -> Sequence[Exception | None]:
        if self._error:
            return [self._error] * len(puts)
        self._rotate_if_due()
        return self._tapes.append([put.frames for put in puts])

    def _write_facts(self, commits: Sequence[Commit]) -> Sequence[Sequence[Fact] | Exception]:
        batches = [commit.batch for commit in commits]
        try:
            results = self._commit(batches)
        except (sqlite3.Error, OSError) as error:
            self._fail(error)  # which gives up the reserve: there may be room now
            results = self._commit(batches)
        for facts in results:
            if not isinstance(facts, Exception):
                self._forget_ended(facts)
        return results

    def _commit(self, batches: Sequence[Batch], *, sign: bool = False) -> list[Sequence[Fact] | Exception]:
        notes = [] if self._error else self.attempts.ripe(batches)
        changed = self._tapes.changed
        marks = {session: chain for session in changed if (chain := self._tapes.chains.get(session))}
        try:
            results = self._ledger.commit(batches, notes, marks, sign=sign)
        except BaseException:
            self._notes.extendleft(reversed(notes))
            raise
        if self._ledger.marked or sign:
            changed.clear()
            self._head_due = time.monotonic() + HEAD_EVERY_S
        self._note_due = time.monotonic() + (NOTES_AGAIN_S if self.attempts.many else ROWS_S) if self._notes else inf
        self._checkpointer.committed(self._ledger.path, self._ledger.db, self._fail, size=LEDGER_PAGES * PAGE)
        return results

    def _forget_ended(self, facts: Sequence[Fact]) -> None:
        for fact in facts:
            if fact.kind is Kind.SESSION_ENDED:
                self._tapes.end(fact.number("s"))

    def _rotate_if_due(self) -> None:
        now = time.monotonic()
        if now < self._day_due and not self._tapes.over_limit and not self._unannounced:
            return
        self._day_due = now + 1.0
        now_us = self._clock.now().wall_us
        if self._tapes.full(now_us):
            self._unannounced = self._tapes.rotate(now_us)
            self._checkpointer.watch((self._tapes.path, self._ledger.path))
        if self._unannounced:
            (facts,) = self._commit([Batch([tape_opened(self._unannounced)])])
            self._unannounced = ""
            if not isinstance(facts, Exception):
                self._tell(self._publish, facts)

    def _keep_house(self) -> None:
        """Does the work that is due: rows of actions, a signed head, a probe of a disk that failed."""
        try:
            if self._error:
                self._probe_if_due()
            else:
                self._write_what_is_due()
        except Exception as error:  # noqa: BLE001 - as in _write
            self._fail(error)

    def _write_what_is_due(self) -> None:
        now = time.monotonic()
        if self._notes and self._note_due == inf:
            self._note_due = now + ROWS_S
        sign = now >= self._head_due and bool(self._tapes.changed)
        if sign or (self._notes and now >= self._note_due):
            self._commit([], sign=sign)

    def _fail(self, error: Exception) -> None:
        """From now on nothing is recorded, so nothing passes, until a probe succeeds."""
        self._probe_due = time.monotonic() + PROBE_S
        self._checkpointer.pause()  # before the reserve goes: a checkpoint under way would take its room
        with suppress(OSError):
            self._folder.give_up_reserve()
        if self._error is None:
            self._error = UnrecordableError(f"nothing can be recorded in {self._folder.root}, so nothing passes ({error}); "
                                            "make room there; recording goes on by itself")
            self._tell(self._learn, self._error)

    def _probe_if_due(self) -> None:
        """There is room for what the logs still hold, the reserve is held again, and both files take a write: then recording goes on."""
        if time.monotonic() < self._probe_due:
            return
        self._probe_due = time.monotonic() + PROBE_S
        try:
            if not self._folder.has_room_for_logs() or not self._folder.hold_reserve():
                return
            now_us = self._clock.now().wall_us
            self._tapes.probe(now_us)
            self._ledger.probe(now_us)
        except (sqlite3.Error, OSError, JituiError):
            return
        self._error = None
        self._checkpointer.resume()
        self._tell(self._learn, None)

    def _finish(self) -> None:
        with suppress(Exception):
            if not self._error and (self._notes or self._tapes.changed):
                self._commit([], sign=True)
