"""A cluster's audit log beside the record, joined by Audit-ID: requests that went past jitui, and recorded ones that the log does not have.

Memory does not grow with the log: what is read of it lies in a temporary file.
"""

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, Final, Literal

from jitui.policy.streams import UPGRADES
from jitui.store.frames import Frames
from jitui.store.listing import OURS
from jitui.values.errors import InvalidError
from jitui.values.instant import rfc3339

PAGE: Final = 500
DEPTH: Final = 3  # wrappings of an event: CloudWatch puts one, as text, into another
_TABLES: Final = """
create table event(id text primary key, at text, user text, verb text, uri text, resource text, namespace text, name text, subresource text, code integer,
  times integer, ended text, row integer) without rowid;
create index event_user on event(user);
"""

Why = Literal["past", "other", "missing"]


@dataclass(frozen=True, slots=True)
class Found:
    """One request that is not on both sides."""

    why: Why  # past: jitui has none of it; other: its Audit-ID is of another request on record, or was used twice; missing: the log has none of it
    audit_id: str
    at: str  # RFC 3339
    who: str  # the user in the cluster; of one that is missing the identity
    verb: str
    what: str  # the URI, or the recorded target
    code: int | None


@dataclass(frozen=True, slots=True)
class Sum:
    """The log and the record in numbers."""

    events: int  # requests in the log
    joined: int  # of these on record, with the same Audit-ID
    users: Sequence[str]  # those whose every request has to be on record
    others: Sequence[tuple[str, int]]  # other users, and how many requests each made
    since: str  # from which on it has every request that came: when its first line was written
    until: str  # when its last request came
    cut: bool = False  # its last line was not whole: the log was being written


