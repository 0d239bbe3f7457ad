"""Long lists out of the ledger, page by page: each by an index, from where the newest `limit` begin, oldest first.

A page ends at TEXT bytes, whatever the rows hold, and is read in one short transaction. The cursor of the rest is the key of its first row;
it comes back from outside, so it is checked like anything from there.
"""

import json
import re
import sqlite3
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from jitui.policy.streams import PROBE
from jitui.policy.terms import Grant, Request
from jitui.recording.facts import Fact, ProcessesBefore, ProcessSeen, ProcessTold, SessionOpened
from jitui.recording.facts.processes import LEFT, NOT_PROVED, newest
from jitui.store.actions import ActionRow, from_columns
from jitui.store.chained import FACTS, checked
from jitui.store.rows import SessionRow, Totals, approvals_of, grant_of, named, request_of, session_of
from jitui.values.errors import InvalidError
from jitui.values.page import Page

TEXT: Final = 1 << 20  # bytes of a page, as its columns count them
ROW: Final = 200  # bytes that any row counts beside its texts
SLACK_US: Final = 86_400_000_000  # a wall clock set back or forth by less than a day hides no action of a window
AFTER_US: Final = 60_000_000  # denials within this time after a window's end belong to it, unless another window follows: clients try again
OURS: Final = re.compile(r"jitui-[^-]+-(\d{1,15})-(\d{1,15})", re.ASCII)  # an Audit-ID of ours names session and conn
CURSOR: Final = re.compile(r"(\d{1,19})(?:\.(\d{1,19}))?", re.ASCII)
LAST: Final = (1 << 63) - 1

ACTIONS: Final = "select actions.*, sessions.grant_id from actions left join sessions on sessions.id = actions.session"
SESSIONS: Final = "select sessions.*, grants.identity, grants.connection from sessions left join grants on grants.id = sessions.grant_id"
OF_GRANT: Final = """actions.identity = :identity and actions.at_us between :since and :until and (sessions.grant_id = :grant
  or (actions.session = 0 and actions.connection = :connection and actions.at_us between :approved and :denied))"""

WRITTEN: Final = """
select sessions.grant_id, sum(actions.verb in ('create', 'update', 'patch', 'delete', 'deletecollection') and actions.resource <> ''
    and actions.grp not in ('authentication.k8s.io', 'authorization.k8s.io')
    and actions.subresource not in ('exec', 'attach', 'portforward', 'proxy')),
  sum(actions.grp = '' and actions.resource = 'secrets' and actions.verb in ('get', 'list', 'watch'))
from sessions join actions on actions.session = sessions.id
where sessions.grant_id in (select value from json_each(:ids)) and actions.verdict = 'allowed'
  and (actions.code is null or actions.code between 200 and 299 or actions.code in (500, 502, 504)) group by sessions.grant_id"""

Row = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Query:
    """One list: rows of `select` for which `where` holds, in the order of the columns `key`."""

    select: str
    where: str
    key: tuple[str, ...]
    values: dict[str, Any]

    def first(self) -> str:
        """The key of the oldest of the newest `:limit`, and of the one before it."""
        body = self.select[self.select.index(" from ") :]
        newest = ", ".join(f"{column} desc" for column in self.key)
        return f"select {', '.join(self.key)}{body} where {self.where} order by {newest} limit 2 offset :limit - 1"

    def page(self) -> str:
        """At most `:limit` rows from the key `:from_0`, `:from_1` on."""
        ours, given = ", ".join(self.key), ", ".join(f":from_{at}" for at in range(len(self.key)))
        begins = f"({ours}) >= ({given})" if len(self.key) > 1 else f"{ours} >= {given}"
        return f"{self.select} where {self.where} and {begins} order by {ours} limit :limit + 1"


