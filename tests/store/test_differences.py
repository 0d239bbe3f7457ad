"""Where the tables do not say what the facts say, row by row."""

import sqlite3
from collections.abc import Iterator

import pytest

from jitui.recording.facts import Fact
from jitui.store.checked import scratch
from jitui.store.differences import SHOWN, Difference, differences, schema_differences, some
from jitui.store.fold import fold
from jitui.store.schema import FOLDED_TABLES, LEDGER
from tests.store.life import NOW, added, approved, asked, granted, issued


def tables() -> sqlite3.Connection:
    db = scratch()
    for seq, draft in enumerate([added(), asked(1), approved(1), granted(1, 1), issued("0a1b2c3d")], 1):
        fold(db, Fact(seq, NOW + seq, draft.kind, draft.who, draft.subject, draft.what, b""))
    return db


@pytest.fixture
def pair() -> Iterator[tuple[sqlite3.Connection, sqlite3.Connection]]:
    """Stored, and told: the same rows."""
    stored, told = tables(), tables()
    yield stored, told
    stored.close()
    told.close()


def said(pair: tuple[sqlite3.Connection, sqlite3.Connection], version: int = len(LEDGER)) -> list[str]:
    return [str(each) for each in differences(*pair, version)]


def test_rows_are_compared_in_the_order_of_tables_and_keys(pair: tuple[sqlite3.Connection, sqlite3.Connection]) -> None:
    """A value, a row too much, a row too few: each once, named as people name it."""
    assert said(pair) == []
    pair[0].execute("update identities set owner = 'eve'")
    pair[0].execute("insert into approvals select request, 'bo', at_us, duration_s, scope, reason from approvals")
    pair[0].execute("delete from grants")
    assert said(pair) == ["identities, row agent-a: owner is eve, the facts say ana", "approvals has a row r-1 bo that no fact tells of",
                          "grants lacks the row g-1"]


def test_a_long_value_is_cut(pair: tuple[sqlite3.Connection, sqlite3.Connection]) -> None:
    """A sentence about it stays short; bytes are in hex."""
    pair[0].execute("update requests set reason = ?", ("x" * 100_000,))
    pair[0].execute("update tokens set sha256 = ?", (b"\xee" * 32,))
    reason, token = differences(*pair, len(LEDGER))
    assert (len(reason.stored), reason.stored[-1]) == (SHOWN, "\N{HORIZONTAL ELLIPSIS}")
    assert token.stored == ("ee" * 32)[: SHOWN - 1] + "\N{HORIZONTAL ELLIPSIS}"


def test_tokens_of_the_first_version(pair: tuple[sqlite3.Connection, sqlite3.Connection]) -> None:
    """One that is issued and has no row is no harm; one that has a row and was not issued is."""
    pair[0].execute("delete from tokens")
    assert said(pair, 1) == []
    assert said(pair) == ["tokens lacks the row jt_0a1b2c3d"]
    pair[1].execute("delete from tokens")
    stranger = tables()
    try:
        assert said((stranger, pair[1]), 1) == ["tokens has a row jt_0a1b2c3d that no fact tells of"]
    finally:
        stranger.close()


def test_tables_and_indexes() -> None:
    """One that is missing, one too many, one that was made in another way."""
    with sqlite3.connect(":memory:") as db:
        db.executescript("create table extra(x); " + FOLDED_TABLES.replace("create table approvals", "create table approvals_2"))
        found = [str(each) for each in schema_differences(db, [FOLDED_TABLES])]
    assert "table extra: jitui never made it" in found
    assert "table approvals: it is missing" in found
    db.close()


@pytest.mark.parametrize(("limit", "more"), [(0, True), (2, True), (3, False), (9, False)])
def test_only_some_are_listed(limit: int, more: bool) -> None:
    """And it is known whether there are more."""
    every = [Difference("grants", f"g-{at}", "", "x", "") for at in range(3)]
    assert some(iter(every), limit) == (every[:limit], more)
