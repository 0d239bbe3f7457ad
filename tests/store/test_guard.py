"""Files that somebody else made: nothing is read of one that has anything in it that jitui did not put there, and no query is endless."""

import asyncio
import json
import shutil
import sqlite3
import struct
import tracemalloc
from collections.abc import Callable
from contextlib import closing, suppress
from itertools import pairwise
from pathlib import Path

import pytest
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from jitui.recording.chain import fact_digest, fact_link, head_text, key_id
from jitui.recording.facts import Fact, Kind, canonical
from jitui.store import Files
from jitui.store.chained import HEADS
from jitui.values.errors import InvalidError, JituiError
from tests.store.life import began, ended, frames, opened, record, window

ATTACKS = {
    "a view in the place of frames": "alter table frames rename to f; create view frames as select id, session, seq, at_us, conn, channel, flags, hash, "
                                     "cast(replace(body, 'one', 'two') as blob) as body from f",
    "a trigger": "create trigger t after insert on frames begin delete from frames; end",
    "a virtual table": "create virtual table v using fts5(a)",
    "a generated column": "alter table frames add column more text as (upper(hash))",
    "another column": "alter table frames add column more text",
    "another index": "create index i on frames(session, seq)",
    "an index that hides rows": "create index i on frames(seq) where seq > 3",
    "statistics": "analyze",
    "a table that is missing": "drop table carried",
    "tables that look the same": "alter table spans rename to old; create table spans(session, seq, at_us, first, last)",
    "text that is not what was parsed": "pragma writable_schema=on; update sqlite_master set sql = replace(sql, 'channel', 'conn2') where name = 'frames'",
}


async def made(folder: Path) -> Path:
    """A state folder with one ended session of six frames, and `s-1.jitui` beside it."""
    async with opened(folder / "state") as store:
        await store.commit([*window(), began(1)])
        await record(store, frames(1, [b"one %d" % seq for seq in range(6)]))
        await store.commit([ended(1)])
    Files(folder / "state").export(1, folder / "s-1.jitui")
    return folder / "state"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return asyncio.run(made(tmp_path_factory.mktemp("whole")))


@pytest.fixture
def state(whole: Path, tmp_path: Path) -> Path:
    """A copy to tamper with."""
    shutil.copytree(whole.parent, tmp_path / "copy")
    return tmp_path / "copy" / whole.name


