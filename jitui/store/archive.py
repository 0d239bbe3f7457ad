"""Files: reading what was, read-only, from a live gateway's folder, a bare copy of one, or one exported file.

Synchronous and thread-safe: call it with `asyncio.to_thread`. Every call is a few short reads, so that the log of a live gateway
is not pinned; pages are at most 1,000 frames unless asked otherwise, and about 2 MiB.
"""

import os
import sqlite3
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from jitui.policy.terms import Grant, Identity, Request
from jitui.recording.facts import Fact, Kind, SessionEnded
from jitui.recording.frame import Channel, Frame
from jitui.recording.verify import Verdict
from jitui.store import bundle, listing, proof
from jitui.store.actions import ActionRow
from jitui.store.chained import FACTS, NEWEST, checked, within
from jitui.store.folder import tape_numbers
from jitui.store.guard import WHOLE, Reader, check_pages, damage, open_reader, size_of
from jitui.store.keys import ledger_key
from jitui.store.ours import bundles, ledgers, tapes
from jitui.store.rows import SessionRow, Totals, cursor, grant_of, identity_of, requests_where, session_of
from jitui.store.tape_rows import PAGE_BYTES, Run, frame_of, newest_before, page, sizes
from jitui.values.errors import InvalidError, NotFoundError
from jitui.values.page import Page

PAGE: Final = 1000
UNREADABLE: Final = (ValueError, TypeError, KeyError, OverflowError, RecursionError)  # of a row that is not what was written
KEPT: Final = 12  # idle connections, each with three descriptors: who pages through many tapes leaves no more behind


