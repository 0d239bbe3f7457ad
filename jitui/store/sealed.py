"""The facts that an evidence file must show: it hides those that are not about its session, and may not hide these."""

import sqlite3
from collections.abc import Iterator
from typing import Any, Final

from jitui.recording.chain import FACTS_GENESIS
from jitui.recording.facts import Fact, GrantStarted, Kind, RequestApproved, SessionOpened
from jitui.store.chained import FACTS, NEWEST, checked
from jitui.values.errors import InvalidError

SHOWN: Final = 40  # runs of sealed facts that are named


def before_first(db: sqlite3.Connection) -> tuple[int, bytes]:
    """Number and link of the fact before the first: of an exported file the last one it leaves out. Raises ValueError if it does not say."""
    rows = db.execute("select seq, hash from sealed where digest is null order by seq limit 2").fetchall()
    if len(rows) != 1 or type(rows[0][0]) is not int or not 0 <= rows[0][0] < NEWEST or len(rows[0][1]) != len(FACTS_GENESIS):
        raise ValueError("it does not say after which fact it begins")
    (first,) = db.execute("select min(seq) from (select min(seq) as seq from facts union all select min(seq) from sealed where digest is not null)").fetchone()
    if first is not None and first != rows[0][0] + 1:
        raise ValueError(f"it begins at fact {first}, and says it begins after fact {rows[0][0]}")
    return rows[0][0], rows[0][1]


def missing(db: sqlite3.Connection, session: int, signed_to: int) -> str:
    """Say which fact is not there in the clear before the fact that follows from it; nothing if all are there."""
    try:
        return next(_missing(db, session, signed_to), "")
    except (ValueError, InvalidError) as error:
        return f"the facts about it can't be read: {error}"


def _missing(db: sqlite3.Connection, session: int, signed_to: int) -> Iterator[str]:
    opened = _one(db, f"s-{session}", Kind.SESSION_OPENED, signed_to)
    if opened is None:
        yield "the fact that it began (session.opened) is not in this file, or not signed"
        return
    grant = f"g-{SessionOpened.of(opened).grant}"
    started = _one(db, grant, Kind.GRANT_STARTED, opened.seq - 1)
    if started is None:
        yield f"the fact that its window {grant} was granted (grant.started) is not in this file before it began, or sealed"
        return
    granted = GrantStarted.of(started)
    if granted.state == "waiting" and _one(db, grant, Kind.GRANT_ACTIVE, opened.seq - 1) is None:
        yield f"the fact that its window {grant} became active (grant.active) is not in this file before it began, or sealed"
    request = f"r-{granted.request}"
    if _one(db, request, Kind.REQUEST_ASKED, started.seq - 1) is None:
        yield f"the request {request} (request.asked) is not in this file before its window, or sealed"
    if not granted.approved_by:
        yield f"the fact that its window {grant} was granted does not say who approved it"
    given = {RequestApproved.of(fact).person or fact.who for fact in _all(db, request, Kind.REQUEST_APPROVED, started.seq - 1)}
    for person in granted.approved_by:
        if person not in given:
            yield f"the approval of {request} by {person} (request.approved) is not in this file before its window, or sealed"
    ended = _one(db, f"s-{session}", Kind.SESSION_ENDED, NEWEST)
    if ended is not None and ended.seq > signed_to:
        yield f"its end (fact {ended.seq}) is not signed"
    if ended is None:
        hidden = db.execute("select min(seq), max(seq) from sealed where digest is not null and seq > ?", (opened.seq,)).fetchone()
        if hidden[0] is not None:
            yield (f"its end (session.ended) is not in this file, and facts {hidden[0]} to {hidden[1]}, some of them sealed, come after its beginning: "
                   "what followed the last frame can't be concluded; export it again when it has ended")


def _all(db: sqlite3.Connection, subject: str, kind: Kind, upto: int) -> list[Fact]:
    rows: list[Any] = db.execute(f"{FACTS} where subject = ? and kind = ? and seq <= ? order by seq limit 1000", (subject, kind.value, upto)).fetchall()
    return [checked(row) for row in rows]


def _one(db: sqlite3.Connection, subject: str, kind: Kind, upto: int) -> Fact | None:
    return next(iter(_all(db, subject, kind, upto)), None)


def named(db: sqlite3.Connection) -> str:
    """The numbers of what is sealed, each run between the facts in the clear around it; nothing if nothing is."""
    runs: list[str] = []
    first = last = 0
    more = False
    for (seq,) in db.execute("select seq from sealed where digest is not null order by seq"):
        if seq == last + 1 and first:
            last = seq
            continue
        if first:
            runs.append(_run(db, first, last))
        if len(runs) >= SHOWN:
            more = True
            break
        first = last = seq
    if first and not more:
        runs.append(_run(db, first, last))
    return ", ".join(runs) + (" and more" if more else "")


def _run(db: sqlite3.Connection, first: int, last: int) -> str:
    before = db.execute("select kind from facts where seq < ? order by seq desc limit 1", (first,)).fetchone()
    after = db.execute("select kind from facts where seq > ? order by seq limit 1", (last,)).fetchone()
    where = " and ".join(str(row[0]) for row in (before, after) if row)
    return f"{first}{f'-{last}' if last > first else ''} ({'between' if before and after else 'after' if before else 'before'} {where})"