class Matching:
    """The audit log of one cluster against the record of one connection, or of all. Close it."""

    def __init__(self, files: Frames, connection: str = "") -> None:
        self._files, self._connection = files, connection
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(_TABLES)
        self._db.execute("begin")
        self._cut = False

    def read(self, lines: Iterable[bytes]) -> None:
        """Take in the log: JSON lines, each an event of audit.k8s.io, also wrapped as CloudWatch exports it. Raises InvalidError for another line."""
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            event = _event(line)
            if event is None and number > 1 and not line.endswith(b"\n"):
                self._cut = True
                break
            if event is None:
                raise InvalidError(f"line {number} is no event of a Kubernetes audit log (audit.k8s.io)")
            target, user, status = (event.get(key) for key in ("objectRef", "user", "responseStatus"))
            target = target if isinstance(target, dict) else {}
            first = event.get("stage") != "ResponseStarted"  # in between
            ended = event.get("stage") in {"ResponseComplete", "Panic"}
            self._db.execute(
                "insert into event values(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, null) on conflict(id) do update set times = times + excluded.times, "
                "code = coalesce(excluded.code, code), ended = min(ended, excluded.ended), name = case when name = '' then excluded.name else name end",
                (str(event["auditID"]), str(event.get("requestReceivedTimestamp") or event.get("stageTimestamp") or ""),
                 str(user.get("username", "")) if isinstance(user, dict) else "", str(event.get("verb", "")), str(event.get("requestURI", "")),
                 *(str(target.get(key) or "") for key in ("resource", "namespace", "name", "subresource")),
                 status.get("code") if isinstance(status, dict) and type(status.get("code")) is int else None, int(first and ended),
                 str(event.get("stageTimestamp") or event.get("requestReceivedTimestamp") or "")))
        self._join()

    def _join(self) -> None:
        """Each event of ours with its row in `actions`."""
        last = ""
        while page := self._db.execute("select id from event where id > ? order by id limit ?", (last, PAGE)).fetchall():
            last = page[-1][0]
            with self._files.reading(self._files.ledger) as ledger:
                for (ident,) in page:
                    if (ours := OURS.fullmatch(ident)) is None:
                        continue
                    sql = "select id from actions where session = ? and conn = ? and audit_id = ? and verdict = 'allowed' and connection like ?"
                    row = ledger.execute(sql, (int(ours[1]), int(ours[2]), ident, self._connection or "%")).fetchone()
                    if row:
                        self._db.execute("update event set row = ? where id = ?", (row[0], ident))

    def sum(self, users: Collection[str] = ()) -> Sum:
        """`users`: patterns of the names that jitui has in the cluster (*); without any, the names under which a recorded request came."""
        all_of = self._db.execute("select user, count(*), count(row) from event group by user order by count(*) desc, user").fetchall()
        known = [user for user, _, joined in all_of if (any(fnmatchcase(user, each) for each in users) if users else joined)]
        # a log that was rotated begins with the ends of requests that came long before it
        since, until = self._db.execute("select coalesce(min(ended), ''), coalesce(max(at), '') from event where at <> ''").fetchone()
        return Sum(sum(count for _, count, _ in all_of), sum(joined for _, _, joined in all_of), sorted(known),
                   [(user, count) for user, count, _ in all_of if user not in known], since, until, self._cut)

    def found(self, users: Collection[str]) -> Iterator[Found]:
        """All that is not on both sides: in the log first, in its order, then on record."""
        yield from self._in_the_log(set(users))
        yield from self._on_record()

    def _in_the_log(self, users: set[str]) -> Iterator[Found]:
        for ident, at, user, verb, uri, resource, namespace, name, subresource, code, times, row in self._db.execute(
                "select id, at, user, verb, uri, resource, namespace, name, subresource, code, times, row from event order by at, id"):
            why: Why | None = None
            if row is None:
                why = "past" if user in users or OURS.fullmatch(ident) else None
            elif times > 1 or not self._is(row, verb, (resource, namespace, name, subresource)):
                why = "other"
            if why:
                yield Found(why, ident, at, user, verb, uri, code)

    def _is(self, row: int, verb: str, target: tuple[str, ...]) -> bool:
        """Whether an event is of the request on record; where either says nothing, nothing differs. A stream's verb in the log is only its method."""
        with self._files.reading(self._files.ledger) as ledger:
            sql = "select verb, resource, namespace, name, subresource from actions where id = ?"
            recorded, *ours = ledger.execute(sql, (row,)).fetchone()
        stream = target[-1] in UPGRADES or target[-1] == "proxy"
        return (stream or not verb or verb == recorded) and all(not one or not other or one == other for one, other in zip(ours, target, strict=True))

    def _on_record(self) -> Iterator[Found]:
        """Allowed requests with an answer, received while the log ran, that it does not have."""
        told = self.sum()
        since, until = _us(told.since), _us(told.until)
        if since is None or until is None:
            return
        last = 0
        while True:
            with self._files.reading(self._files.ledger) as ledger:
                page = ledger.execute("select id, audit_id, at_us, identity, verb, resource, namespace, name, path, code from actions "
                                      "where id > ? and at_us >= ? and at_us <= ? and verdict = 'allowed' and audit_id <> '' and connection like ? "
                                      "order by id limit ?",
                                      (last, since, until, self._connection or "%", PAGE)).fetchall()
            if not page:
                return
            for last, ident, at_us, identity, verb, resource, namespace, name, path, code in page:  # noqa: B007 - the next page begins behind it
                if not self._db.execute("select 1 from event where id = ?", (ident,)).fetchone():
                    what = path or "/".join(part for part in (namespace, resource, name) if part)
                    yield Found("missing", ident, rfc3339(at_us), identity, verb, what, code)

    def close(self) -> None:
        self._db.close()


def _event(line: bytes, depth: int = DEPTH) -> dict[str, Any] | None:
    """The event in a line, unwrapped; None if there is none."""
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return None
    for _ in range(depth):
        if not isinstance(told, dict):
            return None
        if isinstance(told.get("auditID"), str):
            return told
        inner = told.get("@message", told.get("message"))
        try:
            told = json.loads(inner) if isinstance(inner, str) else inner
        except (ValueError, RecursionError):
            return None
    return None


def _us(text: str) -> int | None:
    """Microseconds UTC of an RFC 3339 time; None if it is none."""
    try:
        return round(datetime.fromisoformat(text).timestamp() * 1e6)
    except (ValueError, OverflowError):
        return None
