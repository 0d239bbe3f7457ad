"""Repairing a ledger whose facts are whole: a new file of the same facts, with tables made of them; and a new ledger beside one that is broken.

Neither makes a broken chain good. An altered, cut or unsigned fact stays where it is, and the repair says which one it is.
"""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path
from typing import Final

from jitui.recording.facts import LedgerRepaired
from jitui.store import opening
from jitui.store.checked import Checked, check
from jitui.store.differences import Difference
from jitui.store.folder import Folder
from jitui.store.guard import lenient
from jitui.store.keys import LedgerKey, ledger_key
from jitui.store.ledger import Ledger
from jitui.store.schema import FOLDED, LEDGER, connect, version_of
from jitui.store.tapes import RESTORE, empty_wal, start_of, sync_folder
from jitui.values.clock import Clock
from jitui.values.errors import BrokenError, ConflictError, InvalidError, NotFoundError
from jitui.values.private_file import create_private

KEPT: Final = ("facts", "heads", "keys", "actions")  # copied as they are; of these only facts and heads are proved by signatures
TOLD: Final = 20  # differences that the fact about a repair names


@dataclass(frozen=True, slots=True)
class Repaired:
    """The outcome of a repair. Without a difference it did nothing, and there is no backup."""

    differences: Sequence[Difference]
    backup: Path | None


def repair(root: Path, clock: Clock) -> Repaired:
    """Make the tables of a ledger again from its facts, in a new file; the old one stays beside it, as a backup.

    Raises ConflictError while a gateway, or a reader, has the folder; BrokenError if a fact is not what was written; NotFoundError.
    """
    folder = _taken(root)
    try:
        key = ledger_key(folder.ledger_key, make=False)
        with closing(connect(folder.ledger)) as db:
            db.text_factory = lenient
            version = version_of(db, folder.ledger, LEDGER)
            with closing(opening.checked_facts(db, folder, key)) as checked:
                found = list(opening.all_differences(db, folder.ledger, checked, key))
                if found:
                    _rebuild(db, folder, checked, key, max(version, checked.written_for))
            empty_wal(db)
        if not found:
            return Repaired((), None)
        backup = _exchange(folder, clock)
        _tell(folder, key, clock, LedgerRepaired(
            tables=len(LEDGER), rows=len(found), backup=backup.name, first=tuple(str(each) for each in found[:TOLD])))
        return Repaired(found, backup)
    except sqlite3.Error as error:
        raise BrokenError(f"{folder.ledger} can't be read, or holds what can't be copied ({error}); {RESTORE}") from error
    finally:
        folder.close()


def begin_anew(root: Path, clock: Clock, why: str) -> Path:
    """Move a ledger, its tapes and its key into a state folder beside them, and begin a new ledger with a new key; where the old one is then.

    The new ledger's first fact names that folder, the sha256 of the old ledger, and why. Nobody has a token or a window in it.
    Raises ConflictError while a gateway has the folder; NotFoundError.
    """
    folder = _taken(root, anew=True)
    try:
        digest = _sha256(folder.ledger) if folder.ledger.exists() else ""
        beside = root / f"before-{_stamp(clock)}"
        beside.mkdir(mode=0o700)
        (beside / folder.keys.name).mkdir(mode=0o700)
        for path in (*sorted(root.glob("ledger.db*")), *sorted(root.glob("log.db*")), folder.tapes, folder.ledger_key, folder.adopted, folder.owed):
            if path.exists():
                path.rename(beside / path.relative_to(root))
        folder.tapes.mkdir(mode=0o700)
        sync_folder(root)
        _tell(folder, ledger_key(folder.ledger_key), clock, LedgerRepaired(tables=len(LEDGER), beside=beside.name, sha256=digest, why=why))
        return beside
    finally:
        folder.close()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _taken(root: Path, *, anew: bool = False) -> Folder:
    """Locked. `anew`: a key alone is enough."""
    folder = Folder(root, reserve_bytes=0)
    if not folder.ledger.is_file() and not folder.tape_numbers() and not (anew and folder.ledger_key.is_file()):
        raise NotFoundError(f"no ledger in {root}; name the gateway's state folder: jitui --data-dir DIR repair")
    folder.take()
    return folder


