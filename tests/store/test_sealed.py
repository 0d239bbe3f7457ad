"""The facts that an evidence file may not hide."""

import json
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from jitui.recording.facts import Kind
from jitui.store import Files
from jitui.store.fold import fold
from jitui.store.ours import SEALED
from jitui.store.schema import LEDGER
from jitui.store.sealed import SHOWN, before_first, missing, named
from jitui.values.errors import InvalidError
from tests.store.evidence import append, facts_of, seal, tampering, wrong


@pytest.mark.parametrize(("kind", "subject", "said"), [
    (Kind.REQUEST_APPROVED, "r-1", "the approval of r-1 by ana (request.approved) is not in this file"),
    (Kind.REQUEST_ASKED, "r-1", "the request r-1 (request.asked) is not in this file"),
    (Kind.GRANT_STARTED, "g-1", "its window g-1 was granted (grant.started) is not in this file"),
    (Kind.SESSION_OPENED, "s-1", "no fact tells that it began"),
    (Kind.SESSION_ENDED, "s-1", "its end (session.ended) is not in this file"),
])
def test_what_may_not_be_sealed(bundle: Path, kind: Kind, subject: str, said: str) -> None:
    """The chain holds without it; the proof does not."""
    with tampering(bundle) as db:
        seal(db, kind, subject)
    assert any(said in problem for problem in wrong(bundle))


def test_frames_cut_with_the_end_sealed(bundle: Path) -> None:
    """Back to where a head speaks of the session, that head and the end hidden, the tables made to fit."""
    with tampering(bundle) as db:
        seal(db, Kind.SESSION_ENDED, "s-1")
        db.execute("delete from frames where seq >= 6")
        db.execute("update spans set last = 6")
        db.execute("delete from actions where conn >= 2")
        for ident, told in db.execute("select id, sessions from heads").fetchall():
            if json.loads(told).get("1", [0])[0] > 6:
                db.execute("delete from heads where id = ?", (ident,))
        db.execute("update sessions set state = 'open', ended_us = null, ended_why = '', ended_by = '', frames = null, bytes_in = null, bytes_out = null, "
                   "delivered_in = null, delivered_out = null, conns = null, may_run_on = 0, head = null, ended_seq = null")
    (problem,) = wrong(bundle)
    assert problem.startswith("s-1: its end (session.ended) is not in this file, and facts ")


def test_an_end_that_nobody_signed(bundle: Path) -> None:
    """Whoever drops what came later can write an end of his own, and nothing signs it."""
    with tampering(bundle) as db:
        (end,) = [each for each in facts_of(db) if each.kind is Kind.SESSION_ENDED]
        seal(db, Kind.SESSION_ENDED, "s-1")
        db.execute("delete from heads where facts_seq >= ?", (end.seq,))
        db.execute("delete from frames where seq >= 6")
        (link,) = db.execute("select hash from frames where seq = 5").fetchone()
        db.execute("delete from sealed where seq >= ?", (end.seq,))
        db.execute("delete from actions where conn >= 2")
        db.execute("update spans set last = 6")
        forged = append(db, Kind.SESSION_ENDED, "s-1", {**end.what, "frames": 6, "head": link.hex()})
        db.execute("update sessions set state = 'open' where id = 1")
        fold(db, forged)
    assert any(f"its end (fact {forged.seq}) is not signed" in problem for problem in wrong(bundle))


def test_where_an_evidence_file_begins(bundle: Path) -> None:
    """Exactly one row says after which fact, and it fits."""
    for script in ("delete from sealed where digest is null", "insert into sealed select max(seq) + 1, null, hash from sealed",
                   "update sealed set seq = 0 where digest is null; delete from facts where seq < 3"):
        copy = bundle.with_name("copy.jitui")
        shutil.copy(bundle, copy)
        with tampering(copy) as db:
            db.executescript(script)
        try:
            problems: Sequence[str] = wrong(copy)
        except InvalidError as error:
            problems = [str(error)]
        assert problems != []


def test_a_running_session_exported(state: Path) -> None:
    """Something is sealed after its beginning, which may be its end: that proves nothing about how it went on, and says so."""
    Files(state).export(2, state.parent / "s-2.jitui")
    (problem,) = wrong(state.parent / "s-2.jitui")
    assert "what followed the last frame can't be concluded; export it again when it has ended" in problem


def sealed(*numbers: int, clear: tuple[int, ...] = ()) -> sqlite3.Connection:
    """A file with these facts sealed, and those in the clear."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.executescript(LEDGER[0] + SEALED)
    db.executemany("insert into sealed values(?, x'00', x'00')", [(number,) for number in numbers])
    db.executemany("insert into facts values(?, 0, 'viewed', 'ana', 's-1', '{}', x'00')", [(number,) for number in clear])
    return db


def test_runs_of_sealed_facts_are_named() -> None:
    """With the kinds of the facts around each; of very many so many, and that there are more."""
    with closing(sealed()) as db:
        assert named(db) == ""
    with closing(sealed(1, 3, 4, 7, clear=(2, 5))) as db:
        assert named(db) == "1 (before viewed), 3-4 (between viewed and viewed), 7 (after viewed)"
    with closing(sealed(*range(1, 2 * SHOWN + 2, 2), clear=tuple(range(2, 2 * SHOWN + 2, 2)))) as db:
        assert (named(db).count(", "), named(db).endswith(" and more")) == (SHOWN - 1, True)


def test_a_file_that_says_nothing_of_its_session() -> None:
    """Neither where it begins nor that the session began: both in words."""
    with closing(sealed(3, clear=(4,))) as db:
        with pytest.raises(ValueError, match="does not say after which fact it begins"):
            before_first(db)
        assert missing(db, 1, 4) == "the fact that it began (session.opened) is not in this file, or not signed"
        db.execute("insert into sealed values(1, null, zeroblob(32))")
        with pytest.raises(ValueError, match="it begins at fact 3, and says it begins after fact 1"):
            before_first(db)
