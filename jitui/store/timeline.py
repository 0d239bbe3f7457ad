"""Everything that happened in one window, in one order: its requests, its streams as they open and end, and the facts about it; page by page.

Each source is read by an index from the place where a page begins, in its direction, and no further than the page goes: the cost of a page does not grow
with what the window did elsewhere in it. What passed inside a stream are its frames (frames.py); `Frames.seq_at` finds where they stand at a moment.
"""

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from jitui.policy.streams import API, PROBE
from jitui.recording.facts import Fact, Kind, number
from jitui.recording.objects.writes import VERBS
from jitui.store.actions import ActionRow, from_columns
from jitui.store.chained import FACTS, LATEST_US, checked
from jitui.store.frames import Frames
from jitui.store.listing import ACTIONS, OF_GRANT, ROW, SESSIONS, TEXT, bounds
from jitui.store.rows import SessionRow, named, session_of
from jitui.values.errors import InvalidError, NotFoundError
from jitui.values.instant import from_rfc3339

PAGE: Final = 1000
RUNNING: Final = 16  # streams that are told to run at one moment
KEY: Final = re.compile(r"(\d{1,18})\.([0-3])\.(\d{1,18})", re.ASCII)
QUIET: Final = frozenset({"exit", "client-closed", "cluster-closed"})  # ends that nobody here brought about
FROM_FACT, OPENED, ACTION, ENDED = range(4)  # at the same time they come in this order

MARKS: Final[Mapping[str, str]] = {  # letters of a timeline, and their meanings
    "W": "first write", "D": "denied", "S": "secret", "H": "held", "F": "frozen", "T": "thawed", "X": "cut", "Z": "end",
}  # fmt: skip
OF_FACTS: Final[Mapping[Kind, str]] = {
    Kind.GRANT_FROZEN: "F", Kind.SESSION_FROZEN: "F", Kind.GRANT_THAWED: "T", Kind.SESSION_THAWED: "T", Kind.GRANT_ENDED: "Z",
}  # fmt: skip
_FREEZES: Final = ", ".join(f"'{kind.value}'" for kind, mark in OF_FACTS.items() if mark in {"F", "T"})
STILL: Final = 200  # times that a window or its sessions stood still, of which requests are told to be held; the first ones
_OF_GRANT: Final = "select id from sessions where grant_id = :grant"
_FIRST_WRITE: Final = f"""select id from actions where session in ({_OF_GRANT}) and verdict = 'allowed' and resource <> ''
  and verb in ({', '.join(f'{verb!r}' for verb in VERBS)}) and grp not in ('authentication.k8s.io', 'authorization.k8s.io')
  and subresource not in ('exec', 'attach', 'portforward', 'proxy') order by at_us, id limit 1"""  # noqa: S608 - constants
_STREAMS: Final = f"sessions.grant_id = :grant and sessions.kind not in ('{API}', '{PROBE}')"
_CUT: Final = f"sessions.ended_why not in ({', '.join(f'{why!r}' for why in sorted(QUIET))})"
_AFTERWARDS: Final = (Kind.VIEWED, Kind.CLUSTER_LOOKED, Kind.TAPES_HELD, Kind.TAPES_RELEASED)  # by those who use the record, however long after its end
_OWN: Final = f"""kind not in ({', '.join(f"'{kind}'" for kind in _AFTERWARDS)}) and (subject in ('g-' || :grant, 'r-' || :request)
  or (kind in ('{Kind.SESSION_FROZEN}', '{Kind.SESSION_THAWED}') and subject in (select 's-' || id from sessions where grant_id = :grant)))"""  # noqa: S608 - constants
_STOOD: Final = f"select at_us, kind, subject from facts where {_OWN} and kind in ({_FREEZES}) order by seq limit {2 * STILL}"  # noqa: S608 - constants

_HELD: Final = """ or exists (select 1 from json_each(:still) still where actions.at_us between json_extract(still.value, '$[0]')
  and json_extract(still.value, '$[1]') and json_extract(still.value, '$[2]') in (0, actions.session))"""


