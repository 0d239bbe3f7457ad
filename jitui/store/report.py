"""Reads what a report tells of a time out of the ledger: windows and the use of their scopes, decisions, denials, and the facts that auditors sample.

Memory is bounded: lists are cut to their newest lines and counted, facts are read page by page.
"""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any, Final, NamedTuple

from jitui.policy.scope import Scope
from jitui.policy.streams import API, PROBE, UPGRADE_VERBS, UPGRADES
from jitui.recording.facts import Fact, Kind
from jitui.store.archive import Files
from jitui.store.chained import FACTS, checked
from jitui.store.rows import named
from jitui.values.errors import InvalidError

WINDOWS: Final = 1000  # of a report, the newest
LINES: Final = 200  # of one of its sections
USES: Final = 100  # different requests of one window
PAGE: Final = 1000
CUT: Final = ("expired", "revoked", "released", "killed", "rule-changed", "disabled", "lockdown", "budget", "frozen")
NOT_WHOLE: Final = ("unrecordable", "undecodable", "gateway-lost")

_WINDOWS: Final = """from grants left join requests on requests.id = grants.request
  where grants.approved_us < :until and (grants.ended_us = 0 or grants.ended_us >= :since)
  and (:identity = '' or grants.identity = :identity) and (:connection = '' or grants.connection = :connection)"""
_COLUMNS: Final = "grants.*, coalesce(requests.reason, '') reason, coalesce(requests.asked_us, 0) asked_us, coalesce(requests.automatic, 0) automatic"
_USED: Final = f"""select actions.clause, actions.verb, actions.grp, actions.resource, actions.subresource, sum(actions.count) count
  from sessions join actions on actions.session = sessions.id where sessions.grant_id = ? and sessions.kind <> '{PROBE}' and actions.verdict = 'allowed'
  group by 1, 2, 3, 4, 5 order by 6 desc limit ?"""  # noqa: S608 - a constant
_DENIED: Final = """select identity, connection, verb, grp, resource, subresource, namespace, max(at_us) at_us, sum(count) count, max(clause) why from actions
  where verdict = 'denied' and at_us >= :since and at_us < :until and (:identity = '' or identity = :identity)
  and (:connection = '' or connection = :connection) group by 1, 2, 3, 4, 5, 6, 7 order by count desc limit :most"""
_LIVE_THEN: Final = """(select max(id) from grants where grants.identity = denied.identity and grants.connection = denied.connection
  and approved_us <= denied.at_us and (ended_us = 0 or ended_us >= denied.at_us))"""
_SESSIONS: Final = """select sessions.*, grants.identity, grants.connection from sessions join grants on grants.id = sessions.grant_id
  where sessions.ended_us >= :since and sessions.ended_us < :until and (:identity = '' or grants.identity = :identity)
  and (:connection = '' or grants.connection = :connection) and ended_why in (select value from json_each(:whys)) order by sessions.id desc"""
_DECIDED: Final = """select approvals.person, 1 yes, approvals.at_us - requests.asked_us took, requests.identity, requests.id from approvals
    join requests on requests.id = approvals.request where requests.automatic = 0 and approvals.at_us >= :since and approvals.at_us < :until
    and (:identity = '' or requests.identity = :identity) and (:connection = '' or requests.connection = :connection)
  union all select decided_by, 0, decided_us - asked_us, identity, id from requests where state = 'denied' and decided_us >= :since and decided_us < :until
    and (:identity = '' or identity = :identity) and (:connection = '' or connection = :connection)"""
_WHOSE: Final = {
    "g-": "select identity, connection from grants where id = ?", "r-": "select identity, connection from requests where id = ?",
    "s-": "select grants.identity, grants.connection from sessions join grants on grants.id = sessions.grant_id where sessions.id = ?",
}  # fmt: skip


class Asked(NamedTuple):
    """The time of a report, and whom it is about."""

    since_us: int  # UTC
    until_us: int
    identity: str = ""  # empty: all
    connection: str = ""

    @property
    def values(self) -> dict[str, Any]:
        return {"since": self.since_us, "until": self.until_us, "identity": self.identity, "connection": self.connection}


def asked(now_us: int, since_s: int, until_s: int, identity: str, connection: str) -> Asked:
    """From so many seconds ago until so many seconds ago. Raises InvalidError."""
    if until_s >= since_s:
        raise InvalidError("a report ends after it begins: --until has to be shorter ago than --since")
    return Asked(max(0, now_us - since_s * 1_000_000), now_us + 1 - until_s * 1_000_000, identity, connection)


