"""The file of the index."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from jitui.store.index import book as books
from jitui.store.index.blocks import Block, Moment, Source
from jitui.store.index.book import Book, Cursor, Of

OF = Of(1, "agent-a", "prod", "exec")


def filled(path: Path) -> Path:
    book = Book(path)
    block = Block(Source.STDOUT)
    block.add("CrashLoopBackOff in web\n", Moment(0, 0, 1))
    book.put(OF, [block], Cursor(1, 0, over=True))
    book.close()
    return path


def over(path: Path, made_by: str = "") -> tuple[set[int], str]:
    book = Book(path, made_by)
    try:
        return book.over(), book.word
    finally:
        book.close()


def test_it_is_private_and_kept(tmp_path: Path) -> None:
    """Only its owner may read it, with what lies beside it; the next process goes on with it."""
    path = filled(tmp_path / "index.db")
    book = Book(path)
    assert {each.stat().st_mode & 0o777 for each in tmp_path.iterdir()} == {0o600}
    assert (book.over(), book.word) == ({1}, "")
    book.close()


def test_one_that_is_broken_or_not_ours_is_begun_again(tmp_path: Path) -> None:
    """With a word: garbage, cut, pages altered, tables with a view or a trigger, of a newer version, or made by another emulator."""
    spoilers: dict[str, Callable[[Path], object]] = {
        "garbage": lambda path: path.write_bytes(b"no database " * 1000),
        "cut": lambda path: os.truncate(path, 20_000),
        "altered": lambda path: path.write_bytes(path.read_bytes()[:8192] + os.urandom(8192) + path.read_bytes()[16384:]),
        "view": lambda path: _run(path, "create view v as select load_extension('evil')"),
        "trigger": lambda path: _run(path, "create trigger t after insert on blocks begin delete from sessions; end"),
        "newer": lambda path: _run(path, "pragma user_version = 99"),
        "table": lambda path: _run(path, "drop table keyframes"),
    }
    for name, spoil in spoilers.items():
        path = filled(tmp_path / f"{name}.db")
        spoil(path)
        found, word = over(path)
        assert found == set(), name
        assert "begun again" in word, name
        assert over(path) == (set(), ""), name
    path = filled(tmp_path / "other.db")
    assert "another version" in over(path, "0.9")[1]


def _run(path: Path, sql: str) -> None:
    with sqlite3.connect(path) as db:
        db.execute(sql)


@pytest.mark.parametrize("dangling", [False, True])
def test_a_link_is_removed_and_not_followed(tmp_path: Path, dangling: bool) -> None:
    """Its target stays as it is."""
    victim = tmp_path / "ledger.db"
    if not dangling:
        filled(victim)
    before = victim.read_bytes() if not dangling else b""
    (tmp_path / "index.db").symlink_to(victim)
    assert over(tmp_path / "index.db")[0] == set()
    assert not (tmp_path / "index.db").is_symlink()
    assert victim.exists() is not dangling
    assert dangling or victim.read_bytes() == before


def test_it_does_not_grow_beyond_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest text goes, from the index of words too, and that is known."""
    monkeypatch.setattr(books, "DROPPED", 8)
    book = Book(tmp_path / "index.db", largest=300_000)
    for at in range(100):
        block = Block(Source.STDOUT)
        block.add(f"mark{at} " + os.urandom(20_000).hex() + "\n", Moment(0, at, at))
        book.put(OF, [block], Cursor(1, at))
        while book.shrink():
            pass
    db = book._db
    kept = {ident for (ident,) in db.execute("select id from blocks")}
    assert 3 < len(kept) < 30
    assert {ident for (ident,) in db.execute("select rowid from words where words match 'mark*'")} == kept
    assert db.execute("select dropped from about").fetchone() == (min(kept) - 1,)
    assert 200_000 < db.execute("select held from about").fetchone()[0] < 320_000
    book.close()


def test_it_sees_that_it_was_deleted(tmp_path: Path) -> None:
    """Anybody may do that at any time."""
    book = Book(filled(tmp_path / "index.db"))
    seen = [book.there]
    books.remove(tmp_path / "index.db")
    assert [*seen, book.there] == [True, False]
    book.close()


def test_text_of_a_retired_tape_is_found_no_more(tmp_path: Path) -> None:
    """Its text, words and keyframes go; the words of its actions, which are facts of the ledger, stay."""
    path = filled(tmp_path / "index.db")
    book = Book(path)
    words = Block(Source.ARGV)
    words.add("get pods web\n", Moment(0, 1, 1))
    book.put_actions([(OF, words)], 1)
    book.forget(1)
    assert book._db.execute("select source from blocks").fetchall() == [(int(Source.ARGV),)]
    assert book._db.execute("select count(*) from words where words match 'crashloopbackoff'").fetchone() == (0,)
    assert book.over() == {1}
    book.close()