class Key(NamedTuple):
    """The place of an event among all others of its window."""

    at_us: int  # UTC
    rank: int
    id: int

    def __str__(self) -> str:
        return f"{self.at_us}.{self.rank}.{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One of: a request, a stream that opens or ends, a fact."""

    key: Key
    mark: str = ""  # of MARKS
    action: ActionRow | None = None
    opened: SessionRow | None = None
    ended: SessionRow | None = None
    fact: Fact | None = None

    @property
    def weight(self) -> int:
        """Bytes that it counts on a page, about."""
        if self.action is not None:
            return ROW + self.action.action.length + len(self.action.clause)
        session = self.opened or self.ended
        return ROW + (sum(map(len, session.argv)) + len(session.target) if session is not None else len(repr(self.fact.what)) if self.fact else 0)


def key_of(text: str, *, behind: bool) -> Key:
    """The key of an event, or of a time: behind everything of that moment, or before it. Raises InvalidError."""
    if found := KEY.fullmatch(text):
        return Key(*map(int, found.groups()))
    try:
        at_us = from_rfc3339(text)
    except (ValueError, OverflowError):
        raise InvalidError(f"{text[:40]!r} is neither the key of an event nor a time as 2026-11-23T16:07:52Z") from None
    return Key(min(max(at_us, 0), LATEST_US), ENDED + 1, 0) if behind else Key(min(max(at_us, 0), LATEST_US), -1, 0)