def tamper(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript(script)


@pytest.mark.parametrize("name", ATTACKS)
def test_a_tape_with_something_in_it(state: Path, name: str) -> None:
    """It is neither proved nor shown."""
    tamper(state / "tapes/000001.db", ATTACKS[name])
    files = Files(state)
    for read in (files.verify, lambda: files.frames(1), lambda: files.export(1, state / "out.jitui")):
        with pytest.raises(InvalidError, match=r"nothing of it is read|can't be read"):
            read()


@pytest.mark.parametrize("name", ATTACKS)
def test_an_evidence_file_with_something_in_it(state: Path, name: str) -> None:
    """It is not even opened."""
    tamper(state.parent / "s-1.jitui", ATTACKS[name])
    with pytest.raises(InvalidError, match=r"nothing of it is read|can't be read"):
        Files(state.parent / "s-1.jitui")


def test_a_ledger_with_something_in_it(state: Path) -> None:
    """A view, and the table of sealed facts, which no state folder has. Neither a reader nor a gateway opens it."""
    for script in ("create view v as select 1", "create table sealed(seq integer primary key, digest blob, hash blob not null) strict"):
        copy = state.with_name("other")
        shutil.copytree(state, copy)
        tamper(copy / "ledger.db", script)
        with pytest.raises(InvalidError, match="nothing of it is read"):
            Files(copy)
        shutil.rmtree(copy)


async def test_the_gateway_opens_nothing_with_something_in_it(state: Path) -> None:
    """A trigger would run in the gateway's own commits."""
    copy = state.with_name("other")
    shutil.copytree(state, copy)
    for folder, name, script in ((state, "ledger.db", "create trigger t after insert on facts begin delete from grants; end"),
                                 (copy, "tapes/000001.db", "create trigger t after insert on frames begin delete from frames; end")):
        tamper(folder / name, script)
        with pytest.raises(JituiError, match=rf"{name} .*trigger"):
            async with opened(folder):
                pass


def test_the_doors_are_shut(state: Path) -> None:
    """Nothing is written, nothing attached, and nothing large made."""
    files = Files(state)
    with files.reading(files.ledger) as db:
        assert [db.execute(f"pragma {name}").fetchone() for name in ("trusted_schema", "cell_size_check", "query_only")] == [(0,), (1,), (1,)]
        assert db.getlimit(sqlite3.SQLITE_LIMIT_LENGTH) == 17 << 20
    for sql in ("attach ':memory:' as other", "delete from facts", "select zeroblob(100000000)"):
        with pytest.raises(InvalidError), files.reading(files.ledger) as db:
            db.execute(sql).fetchall()


def spend(files: Files, path: Path, sql: str) -> None:
    with files.reading(path) as db:
        db.execute(sql).fetchall()


ENDLESS = "takes more steps than a file of this size needs"


def test_a_query_without_end(state: Path) -> None:
    """It ends with its budget, in seconds, and says so."""
    with pytest.raises(InvalidError, match=ENDLESS):
        spend(Files(state), state / "ledger.db", "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n")


def circle(path: Path, table: str) -> None:
    """Make a table's tree one of 12 floors with 300 listeners each, every listener of a floor to the same next one: 300 ** 12 rows of five pages."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        (size,) = db.execute("pragma page_size").fetchone()
        (root,) = db.execute("select rootpage from sqlite_master where name = ?", (table,)).fetchone()
    data = bytearray(path.read_bytes())
    pages = len(data) // size
    leaf = bytes(data[(root - 1) * size : root * size])
    floors = [root, *range(pages + 1, pages + 13)]
    data += bytes(12 * size)
    for here, below in pairwise(floors):
        cells = [size - 6 * (number + 1) for number in range(300)]
        page = bytearray(struct.pack(">BHHHBI", 5, 0, 300, cells[-1], 0, below) + b"".join(struct.pack(">H", cell) for cell in cells)).ljust(size, b"\0")
        for number, cell in enumerate(cells):
            page[cell : cell + 5] = struct.pack(">IB", below, min(number + 1, 127))
        data[(here - 1) * size : here * size] = page
    data[(floors[-1] - 1) * size : floors[-1] * size] = leaf
    data[28:32] = struct.pack(">I", len(data) // size)
    path.write_bytes(data)


@pytest.mark.parametrize(("name", "table"), [("tapes/000001.db", "frames"), ("ledger.db", "facts")])
def test_pages_that_lead_in_circles(state: Path, name: str, table: str) -> None:
    """A tree whose branches grow together has more rows than there is time: one clear error."""
    circle(state / name, table)
    with pytest.raises(InvalidError, match="was altered page by page"):
        Files(state).verify()
    files = Files(state)
    with suppress(InvalidError):  # rows that are not in the way are read
        assert len(list(files.all_frames(1))) == 6
    with pytest.raises(InvalidError, match=ENDLESS):
        spend(files, state / name, f"select sum(length(quote(rowid))) from {table} not indexed")


def found(files: Files) -> list[tuple[str, str, int]]:
    """Every problem, also the one that ends it all."""
    try:
        return [(verdict.subject, verdict.problem, verdict.seq) for verdict in files.verify() if not verdict.consistent]
    except InvalidError as error:
        return [("", str(error), -1)]


@pytest.mark.parametrize("change", [
    "seq = -1", "session = -1", "at_us = -5", "conn = -1", "at_us = 9223372036854775807", "seq = 9223372036854775807", "id = -7", "channel = -1",
    "flags = -1", "body = zeroblob(16777217)"])
def test_numbers_that_no_frame_has(state: Path, change: str) -> None:
    """Each is an alteration that is named, or one clear error; also where it is only shown."""
    tamper(state / "tapes/000001.db", f"update frames set {change} where seq = 5")
    files = Files(state)
    assert found(files) != []
    with pytest.raises(InvalidError, match=r"s-1: .*see: jitui verify s-1"):
        list(files.all_frames(1))


def test_a_body_that_unpacks_to_more_than_a_frame(state: Path) -> None:
    """17 MiB out of 1.5 KiB: refused by what it claims, and if it claims nothing too."""
    honest = zstandard.ZstdCompressor().compress(bytes(17 << 20))
    silent = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(17 << 20))
    for packed in (honest, silent):
        with closing(sqlite3.connect(state / "tapes/000001.db", isolation_level=None)) as db:
            db.execute("update frames set flags = 1, body = ? where seq = 2", (packed,))
        assert ("s-1", 2) in {(subject, seq) for subject, _, seq in found(Files(state))}


def test_wrong_types(state: Path) -> None:
    """A strict table that was made lax for a moment: what stands in it then is found."""
    with closing(sqlite3.connect(state / "tapes/000001.db", isolation_level=None)) as db:
        (text,) = db.execute("select sql from sqlite_master where name = 'frames'").fetchone()
        db.executescript("pragma writable_schema=on; update sqlite_master set sql = replace(sql, ' strict', '') where name = 'frames'; "
                         "pragma schema_version=77")
    with closing(sqlite3.connect(state / "tapes/000001.db", isolation_level=None)) as db:
        db.execute("update frames set seq = 'three', hash = 7 where seq = 3")
        db.execute("pragma writable_schema=on")
        db.execute("update sqlite_master set sql = ? where name = 'frames'", (text,))
    with pytest.raises(InvalidError, match="was altered page by page"):
        Files(state).verify()
    with pytest.raises(InvalidError, match="s-1"):
        list(Files(state).all_frames(1))


def test_heads_of_the_ledger_in_order(state: Path) -> None:
    """A head with a number that no head has is not passed over."""
    tamper(state / "ledger.db", "update heads set id = -id")
    with pytest.raises(InvalidError, match="number"):
        Files(state).verify()
    with closing(sqlite3.connect(state / "ledger.db")) as db:
        assert db.execute(HEADS).fetchone()[0] < 0


def test_spans_that_hide_frames(state: Path) -> None:
    """Whoever shows 3 of 6 frames gets an error instead; so does the export."""
    for script in ("update spans set last = 3 where session = 1", "update spans set first = 4 where session = 1", "delete from spans where session = 1",
                   "update spans set last = 99 where session = 0; delete from spans where session = 1"):
        copy = state.with_name("spans")
        shutil.copytree(state, copy)
        tamper(copy / "tapes/000001.db", script)
        files = Files(copy)
        for read in (lambda files=files: list(files.all_frames(1)), lambda files=files: files.newest_frames(1, after=-1, room=1 << 20),
                     lambda files=files, copy=copy: files.export(1, copy / "out.jitui")):
            with pytest.raises(InvalidError, match="see: jitui verify s-1"):
                read()
        shutil.rmtree(copy)


@pytest.mark.parametrize(("script", "read"), [
    ("update sessions set argv = '{'", lambda files: files.sessions()),
    ("update sessions set started_us = 9223372036854775807", lambda files: files.session(1)),
    ("update grants set scope = 'fly'", lambda files: files.grants()),
    ("update grants set started_us = -1", lambda files: files.grant(1)),
    ("update requests set asked_us = -1", lambda files: files.requests()),
    ("update facts set at_us = 9223372036854775807", lambda files: files.facts()),
    ("update facts set what = '{}}'", lambda files: files.newest_facts()),
    ("update facts set what = '{}' where kind = 'session.ended'", lambda files: files.frames(1)),
    ("update identities set roles = '[\"king\"]'", lambda files: files.identities()),
])
def test_rows_that_can_t_be_shown(state: Path, script: str, read: Callable[[Files], object]) -> None:
    """One clear line, not a mistake of jitui."""
    tamper(state / "ledger.db", f"insert or ignore into identities values('x', '[]', '', '', 0, 0); {script}")
    with pytest.raises(InvalidError, match=r"can't be read|see: jitui verify|is no verb"):
        read(Files(state))


def test_a_head_with_numbers_that_no_head_has(state: Path) -> None:
    """Whoever signs with a key of his own can write any number into a head: it is no traceback."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    for at_us, told in ((1 << 62, {}), (5, {1 << 70: (1, b"x" * 32)}), (5, {1: (1 << 70, b"x" * 32)}), (5, {-1: (1, b"x" * 32)})):
        with closing(sqlite3.connect(state / "ledger.db", isolation_level=None)) as db:
            seq, link = db.execute("select seq, hash from facts order by seq desc").fetchone()
            db.execute("insert or ignore into keys values(?, ?)", (key_id(public), public))
            db.execute("insert into heads(facts_seq, hash, at_us, sessions, key_id, sig) values(?, ?, ?, ?, ?, ?)",
                       (seq, link, at_us, json.dumps({str(session): [frames, head.hex()] for session, (frames, head) in told.items()}), key_id(public),
                        key.sign(head_text(seq, link, at_us, told))))
        assert "has no valid signature" in found(Files(state))[0][1]
        tamper(state / "ledger.db", "delete from heads where id = (select max(id) from heads)")


def peak(read: Callable[[], object]) -> int:
    """Bytes of Python's own that a call takes at most."""
    tracemalloc.start()
    try:
        read()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_frames_that_unpack_take_one_at_a_time(state: Path) -> None:
    """24 frames of 16 MiB out of 36 KiB on disk: neither the proof nor a page of them holds more than two."""
    packed = zstandard.ZstdCompressor().compress(bytes(16 << 20))
    with closing(sqlite3.connect(state / "tapes/000001.db", isolation_level=None)) as db:
        db.execute("delete from frames")
        db.executemany("insert into frames values(?, 1, ?, 0, 0, 1, 1, zeroblob(32), ?)", [(seq + 1, seq, packed) for seq in range(24)])
    files = Files(state)
    assert peak(lambda: found(files)) < 40 << 20
    assert peak(lambda: files.frames(1)) < 40 << 20


def test_facts_are_streamed(state: Path) -> None:
    """20 MB of them: the proof, and the gateway's walk, hold a page of 2 MiB at a time, and the file without a name."""
    with closing(sqlite3.connect(state / "ledger.db", isolation_level=None)) as db:
        seq, link = db.execute("select seq, hash from facts order by seq desc").fetchone()
        db.execute("begin")
        for number in range(seq + 1, seq + 2_501):
            fact = Fact(number, 5, Kind.VIEWED, "ana", "s-1", {"how": "recorded" * 1000}, b"")
            link = fact_link(link, fact_digest(fact))
            db.execute("insert into facts values(?, 5, 'viewed', 'ana', 's-1', ?, ?)", (number, canonical(fact.what), link))
        db.execute("commit")
    assert peak(lambda: found(Files(state))) < 14 << 20
    assert len(Files(state).facts()) < 300
