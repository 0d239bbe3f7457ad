"""Facts about retired tapes are read back; tests/store/test_retiring.py does it with real ones."""

import sqlite3

from jitui.recording.facts import Fact, Gone, TapeRetired
from jitui.store import gone
from jitui.store.fold import fold
from jitui.store.schema import LEDGER


def test_a_ledger_of_an_older_version_tells_of_none() -> None:
    """Its tables are not there."""
    db = sqlite3.connect(":memory:")
    assert (gone.of_session(db, 1), gone.tapes(db)) == ([], {})


def test_parts_in_order() -> None:
    """Each with its tape and the fact, in a sentence."""
    db = sqlite3.connect(":memory:")
    for step in LEDGER:
        db.executescript(step)
    for seq, (name, first) in enumerate((("000002.db", 4), ("000001.db", 0)), 1):
        told = TapeRetired(why="older than 90d", frames=4, bytes=9, opened_us=1, until_us=2, sessions=(Gone(7, first, first + 4, b"h" * 32, 1, 1),))
        draft = told.draft(name, "gateway")
        fold(db, Fact(seq, 1_795_449_600_000_000, draft.kind, draft.who, draft.subject, draft.what, b""))
    parts = gone.of_session(db, 7)
    assert [(part.first, part.tape) for part in parts] == [(0, "000001.db"), (4, "000002.db")]
    assert list(gone.tapes(db)) == ["000002.db", "000001.db"]
    assert gone.sentence(7, parts).startswith(
        "s-7 can't be shown in full: frames 0 to 3 were on tapes/000001.db, which was retired by fact 2 on 2026-11-23: older than 90d (and 1 further tapes)")