class Use(NamedTuple):
    """One clause of a window's scope."""

    clause: str
    requests: int
    used: tuple[str, ...]
    unused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """A row of `grants` with its request, and what was made of it."""

    row: dict[str, Any]
    uses: tuple[Use, ...]
    own: tuple[str, ...]  # of its approvers: who owned or made the agent
    sessions: int
    first: tuple[int, int]  # its first session, and when that began (UTC); 0: none
    denied: int

    @property
    def approvers(self) -> tuple[str, ...]:
        return () if self.row["automatic"] else tuple(json.loads(self.row["approved_by"]))


class Decisions(NamedTuple):
    person: str
    yes: int
    no: int
    own: int
    took_us: tuple[int, ...]
    requests: tuple[int, ...]  # the newest first

    @property
    def median_s(self) -> int:
        return round(median(self.took_us) / 1e6) if self.took_us else -1


class Reading:
    """One report's reading of a record."""

    def __init__(self, files: Files, asked: Asked) -> None:
        self._files, self._asked = files, asked
        self._identities = files.identities()

    def windows(self) -> tuple[int, int, int, list[Window]]:
        """How many there were, how many of these automatic, how many approved by the agent's own people; and the newest, newest first."""
        with self._files.reading(self._files.ledger) as db:
            total = automatic = own = 0
            for identity, approved_by, by_rule in db.execute(f"select grants.identity, grants.approved_by, coalesce(requests.automatic, 0) {_WINDOWS}",
                                                            self._asked.values):
                total, automatic = total + 1, automatic + bool(by_rule)
                own += bool(not by_rule and self._own(identity, json.loads(approved_by)))
            rows = list(named(db, f"select {_COLUMNS} {_WINDOWS} order by grants.id desc limit {WINDOWS:d}", self._asked.values))
        found = []
        for row in rows:
            with self._files.reading(self._files.ledger) as db:
                found.append(self._window(db, row))
        return total, automatic, own, found

    def _own(self, agent: str, people: list[str]) -> tuple[str, ...]:
        """Of these people those who own or made the agent."""
        known = self._identities.get(agent)
        return tuple(name for name in people if known is not None and name in {known.owner, known.created_by, agent})

    def _window(self, db: sqlite3.Connection, row: dict[str, Any]) -> Window:
        sessions, first = db.execute("select count(*), min(id) from sessions where grant_id = ? and kind <> ?", (row["id"], PROBE)).fetchone()
        (began,) = db.execute("select started_us from sessions where id = ?", (first,)).fetchone() if first else (0,)
        until = row["ended_us"] or self._asked.until_us
        (denied,) = db.execute("select coalesce(sum(count), 0) from actions where identity = ? and connection = ? and verdict = 'denied' "
                               "and at_us >= ? and at_us <= ?", (row["identity"], row["connection"], row["approved_us"], until)).fetchone()
        own = () if row["automatic"] else self._own(row["identity"], json.loads(row["approved_by"]))
        return Window(row, tuple(_uses(db, row["id"], row["scope"])), own, sessions, (first or 0, began), denied)

    def decisions(self) -> list[Decisions]:
        """Of each person, by name."""
        found: dict[str, list[tuple[bool, int, bool, int]]] = {}
        with self._files.reading(self._files.ledger) as db:
            for person, yes, took, agent, request in db.execute(_DECIDED, self._asked.values):
                found.setdefault(person, []).append((bool(yes), max(0, took), bool(self._own(agent, [person])), request))
        return [Decisions(person, sum(yes for yes, *_ in each), sum(not yes for yes, *_ in each), sum(own for _, _, own, _ in each),
                          tuple(took for _, took, _, _ in each), tuple(sorted((request for *_, request in each), reverse=True)))
                for person, each in sorted(found.items()) if person not in {"", "gateway"}]

    def denied(self) -> tuple[int, list[dict[str, Any]]]:
        """How many calls were denied, and what they asked for, the most frequent first."""
        with self._files.reading(self._files.ledger) as db:
            rows = list(named(db, f"select *, {_LIVE_THEN} grant_id from ({_DENIED}) denied", {**self._asked.values, "most": LINES}))  # noqa: S608 - constants
            (total,) = db.execute("select coalesce(sum(count), 0) from actions where verdict = 'denied' and at_us >= :since and at_us < :until "
                                  "and (:identity = '' or identity = :identity) and (:connection = '' or connection = :connection)",
                                  self._asked.values).fetchone()
        return total, rows

    def sessions(self, whys: tuple[str, ...], *, streams: bool) -> tuple[int, list[dict[str, Any]]]:
        """How many sessions ended so, and the newest; `streams`: without plain requests."""
        values = {**self._asked.values, "whys": json.dumps(whys)}
        sql = _SESSIONS.replace(" order by", f" and kind not in ('{API}', '{PROBE}') order by") if streams else _SESSIONS
        with self._files.reading(self._files.ledger) as db:
            (total,) = db.execute(f"select count(*) from ({sql})", values).fetchone()  # noqa: S608 - constants
            return total, list(named(db, f"{sql} limit {LINES:d}", values))

    def span(self) -> tuple[int, int, bytes]:
        """The first fact of the time, the last, and its hash."""
        with self._files.reading(self._files.ledger) as db:
            first, last = db.execute("select coalesce(min(seq), 0), coalesce(max(seq), 0) from facts where at_us >= ? and at_us < ?",
                                     self._asked[:2]).fetchone()
            row = db.execute("select hash from facts where seq = ?", (last,)).fetchone()
        return first, last, row[0] if row else b""

    def facts(self, kinds: frozenset[Kind], first: int, last: int) -> Iterator[Fact]:
        """The facts of these kinds in that time, oldest first, page by page; those about the identity or the connection that is asked for."""
        asked, after = self._asked, first - 1
        names = json.dumps(sorted(kind.value for kind in kinds))
        while after < last:
            with self._files.reading(self._files.ledger) as db:
                rows = db.execute(f"{FACTS} where seq > ? and seq <= ? and at_us >= ? and at_us < ? "  # noqa: S608 - a constant
                                  "and kind in (select value from json_each(?)) order by seq limit ?",
                                  (after, last, asked.since_us, asked.until_us, names, PAGE)).fetchall()
                found = [checked(row) for row in rows]
                wanted = [fact for fact in found if self._concerns(db, fact)]
            if not found:
                return
            yield from wanted
            after = found[-1].seq

    def _concerns(self, db: sqlite3.Connection, fact: Fact) -> bool:
        """Whether a fact is about the identity and the connection that are asked for; one that names neither concerns everybody."""
        asked = self._asked
        if not (asked.identity or asked.connection):
            return True
        identity, connection = fact.identity, str(fact.what.get("connection", ""))
        for label in (fact.subject, fact.grant):
            sql = _WHOSE.get(label[:2])
            if sql is not None and label[2:].isdecimal() and not (identity and connection):
                row = db.execute(sql, (int(label[2:]),)).fetchone()
                identity, connection = (identity or row[0] or "", connection or row[1] or "") if row else (identity, connection)
        agents = {identity} if identity else {name for name in (fact.subject, fact.who) if (known := self._identities.get(name)) and known.is_agent}
        return (not asked.identity or not agents or asked.identity in agents) and (not asked.connection or connection in {"", asked.connection})


