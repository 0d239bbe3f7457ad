"""The checkpointer: moves the log into the databases while nobody waits, so that no commit has to.

A checkpoint costs flushes of its own, and makes the next commit begin the log anew, which costs it one more. So it is PASSIVE once a log holds 2 MiB, or
5 s after the first commit, and never more often than every 100 ms: a person's keystrokes seldom meet one, and an idle gateway runs none.
If a log outgrows 16 MiB the writer is asked for a RESTART after its next commit, which makes it begin at the front of the file again; the log is
never shrunk, as a grown one is quick to write.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

EVERY_S: Final = 0.1
LATE_S: Final = 5.0
FULL_BYTES: Final = 2 << 20
RESTART_BYTES: Final = 16 << 20
UNDER_WAY_S: Final = 2.0  # a checkpoint copies 16 MiB at most; a disk that takes longer has other troubles


class Checkpointer:
    """A thread with its own connection to each file it watches."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paused = False  # a full disk's last room is for facts
        self._under_way = threading.Lock()  # held while a checkpoint runs
        self._paths = tuple(paths)
        self._logged = dict.fromkeys(self._paths, 1)  # bytes that each log got since it was moved, about; what a start wrote counts too
        self._some, self._much = threading.Event(), threading.Event()  # a log got something; or so much that it is time
        self._restart: set[Path] = set()
        self._end = threading.Event()
        self._open: dict[Path, sqlite3.Connection] = {}
        self._thread = threading.Thread(target=self._run, name="jitui-checkpoint", daemon=True)

    def start(self) -> None:
        self._some.set()
        self._thread.start()

    def watch(self, paths: Iterable[Path]) -> None:
        """These files from now on."""
        self._paths = tuple(paths)
        self._hurry()  # to let go of the others

    def committed(self, path: Path, db: sqlite3.Connection, failed: Callable[[Exception], None], *, size: int) -> None:
        """The same, and the log begins anew if it has grown too long. It raises nothing: that commit is on record, whatever becomes of the log's room."""
        try:
            self.logged(path, size)
            if self.wants_restart(path):
                restart_wal(db)
        except Exception as error:  # noqa: BLE001 - the writer's thread must not die, nor tell of what is on record that it is not
            failed(error)

    def logged(self, path: Path, size: int) -> None:
        """A commit added about so many bytes to the log of a file. Called by the thread that commits."""
        size += self._logged.get(path, 0)
        self._logged[path] = size
        if not self._some.is_set():
            self._some.set()
        if size >= FULL_BYTES and not self._much.is_set():
            self._much.set()

    def pause(self) -> None:
        """No checkpoint from now on; one that is under way has ended when this returns, or has had 2 s."""
        self._paused = True
        if self._under_way.acquire(timeout=UNDER_WAY_S):
            self._under_way.release()

    def resume(self) -> None:
        self._paused = False
        self._hurry()

    def _hurry(self) -> None:
        self._much.set()
        self._some.set()

    def wants_restart(self, path: Path) -> bool:
        """Has the log of a file outgrown its room; asked once."""
        if path not in self._restart:
            return False
        self._restart.discard(path)
        return True

    def close(self) -> None:
        self._end.set()
        self._hurry()
        if self._thread.ident:
            self._thread.join()

    def _run(self) -> None:
        try:
            while self._wait():
                for path in self._paths:
                    with self._under_way, suppress(sqlite3.Error):
                        if not self._paused and self._logged.pop(path, 0):
                            self._once(path)
                for path in set(self._open) - set(self._paths):
                    self._open.pop(path).close()
        finally:
            for db in self._open.values():
                db.close()

    def _wait(self) -> bool:
        """Until it is time for a checkpoint; False once it is time to end."""
        if self._end.wait(EVERY_S):
            return False
        self._some.wait()
        self._much.wait(LATE_S)
        self._some.clear()
        self._much.clear()
        return not self._end.is_set()

    def _once(self, path: Path) -> None:
        db = self._open.get(path)
        if db is None:
            db = self._open[path] = sqlite3.connect(f"file:{path}?mode=rw", uri=True, isolation_level=None, check_same_thread=False, timeout=0)
            db.execute("pragma synchronous=full")
        _, pages, moved = db.execute("pragma wal_checkpoint(passive)").fetchone()
        (page,) = db.execute("pragma page_size").fetchone()
        if moved < pages:
            self.logged(path, 1)  # a reader was in the way, or a commit came: the rest is for the next time
        if pages * page > RESTART_BYTES:
            self._restart.add(path)


def restart_wal(db: sqlite3.Connection) -> None:
    """Let the next commit begin at the front of the log; a reader in its way is not waited for longer than 5 ms."""
    with suppress(sqlite3.Error):
        db.execute("pragma busy_timeout=5")
        db.execute("pragma wal_checkpoint(restart)").fetchall()
    with suppress(sqlite3.Error):
        db.execute("pragma busy_timeout=5000")
