"""Tables folded from facts."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from jitui.recording.facts import Draft, Fact, Gone, Kind, TapeRetired, number
from jitui.store.checked import check
from jitui.store.fold import STEPS, fold
from jitui.store.keys import ledger_key
from jitui.store.schema import FOLDED, LEDGER
from jitui.values.errors import InvalidError
from tests.store.life import DEADLINE, NOW, added, approved, asked, began, ended, frames, granted, issued, keyed, opened, record, unkeyed

WHOLE: list[Draft] = [
    added(), added("ana", ["approver"], ""), added("bob", ["approver", "auditor"], ""), Draft(Kind.IDENTITY_DISABLED, "bob", "root", {"why": "left"}),
    asked(1), approved(1, "ana"), approved(1, "cleo", duration_s=600), granted(1, 1, duration_s=600, approved_by=["ana", "cleo"]),
    asked(2), Draft(Kind.REQUEST_DENIED, "r-2", "ana", {"why": "no"}), asked(3), Draft(Kind.REQUEST_WITHDRAWN, "r-3", "agent-a"),
    asked(4), Draft(Kind.REQUEST_LAPSED, "r-4", "gateway"),
    asked(5), approved(5), granted(2, 5, state="waiting", deadline=None, use_by=DEADLINE, started_us=0),
    Draft(Kind.GRANT_ACTIVE, "g-2", "gateway", {"started_us": NOW + 5, "deadline": DEADLINE}), Draft(Kind.GRANT_FROZEN, "g-2", "ana", {"by": "ana"}),
    Draft(Kind.GRANT_THAWED, "g-2", "ana"), Draft(Kind.GRANT_FROZEN, "g-1", "ana", {"by": "ana"}),
    began(1), began(2, 2, "port-forward"), Draft(Kind.SESSION_ENDING, "s-1", "gateway", {"why": "killed", "by": "ana", "words": "no"}),
    ended(1, "killed", may_run_on=["web/web-7c"]), Draft(Kind.GRANT_ENDED, "g-1", "ana", {"state": "revoked", "why": "enough"}),
    issued("0a1b2c3d"), issued("4e5f6071"), Draft(Kind.TOKEN_REVOKED, "agent-a", "root", {"token": "0a1b2c3d", "why": "rotated"}),
    keyed("SHA256:a"), keyed("SHA256:b"), unkeyed("SHA256:a"),
    Draft(Kind.LOCKDOWN_ON, "gateway", "ana", {"why": "odd"}), Draft(Kind.VIEWED, "s-1", "ana", {"how": "live"}),
    Draft(Kind.TAPES_HELD, "g-1", "bob", {"reason": "a court"}), Draft(Kind.TAPES_HELD, "g-2", "bob", {"reason": "a court"}),
    Draft(Kind.TAPES_RELEASED, "g-1", "bob", {"reason": "done"}),
    TapeRetired(why="age", frames=2, bytes=9, opened_us=1, until_us=2, sessions=(Gone(1, 0, 2, b"h" * 32, 1, 1),)).draft("000009.db", "gateway"),
]


async def test_every_row_comes_from_the_facts(tmp_path: Path) -> None:
    """Of every folded table, and from nothing else: folded anew they are the same."""
    async with opened(tmp_path / "state") as store:
        await record(store, frames(1, [b"a", b"b"]))
        await store.commit(WHOLE)
    key = ledger_key(tmp_path / "state/keys/ledger.ed25519")
    with closing(sqlite3.connect(tmp_path / "state/ledger.db", isolation_level=None)) as db, closing(check(db, key)) as checked:
        stored, told = [{table: rows.execute(f"select * from {table} order by 1, 2").fetchall() for table in FOLDED} for rows in (db, checked.tables)]
    assert told == stored
    assert {table: bool(rows) for table, rows in told.items()} == dict.fromkeys(FOLDED, True)


def ledger() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None)
    for step in LEDGER:
        db.executescript(step)
    return db


def folded(*drafts: Draft) -> sqlite3.Connection:
    db = ledger()
    for seq, draft in enumerate(drafts, 1):
        fold(db, Fact(seq, NOW + seq, draft.kind, draft.who, draft.subject, draft.what, b""))
    return db


def test_a_second_approver_only_tightens() -> None:
    """The grant has the shortest terms that anybody said; the terms that were asked stay on record; the last approver decided."""
    db = folded(asked(1), approved(1, "ana", duration_s=600), approved(1, "cleo", duration_s=1200), granted(1, 1))
    assert db.execute("select duration_s, asked_duration_s, scope, asked_scope, state, decided_by, decided_us, grant_id from requests").fetchall() == [
        (600, 1800, "read pods in web", "read pods in web; exec pods in web", "approved", "cleo", NOW + 3, 1)]
    assert db.execute("select person from approvals order by at_us").fetchall() == [("ana",), ("cleo",)]


def test_delivered_may_be_unknown() -> None:
    """Null, whether the fact says nothing, null, or -1."""
    closing = {"frames": 2, "bytes_in": 1, "bytes_out": 1, "head": "00" * 32}
    for delivered in ({"delivered_in": None}, {"delivered_in": -1, "delivered_out": -1}):
        db = folded(began(1), Draft(Kind.SESSION_ENDED, "s-1", "gateway", {"why": "gateway-lost", **closing, **delivered}))
        assert db.execute("select delivered_in, delivered_out, ended_by, head from sessions").fetchall() == [(None, None, "gateway", bytes(32))]


@pytest.mark.parametrize("kind", sorted(set(STEPS) - {Kind.LOCKDOWN_ON, Kind.LOCKDOWN_OFF, Kind.TAPE_OPENED, Kind.IDENTITY_DISABLED}))
def test_a_fact_about_nothing_is_refused(kind: Kind) -> None:
    """A fact whose subject or content can't be folded does not become true."""
    with pytest.raises(InvalidError):
        folded(Draft(kind, "nothing", "ana", {}))


