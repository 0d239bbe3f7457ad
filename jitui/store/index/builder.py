"""Brings the book up to the record: session by session, page by page, and the words of actions. Each page is one commit, so it can stop at any time.

It reads only what may be shown to everybody (store/playback.py): secrets are masked before a byte goes into the book.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Protocol

from jitui.policy.streams import PRINT
from jitui.recording.delivery import Delivery
from jitui.recording.keyframe import Keyframe
from jitui.recording.masking.session import Shown
from jitui.recording.masking.text import masked_text, masked_words
from jitui.store.frames import Frames
from jitui.store.index.blocks import FULL, Block, Moment, Source
from jitui.store.index.book import Book, Cursor, Of
from jitui.store.index.text import Text
from jitui.store.playback import Playback
from jitui.store.rows import SessionRow
from jitui.values.errors import BrokenError, InvalidError, NotFoundError, UnavailableError

LATE_US: Final = 10_000_000  # text waits at most so long for its block to fill
TURN: Final = 8  # pages of one session that has ended, until those that are live are looked at again
PAGE: Final = 1000  # frames, and rows of actions
FOLLOWED: Final = 64  # sessions that go on, whose terminals are kept in mind
ACTIONS: Final = (
    "select actions.id, session, conn, at_us, identity, connection, verb, grp, resource, subresource, namespace, name, path, actions.argv,"
    " coalesce(sessions.kind, '') from actions left join sessions on sessions.id = actions.session where actions.id > ? order by actions.id limit ?"
)


class Screen(Protocol):
    """The terminal of one session: it makes keyframes."""

    def feed(self, shown: Shown) -> Keyframe | None:
        """The next frame; a keyframe behind it, where one is due."""


Screens = Callable[[SessionRow, Keyframe | None], Screen]


@dataclass(slots=True)
class _Work:
    """One session that is followed."""

    row: SessionRow
    cursor: Cursor
    text: Text
    screen: Screen | None
    seq: int  # of the newest frame that was read
    since_us: int  # since when text waits for its block to fill; 0: none does


class Builder:
    """Used by one thread at a time."""

    def __init__(self, files: Frames, book: Book, screens: Screens | None = None) -> None:
        self._files, self._book, self._screens = files, book, screens
        self._playback = Playback(files)
        self._over = book.over()
        self._retired: set[int] = set()  # sessions of which a tape was retired, and that are not in the book any more
        self._live: list[int] = []
        self._behind: list[int] = []  # ended, and not in the book: the next one is the last
        self._works: dict[int, _Work] = {}

    def turn(self, now_us: int) -> bool:
        """Some pages; whether there is more to do at once. `now_us`: UTC.

        Raises BrokenError if the book is damaged, UnavailableError if it can't be written now, OSError.
        """
        try:
            return self._turn(now_us)
        except sqlite3.OperationalError as error:  # such as a full disk: what was read and is not in the book is read again
            self._works.clear()
            raise UnavailableError(f"{self._book.path}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise BrokenError(f"{self._book.path}: {error}") from error

    def _turn(self, now_us: int) -> bool:
        self._look()
        more = self._actions()
        for ident in self._live:
            more |= self._page(ident, now_us)
        for _ in range(TURN):
            if not self._behind:
                break
            if not self._page(self._behind[-1], now_us):
                self._behind.pop()
        return bool(self._book.shrink() or more or self._behind)

    def _look(self) -> None:
        """The sessions that there are."""
        with self._files.reading(self._files.ledger) as db:
            rows = db.execute("select id, state = 'ended' from sessions order by id").fetchall()
            retired = {ident for (ident,) in db.execute("select distinct session from gone")} - self._retired
        self._live = [ident for ident, ended in rows if not ended]
        self._behind = [ident for ident, ended in reversed(rows) if ended and ident not in self._over | retired]
        for ident in retired:  # text that is not kept any more must not be found either
            self._works.pop(ident, None)
            self._book.forget(ident)
            self._over.add(ident)
            self._retired.add(ident)
        for ident in [*self._works][: max(0, len(self._works) - FOLLOWED)]:
            del self._works[ident]

    def _page(self, ident: int, now_us: int) -> bool:
        """One page of a session; False if there is nothing more for now."""
        work = None
        try:
            work = self._works.pop(ident, None) or self._begin(ident)
            self._works[ident] = work  # the newest is the last
            return self._read(work, now_us)
        except (InvalidError, NotFoundError) as error:
            self._works.pop(ident, None)
            cursor = self._book.cursor(ident)
            cursor.problem = str(error)
            cursor.over = ident in self._behind
            self._book.put(Of(ident, "", "", ""), (), cursor)
            if cursor.over:
                self._over.add(ident)
            return False

    def _begin(self, ident: int) -> _Work:
        row = self._files.session(ident)
        cursor = self._book.cursor(ident)
        keyframe = self._book.keyframe(ident, cursor.keyed)
        screen = self._screens(row, keyframe) if self._screens is not None and row.kind in PRINT else None
        seq = min(cursor.seq, keyframe.seq if keyframe else -1) if screen else cursor.seq
        columns = {"columns": keyframe.columns} if keyframe else {}
        return _Work(row, cursor, Text(tty=row.tty, started_us=row.started.wall_us, **columns), screen, seq, 0)

    def _read(self, work: _Work, now_us: int) -> bool:
        row = work.row
        page = self._playback.page(row.id, after=work.seq, limit=PAGE, tty=row.tty, reader="index")
        keyframes = list(self._drawn(work, page))
        if not page:
            now = self._files.session(row.id)
            if now.frames is not None and work.seq + 1 >= now.frames:
                self._finish(work)
            elif work.since_us and now_us - work.since_us > LATE_US:
                self._put(work, everything=True)
            return False
        work.seq = page[-1].frame.seq
        if not work.since_us:
            work.since_us = now_us
        late = now_us - work.since_us > LATE_US
        if keyframes or late or work.text.size >= FULL:
            self._put(work, keyframes, everything=late)
        return True

    def _drawn(self, work: _Work, page: Sequence[Shown]) -> Iterator[Keyframe]:
        for shown in page:
            if shown.frame.seq > work.cursor.seq:
                work.text.feed(shown)
            if work.screen is not None and (keyframe := work.screen.feed(shown)) is not None:
                yield keyframe

    def _put(self, work: _Work, keyframes: Sequence[Keyframe] = (), *, everything: bool) -> None:
        row, blocks = work.row, work.text.take(everything=everything)
        keyed = keyframes[-1].seq if keyframes else work.cursor.keyed
        cursor = Cursor(row.id, max(work.cursor.seq, work.text.begun(work.seq)), keyed, work.cursor.over)
        self._book.put(Of(row.id, row.identity, row.connection, row.kind), blocks, cursor, keyframes)
        work.cursor = cursor
        if everything:
            work.since_us = 0

    def _finish(self, work: _Work) -> None:
        """The session has ended, and all its frames were read."""
        ident = work.row.id
        work.text.end()
        end = self._files.end_of(ident)
        if end is not None and end.conns and work.screen is not None:
            self._book.cut(ident, self._first_lost(ident, Delivery(end.conns), work.seq))
        work.cursor.over = True
        self._put(work, everything=True)
        self._over.add(ident)
        self._works.pop(ident, None)

    def _first_lost(self, ident: int, delivery: Delivery, upto: int) -> int:
        for seq, each in enumerate(self._files.sizes(ident, upto=upto)):
            delivery.feed(seq, each.conn, each.channel, each.size)
            if not delivery.whole(seq, each.conn, each.channel):
                return seq
        return upto + 1

    def _actions(self) -> bool:
        """The words of a thousand actions; whether there are more."""
        with self._files.reading(self._files.ledger) as db:
            rows = db.execute(ACTIONS, (self._book.actions, PAGE)).fetchall()
        if not rows:
            return False
        several = []
        for of, each in groupby(rows, lambda row: Of(row[1], row[4], row[5], row[14])):
            block = Block(Source.ARGV)
            for row in each:
                block.add(f"{action_line(row[6:14])}\n", Moment(row[2], row[0], row[3]))
            several.append((of, block))
        self._book.put_actions(several, rows[-1][0])
        return len(rows) == PAGE


def action_line(row: Sequence[str]) -> str:
    """`get deployments.apps/scale web/web`, and behind it the words of a command, masked."""
    verb, group, resource, subresource, namespace, name, path, argv = row
    kind = f"{resource}{'.' * bool(group)}{group}{'/' * bool(subresource)}{subresource}" if resource else masked_text(path)
    place = f"{namespace}{'/' * bool(namespace and name)}{name}"
    words = masked_words(tuple(str(word) for word in json.loads(argv)))
    return " ".join(" ".join(part.split()) for part in (verb, kind, place, *words) if part)