def _rebuild(old: sqlite3.Connection, folder: Folder, checked: Checked, key: LedgerKey, version: int) -> None:
    """ledger.db.part: complete, checked as any ledger is at a start, and on disk."""
    part = _part(folder)
    part.unlink(missing_ok=True)
    os.close(create_private(part))
    with closing(sqlite3.connect(part, isolation_level=None)) as db:
        for setting in ("journal_mode=off", "synchronous=off", "trusted_schema=off"):
            db.execute(f"pragma {setting}")
        for step in LEDGER[:version]:
            db.executescript(step)
        db.execute(f"pragma user_version={version}")
        db.execute("begin")
        for table in KEPT:
            _copy(old, db, table)
        db.execute("insert or replace into keys values(?, ?)", (key.id, key.public))
        for table in (table for table, since in FOLDED.items() if version >= since):
            _copy(checked.tables, db, table)
        if version < FOLDED["tokens"]:
            db.executemany("insert into tokens values(?, ?, ?, ?, 0, ?)", _old_tokens(old, checked))
        db.execute("commit")
        with closing(check(db, key)) as again:
            if (again.seq, again.hash) != (checked.seq, checked.hash):
                raise ConflictError(f"{folder.ledger} changed while it was copied; somebody writes to it")
        if first := next(iter(opening.all_differences(db, folder.ledger, checked, key)), None):
            raise InvalidError(f"the tables made from the facts differ still: {first}")
    with part.open("rb") as file:
        os.fsync(file.fileno())


def _copy(source: sqlite3.Connection, target: sqlite3.Connection, table: str) -> None:
    names = [row[1] for row in target.execute(f"pragma table_info({table})")]
    marks = ", ".join("?" * len(names))
    rows = source.execute(f"select {', '.join(names)} from {table}")  # noqa: S608 - tables and columns of this house
    target.executemany(f"insert into {table} values({marks})", rows)


def _old_tokens(old: sqlite3.Connection, checked: Checked) -> list[tuple[object, ...]]:
    """Of the first version's tokens those that a fact tells of, with what it tells; their hash stands nowhere else."""
    hashes = opening.old_tokens(old)
    return [(token, identity, hashes[token], expires_us, revoked_us) for token, identity, expires_us, revoked_us in
            checked.tables.execute("select id, identity, expires_us, revoked_us from tokens order by id") if token in hashes]


def _exchange(folder: Folder, clock: Clock) -> Path:
    """The new file in the place of the old one, which keeps a name of its own."""
    for log in (folder.ledger.with_name(f"{folder.ledger.name}{suffix}") for suffix in ("-wal", "-shm")):
        if log.exists():
            _part(folder).unlink()
            raise ConflictError(f"{folder.ledger} is read by somebody just now ({log.name} is in use); nothing was changed, end that and try again")
    backup = folder.ledger.with_name(f"{folder.ledger.name}.before-repair-{_stamp(clock)}")
    backup.hardlink_to(folder.ledger)
    _part(folder).rename(folder.ledger)
    sync_folder(folder.root)
    return backup


def _part(folder: Folder) -> Path:
    return folder.ledger.with_name("ledger.db.part")


def _tell(folder: Folder, key: LedgerKey, clock: Clock, told: LedgerRepaired) -> None:
    """The fact about it, in the ledger as it is now; which opens as at any start."""
    ledger = Ledger(folder, key, clock, start_of)
    try:
        ledger.commit_now([told.draft("gateway", "gateway")])
    finally:
        ledger.close()


def _stamp(clock: Clock) -> str:
    return datetime.fromtimestamp(clock.now().wall_us / 1e6, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
