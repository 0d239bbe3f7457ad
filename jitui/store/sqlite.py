"""The Store: the one object through which the gateway writes and restores its record. Its methods are called on the event loop."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from jitui.recording.facts import Draft, Fact
from jitui.recording.frame import Frame
from jitui.store import retiring
from jitui.store.bus import Bus
from jitui.store.folder import RESERVE, Folder
from jitui.store.journal import Journal
from jitui.store.keys import ANEW, ledger_key
from jitui.store.ledger import Batch, Found, Ledger, tape_opened
from jitui.store.merkle import MerkleLog
from jitui.store.owed import Owed, take_up
from jitui.store.queue import Done
from jitui.store.recovery import end_lost_sessions
from jitui.store.rows import Loaded, load
from jitui.store.tapes import Tapes
from jitui.values.clock import Clock
from jitui.values.errors import BrokenError, UnrecordableError

TAPE_LIMIT: Final = 4 << 30


def _open_files(folder: Folder, clock: Clock, tape_limit: int) -> tuple[Tapes, Ledger, int]:
    """Both files, open and caught up; how many sessions were lost. Raises sqlite3.Error, BrokenError, with nothing left open."""
    if not folder.ledger.exists() or not (folder.ledger.stat().st_size or folder.ledger_key.exists()):
        _begin(folder)
    tapes = Tapes(folder, tape_limit)
    ledger = Ledger(folder, ledger_key(folder.ledger_key, make=not folder.ledger.stat().st_size), clock, tapes.chain)
    try:
        tapes.open(clock.now().wall_us)
        return tapes, ledger, _catch_up(ledger, tapes, Owed(folder.owed, ledger.key))
    except BaseException:
        tapes.close()
        ledger.close()
        raise


def _begin(folder: Folder) -> None:
    """An empty ledger, before its key: a crash in between leaves no key without a ledger. Raises BrokenError where there was one."""
    if folder.tape_numbers():
        raise BrokenError(f"{folder.ledger} is {'empty' if folder.ledger.exists() else 'gone'} and the tapes beside it are there; nothing was started; "
                          f"restore it from a copy, or go on with a new ledger beside them: {ANEW}")
    if folder.ledger.exists():
        return  # the first start of all was broken off
    if folder.ledger_key.exists():
        raise BrokenError(f"{folder.ledger} is gone, and so are its tapes; {folder.ledger_key}, which signed it, is there; nothing was started; "
                          f"restore them from a copy, or go on knowingly with a new ledger: {ANEW}")
    folder.ledger.touch(0o600)


def _catch_up(ledger: Ledger, tapes: Tapes, owed: Owed) -> int:
    """Put on record what was owed, say that a new tape is in use, and end what a crash left open; how many sessions that were."""
    take_up(ledger, owed)
    told = ledger.checked.tables
    if not told.execute("select 1 from tapes where name = ?", (tapes.path.name,)).fetchone():
        ledger.commit_now([tape_opened(tapes.path.name)])
    tapes.opened_us = told.execute("select opened_us from tapes where name = ?", (tapes.path.name,)).fetchone()[0]
    return end_lost_sessions(ledger, tapes)


class Store:
    """Record, then forward: `put` a frame, and let it go when `done` runs without an error.

    Everything is committed in the order in which it was put. Build it with `open`.
    """

    def __init__(self, folder: Folder, tapes: Tapes, ledger: Ledger, journal: Journal, loaded: Loaded) -> None:
        self.loaded = loaded
        self.gone_tapes: tuple[str, ...] = ()  # that the ledger names, and that were not there at the start
        self._folder, self._tapes, self._ledger, self._journal = folder, tapes, ledger, journal
        self.put_all, self.note, self.deny = journal.put, journal.attempts.note, journal.attempts.deny  # each request calls them: without a call between
        self._tape_limit = tapes.limit
        self._owed = Owed(folder.owed, ledger.key)
        self._counters = {table: ledger.highest(table) for table in ("requests", "grants", "sessions")}
        self._counters["sessions"] = max(self._counters["sessions"], tapes.highest_session)

    @classmethod
    async def open(cls, folder: Path, clock: Clock, bus: Bus, *, tape_limit: int = TAPE_LIMIT, reserve_bytes: int = RESERVE) -> "Store":
        """Be the gateway of a state folder: lock it, check it, bring its tables up to date, end what a crash left open.

        `tape_limit` and `reserve_bytes` are bytes. Raises UnsafeError (modes, network file system), ConflictError (another
        gateway), ConfigurationError (written by a newer jitui), BrokenError (not what was written), each with one clear line.
        """
        loop = asyncio.get_running_loop()
        return await asyncio.to_thread(cls._open, Folder(folder, reserve_bytes=reserve_bytes), clock, bus, tape_limit, loop)

    @classmethod
    def _open(cls, folder: Folder, clock: Clock, bus: Bus, tape_limit: int, loop: asyncio.AbstractEventLoop) -> "Store":
        folder.take()
        try:
            try:
                tapes, ledger, lost = _open_files(folder, clock, tape_limit)
            except sqlite3.OperationalError:
                if not folder.give_up_reserve():
                    raise
                tapes, ledger, lost = _open_files(folder, clock, tape_limit)  # there may be room now
            try:
                return cls._of(folder, tapes, ledger, Journal(folder, tapes, ledger, clock, loop, bus.publish), lost)
            except BaseException:
                tapes.close()
                ledger.close()
                raise
        except BaseException as error:
            folder.close()
            if isinstance(error, sqlite3.Error):
                raise UnrecordableError(f"the record in {folder.root} can't be opened ({error}); "
                                        "make room there, or look at it with: jitui verify") from error
            raise

    @classmethod
    def _of(cls, folder: Folder, tapes: Tapes, ledger: Ledger, journal: Journal, lost: int) -> "Store":
        """The store of open files, its threads running. Raises sqlite3.Error, OSError."""
        if not folder.hold_reserve():
            journal.refuse("no room for the reserve")
        checked = ledger.checked
        store = cls(folder, tapes, ledger, journal, load(checked.tables, checked.newest_us, lost))
        with suppress(OSError):
            retiring.finish(checked.tables, [folder.tape(number) for number in folder.tape_numbers()])
        there = {folder.tape(number).name for number in folder.tape_numbers()}
        told = checked.tables.execute("select name from tapes where name not in (select tape from retired) order by name")
        store.gone_tapes = tuple(name for (name,) in told if name not in there)
        with suppress(OSError):  # on a full disk
            store._owed.hold()
        checked.close()
        journal.start()
        return store

    def put(self, frame: Frame, done: Done) -> None:
        """Record one frame; `done` runs on the loop after the commit that holds it, or with the error, and then it is not on record."""
        self._journal.put((frame,), done)

    async def commit(self, drafts: Sequence[Draft]) -> Sequence[Fact]:
        """Make facts true, all or none, after every frame put before; then they are published on the bus.

        The end of a session gets its frames, bytes_in, bytes_out and head here. Raises InvalidError for a draft that lacks
        something, ConflictError for an id that is taken, UnrecordableError.
        """
        future: asyncio.Future[Sequence[Fact]] = asyncio.get_running_loop().create_future()

        def done(result: Sequence[Fact] | Exception) -> None:
            if future.cancelled():
                return
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)

        self._journal.commit(Batch(tuple(drafts)), done)
        return await future

    async def settle(self) -> None:
        """Until the rows of the actions that were noted before, a thousand at most, are on record, or can't be."""
        with suppress(UnrecordableError):
            for _ in range(10):
                if not self._journal.attempts.waiting:
                    return
                await self.commit(())

    async def keep(self, drafts: Sequence[Draft]) -> None:
        """Note beside the ledger what it did not take; the next start puts it on record if this process does not. Raises OSError."""
        await asyncio.to_thread(self._owed.add, drafts, self._ledger.hash)

    async def kept(self) -> None:
        """All that was noted is on record. Raises OSError."""
        await asyncio.to_thread(self._owed.clear)

    def next_request(self) -> int:
        return self._next("requests")

    def next_grant(self) -> int:
        return self._next("grants")

    def next_session(self) -> int:
        return self._next("sessions")

    def _next(self, table: str) -> int:
        self._counters[table] += 1
        return self._counters[table]

    @property
    def recording_error(self) -> Exception | None:
        """Why nothing is recorded just now; None while all is well."""
        return self._journal.recording_error

    @property
    def written_bytes(self) -> int:
        """Bytes of bodies recorded since the start."""
        return self._tapes.written

    @property
    def newest_fact(self) -> int:
        """The seq of the newest committed fact."""
        return self._ledger.seq

    @property
    def found(self) -> Found:
        """The newest fact of the last gateway here: that a whole folder was set back can only be seen by who noted it elsewhere."""
        return self._ledger.found

    @property
    def key_id(self) -> str:
        """The name of the key that signs this ledger."""
        return self._ledger.key.id

    @property
    def public_key(self) -> bytes:
        """The 32 public bytes of that key."""
        return self._ledger.key.public

    def open_log(self) -> MerkleLog:
        """The transparency log of this ledger. Raises as MerkleLog does; nothing of the record waits for it."""
        return MerkleLog(self._folder, self._ledger.key)

    def recorded(self, session: int) -> int:
        """How many frames of a session that is not ended are on record: the seq that must come next."""
        return self._tapes.chain(session).frames

    def limit_tapes(self, size: int) -> None:
        """Begin a new tape after so many bytes, from now on; 0: after as many as at the start."""
        self._tapes.limit = min(size or self._tape_limit, self._tape_limit)

    def free_bytes(self) -> int:
        """Bytes left on the folder's file system, the reserve not counted."""
        return self._folder.free_bytes()

    def room(self) -> tuple[int, int]:
        """The same, and how many it has in all. Asks the file system: not for the loop while it serves."""
        return self._folder.room()

    async def aclose(self) -> None:
        """Write what waits, sign the last head, and let the folder go."""
        try:
            await self._journal.aclose()
        finally:
            self._ledger.close()
            if self._journal.failing:
                self._folder.hold_what_is_left()
            self._tapes.close()
            self._folder.close()
