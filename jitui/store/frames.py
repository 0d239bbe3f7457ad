"""The recorded frames of a session, page by page over the tapes, and the session's own row and end.

Pages are at most 1,000 frames unless asked otherwise, and about 2 MiB. The frames of a session have no gaps: a page from which one is missing is
an error, never a shorter page.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from jitui.recording.facts import Kind, SessionEnded
from jitui.recording.frame import Channel, Frame
from jitui.store import gone
from jitui.store.chained import FACTS, NEWEST, checked
from jitui.store.connections import Connections
from jitui.store.guard import check_pages
from jitui.store.listing import SESSIONS
from jitui.store.rows import SessionRow, named, session_of
from jitui.store.tape_rows import PAGE_BYTES, Run, Size, frame_of, page, seq_at, sizes
from jitui.values.errors import InvalidError, NotFoundError, RetiredError

PAGE: Final = 1000


class Frames(Connections):
    """The sessions in `place` and their frames. Raises NotFoundError if there is no ledger."""

    def session(self, ident: int) -> SessionRow:
        """Raises NotFoundError."""
        with self.reading(self.ledger) as db:
            found = [session_of(row) for row in named(db, f"{SESSIONS} where sessions.id = ?", (ident,))]
        if not found:
            raise NotFoundError(f"no session s-{ident} in {self.place}; list them with: jitui sessions")
        return found[0]

    def end_of(self, session: int) -> SessionEnded | None:
        """The end of a session as its fact tells; None if it has not ended. Raises InvalidError."""
        with self.reading(self.ledger) as db:
            row = db.execute(f"{FACTS} where subject = ? and kind = ? order by seq desc limit 1", (f"s-{session}", Kind.SESSION_ENDED.value)).fetchone()
            return SessionEnded.of(checked(row)) if row else None

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

    def check_pages(self, session: int = 0) -> None:
        """Check that the pages of every file, or of those that matter to a session, hang together. Raises InvalidError."""
        for path in {self.ledger: None, **dict.fromkeys(self.tapes_of(session) if session else self.tapes())}:
            with self.reading(path) as db:
                check_pages(db, path, quick=path != self.ledger)

    def frames(self, session: int, *, after: int = -1, upto: int | None = None, limit: int = PAGE, channels: Collection[Channel] = (),
               conn: int | None = None) -> list[Frame]:  # fmt: skip
        """One page of frames in order of seq, after the seq `after`: at most `limit`, and no more once there are PAGE_BYTES of bodies.

        Only of these channels and this connection, and up to the seq `upto`, which has to be there, if given. It is empty behind the last.
        Raises InvalidError if a stored body can't be read: `verify` says more.
        """
        return self._frames(session, Run(after, limit, PAGE_BYTES, upto=upto, channels=frozenset(map(int, channels)), conn=conn))

    def seq_at(self, session: int, at_us: int) -> int:
        """The seq of the newest frame that came within so many microseconds of the session's start; -1 if none did. Reads one span of rows a tape."""
        for path in reversed(self.tapes_of(session)):
            with self.reading(path) as db, _about(session):
                if (found := seq_at(db, session, at_us)) is not None:
                    return found
        return -1

    def newest_frames(self, session: int, *, after: int, room: int, upto: int | None = None) -> list[Frame]:
        """The newest frames after the seq `after`, oldest first: as many as it takes to have `room` bytes of bodies. Raises InvalidError.

        With `upto`: the newest of those up to that seq, which has to be there.
        """
        return self._frames(session, Run(after, PAGE if upto is None else upto - after, room, upto=upto, newest=True))

    def all_frames(self, session: int, *, size: int = PAGE) -> Iterator[Frame]:
        """Every frame of a session, read page by page."""
        after = -1
        while found := self.frames(session, after=after, limit=size):
            yield from found
            after = found[-1].seq

    def rows(self, session: int) -> Iterator[tuple[Any, ...]]:
        """Every frame of a session as its row (tape_rows.COLUMNS), as it is stored, page by page. Raises InvalidError."""
        after = -1
        while found := self._rows(session, Run(after, PAGE, PAGE_BYTES)):
            yield from found
            after = found[-1][2]

    def sizes(self, session: int, *, after: int = -1, upto: int) -> Iterator[Size]:
        """Of each frame after the seq `after` and up to the seq `upto`: what is known without its body. Raises InvalidError."""
        run = Run(after, NEWEST, NEWEST, upto=upto)
        self._must_be_here(session, run)
        for path in self.tapes_of(session):
            with self._gone_meanwhile(session), self.reading(path) as db, _about(session):
                yield from sizes(db, session, run)
            if run.full:
                return
        with _about(session):
            run.finish()

    def _frames(self, session: int, run: Run) -> list[Frame]:
        with _about(session):
            return [frame_of(row) for row in self._rows(session, run)]

    def _rows(self, session: int, run: Run) -> list[tuple[Any, ...]]:
        """As `tape_rows.page`, from tape to tape; it ends where the session does, or it is an error."""
        end = self.end_of(session)  # before the tapes are read: it goes on meanwhile
        run.top = end.frames if end else None
        self._must_be_here(session, run)
        way = -1 if run.newest else 1
        found: list[list[tuple[Any, ...]]] = []
        for path in self.tapes_of(session)[::way]:
            with self._gone_meanwhile(session), self.reading(path) as db, _about(session):
                found.append(page(db, session, run))
            if run.full:
                break
        with _about(session):
            run.finish()
        return [row for some in found[::way] for row in some]

    def gone(self, session: int) -> list[gone.Part]:
        """The parts of a session that were on tapes which a fact retired, and which are not here any more."""
        with self.reading(self.ledger) as db:
            found = gone.of_session(db, session)
        here = {path.name for path in self.tapes()} if found else set()
        return [part for part in found if part.tape not in here]

    def _must_be_here(self, session: int, run: Run) -> None:
        """Let the run end before frames that were retired. Raises RetiredError if it begins with them."""
        for part in self.gone(session):
            if run.newest and part.frames > run.after + 1 and (run.last is None or part.first <= run.last):
                if run.last is not None and run.last < part.frames:
                    raise RetiredError(gone.sentence(session, [part]))
                run.after = part.frames - 1
            elif not run.newest and part.frames > run.after + 1 and (run.last is None or part.first <= run.last):
                if part.first <= run.after + 1:
                    raise RetiredError(gone.sentence(session, self.gone(session)))
                run.upto = part.first - 1
                return

    @contextmanager
    def _gone_meanwhile(self, session: int) -> Iterator[None]:
        """Turn the error about a tape that was retired while it was to be read into RetiredError."""
        try:
            yield
        except RetiredError:
            raise
        except NotFoundError:
            if parts := self.gone(session):
                raise RetiredError(gone.sentence(session, parts)) from None
            raise


@contextmanager
def _about(session: int) -> Iterator[None]:
    """Turn a ValueError about stored frames into InvalidError that names the session."""
    try:
        yield
    except ValueError as error:
        raise InvalidError(f"s-{session}: {error}; see: jitui verify s-{session}") from error
