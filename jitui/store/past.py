"""The gateway's state at a past moment, out of the record: the facts up to then, folded anew, of everything that was alive then or had just ended.

The ledger's tables say of which requests and windows that is; their own facts are found by an index. So the cost follows what was there, not how long ago.
"""

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from jitui.policy.terms import Grant, GrantState, Request, RequestState
from jitui.recording.facts import Fact, Kind
from jitui.store.actions import ActionRow, from_columns
from jitui.store.chained import FACTS, checked
from jitui.store.fold import fold
from jitui.store.frames import Frames
from jitui.store.listing import ACTIONS, LAST, SESSIONS
from jitui.store.rows import SessionRow, Totals, grant_of, named, requests_where, session_of
from jitui.store.schema import FOLDED_TABLES

RECENT_US: Final = 3_600_000_000  # windows that ended within this time before the moment
MOST: Final = 1000  # requests, windows and sessions of each list; the newest

_REQUESTS: Final = """select 'r-' || id from requests where asked_us <= :at
  and (state = 'pending' or decided_us > :at or asked_us + pending_us > :at) order by id desc limit :most"""
_GRANTS: Final = "select 'g-' || id from grants where approved_us <= :at and (ended_us = 0 or ended_us > :at - :recent) order by id desc limit :most"
_OF: Final = f"{FACTS} where subject in (select value from json_each(:of)) and at_us <= :at"  # noqa: S608 - a constant
_FROST: Final = f"{_OF} and kind in ('{Kind.SESSION_FROZEN}', '{Kind.SESSION_THAWED}')"
_LOCKDOWN: Final = f"{_OF} and kind in ('{Kind.LOCKDOWN_ON}', '{Kind.LOCKDOWN_OFF}') order by seq desc limit 1"
_SUMS: Final = """select grant_id, coalesce(sum(case when ended_us <= :at then bytes_in end), 0), coalesce(sum(case when ended_us <= :at then bytes_out end), 0)
  from sessions where grant_id in (select value from json_each(:ids)) and started_us <= :at group by grant_id"""
_NEWEST: Final = f"""{ACTIONS} where actions.identity = :identity and actions.at_us between :since and :at and sessions.grant_id = :grant
  order by actions.at_us desc limit 1"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """As it stood."""

    at_us: int  # UTC
    requests: list[Request]  # that waited for a decision
    grants: list[Grant]  # that lived
    ended: list[Grant]  # within the hour before, the newest first
    totals: dict[int, Totals]  # by grant, of its sessions that had ended
    streams: dict[int, list[SessionRow]]  # by grant, those that were open
    last: dict[int, ActionRow]  # by grant, its newest request
    frozen: dict[int, str]  # by session, who had frozen it
    lockdown: bool


def past(files: Frames, at_us: int) -> Past:
    """Raises InvalidError if a fact can't be read."""
    with files.reading(files.ledger) as db:
        values = {"at": at_us, "recent": RECENT_US, "most": MOST}
        subjects = [row[0] for sql in (_REQUESTS, _GRANTS) for row in db.execute(sql, values)]
        requests, grants = _folded([checked(row) for row in db.execute(f"{_OF} order by seq", {"of": json.dumps(subjects), "at": at_us})])
        living = [grant for grant in grants if grant.state in {GrantState.WAITING, GrantState.ACTIVE}]
        ids = json.dumps([grant.id for grant in grants])
        streams: dict[int, list[SessionRow]] = {}
        for row in _sessions(db, at_us, ids, live=True):
            streams.setdefault(row.grant, []).append(row)
        told = db.execute(_LOCKDOWN, {"of": '["gateway"]', "at": at_us}).fetchone()
        return Past(
            at_us=at_us, requests=[each for each in requests if each.state is RequestState.PENDING], grants=living,
            ended=sorted((grant for grant in grants if grant.ended_us), key=lambda grant: grant.ended_us, reverse=True),
            totals={grant: Totals(bytes_in, bytes_out) for grant, bytes_in, bytes_out in db.execute(_SUMS, {"ids": ids, "at": at_us})},
            streams=streams, last={grant.id: done for grant in living if (done := _newest(db, grant, at_us)) is not None},
            frozen=_frozen(db, [row for rows in streams.values() for row in rows], at_us), lockdown=bool(told) and checked(told).kind is Kind.LOCKDOWN_ON,
        )  # fmt: skip


def sessions(files: Frames, at_us: int, grant: int = 0) -> tuple[list[SessionRow], dict[int, str]]:
    """The newest sessions that had begun, oldest first, of one grant if given, as they stood; and who had frozen which."""
    with files.reading(files.ledger) as db:
        found = _sessions(db, at_us, json.dumps([grant]) if grant else "", live=False)[::-1]
        return found, _frozen(db, [row for row in found if row.state != "ended"], at_us)


def _folded(facts: Iterable[Fact]) -> tuple[list[Request], list[Grant]]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.executescript(FOLDED_TABLES)
        for fact in facts:
            fold(db, fact)
        return requests_where(db, "true order by id"), [grant_of(row) for row in named(db, "select * from grants order by id")]


def _sessions(db: sqlite3.Connection, at_us: int, grants: str, *, live: bool) -> list[SessionRow]:
    """The newest first. Of one that had not ended nothing that came later is said."""
    terms = ["sessions.started_us <= :at", *["sessions.grant_id in (select value from json_each(:ids))"] * bool(grants),
             *["(sessions.ended_us is null or sessions.ended_us > :at)"] * live]  # fmt: skip
    rows = named(db, f"{SESSIONS} where {' and '.join(terms)} order by sessions.id desc limit :most", {"at": at_us, "ids": grants, "most": MOST})
    later = {"state": "open", "ended_us": None, "ended_why": "", "ended_by": "", "frames": None, "bytes_in": None, "bytes_out": None, "delivered_in": None,
             "delivered_out": None, "conns": None, "may_run_on": 0, "head": None}  # fmt: skip
    return [session_of(row if row["ended_us"] is not None and row["ended_us"] <= at_us else row | later) for row in rows]


def _newest(db: sqlite3.Connection, grant: Grant, at_us: int) -> ActionRow | None:
    values = {"identity": grant.identity, "since": grant.approved.wall_us, "at": min(at_us, LAST), "grant": grant.id}
    return next((from_columns(row) for row in named(db, _NEWEST, values)), None)


def _frozen(db: sqlite3.Connection, rows: Iterable[SessionRow], at_us: int) -> dict[int, str]:
    """By session: who had frozen it alone."""
    found: dict[int, str] = {}
    for row in db.execute(f"{_FROST} order by seq", {"of": json.dumps([f"s-{each.id}" for each in rows]), "at": at_us}):
        fact = checked(row)
        found[fact.number("s")] = str(fact.what.get("by") or fact.who) if fact.kind is Kind.SESSION_FROZEN else ""
    return found
