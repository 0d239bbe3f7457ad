"""Migrations: forward only, after a backup, all of a step or nothing."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from jitui.store.schema import LEDGER, TAPE, TAPE_PAGE, connect, migrate, open_newest
from jitui.values.errors import ConfigurationError

STEPS = ["create table a(x int) strict;", "create table b(y int) strict; insert into b select x + 1 from a;"]


def test_settings_of_the_record(tmp_path: Path) -> None:
    """WAL, FULL, and no checkpoint of its own (performance.md, section 5); longer pages where bodies are."""
    with closing(open_newest(tmp_path / "tape.db", TAPE, TAPE_PAGE)), closing(connect(tmp_path / "tape.db")) as db:
        assert db.execute("pragma page_size").fetchone() == (16384,)
    with closing(connect(tmp_path / "x.db")) as db:
        found = {name: db.execute(f"pragma {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "page_size", "wal_autocheckpoint")}
    assert found == {"journal_mode": "wal", "synchronous": 2, "page_size": 4096, "wal_autocheckpoint": 0}


def test_a_step_comes_after_a_backup(tmp_path: Path) -> None:
    """The backup is private and holds what was there; the step sees the old rows."""
    path = tmp_path / "x.db"
    with closing(open_newest(path, STEPS[:1])) as db:
        db.execute("insert into a values(41)")
    assert [each.name for each in tmp_path.iterdir()] == ["x.db"]
    with closing(open_newest(path, STEPS)) as db:
        assert db.execute("select y from b").fetchall() == [(42,)]
    backup = tmp_path / "x.db.before-2"
    with closing(sqlite3.connect(backup)) as db:
        assert (db.execute("select x from a").fetchall(), db.execute("pragma user_version").fetchone()) == ([(41,)], (1,))
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600


def test_a_step_that_fails_leaves_everything(tmp_path: Path) -> None:
    """It is one transaction, its number too."""
    path = tmp_path / "x.db"
    with closing(open_newest(path, STEPS[:1])):
        pass
    with pytest.raises(sqlite3.OperationalError):
        open_newest(path, [STEPS[0], "create table c(z int); create table c(z int);"])
    with closing(sqlite3.connect(path)) as db:
        assert (db.execute("pragma user_version").fetchone(), db.execute("select name from sqlite_master").fetchall()) == ((1,), [("a",)])


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    """One line that names it."""
    path = tmp_path / "x.db"
    with closing(open_newest(path, STEPS)) as db, pytest.raises(ConfigurationError, match=r"x.db was written by a newer jitui \(tables 2, this one knows 1\)"):
        migrate(db, path, STEPS[:1])


def test_every_table_is_strict(tmp_path: Path) -> None:
    """SQLite keeps the types that the tables name."""
    for steps in (LEDGER, TAPE):
        with closing(sqlite3.connect(":memory:")) as db:
            for step in steps:
                db.executescript(step)
            tables = db.execute("select name, strict from pragma_table_list where schema = 'main' and name not like 'sqlite_%'").fetchall()
        assert tables
        assert [name for name, strict in tables if not strict] == []


def test_the_hot_table_has_no_second_index() -> None:
    """It would double the cost of a commit (performance.md, section 3)."""
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(TAPE[0])
        assert db.execute("select name from sqlite_master where type = 'index' and tbl_name = 'frames'").fetchall() == []
