"""Spans made anew from the frames of one tape, and compared with those that stand in it."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

Row = Sequence[Any]


class Spans:
    """The spans of one tape, read before its frames; fed with its rows in order."""

    def __init__(self, scratch: sqlite3.Connection, stored: Iterable[Row], *, exported: bool) -> None:
        """`stored`: rows (session, seq, at_us, first, last). `exported`: of an evidence file, whose one span may name any of its frames."""
        self.problem = ""
        self._db, self._exported = scratch, exported
        scratch.execute("delete from span")
        scratch.executemany("insert into span values(?, ?, ?, ?, ?)", stored)
        self._runs = scratch.execute("select first, last from span where session = 0 order by first, last")
        self._run: Row | None = None
        self._last = 0  # row that runs were followed up to
        self._row = 0  # that was fed last
        self._found: dict[int, list[int]] = {}
        self._named = set(scratch.execute("select session, seq, at_us from span where session <> 0").fetchall()) if exported else set()
        self._next_run()

    def feed(self, row: Row) -> None:
        """A row of the tape (tape_rows.COLUMNS)."""
        if self.problem:
            return
        ident, session, seq, at_us = row[:4]
        self._row = ident
        while self._run is not None and ident > self._run[1] and not self.problem:
            self._close_run()
        if self._run is None or self.problem:
            return
        if ident < self._run[0]:
            self.problem = f"row {ident} lies in no span, and spans go on at row {self._run[0]}"
            return
        span = self._found.setdefault(session, [seq, at_us, ident, ident])
        span[3] = ident
        self._named.discard((session, seq, at_us))

    def finish(self) -> str:
        """The fault, or ""."""
        while self._run is not None and not self.problem:
            self._close_run()
        if not self.problem and self._last > self._row:
            self.problem = f"spans go on to row {self._last}, the frames end at row {self._row}"
        if not self.problem and self._named:
            self.problem = "its span names a frame that is not there"
        return self.problem

    def _next_run(self) -> None:
        self._found = {}
        self._run = self._runs.fetchone()
        if self._run is not None and (self._run[0] != self._last + 1 or self._run[1] < self._run[0]):
            self.problem = f"spans go on at row {self._run[0]}, those before end at row {self._last}"

    def _close_run(self) -> None:
        first, last = self._run or (0, 0)
        stored = self._db.execute("select session, seq, at_us, first, last from span where session <> 0 and first between ? and ? order by session, first",
                                  (first, last)).fetchall()
        made = [(session, *span) for session, span in sorted(self._found.items())]
        if self._exported:
            stored, made = [(row[0], *row[3:]) for row in stored], [(row[0], *row[3:]) for row in made]
        if stored != made:
            wrong = sorted({row[0] for row in set(stored) ^ set(made)})
            self.problem = f"between rows {first} and {last} the frames of s-{wrong[0]} do not stand where the spans say" if wrong else "a span comes twice"
        self._last = last
        if not self.problem:
            self._next_run()
            if self._run is None and self._db.execute("select 1 from span where session <> 0 and (first > ? or first < 1)", (last,)).fetchone():
                self.problem = f"a span begins behind row {last}, where no frame has one yet"
