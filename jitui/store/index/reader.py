"""Reads index.db: the keyframe before a moment, and where a text stands. Read-only, in short calls; made for threads.

Nothing of the file is believed but as a place to look at: sessions, rights, verbs and the words of actions come from the ledger.
"""

import json
import re
import sqlite3
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

from jitui.recording.keyframe import Keyframe
from jitui.store import gone
from jitui.store.connections import UNREADABLE
from jitui.store.frames import Frames
from jitui.store.index.blocks import Moment, Opened, Source
from jitui.store.index.book import KEYFRAMES, keyframe_of, ordinary, remove
from jitui.store.index.builder import action_line
from jitui.store.rows import SessionRow
from jitui.values.errors import InvalidError, NotFoundError

WORD: Final = re.compile(r"[^\W_]+")  # as the tokenizer unicode61 cuts
SHORTEST: Final = 3  # characters of the longest word of a text
LONGEST: Final = 200  # characters of a text
LOOKS: Final = 1000  # blocks that one search opens
EACH: Final = 50  # hits of one block
NAMED: Final = 5  # sessions that a note names
ACTED: Final = "select session, identity, connection, verb, grp, resource, subresource, namespace, name, path, argv from actions where id = ?"
BLOCKS: Final = ("select blocks.session, blocks.source, blocks.text, blocks.lines"
                 " from words join blocks on blocks.id = words.rowid where words match :match")  # fmt: skip