class Timeline:
    """Of one grant. Raises NotFoundError if there is none."""

    def __init__(self, files: Frames, grant: int) -> None:
        self._files, self._grant = files, grant
        with files.reading(files.ledger) as db:
            found = bounds(db, grant)
            if found is None:
                raise NotFoundError(f"no grant g-{grant}; list them with: jitui grants")
            (request,) = db.execute("select request from grants where id = ?", (grant,)).fetchone()
        self._values: dict[str, Any] = found | {"request": request}

    def page(self, *, after: Key | None = None, before: Key | None = None, marks: bool = False, limit: int = PAGE) -> list[Event]:
        """The events that come next behind the key `after`, or the last ones before the key `before`, oldest first; from the beginning without either.

        `marks`: those alone that are worth going to.
        """
        start, back = (before, True) if before is not None else (after or Key(-1, 0, 0), False)
        found: list[Event] = []
        with self._files.reading(self._files.ledger) as db:
            first = db.execute(_FIRST_WRITE, self._values).fetchone()
            part = _Part(start, limit, first[0] if first else 0, self._still(db), back=back, marks=marks)
            for read in (self._facts, self._streams, self._actions):
                found += read(db, part)
        found.sort(key=lambda event: event.key, reverse=back)
        room, page = TEXT, list[Event]()
        for event in found[:limit]:
            page.append(event)
            room -= event.weight
            if room <= 0:
                break
        return page[::-1] if back else page

    def running(self, at_us: int, limit: int = RUNNING) -> list[SessionRow]:
        """The streams that ran at a moment (UTC), the newest first; if none did, the one that ended last before it."""
        ran = "sessions.started_us <= :at and (sessions.ended_us is null or sessions.ended_us >= :at) order by sessions.started_us desc, sessions.id desc"
        last = "sessions.ended_us < :at order by sessions.ended_us desc, sessions.id desc"
        values = self._values | {"at": at_us}
        with self._files.reading(self._files.ledger) as db:
            for which, most in ((ran, limit), (last, 1)):
                if found := [session_of(row) for row in named(db, f"{SESSIONS} where {_STREAMS} and {which} limit {most:d}", values)]:
                    return found
        return []

    def _still(self, db: sqlite3.Connection) -> tuple["_Still", ...]:
        """When the window, or a session of it, was frozen. A thaw of the window is one of all that is in it."""
        found: list[_Still] = []
        begun: dict[int, int] = {}  # by session; 0: the window
        for at_us, kind, subject in db.execute(_STOOD, self._values):
            session = number(subject) if subject.startswith("s-") else 0
            if OF_FACTS[Kind(kind)] == "F":
                begun.setdefault(session, at_us)
                continue
            thawed = [each for each in begun if session in {0, each}]
            found += [_Still(begun.pop(each), at_us, each) for each in thawed]
        return (*found, *(_Still(at_us, LATEST_US, session) for session, at_us in begun.items()))

    def _actions(self, db: sqlite3.Connection, part: "_Part") -> Iterator[Event]:
        worth = f"and (actions.verdict = 'denied' or actions.hazard = 'SECRET' or actions.id = :first{_HELD * bool(part.still)})" if part.marks else ""
        where = f"{OF_GRANT} and coalesce(sessions.kind, '') <> '{PROBE}' and {part.where('actions.at_us', 'actions.id', ACTION)} {worth}"
        for row in named(db, f"{ACTIONS} where {where} {part.order('actions.at_us', 'actions.id')}", self._values | part.values):
            made = from_columns({**row, "grant_id": row["grant_id"] or self._grant})
            denied, secret = made.verdict == "denied", made.hazard == "SECRET"
            held = any(each.holds(made) for each in part.still)
            mark = "D" if denied else "H" if held else "W" if made.id == part.first else "S" if secret else ""
            yield Event(key=Key(made.at_us, ACTION, made.id), action=made, mark=mark)

    def _streams(self, db: sqlite3.Connection, part: "_Part") -> Iterator[Event]:
        values = self._values | part.values
        which = f"{_STREAMS} and sessions.ended_us is not null and {part.where('sessions.ended_us', 'sessions.id', ENDED)} {f'and {_CUT}' * part.marks}"
        for row in map(session_of, named(db, f"{SESSIONS} where {which} {part.order('sessions.ended_us', 'sessions.id')}", values)):
            yield Event(key=Key(row.ended_us or 0, ENDED, row.id), ended=row, mark="" if row.ended_why in QUIET else "X")
        if part.marks:
            return
        which = f"{_STREAMS} and {part.where('sessions.started_us', 'sessions.id', OPENED)}"
        for row in map(session_of, named(db, f"{SESSIONS} where {which} {part.order('sessions.started_us', 'sessions.id')}", values)):
            yield Event(key=Key(row.started.wall_us, OPENED, row.id), opened=row)

    def _facts(self, db: sqlite3.Connection, part: "_Part") -> Iterator[Event]:
        worth = f"and kind in ({', '.join(f'{kind.value!r}' for kind in OF_FACTS)})" if part.marks else ""
        sql = f"{FACTS} where {_OWN} and {part.where('at_us', 'seq', FROM_FACT)} {worth} {part.order('at_us', 'seq')}"
        for row in db.execute(sql, self._values | part.values):
            fact = checked(row)
            yield Event(key=Key(fact.at_us, FROM_FACT, fact.seq), fact=fact, mark=OF_FACTS.get(fact.kind, ""))


@dataclass(frozen=True, slots=True)
class _Still:
    """A time in which nothing passed; what came then waited."""

    from_us: int
    until_us: int
    session: int  # 0: in all of the window

    def holds(self, action: ActionRow) -> bool:
        return self.from_us <= action.at_us <= self.until_us and self.session in {0, action.session}


@dataclass(frozen=True, slots=True)
class _Part:
    """One page of one source."""

    start: Key
    limit: int
    first: int  # the id of the first write; 0: there is none
    still: tuple[_Still, ...]
    back: bool
    marks: bool

    @property
    def values(self) -> dict[str, Any]:
        still = json.dumps([[each.from_us, each.until_us, each.session] for each in self.still])
        return {"from_us": self.start.at_us, "from_id": self.start.id, "first": self.first, "still": still}

    def where(self, at: str, ident: str, rank: int) -> str:
        """The condition that a row of this rank comes behind the start, or before it."""
        sign = "<" if self.back else ">"
        if rank == self.start.rank:
            return f"({at}, {ident}) {sign} (:from_us, :from_id)"
        return f"{at} {sign}{'=' * ((rank < self.start.rank) == self.back)} :from_us"

    def order(self, at: str, ident: str) -> str:
        way = " desc" * self.back
        return f"order by {at}{way}, {ident}{way} limit {self.limit:d}"