class Files:
    """The record in `place`: a state folder, or one exported file. Raises NotFoundError if there is none."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.single = place.is_file()
        self.ledger = place if self.single else place / "ledger.db"
        if not self.ledger.is_file():
            raise NotFoundError(f"no recordings in {place}; give a state folder, or a file made by: jitui export SESSION --format bundle")
        self._idle: dict[Path, list[Reader]] = {}
        self._guard = threading.Lock()
        with self.reading(self.ledger) as db:
            if self.single and size_of(self.ledger) <= WHOLE:
                check_pages(db, self.ledger)

    @contextmanager
    def reading(self, path: Path) -> Iterator[sqlite3.Connection]:
        """A read-only connection to one of the files, for one call. Raises NotFoundError, InvalidError, ConfigurationError."""
        with _told(path):
            db, keep = self._borrow(path)
        try:
            db.begin_call()
            with _told(path):
                yield db
        except BaseException:
            db.close()
            raise
        if not keep:
            db.close()
            return
        with self._guard:
            self._idle[path] = [*self._idle.pop(path, ()), db]  # at the end: used last
            if sum(map(len, self._idle.values())) > KEPT:
                oldest = next(kept for kept in self._idle.values() if kept)
                oldest.pop(0).close()

    def _borrow(self, path: Path) -> tuple[Reader, bool]:
        """A connection, and whether it may be kept."""
        with self._guard:
            kept = self._idle.get(path)
            if kept:
                return kept.pop(), True
        return open_reader(path, tapes if path != self.ledger else bundles if self.single else ledgers)

    def facts_read(self) -> AbstractContextManager[sqlite3.Connection]:
        """A connection to the facts, for one short read."""
        return self.reading(self.ledger)

    def check_pages(self, session: int = 0) -> None:
        """Do the pages of every file, or of those that matter to a session, hang together. Raises InvalidError."""
        for path in {self.ledger: None, **dict.fromkeys(self.tapes_of(session) if session else self.tapes())}:
            with self.reading(path) as db:
                check_pages(db, path, quick=path != self.ledger)

    def check_facts(self) -> None:
        """Does the index that facts are found by hold all of them: one it lacks, the end of a session, would be no fact for a reader. Raises InvalidError."""
        with self.reading(self.ledger) as db:
            problem = damage(db, "facts")
        if problem:
            raise InvalidError(f"{self.ledger} is damaged, or was altered page by page ({problem}); nothing of it is believed")

    def close(self) -> None:
        """Close idle connections; later calls open new ones."""
        with self._guard:
            for kept in self._idle.values():
                for db in kept:
                    db.close()
            self._idle.clear()

    def tapes(self) -> list[Path]:
        """The tape files, oldest first."""
        if self.single:
            return [self.ledger]
        folder = self.place / "tapes"
        return [folder / f"{number:06d}.db" for number in tape_numbers(folder)]

    def tapes_of(self, session: int) -> list[Path]:
        """The tapes that can hold frames of a session, oldest first."""
        tapes = self.tapes()
        with self.reading(self.ledger) as db:
            row = db.execute("select opened_seq, ended_seq from sessions where id = ?", (session,)).fetchone()
            opened = dict(db.execute("select name, opened_seq from tapes").fetchall())
        if row is None or len(tapes) < 2:
            return tapes
        first, last = row[0], NEWEST if row[1] is None else row[1]
        seqs = [opened.get(path.name, NEWEST) for path in tapes] + [NEWEST + 1]
        return [path for path, (since, until) in zip(tapes, pairwise(seqs), strict=True) if since <= last and until >= first]

    # who and what

    def identities(self) -> dict[str, Identity]:
        with self.reading(self.ledger) as db:
            return {row["name"]: identity_of(row) for row in cursor(db, "select * from identities order by name")}

    def requests(self, *, pending: bool = False, identity: str = "", limit: int = PAGE, cursor: str = "") -> Page[Request]:
        """The newest `limit`, oldest first; a page of them, see listing.py."""
        with self.reading(self.ledger) as db:
            return listing.requests(db, pending=pending, identity=identity, limit=limit, cursor=cursor)

    def request(self, ident: int) -> Request:
        """Raises NotFoundError."""
        with self.reading(self.ledger) as db:
            found = requests_where(db, "id = ?", (ident,))
        if not found:
            raise NotFoundError(f"no request r-{ident}; list them with: jitui requests")
        return found[0]

    def grants(self, *, live: bool = False, identity: str = "", limit: int = PAGE, cursor: str = "") -> Page[Grant]:
        """The newest `limit`, oldest first; a page of them."""
        with self.reading(self.ledger) as db:
            return listing.grants(db, live=live, identity=identity, limit=limit, cursor=cursor)

    def grant(self, ident: int) -> Grant:
        """Raises NotFoundError."""
        with self.reading(self.ledger) as db:
            found = [grant_of(row) for row in cursor(db, "select * from grants where id = ?", (ident,))]
        if not found:
            raise NotFoundError(f"no grant g-{ident}; list them with: jitui grants")
        return found[0]

    def sessions(self, *, live: bool = False, grant: int = 0, identity: str = "", limit: int = PAGE, cursor: str = "") -> Page[SessionRow]:
        """The newest `limit`, oldest first; a page of them."""
        with self.reading(self.ledger) as db:
            return listing.sessions(db, live=live, grant=grant, identity=identity, limit=limit, cursor=cursor)

    def session(self, ident: int) -> SessionRow:
        """Raises NotFoundError."""
        with self.reading(self.ledger) as db:
            found = [session_of(row) for row in cursor(db, f"{listing.SESSIONS} where sessions.id = ?", (ident,))]
        if not found:
            raise NotFoundError(f"no session s-{ident} in {self.place}; list them with: jitui sessions")
        return found[0]

    # what happened

    def frames(self, session: int, *, after: int = -1, limit: int = PAGE, channels: Collection[Channel] = (), conn: int | None = None) -> list[Frame]:
        """One page of frames in order of seq, after the seq `after`: at most `limit`, and no more once there are PAGE_BYTES of bodies.

        Only of these channels and this connection if given. It is empty behind the last. Raises InvalidError if a stored body can't be read:
        `verify` says more.
        """
        return self._page(session, after, limit, PAGE_BYTES, channels=[int(channel) for channel in channels], conn=conn)

    def newest_frames(self, session: int, *, after: int, room: int) -> list[Frame]:
        """The newest frames after the seq `after`, oldest first: as many as it takes to have `room` bytes of bodies. Raises InvalidError."""
        return self._page(session, after, PAGE, room, newest=True)

    def _page(self, session: int, after: int, limit: int, room: int, *, channels: Collection[int] = (), conn: int | None = None,
              newest: bool = False) -> list[Frame]:
        """As `tape_rows.page`, from tape to tape; it ends where the session does, or it is an error."""
        with self._of(session):
            return [frame_of(row) for row in self._rows(session, Run(after, limit, room, frozenset(channels), conn), newest=newest)]

    def _rows(self, session: int, run: Run, *, newest: bool = False) -> list[tuple[Any, ...]]:
        end = self.end_of(session)  # before the tapes are read: it goes on meanwhile
        run.top = end.frames if end else None
        way = -1 if newest else 1
        found: list[list[tuple[Any, ...]]] = []
        for path in self.tapes_of(session)[::way]:
            with self.reading(path) as db, self._of(session):
                found.append(page(db, session, run, newest=newest))
            if run.full:
                break
        with self._of(session):
            run.finish(newest=newest)
        return [row for some in found[::way] for row in some]

    def rows(self, session: int) -> Iterator[tuple[Any, ...]]:
        """Every frame of a session as its row (tape_rows.COLUMNS), as it is stored, page by page. Raises InvalidError."""
        after = -1
        while found := self._rows(session, Run(after, PAGE, PAGE_BYTES)):
            yield from found
            after = found[-1][2]

    def end_of(self, session: int) -> SessionEnded | None:
        """How a session ended; None if it did not. Raises InvalidError."""
        with self.reading(self.ledger) as db:
            row = db.execute(f"{FACTS} where subject = ? and kind = ? order by seq desc limit 1", (f"s-{session}", Kind.SESSION_ENDED.value)).fetchone()
            return SessionEnded.of(checked(row)) if row else None

    def sizes(self, session: int, *, upto: int) -> Iterator[tuple[int, Channel, int]]:
        """Of each frame up to the seq `upto`: its connection, channel and bytes. Raises InvalidError."""
        run = Run(-1, NEWEST, NEWEST)
        for path in self.tapes_of(session):
            with self.reading(path) as db, self._of(session):
                yield from sizes(db, session, upto, run)

    @contextmanager
    def _of(self, session: int) -> Iterator[None]:
        """What can't be read, as an error that says where."""
        try:
            yield
        except ValueError as error:
            raise InvalidError(f"s-{session}: {error}; see: jitui verify s-{session}") from error

    def all_frames(self, session: int, *, channels: Collection[Channel] = (), size: int = PAGE) -> Iterator[Frame]:
        """Every frame of a session, read page by page."""
        after = -1
        while found := self.frames(session, after=after, limit=size, channels=channels):
            yield from found
            after = found[-1].seq

    def seek(self, session: int, at_us: int) -> int:
        """The seq of the last frame at or before `at_us` (since the session's start); -1 if it is before the first."""
        for path in reversed(self.tapes_of(session)):
            with self.reading(path) as db:
                seq = newest_before(db, session, at_us)
            if seq >= 0:
                return seq
        return -1

    def actions(self, *, grant: int = 0, session: int = 0, identity: str = "", audit_id: str = "", limit: int = PAGE, cursor: str = "") -> Page[ActionRow]:
        """The newest `limit`, oldest first; a page of them. Those of a grant are what was done in it, and what its identity was denied there meanwhile."""
        with self.reading(self.ledger) as db:
            return listing.actions(db, grant=grant, session=session, identity=identity, audit_id=audit_id, limit=limit, cursor=cursor)

    def past(self, identity: str, connection: str, since_us: int) -> tuple[int, list[ActionRow]]:
        """Of an identity on a connection since then (UTC): how many windows it had, and its newest actions, equal ones as one row with a count."""
        with self.reading(self.ledger) as db:
            return listing.past(db, identity, connection, since_us)

    def totals(self, grants: Collection[int]) -> dict[int, Totals]:
        """What the sessions of these grants add up to; nothing of a grant without one."""
        return {ident: total for ident, (total, _) in self.sums(grants).items()}

    def sums(self, grants: Collection[int]) -> dict[int, tuple[Totals, bool]]:
        """The same, and whether all sessions of the grant have ended: then it stays so."""
        with self.reading(self.ledger) as db:
            return listing.totals(db, grants)

    def facts(self, *, after: int = 0, limit: int = PAGE, subject: str = "") -> list[Fact]:
        """Facts after the seq `after`, oldest first; of one subject if given. At most `limit`, and no more once there are PAGE_BYTES of them."""
        terms = (f"{FACTS} where subject = ? and seq > ? order by seq limit ?", (subject, after, limit)) if subject else (
            f"{FACTS} where seq > ? order by seq limit ?", (after, limit))
        with self.reading(self.ledger) as db:
            return [checked(row) for row in within(db.execute(*terms), PAGE_BYTES)]

    # what it proves

    def keys(self) -> dict[str, bytes]:
        """The public keys (32 raw bytes) that lie in the files, by key id: to be noted elsewhere and given to `verify` later."""
        with self.reading(self.ledger) as db:
            return dict(db.execute("select key_id, public from keys order by key_id limit 1000").fetchall())

    def signing_key(self) -> bytes:
        """The public key of a state folder, or the one that signed last. Raises NotFoundError, UnsafeError."""
        own = b"" if self.single else self.own_key()
        with self.reading(self.ledger) as db:
            row = db.execute("select public from heads join keys using (key_id) order by heads.id desc limit 1").fetchone()
        if not own and (row is None or not isinstance(row[0], bytes) or len(row[0]) != 32):
            raise NotFoundError(f"no key that signs lies in {self.place}")
        return own or bytes(row[0])

    def own_key(self) -> bytes:
        """The public half of the key in a state folder; empty if it is not there, or not for us to read. Raises UnsafeError."""
        path = self.place / "keys" / "ledger.ed25519"
        try:
            return ledger_key(path, make=False).public if path.is_file() and os.access(path, os.R_OK) else b""
        except PermissionError:
            return b""

    def verify(self, session: int = 0, *, key: bytes = b"", witness: Mapping[int, bytes] | None = None) -> list[Verdict]:
        """The proof of everything, or of one session with the facts; see proof.py. Raises NotFoundError."""
        return proof.verify(self, session, key=key, witness=witness)

    def export(self, session: int, target: Path) -> int:
        """Write one evidence file of a session; see bundle.py. The number of frames in it. Raises NotFoundError, ConflictError, OSError."""
        return bundle.export(self, session, target)

    def newest_facts(self, limit: int = PAGE) -> list[Fact]:
        """The newest `limit`, oldest first."""
        with self.reading(self.ledger) as db:
            return [checked(row) for row in within(db.execute(f"{FACTS} order by seq desc limit ?", (limit,)), PAGE_BYTES)][::-1]


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What SQLite says of a file, or what stands in it and can't be, as an error that says where."""
    try:
        yield
    except (sqlite3.Error, *UNREADABLE) as error:
        why = "a query takes more steps than a file of this size needs" if "interrupted" in str(error) else str(error) or type(error).__name__
        raise InvalidError(f"{path} can't be read ({why}); it is damaged, or no recording of jitui") from error
