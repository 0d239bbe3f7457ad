"""Chooses which tapes may go, gathers what has to stay of one in its fact, and removes it once that fact is on record.

The newest tape never goes, nor does one with frames of a session that is open, of a window that is live, or of one whose tapes are held. A tape that does
not fit the facts is no longer evidence of anything but that: it stays, too.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from jitui.recording.facts import Draft, Gone, TapeRetired
from jitui.store.connections import Connections
from jitui.store.tapes import sync_folder
from jitui.values.errors import BrokenError, JituiError

AT_ONCE: Final = 2000  # sessions of one fact, some 200 KB of it
NEWEST: Final = 1 << 62
DAY_US: Final = 86_400_000_000
BESIDE: Final = ("-wal", "-shm", "-journal")  # files that SQLite may have left with a tape

# the sessions that keep a tape: the numbers of the facts about their beginning and end, and the reason
_KEEPING: Final = """select sessions.opened_seq, coalesce(sessions.ended_seq, ?), case when sessions.state <> 'ended' then 's-' || sessions.id || ' is open'
    when grants.state in ('waiting', 'active') then 'g-' || grants.id || ' is live' else 'g-' || grants.id || ' is held by ' || holds.held_by end
  from sessions left join grants on grants.id = sessions.grant_id left join holds on holds.grant_id = sessions.grant_id
  where sessions.state <> 'ended' or grants.state in ('waiting', 'active') or holds.grant_id is not null"""


class Tape(NamedTuple):
    """A tape that is not in use any more."""

    path: Path
    opened_us: int  # UTC
    until_us: int  # UTC: nothing on it is newer
    bytes: int
    kept: str  # why it may not go; empty: it may


@dataclass(frozen=True, slots=True)
class Shelves:
    """All tapes, as they stand now."""

    old: Sequence[Tape]  # oldest first, without the one in use
    bytes: int  # of these files, and the one in use
    left: Sequence[Path]  # of which a fact tells that they were retired, and which could not be removed then


def shelves(files: Connections) -> Shelves:
    """The tapes, each old one with why it may not go. Raises InvalidError, NotFoundError."""
    paths = files.tapes()
    with files.reading(files.ledger) as db:
        opened = {name: (at_us, seq) for name, at_us, seq in db.execute("select name, opened_us, opened_seq from tapes")}
        keeping = db.execute(_KEEPING, (NEWEST,)).fetchall()
        retired = {name for (name,) in db.execute("select tape from retired")}
    order = sorted(opened.items(), key=lambda one: one[1][1])
    following = {name: after for (name, _), (_, after) in pairwise(order)}
    old = []
    for path in paths[:-1]:
        if path.name not in following or path.name in retired:
            continue  # no fact tells of it, or of one after it: verify does
        (at_us, since), (_, until) = opened[path.name], following[path.name]
        kept = next((why for first, last, why in keeping if first < until and last >= since), "")
        until_us = _newest(files, path, opened[path.name], following[path.name])
        old.append(Tape(path, at_us, until_us, _bytes(path), kept))
    left = [path for path in paths[:-1] if path.name in retired]
    return Shelves(old, sum(tape.bytes for tape in old) + (_bytes(paths[-1]) if paths else 0), left)


def _newest(files: Connections, path: Path, opened: tuple[int, int], after: tuple[int, int]) -> int:
    """When the newest frame of a tape was written at the latest: as the next one was opened; or, where nothing was recorded for days before that, as the last
    of its sessions ended. `opened`, `after`: time and fact of the two tapes.
    """
    if after[0] - opened[0] <= DAY_US:
        return after[0]  # a tape holds a day at most
    try:
        with files.reading(path) as db:
            sessions = [session for (session,) in db.execute("select distinct session from spans where session > 0")]
        with files.reading(files.ledger) as db:
            if db.execute("select 1 from tapes where opened_seq < ? and opened_us > ? limit 1", opened[::-1]).fetchone():
                return after[0]  # it seems older than those before it: it was opened by a wrong clock
            ends = [db.execute("select ended_us from sessions where id = ?", (session,)).fetchone() for session in sessions]
    except (JituiError, sqlite3.Error):
        return after[0]
    # never before it was opened: a session that ended by a wrong clock makes no tape old
    return min(after[0], max([opened[0], *(end[0] if end and end[0] is not None else after[0] for end in ends)]))


def _bytes(path: Path) -> int:
    total = 0
    for each in (path, *(path.with_name(path.name + suffix) for suffix in BESIDE)):
        with suppress(FileNotFoundError):
            total += each.stat().st_size
    return total


def retirement(files: Connections, tape: Tape, why: str) -> list[Draft]:
    """The facts with which a tape goes. Raises BrokenError if it does not fit what facts and later tapes tell; InvalidError, NotFoundError."""
    with files.reading(tape.path) as db:
        found = list(_on(db, tape.path.name))
        (count,) = db.execute("select count(*) from frames").fetchone()
    if count != sum(each.frames - each.first for each in found):
        raise _misfit(tape, "its spans do not say where its frames are")
    sessions = [_with_bytes(files, tape, each) for each in found]
    parts = [tuple(sessions[at : at + AT_ONCE]) for at in range(0, len(sessions), AT_ONCE)] or [()]
    return [TapeRetired(why=why, frames=count, bytes=tape.bytes, opened_us=tape.opened_us, until_us=tape.until_us, sessions=part, part=at,
                        parts=len(parts)).draft(tape.path.name, "gateway") for at, part in enumerate(parts, 1)]


def _on(db: sqlite3.Connection, name: str) -> Iterator[Gone]:
    """Of each session on a tape its first frame and the link of its last, without a body being read."""
    for session, first, row in db.execute("select session, min(seq), max(last) from spans where session > 0 group by session").fetchall():
        last = db.execute("select seq, hash from frames where id = ? and session = ?", (row, session)).fetchone()
        if last is None:
            raise BrokenError(f"tapes/{name} is not retired: its spans do not say where the frames of s-{session} are; see: jitui verify")
        yield Gone(session, first, last[0] + 1, last[1], -1, -1)


def _with_bytes(files: Connections, tape: Tape, found: Gone) -> Gone:
    """The same with the bytes that facts or the next tape tell of; both have to tell of the same chain. Raises BrokenError."""
    with files.reading(files.ledger) as db:
        row = db.execute("select frames, head, bytes_in, bytes_out from sessions where id = ? and state = 'ended'", (found.session,)).fetchone()
        if row is None:
            raise _misfit(tape, f"frames of s-{found.session} are on it, of which no fact tells that it ended")
        parts = db.execute("select first from gone where session = ? and first = ?", (found.session, found.frames)).fetchone()
    if row[0] == found.frames:
        if row[1] != found.head:
            raise _misfit(tape, f"the end of s-{found.session} tells of another chain")
        return found._replace(bytes_in=row[2], bytes_out=row[3])
    if row[0] < found.frames:
        raise _misfit(tape, f"it has {found.frames} frames of s-{found.session}, whose end tells of {row[0]}")
    for path in files.tapes():
        if path.name <= tape.path.name:
            continue
        with files.reading(path) as db:
            carried = db.execute("select seq, hash, bytes_in, bytes_out from carried where session = ?", (found.session,)).fetchone()
        if carried is None:
            continue
        if carried[0] != found.frames:
            break  # there were frames in between
        if carried[1] != found.head:
            raise _misfit(tape, f"tapes/{path.name} carries s-{found.session} over from another chain")
        return found._replace(bytes_in=carried[2], bytes_out=carried[3])
    if parts is None:
        raise _misfit(tape, f"nothing that is left goes on behind frame {found.frames - 1} of s-{found.session}")
    return found


def _misfit(tape: Tape, why: str) -> BrokenError:
    return BrokenError(f"tapes/{tape.path.name} is not retired: {why}; see: jitui verify")


def remove(path: Path) -> None:
    """Remove a tape whose fact is on record. Raises OSError."""
    for each in (path, *(path.with_name(path.name + suffix) for suffix in BESIDE)):
        each.unlink(missing_ok=True)
    sync_folder(path.parent)


def finish(tables: sqlite3.Connection, paths: Sequence[Path]) -> list[Path]:
    """Remove the tapes that a fact retired and that a crash left; `tables` are made of the facts. Raises OSError."""
    retired = {name for (name,) in tables.execute("select tape from retired")}
    left = [path for path in paths[:-1] if path.name in retired]
    for path in left:
        remove(path)
    return left
