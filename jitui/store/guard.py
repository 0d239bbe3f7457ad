"""Opens files that somebody else may have made: only if their tables are exactly ours, with every extension of SQLite off, and with a budget.

A view or trigger in a file runs with the rights of its reader, a generated column shows values that nobody wrote, and a crafted page can lead a query
in circles. No file of ours has any of that, so a file that has it is refused unread. docs/evidence.md says what is promised.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, Final

from jitui.values.errors import InvalidError, NotFoundError

VALUE: Final = 17 << 20  # bytes of one value at most: a frame has 16 MiB
STEP: Final = 100_000  # instructions of SQLite's machine between two looks at the budget
BUDGET: Final = 10_000_000  # instructions of one call on a small file, well under a second
BUDGET_BYTE: Final = 64  # and for each byte of the file: the longest of our queries reads every row a few times
WHOLE: Final = 32 << 20  # bytes of an evidence file that is checked page by page before anything of it is shown
LIMITS: Final = (
    (sqlite3.SQLITE_LIMIT_LENGTH, VALUE), (sqlite3.SQLITE_LIMIT_SQL_LENGTH, 100_000), (sqlite3.SQLITE_LIMIT_COLUMN, 200),
    (sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 100), (sqlite3.SQLITE_LIMIT_COMPOUND_SELECT, 10), (sqlite3.SQLITE_LIMIT_VDBE_OP, 25_000),
    (sqlite3.SQLITE_LIMIT_FUNCTION_ARG, 16), (sqlite3.SQLITE_LIMIT_ATTACHED, 0), (sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000),
    (sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 1), (sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0),
)

Objects = frozenset[tuple[str, str, str, str]]  # type, name, table, text
Wanted = Callable[[Path, int], Iterable[Objects]]  # the alternatives for a file that claims a version


class ReadOnly(sqlite3.Connection):
    """A read-only connection whose queries have a budget of steps, renewed for each call."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.budget = BUDGET
        self.inode = 0  # of the file, as its path led there before it was opened
        self._left = BUDGET
        self.set_progress_handler(self._spend, STEP)

    def begin_call(self) -> None:
        self._left = self.budget

    def _spend(self) -> int:
        self._left -= STEP
        return self._left <= 0


def open_read_only(path: Path, wanted: Wanted) -> tuple[ReadOnly, bool]:
    """A read-only connection to a file of ours, and whether it may be kept; `wanted` gives the tables that it may have, by its version.

    With a log beside it the file is, or was, in use: SQLite reads both. Without one nobody writes it, and it is read as it is,
    so that nothing appears beside a bare file; that connection isn't kept, as a gateway may start.
    Raises NotFoundError, InvalidError, sqlite3.Error, and the errors of `wanted`.
    """
    if path.with_name(path.name + "-wal").exists():
        try:
            return _opened(path, "mode=ro", wanted), True
        except sqlite3.Error:
            pass
    if not path.is_file():
        raise NotFoundError(f"{path} is not there (any more)")
    return _opened(path, "mode=ro&immutable=1", wanted), False


def _opened(path: Path, mode: str, wanted: Wanted) -> ReadOnly:
    db = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, isolation_level=None, check_same_thread=False, timeout=5.0, factory=ReadOnly)
    try:
        harden(db)
        db.execute("pragma query_only=on")
        db.execute("pragma cache_size=-4000")
        db.budget = BUDGET + BUDGET_BYTE * size_of(path)
        db.begin_call()
        check_tables(db, path, wanted)
    except BaseException:
        db.close()
        raise
    return db


def size_of(path: Path) -> int:
    """Bytes of a file and of the log beside it."""
    return sum(each.stat().st_size for each in (path, path.with_name(path.name + "-wal")) if each.is_file())


def harden(db: sqlite3.Connection) -> None:
    """Turn off all that no file of ours needs. Also for the gateway's own connections, which write."""
    for limit, most in LIMITS:
        db.setlimit(limit, most)
    for setting in ("trusted_schema=off", "cell_size_check=on", "mmap_size=0"):
        db.execute(f"pragma {setting}").fetchall()


def check_pages(db: sqlite3.Connection, path: Path, *, quick: bool = False) -> None:
    """Check that the pages of an open file hang together, and that values have the types of their columns. Raises InvalidError."""
    (found,) = db.execute("pragma quick_check(1)" if quick else "pragma integrity_check(1)").fetchone()
    if found != "ok":
        raise InvalidError(f"{path} is damaged, or was altered page by page ({' '.join(str(found).split())[:200]}); nothing of it is believed")


def damage(db: sqlite3.Connection, table: str) -> str:
    """The damage to the pages of one table, to its indexes, or to the types of its values; empty if there is none."""
    (found,) = db.execute(f"pragma integrity_check({table})").fetchone()
    return "" if found == "ok" else " ".join(str(found).split())[:200]


def lenient(text: bytes) -> str:
    """Text of a file that somebody may have put anything into: a `text_factory`."""
    return text.decode("utf-8", "replace")


def check_tables(db: sqlite3.Connection, path: Path, wanted: Wanted) -> None:
    """Check that the tables of an open file are exactly ours. Raises InvalidError, and the errors of `wanted`."""
    (version,) = db.execute("pragma user_version").fetchone()
    found = objects_in(db)
    choices = list(wanted(path, version))
    if found in choices:
        return
    if not choices:
        raise InvalidError(f"{path} is no recording of jitui")
    nearest = min(choices, key=lambda objects: len(found ^ objects))
    extra, missing = sorted(found - nearest), sorted(nearest - found)
    kind, name, *_ = (extra or missing)[0]
    what = f"{kind} {name[:60]!r}" + (" is not one of jitui's, or not as jitui makes it" if extra else " is missing")
    raise InvalidError(f"{path} is no recording of jitui as it was written: {what}; nothing of it is read")


def objects_in(db: sqlite3.Connection) -> Objects:
    """The tables, indexes, views and triggers of a file, a thousand at most."""
    return frozenset((str(kind), str(name), str(table), " ".join(str(text or "").split()))
                     for kind, name, table, text in db.execute("select type, name, tbl_name, sql from sqlite_master limit 1000"))


@cache
def made_by(steps: Sequence[str]) -> Objects:
    """The tables and indexes that these migrations make."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        for step in steps:
            db.executescript(step)
        return objects_in(db)