def test_number() -> None:
    """Labels and bare numbers; the letter must be the right one."""
    assert (number("g-17", "g"), number(17, "g"), number("17", "g")) == (17, 17, 17)
    for wrong in ("s-17", "g-", "g-x", "", "g-٣", None, "g--1"):
        with pytest.raises(InvalidError):
            number(wrong, "g")


def test_the_flag_of_a_window_comes_and_goes_and_ends_with_it() -> None:
    """It names the person who froze the window, until the thaw or the end; a first use in between leaves it."""
    waits = granted(2, 5, state="waiting", deadline=None, use_by=DEADLINE, started_us=0)
    active = Draft(Kind.GRANT_ACTIVE, "g-2", "a", {"started_us": NOW, "deadline": DEADLINE})
    steps = [Draft(Kind.GRANT_FROZEN, "g-2", "ana", {"by": "ana", "streams": 1}), active,
             Draft(Kind.GRANT_THAWED, "g-2", "bo", {"held": 5}), Draft(Kind.GRANT_FROZEN, "g-2", "bo", {}),
             Draft(Kind.GRANT_ENDED, "g-2", "clock", {"state": "expired", "why": ""})]  # fmt: skip
    found = [folded(waits, *steps[:count]).execute("select frozen_by from grants").fetchone()[0] for count in range(6)]
    assert found == ["", "ana", "ana", "", "bo", ""]


def test_a_session_frozen_alone_leaves_the_tables_as_they_are() -> None:
    """Its flag lives as long as its gateway; the fact is for the auditor."""
    before = folded(began(1)).execute("select * from sessions").fetchall()
    facts = Draft(Kind.SESSION_FROZEN, "s-1", "ana", {"by": "ana"}), Draft(Kind.SESSION_THAWED, "s-1", "ana", {"held": 3})
    assert folded(began(1), *facts).execute("select * from sessions").fetchall() == before