def read(db: sqlite3.Connection, query: Query, limit: int, cursor: str) -> Page[Row]:
    """One page of rows. Raises InvalidError for a cursor that is none."""
    values = query.values | {"limit": limit}
    start: Sequence[int]
    if cursor:
        found = CURSOR.fullmatch(cursor)
        if found is None or bool(found[2]) != (len(query.key) > 1):
            raise InvalidError(f"{cursor[:40]!r} is no cursor of this list; begin without one")
        start = [min(int(part), LAST) for part in found.groups() if part is not None]
    else:
        first = db.execute(query.first(), values).fetchall()
        start = first[0] if first else [0] * len(query.key)
    values |= {f"from_{at}": part for at, part in enumerate(start)}
    rows: Page[Row] = Page(older=not cursor and len(first) > 1)
    size = 0
    for row in named(db, query.page(), values):
        if len(rows) >= limit or size >= TEXT:
            rows.more = ".".join(str(row[column.rpartition(".")[2]]) for column in query.key) if len(rows) < limit else ""
            break
        size += weight(row)
        rows.append(row)
    return rows


def weight(row: Row) -> int:
    """Bytes that a row counts on its page."""
    return ROW + sum(len(value) for value in row.values() if isinstance(value, (str, bytes)))


def made(rows: Page[Row], form: Callable[[Row], T]) -> Page[T]:
    return Page((form(row) for row in rows), rows.more, older=rows.older)


def actions(
    db: sqlite3.Connection, *, grant: int = 0, session: int = 0, identity: str = "", audit_id: str = "", limit: int, cursor: str = ""
) -> Page[ActionRow]:
    """Of a grant: actions in its sessions, and denials of its identity on its connection meanwhile. Of an audit id: the one action."""
    query = actions_query(db, grant=grant, session=session, identity=identity, audit_id=audit_id)
    rows = read(db, query, limit, cursor) if query is not None else Page[Row]()
    found = made(rows, lambda row: from_columns({**row, "grant_id": row["grant_id"] or grant}))
    found.sort(key=lambda row: (row.at_us, row.id))
    return found


def actions_query(db: sqlite3.Connection, *, grant: int, session: int, identity: str, audit_id: str) -> Query | None:
    """The query; None where nothing can be found."""
    terms, values = list[str](), dict[str, Any]()
    if audit_id:
        ours = OURS.fullmatch(audit_id)
        if ours is None:
            return None
        terms.append("actions.session = :of_session and actions.conn = :of_conn and actions.audit_id = :audit_id")
        values |= {"of_session": int(ours[1]), "of_conn": int(ours[2]), "audit_id": audit_id}
    if session:
        terms.append("actions.session = :session")
        values["session"] = session
    if identity and not grant:
        terms.append("actions.identity = :identity")
        values["identity"] = identity
    if grant:
        of_grant = bounds(db, grant)
        if of_grant is None or identity not in {"", of_grant["identity"]}:
            return None
        terms.append(OF_GRANT)
        values |= of_grant
    by_time = "identity" in values and not (audit_id or session)
    return Query(ACTIONS, " and ".join(terms) or "true", ("actions.at_us", "actions.id") if by_time else ("actions.id",), values)


def bounds(db: sqlite3.Connection, grant: int) -> dict[str, Any] | None:
    """The identity, connection and times (UTC, microseconds) of a grant's actions; None if there is no such grant."""
    found = db.execute("select identity, connection, approved_us, ended_us from grants where id = ?", (grant,)).fetchone()
    if found is None:
        return None
    identity, connection, approved, ended = found
    (successor,) = db.execute("select min(approved_us) from grants where identity = ? and connection = ? and id > ?", (identity, connection, grant)).fetchone()
    (began,) = db.execute("select min(started_us) from sessions where grant_id = ?", (grant,)).fetchone()
    denied = LAST if not ended else max(ended, min(ended + AFTER_US, (successor or LAST) - 1))
    return {"grant": grant, "identity": identity, "connection": connection, "approved": approved, "denied": denied,
            "since": min(approved, began or approved) - SLACK_US, "until": ended + AFTER_US + SLACK_US if ended else LAST}


def sessions(
    db: sqlite3.Connection, *, live: bool = False, grant: int = 0, identity: str = "", looks: bool = True, limit: int, cursor: str = "",
) -> Page[SessionRow]:  # fmt: skip
    """Of one grant, or one identity, if given; without the gateway's own `looks` those of agents."""
    return made(read(db, sessions_query(live=live, grant=grant, identity=identity, looks=looks), limit, cursor), session_of)


