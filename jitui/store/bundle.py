"""One evidence file: a session's frames, the facts that speak of it, and what proves them.

It is a SQLite file with the tables of ledger and tape. Facts about anything else are in it only as digests (`sealed`), so the
chain and its signatures still verify; the one without a digest is the fact before the first, where the chain begins here.
"""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

from jitui.recording.chain import FACTS_GENESIS, fact_digest
from jitui.store.bundled import proofs_for
from jitui.store.chained import FACTS, checked
from jitui.store.fold import fold
from jitui.store.frames import Frames
from jitui.store.ours import EVIDENCE, SEALED
from jitui.store.schema import LEDGER, TAPE
from jitui.store.tape_rows import COLUMNS, frame_of
from jitui.values.errors import ConflictError, InvalidError, NotFoundError
from jitui.values.private_file import create_private


def export(files: Frames, session: int, target: Path) -> int:
    """Write the evidence of one session to a new file, mode 0600; the number of frames in it.

    Raises NotFoundError (no such session), ConflictError (the file is there already), OSError.
    """
    known = files.session(session)
    try:
        os.close(create_private(target))
    except FileExistsError as error:
        raise ConflictError(f"{target} is there already; move it away or export to another name") from error
    try:
        db = sqlite3.connect(target, isolation_level=None)
        try:
            db.execute("pragma journal_mode=off")  # a file that is not whole is deleted
            for script in (*LEDGER, *TAPE, SEALED, EVIDENCE):
                db.executescript(script)
            db.execute(f"pragma user_version={len(LEDGER)}")
            db.execute("begin")
            _copy_ledger(files, db, session, known.grant)
            count = _copy_frames(files, db, session)
            db.execute("commit")
        finally:
            db.close()
    except BaseException as error:
        with suppress(OSError):
            target.unlink()
        if isinstance(error, sqlite3.IntegrityError | ValueError):
            raise InvalidError(f"what is on record of s-{session} can't be copied ({error}); see: jitui verify s-{session}") from error
        raise
    return count


def _copy_ledger(files: Frames, db: sqlite3.Connection, session: int, grant: int) -> None:
    with files.reading(files.ledger) as source:
        source.execute("begin")  # facts and heads of one moment
        try:
            _copy_facts(files, source, db, session, grant)
            _copy_rows(source, db, "keys", "select * from keys")
            _copy_rows(source, db, "actions", "select * from actions where session = ?", session)
        finally:
            source.execute("commit")


def _copy_facts(files: Frames, source: sqlite3.Connection, db: sqlite3.Connection, session: int, grant: int) -> None:
    request = source.execute("select request from grants where id = ?", (grant,)).fetchone()
    identity = source.execute("select identity from grants where id = ?", (grant,)).fetchone()
    subjects = {f"s-{session}", f"g-{grant}", f"r-{request[0] if request else 0}", identity[0] if identity else ""}
    marks = ",".join("?" * len(subjects))
    (first, last) = source.execute(f"select min(seq), max(seq) from facts where subject in ({marks})", (*subjects,)).fetchone()  # noqa: S608
    if first is None:
        raise NotFoundError(f"no fact tells of s-{session}")
    texts, logged = proofs_for(files, session, last, files.signing_key())
    if source.execute("select 1 from facts where seq = ?", (logged,)).fetchone():  # the log may be ahead of this moment
        db.executemany("insert into evidence values(?, ?)", texts.items())
        last = max(last, logged)
    # up to the first signature over the last of them; and any later one that still speaks of this session
    (until,) = source.execute("select min(facts_seq) from heads where facts_seq >= ?", (last,)).fetchone()
    until = until or source.execute("select max(seq) from facts").fetchone()[0]
    before = source.execute("select hash from facts where seq = ?", (first - 1,)).fetchone()
    db.execute("insert into sealed values(?, null, ?)", (first - 1, before[0] if before else FACTS_GENESIS))
    for row in source.execute(f"{FACTS} where seq between ? and ? order by seq", (first, until)):
        fact = checked(row)
        if fact.subject in subjects:
            db.execute("insert into facts values(?, ?, ?, ?, ?, ?, ?)", row)
            fold(db, fact)
        else:
            db.execute("insert into sealed values(?, ?, ?)", (fact.seq, fact_digest(fact), fact.hash))
    _copy_rows(source, db, "heads", "select * from heads where facts_seq between ? and ?", first, until)


def _copy_rows(source: sqlite3.Connection, db: sqlite3.Connection, table: str, sql: str, *values: Any) -> None:
    for row in source.execute(sql, values):
        db.execute(f"insert into {table} values({','.join('?' * len(row))})", row)


def _copy_frames(files: Frames, db: sqlite3.Connection, session: int) -> int:
    count = 0
    for row in files.rows(session):
        body = frame_of(row).body  # unpacked: whoever verifies it needs no library for that
        db.execute(f"insert into frames({COLUMNS.removeprefix('id, ')}) values(?, ?, ?, ?, ?, 0, ?, ?)", (*row[1:6], row[7], body))
        count += 1
    if count:
        first, last = db.execute("select min(id), max(id) from frames").fetchone()
        begins = db.execute("select seq, at_us from frames where id = ?", (first,)).fetchone()
        db.executemany("insert into spans values(?, ?, ?, ?, ?)", [(session, *begins, first, last), (0, 1, 0, first, last)])
    return count