OF_SESSIONS: Final = "and blocks.session in (select value from json_each(:sessions))"
Row = tuple[Any, ...]
May = Callable[[SessionRow], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A text, and where it is looked for; empty: anywhere."""

    text: str
    grant: int = 0  # in the sessions of that window
    identity: str = ""
    connection: str = ""
    kind: str = ""  # of the session
    verb: str = ""  # of the action, or its subresource
    sources: frozenset[Source] = frozenset()
    since_us: int = 0  # UTC
    limit: int = 100

    def match(self) -> str:
        """The words, for FTS5: the last one may go on. Raises InvalidError for a text that has none."""
        words = list(WORD.finditer(self.text.lower()))
        if len(self.text) > LONGEST or max((len(word.group()) for word in words), default=0) < SHORTEST:
            raise InvalidError(f"{self.text[:40]!r} can't be looked for: a text has a word of at least {SHORTEST} letters or digits, and {LONGEST} "
                               "characters at most")  # fmt: skip
        last = words[-1]
        return " AND ".join(f'"{word.group()}"{"*" * (word is last and word.end() == len(self.text))}' for word in words)


@dataclass(frozen=True, slots=True)
class Hit:
    """One line with the text."""

    session: SessionRow | None  # None: of a denial
    source: Source
    identity: str
    connection: str
    moment: Moment
    line: str
    place: int  # of the text in the line


@dataclass(slots=True)
class Found:
    """The newest first."""

    hits: list[Hit] = field(default_factory=list)
    left_out: int = 0  # in sessions that may not be read
    older: bool = False  # there may be more
    notes: list[str] = field(default_factory=list)  # gaps of the index


class Reader:
    """Of one record."""

    def __init__(self, files: Frames, *, mend: bool = False) -> None:
        """`mend`: delete an index that is broken, so that it is built again."""
        self._files, self._mend = files, mend

    @property
    def there(self) -> bool:
        return not self._files.single and ordinary(self._files.index)

    def keyframe(self, row: SessionRow, at_us: int, *, clean: bool = False) -> Keyframe | None:
        """The newest one of a session at or before this time since its start; `clean`: only where nothing before it was masked.

        None of a session whose end the index has not taken up yet: what the client did not get is drawn otherwise.
        """
        if not self.there:
            return None
        try:
            with self._files.reading(self._files.index) as db:
                over = db.execute("select over from sessions where id = ?", (row.id,)).fetchone()
                if row.ended_us and over != (1,):
                    return None
                found = db.execute(f"{KEYFRAMES} where session = ? and at_us <= ? and clean >= ? order by at_us desc, seq desc limit 1",
                                   (row.id, at_us, clean)).fetchone()
                return keyframe_of(found) if found else None
        except (InvalidError, NotFoundError) as error:
            self._broken(error)
            return None

    def find(self, query: Query, may: May) -> Found:
        """Lines with a text; `may`: whether a session may be read. Raises InvalidError for a text that can't be looked for."""
        match, found = query.match(), Found()
        if not self.there:
            found.notes.append(self._files.unindexed or f"there is no index in {self._files.place} yet: a gateway builds it behind the recording, "
                               "where its machine can confine the process that does")  # fmt: skip
            return found
        try:
            with self._files.reading(self._files.index) as db, closing(self._hits(db, query, match)) as hits:
                self._take(hits, query, may, found)
        except (InvalidError, NotFoundError) as error:
            self._broken(error)
            found.notes.append(f"{error}; the index is derived from the record, and a gateway builds it again")
            return found
        found.hits.sort(key=lambda hit: hit.moment.at_us, reverse=True)
        found.notes += self._uncovered()
        return found

    def _take(self, hits: "Iterator[tuple[Row, Moment, str, int] | None]", query: Query, may: May, found: Found) -> None:
        sessions: dict[int, SessionRow | None] = {0: None}
        allowed: dict[int, bool] = {0: True}
        seen: set[tuple[object, ...]] = set()
        for hit in hits:
            if hit is None or len(found.hits) >= query.limit:
                found.older = True
                return
            (session, source, *_), moment, line, place = hit
            if session not in allowed:
                allowed[session] = self._known(session, sessions) and may(sessions[session])  # type: ignore[arg-type]
            key = (session, source, moment.conn, moment.seq, line)
            if not allowed[session]:
                found.left_out += session in sessions
            elif key not in seen and moment.at_us >= query.since_us and (not query.verb or self._is(query.verb, session, source, moment)):
                seen.add(key)
                found.hits.append(self._held(Source(source), sessions[session], moment, line, place))

    def _held(self, source: Source, row: SessionRow | None, moment: Moment, line: str, place: int) -> Hit:
        """A hit, held against the record. Raises InvalidError if it can't be from there: then nothing of the index is believed.

        Rights depend on its session, and everybody may read what has none: of that, and of all words of actions, the line is the one in the ledger.
        """
        if source is Source.ARGV:
            with self._files.reading(self._files.ledger) as db:
                acted = db.execute(ACTED, (moment.seq,)).fetchone()
            said = acted and action_line(acted[3:]).encode("utf-8", "replace").decode().lower()
            if acted and acted[0] == (row.id if row else 0) and said == line.lower():
                return Hit(row, source, acted[1], acted[2], moment, line, place)
        elif row is not None and moment.at_us >= row.started.wall_us and (row.frames is None or moment.seq < row.frames):
            return Hit(row, source, row.identity, row.connection, moment, line, place)
        raise InvalidError(f"{self._files.index} has a line that is not from the record")

    def _hits(self, db: sqlite3.Connection, query: Query, match: str) -> "Generator[tuple[Row, Moment, str, int] | None, None, None]":
        """Of the newest blocks; None at the end if there may be more."""
        terms = [BLOCKS, OF_SESSIONS * bool(query.grant),
                 *(f"and blocks.{name} = :{name}" for name in ("identity", "connection", "kind") if getattr(query, name))]
        if query.sources:
            terms.append(f"and blocks.source in ({', '.join(str(int(source)) for source in sorted(query.sources))})")
        sql = " ".join([*terms, "and blocks.last_us >= :since order by words.rowid desc limit :most"])
        values = {"match": match, "identity": query.identity, "connection": query.connection, "kind": query.kind, "since": query.since_us, "most": LOOKS,
                  "sessions": self._of_grant(query.grant)}  # fmt: skip
        looked = 0
        with closing(db.execute(sql, values)) as rows:
            for row in rows:
                looked += 1
                for at, each in enumerate(Opened(row[2], row[3]).find(query.text)):
                    if at >= EACH:
                        break
                    yield (row, *each)
        if looked >= LOOKS:
            yield None

    def _of_grant(self, grant: int) -> str:
        """The sessions of a window, as a list in JSON."""
        with self._files.reading(self._files.ledger) as db:
            return json.dumps([ident for (ident,) in db.execute("select id from sessions where grant_id = ?", (grant,))] if grant else [])

    def _known(self, session: int, sessions: dict[int, SessionRow | None]) -> bool:
        try:
            sessions[session] = self._files.session(session)
        except NotFoundError:
            return False
        return True

    def _is(self, verb: str, session: int, source: int, moment: Moment) -> bool:
        where = "id = ?" if source == Source.ARGV else "session = ? and conn = ?"
        values = (moment.seq,) if source == Source.ARGV else (session, moment.conn)
        with self._files.reading(self._files.ledger) as db:
            rows = db.execute(f"select verb, subresource from actions where {where} limit 100", values).fetchall()  # noqa: S608 - constants
        return any(verb in row for row in rows)

    def _uncovered(self) -> Iterator[str]:
        """Sentences about what the index does not hold."""
        with self._files.reading(self._files.ledger) as db:
            (live,) = db.execute("select count(*) from sessions where state <> 'ended'").fetchone()
            (ended,) = db.execute("select count(*) from sessions").fetchone()
            (actions,) = db.execute("select coalesce(max(id), 0) from actions").fetchone()
            retired = gone.sessions(db)
        with self._files.reading(self._files.index) as db:
            (over,) = db.execute("select count(*) from sessions where over = 1").fetchone()
            broken = [ident for (ident,) in db.execute("select id from sessions where problem <> '' order by id")]
            ((known, dropped),) = db.execute("select actions, dropped from about").fetchall()
            behind = self._behind(db) if over < ended - live else []
        if behind:
            yield f"ended sessions that are not in the index yet: {len(behind)} ({_named(behind)})"
        if live:
            yield f"sessions that go on: {live}; the index is some seconds behind them"
        if known < actions:
            yield f"actions that are not in the index yet: {actions - known}"
        if retired:
            yield gone.retired(retired)
        if broken := [ident for ident in broken if ident not in retired]:
            yield f"sessions whose frames can't be read, and are not in the index: {_named(broken)}; see: jitui verify"
        if dropped:
            yield "the index is as large as it may be: the oldest text is not in it any more"

    def _behind(self, db: sqlite3.Connection) -> list[int]:
        over = {ident for (ident,) in db.execute("select id from sessions where over = 1")}
        with self._files.reading(self._files.ledger) as ledger:
            return [ident for (ident,) in ledger.execute("select id from sessions where state = 'ended' order by id desc") if ident not in over]

    def _broken(self, error: Exception) -> None:
        """A file that is damaged, or not ours, goes; not one that was locked, or that went meanwhile."""
        cause = error.__cause__
        damaged = isinstance(error, InvalidError) and (
            cause is None or isinstance(cause, UNREADABLE) or (isinstance(cause, sqlite3.DatabaseError) and type(cause) is not sqlite3.OperationalError))
        if self._mend and damaged:
            remove(self._files.index)


def sources(where: str) -> frozenset[Source]:
    """Of `stdin,body`; none of an empty text. Raises InvalidError."""
    known = {source.label: source for source in Source}
    words = [word.strip() for word in where.split(",") if word.strip()]
    if wrong := [word for word in words if word not in known]:
        raise InvalidError(f"{wrong[0][:40]!r} is no place of text; these are: {', '.join(known)}")
    return frozenset(known[word] for word in words)


def _named(sessions: list[int]) -> str:
    return ", ".join(f"s-{ident}" for ident in sessions[:NAMED]) + ", ..." * (len(sessions) > NAMED)