def sessions_query(*, live: bool, grant: int, identity: str, looks: bool = True) -> Query:
    terms = list[str]() if looks else [f"sessions.kind <> '{PROBE}'"]
    if live:
        terms.append("sessions.state <> 'ended'")
    if grant:
        terms.append("sessions.grant_id = :grant")
    if identity:
        terms.append("grants.identity = :identity" if grant or live else "sessions.grant_id in (select id from grants where identity = :identity)")
    return Query(SESSIONS, " and ".join(terms) or "true", ("sessions.id",), {"grant": grant, "identity": identity})


def requests(db: sqlite3.Connection, *, pending: bool = False, identity: str = "", limit: int, cursor: str = "") -> Page[Request]:
    rows = read(db, requests_query(pending=pending, identity=identity), limit, cursor)
    return made(rows, lambda row: request_of(row, approvals_of(db, row["id"])))


def requests_query(*, pending: bool, identity: str) -> Query:
    terms = ["identity = :identity"] if identity else list[str]()
    if pending:
        terms.append("state = 'pending'")
    return Query("select * from requests", " and ".join(terms) or "true", ("id",), {"identity": identity})


def grants(db: sqlite3.Connection, *, live: bool = False, identity: str = "", limit: int, cursor: str = "") -> Page[Grant]:
    return made(read(db, grants_query(live=live, identity=identity), limit, cursor), grant_of)


def grants_query(*, live: bool, identity: str) -> Query:
    terms = ["identity = :identity"] if identity else list[str]()
    if live:
        terms.append("state in ('waiting', 'active')")
    return Query("select * from grants", " and ".join(terms) or "true", ("id",), {"identity": identity})


ROWS: Final = 2000  # actions of an identity that its past is told from
WINDOWS: Final = "select count(*) from grants where identity = :identity and connection = :connection and started_us >= :since"
PAST: Final = """select count(*) rows, max(at_us) at_us, verdict, hazard, verb, grp, resource, subresource, namespace, name, path, argv, sum(count) count
  from (select * from actions where identity = :identity and connection = :connection and at_us >= :since order by at_us desc limit :newest)
  group by verdict, hazard, verb, grp, resource, subresource, namespace, name, path, argv order by 1 desc"""


def past(db: sqlite3.Connection, identity: str, connection: str, since_us: int) -> tuple[int, Page[ActionRow]]:
    """The number of windows, and of the newest ROWS actions those that differ, newest first."""
    values = {"identity": identity, "connection": connection, "since": since_us, "newest": ROWS}
    (windows,) = db.execute(WINDOWS, values).fetchone()
    told = {"id": 0, "session": 0, "conn": 0, "identity": identity, "connection": connection, "clause": "", "code": None, "bytes_in": 0, "bytes_out": 0,
            "audit_id": ""}
    found = list(named(db, PAST, values))
    older = sum(row.pop("rows") for row in found) >= ROWS
    return windows, Page((from_columns({**told, **row}) for row in found), older=older)


OF_PROCESSES: Final = "subject in (select 'g-' || value from json_each(?)) and kind in ('process.ended', 'process.left')"
PROCESSES: Final = f"{FACTS} where {OF_PROCESSES} order by seq"
TOTALS: Final = """select grant_id, coalesce(sum(bytes_in), 0), coalesce(sum(bytes_out), 0),
  sum(kind <> 'api' and ended_why in ('expired', 'revoked', 'released', 'budget', 'lockdown', 'rule-changed', 'disabled')),
  sum(case when id in (select value from json_each(:told)) then 0 else may_run_on end), sum(state <> 'ended'),
  sum(kind = 'exec' and state = 'open')
  from sessions where grant_id in (select value from json_each(:ids)) group by grant_id"""