def _uses(db: sqlite3.Connection, grant: int, scope: str) -> Iterator[Use]:
    """Each clause of a scope with what it allowed, then what was allowed by clauses that the scope no longer names so."""
    rows: dict[str, list[tuple[str, str, int]]] = {}
    for clause, verb, group, resource, subresource, count in db.execute(_USED, (grant, USES)):
        kind = f"{resource}.{group}" if group else resource
        rows.setdefault(clause, []).append((verb, f"{kind}/{subresource}" if subresource else kind, count))
    try:
        clauses = {clause.text: clause for clause in Scope.parse(scope).clauses}
    except InvalidError:
        clauses = {}
    for text in [*clauses, *(text for text in rows if text not in clauses)]:
        found = rows.get(text, [])
        used = tuple(dict.fromkeys(f"{verb} {kind}".strip() for verb, kind, _ in found))
        written = {verb for atom in clauses[text].atoms if not atom.starred for verb in atom.verbs} if text in clauses else set()
        said = text.partition(" ")[0].split(",")
        if "get" not in said and not UPGRADE_VERBS.keys().isdisjoint(said):
            written.discard("get")  # of the pod, which goes with such a clause unwritten
        seen = {verb for verb, _, _ in found} | {kind.verb for _, what, _ in found if (kind := UPGRADES.get(what.partition("/")[2]))}
        unused = tuple(sorted(written - seen))
        yield Use(text or "(clause not on record)", sum(count for _, _, count in found), used, unused if found else ())
