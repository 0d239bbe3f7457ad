"""The checkpointer: moves the log into the databases while nobody waits, so that no commit has to.

PASSIVE every 100 ms. If a log outgrows 16 MiB the writer is asked for a RESTART after its next commit, which makes it begin
at the front of the file again; the log is never shrunk, as a grown one is slow to write.
"""

import sqlite3
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

EVERY_S: Final = 0.1
RESTART_BYTES: Final = 16 << 20
UNDER_WAY_S: Final = 2.0  # a checkpoint copies 16 MiB at most; a disk that takes longer has other troubles


class Checkpointer:
    """A thread with its own connection to each file it watches."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paused = False  # a full disk's last room is for facts
        self._under_way = threading.Lock()  # held while a checkpoint runs
        self._paths = tuple(paths)
        self._restart: set[Path] = set()
        self._end = threading.Event()
        self._open: dict[Path, sqlite3.Connection] = {}
        self._thread = threading.Thread(target=self._run, name="jitui-checkpoint", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def watch(self, paths: Iterable[Path]) -> None:
        """These files from now on."""
        self._paths = tuple(paths)

    def pause(self) -> None:
        """No checkpoint from now on; one that is under way has ended when this returns, or has had 2 s."""
        self._paused = True
        if self._under_way.acquire(timeout=UNDER_WAY_S):
            self._under_way.release()

    def resume(self) -> None:
        self._paused = False

    def wants_restart(self, path: Path) -> bool:
        """Has the log of a file outgrown its room; asked once."""
        if path not in self._restart:
            return False
        self._restart.discard(path)
        return True

    def close(self) -> None:
        self._end.set()
        if self._thread.ident:
            self._thread.join()

    def _run(self) -> None:
        try:
            while not self._end.wait(EVERY_S):
                for path in self._paths:
                    with self._under_way, suppress(sqlite3.Error):
                        if not self._paused:
                            self._once(path)
                for path in set(self._open) - set(self._paths):
                    self._open.pop(path).close()
        finally:
            for db in self._open.values():
                db.close()

    def _once(self, path: Path) -> None:
        db = self._open.get(path)
        if db is None:
            db = self._open[path] = sqlite3.connect(f"file:{path}?mode=rw", uri=True, isolation_level=None, check_same_thread=False, timeout=0)
            db.execute("pragma synchronous=full")
        _, pages, _ = db.execute("pragma wal_checkpoint(passive)").fetchone()
        (page,) = db.execute("pragma page_size").fetchone()
        if pages * page > RESTART_BYTES:
            self._restart.add(path)


def restart_wal(db: sqlite3.Connection) -> None:
    """Let the next commit begin at the front of the log; a reader in its way is not waited for longer than 5 ms."""
    with suppress(sqlite3.Error):
        db.execute("pragma busy_timeout=5")
        db.execute("pragma wal_checkpoint(restart)").fetchall()
    with suppress(sqlite3.Error):
        db.execute("pragma busy_timeout=5000")
