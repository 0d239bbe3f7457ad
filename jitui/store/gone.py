"""Reads what facts tell of retired tapes: which frames of which sessions lay on them."""

import sqlite3
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from jitui.store.schema import FOLDED
from jitui.values.instant import rfc3339

NAMED: Final = 5  # sessions in one sentence
_PARTS: Final = """select gone.session, gone.first, gone.frames, gone.head, gone.bytes_in, gone.bytes_out, gone.tape, retired.fact, retired.at_us, retired.why
  from gone join retired on retired.tape = gone.tape where gone.session = ? order by gone.first"""


class Part(NamedTuple):
    """The frames of a session on one retired tape: from the seq `first` up to, and without, `frames`."""

    session: int
    first: int
    frames: int
    head: bytes  # the link of the last of them
    bytes_in: int  # of the session up to there; -1: unknown
    bytes_out: int
    tape: str
    fact: int
    at_us: int  # UTC, of the fact
    why: str

    @property
    def words(self) -> str:
        return f"frames {self.first} to {self.frames - 1} were on tapes/{self.tape}, which was {by_fact(self.fact, self.at_us, self.why)}"


def by_fact(fact: int, at_us: int, why: str) -> str:
    return f"retired by fact {fact} on {rfc3339(at_us)[:10]}: {why}"


def of_session(db: sqlite3.Connection, session: int) -> list[Part]:
    """The parts of a session that went, in order; `db`: a ledger of any version, or the tables folded from one."""
    return [Part(*row) for row in db.execute(_PARTS, (session,))] if _told(db) else []


def tapes(db: sqlite3.Connection) -> dict[str, str]:
    """The tapes that were retired, in the order of their facts, each with a sentence about it."""
    rows = db.execute("select tape, fact, at_us, why from retired order by fact") if _told(db) else ()
    return {tape: f"tapes/{tape} was {by_fact(fact, at_us, why)}" for tape, fact, at_us, why in rows}


def sessions(db: sqlite3.Connection) -> set[int]:
    """Those of which something went with a tape."""
    return {session for (session,) in db.execute("select distinct session from gone")} if _told(db) else set()


def sentence(session: int, parts: Sequence[Part]) -> str:
    """Why frames of a session can't be shown, for the person who asked."""
    more = f" (and {len(parts) - 1} further tapes)" if len(parts) > 1 else ""
    return (f"s-{session} can't be shown in full: {parts[0].words}{more}; its facts and heads are kept, as jitui verify s-{session} shows, "
            "the bytes are only where the tape was copied to")


def retired(sessions: Collection[int]) -> str:
    """The sentence about sessions whose bytes went with their tapes."""
    named = ", ".join(f"s-{session}" for session in sorted(sessions)[:NAMED]) + (" and more" if len(sessions) > NAMED else "")
    return f"bytes of {named} are gone with tapes that were retired, and what they did is not here: jitui verify says by which facts"


def _told(db: sqlite3.Connection) -> bool:
    """Whether the tables are those of a version that retires tapes."""
    (version,) = db.execute("pragma user_version").fetchone()
    if version >= FOLDED["retired"]:
        return True
    return version == 0 and db.execute("select 1 from sqlite_master where name = 'retired'").fetchone() is not None