def processes(db: sqlite3.Connection, ids: Collection[int]) -> dict[int, tuple[ProcessTold, ...]]:
    """By grant: the last word about each process of its commands, from the facts. Nothing of a grant without one."""
    facts: dict[int, list[Fact]] = {}
    for row in db.execute(PROCESSES, (json.dumps(list(ids)),)):
        fact = checked(row)
        facts.setdefault(fact.number("g"), []).append(fact)
    return {grant: tuple(newest(told)) for grant, told in facts.items()}


LOST: Final = f"""{SESSIONS} where sessions.kind = 'exec' and sessions.ended_us >= ?1 and (sessions.ended_why = 'gateway-lost'
  or sessions.id in (select value from json_each(?2))) order by sessions.id limit 1000"""  # noqa: S608 - constants
# windows that go on, and those that ended since the gateway started: their time was over while there was none
OPEN: Final = """select 'g-' || id from grants where state in ('waiting', 'active') union select subject from facts where kind = 'grant.ended'
  and seq > (select seq from facts where kind = 'gateway.started' order by seq desc limit 1)"""


def lost_commands(db: sqlite3.Connection, since_us: int) -> list[tuple[Grant, SessionRow, bool, ProcessesBefore | None, ProcessSeen | None]]:
    """The commands that gateways lost since then (UTC), and those that have left something in windows which no gateway ended; of none of them tells a fact
    how its processes ended. Each with whether it read input, what was in its container before its window, and what was seen of it.
    """
    seen = _seen(db, [subject for (subject,) in db.execute(OPEN)])
    rows = [session_of(row) for row in named(db, LOST, (since_us, json.dumps(list(seen))))]
    seen |= _seen(db, {f"g-{row.grant}" for row in rows})
    told = processes(db, {row.grant for row in rows})
    found = []
    for row in rows:
        if any(each.session == row.id for each in told.get(row.grant, ())):
            continue
        (grant,) = [grant_of(each) for each in named(db, "select * from grants where id = ?", (row.grant,))]
        facts = [checked(each) for each in db.execute(f"{FACTS} where subject = ? and kind = 'processes.before' order by seq", (grant.label,))]
        before = [each for each in map(ProcessesBefore.of, facts) if row.target in {f"{each.pod}/{each.container}", each.pod}]
        opened = [SessionOpened.of(checked(one)) for one in db.execute(f"{FACTS} where subject = ? and kind = 'session.opened' order by seq", (f"s-{row.id}",))]
        found.append((grant, row, any(each.stdin for each in opened), before[-1] if before else None, seen.get(row.id)))
    return found


def _seen(db: sqlite3.Connection, windows: Iterable[str]) -> dict[int, ProcessSeen]:
    """By session, the newest fact of what was seen of it."""
    terms = f"{FACTS} where subject in (select value from json_each(?)) and kind = 'process.seen' order by seq"  # noqa: S608 - constants
    found = (ProcessSeen.of(checked(row)) for row in db.execute(terms, (json.dumps(list(windows)),)))
    return {each.session: each for each in found}


def written(db: sqlite3.Connection, ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """By grant: its writes, and its answers with Secrets. Nothing of a grant without requests."""
    return {grant: (writes, secrets) for grant, writes, secrets in db.execute(WRITTEN, {"ids": json.dumps(list(ids))})}


def totals(db: sqlite3.Connection, ids: Collection[int]) -> dict[int, tuple[Totals, bool]]:
    """By grant: the totals of its sessions, and whether all of them have ended. Nothing of a grant without sessions.

    Of a session whose processes facts tell of, those count and not what its end said.
    """
    told = processes(db, ids)
    sessions = [each.session for of_grant in told.values() for each in of_grant if each.session]
    rows = db.execute(TOTALS, {"ids": json.dumps(list(ids)), "told": json.dumps(sessions)})
    found = {}
    for grant, bytes_in, bytes_out, cut, may_run_on, live, proving in rows:
        of_grant = told.get(grant, ())
        running = sum(each.state in {LEFT, NOT_PROVED} for each in of_grant)
        found[grant] = Totals(bytes_in, bytes_out, cut, may_run_on + running, of_grant, proving=proving), not live
    return found
