"""Whatever is changed in a small record is found and named, or changes nothing that is read, or needs a witness.

Here a sample of all changes; `make soak` tries each byte.
"""

import shutil
import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from jitui.recording.tlog.checkpoint import notes_in
from jitui.recording.verify import Brought, Verdict
from jitui.store import Files, verify as script
from jitui.values.errors import InvalidError, JituiError
from tests.store.evidence import tampering
from tests.store.seen import bundled, seen
from tests.store.test_logged import policy
from tests.support.soak import SOAKING, soak

STEP, LENGTH = (512, 512) if SOAKING else (4099, 1)  # how many bytes are flipped of so many; 4099 is prime: each page is met at another place
TABLES = {"ledger.db": ("facts", "heads", "keys", "identities", "requests", "approvals", "grants", "sessions", "tapes", "actions"),
          "tapes/000001.db": ("frames", "spans"), "log.db": ("about", "leaves", "hashes", "checkpoints", "cosignatures")}  # fmt: skip
DERIVED = {"tips"}
PROVED = {"heads": "facts_seq, hash, at_us, sessions, key_id, sig",  # the number of a head is its place among the others, and no more
          "actions": "id, session, conn, identity, connection, verb, grp, resource, subresource, namespace, name, path, argv, verdict, code, audit_id"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import asyncio  # noqa: PLC0415 - a fixture of the module, which has no loop

    folder = tmp_path_factory.mktemp("whole") / "state"
    asyncio.run(seen(folder))
    return folder


@pytest.fixture(scope="module")
def file(whole: Path) -> Path:
    path = whole.parent / "s-1.jitui"
    Files(whole).export(1, path)
    return path


def verdicts(place: Path, brought: Brought) -> list[Verdict]:
    files = Files(place)
    try:
        return files.verify(brought=brought)
    finally:
        files.close()


def problem(place: Path, brought: Brought) -> str:
    """The first problem that verify names; it may refuse the files as a whole."""
    try:
        return next((each.problem for each in verdicts(place, brought) if not each.consistent), "")
    except JituiError as error:
        return str(error)


def content(path: Path, tables: Collection[str] = ()) -> object:
    """All that a reader can see of a file, or of these tables, but for what is derived, and the columns of actions that are notes (docs/evidence.md)."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as db:
            there = [name for (name,) in db.execute("select name from sqlite_master where type = 'table' order by name")]
            names = [name for name in there if (name in tables if tables else name not in DERIVED)]
            return [(name, db.execute(f"select {PROVED.get(name, '*')} from {name} order by 1, 2").fetchall()) for name in names]
    except sqlite3.Error as error:
        return str(error)


def flipped(data: bytes, start: int, end: int) -> bytes:
    return data[:start] + bytes(each ^ 0x41 for each in data[start:end]) + data[end:]


Look = Callable[[Path], object]


def read_there(file: Path, data: bytes, look: Look, before: object, start: int, end: int) -> Iterator[int]:
    """Each byte between the two whose change changes what is read. Bytes that change nothing when all of them are flipped are not looked at one by one."""
    file.write_bytes(flipped(data, start, end))
    if look(file) == before:
        return
    if end - start == 1:
        yield start
        return
    for low, high in ((start, (start + end) // 2), ((start + end) // 2, end)):
        yield from read_there(file, data, look, before, low, high)


def unseen(file: Path, verify: Callable[[], str], look: Look = content) -> list[int]:
    """Where a flipped byte of the file changes what is read, and `verify` names no problem."""
    data, before, found, tried = file.read_bytes(), look(file), [], 0
    assert verify() == ""
    for start in range(0, len(data), STEP):
        for at in read_there(file, data, look, before, start, min(start + LENGTH, len(data))):
            file.write_bytes(flipped(data, at, at + 1))
            tried += 1
            if not verify():
                found.append(at)
    print(f"{file.name}: {len(data)} bytes, of which {tried} change what is read")
    return found


@pytest.mark.timeout(soak(300, 14400))
@pytest.mark.parametrize("name", ["ledger.db", "tapes/000001.db", "log.db"])
def test_each_byte_of_a_folder(whole: Path, tmp_path: Path, name: str) -> None:
    """A flipped byte is found, or lies where nothing is read."""
    state = shutil.copytree(whole, tmp_path / "state")
    brought = Brought(policy=policy(whole, "all"))
    assert unseen(state / name, lambda: problem(state, brought)) == []


@pytest.mark.timeout(soak(300, 14400))
def test_each_byte_of_an_evidence_file(file: Path, whole: Path, tmp_path: Path) -> None:
    """A flipped byte is found, or lies where nothing is read."""
    copy, brought = Path(shutil.copy(file, tmp_path / "copy.jitui")), Brought(policy=policy(whole, "all"))
    assert unseen(copy, lambda: problem(copy, brought)) == []


@pytest.mark.timeout(soak(300, 14400))
def test_each_byte_that_the_script_reads(file: Path, whole: Path, tmp_path: Path) -> None:
    """`verify.py` finds a flipped byte of what it judges: facts, heads, keys, frames and proofs."""
    copy, known = Path(shutil.copy(file, tmp_path / "copy.jitui")), tmp_path / "policy"
    known.write_text(policy(whole, "all").text)
    brought = script.read_policy(str(known))

    def verify() -> str:
        try:
            script.verdict(str(copy), b"", brought)
        except (script.WrongError, sqlite3.Error, ValueError, KeyError, TypeError, OverflowError) as error:  # as its main does
            return str(error)
        return ""

    assert unseen(copy, verify, lambda path: content(path, ("facts", "sealed", "heads", "keys", "frames", "evidence"))) == []


def test_each_byte_of_the_key(whole: Path, tmp_path: Path) -> None:
    """It is another key, or none; only the line end behind it says nothing."""
    state = shutil.copytree(whole, tmp_path / "state")
    key = state / "keys/ledger.ed25519"
    data, found = key.read_bytes(), []
    for at in range(0, len(data) - 1, soak(17, 1)):
        key.write_bytes(flipped(data, at, at + 1))
        if not problem(state, Brought()):
            found.append(at)
    assert found == []


def test_each_byte_of_checkpoints_that_are_brought(whole: Path) -> None:
    """It is no checkpoint any more, or one of another past. Their signatures are not asked for: where they come from is what they prove."""
    with tampering(whole / "log.db") as db:
        data = "".join(note for (note,) in db.execute("select note from checkpoints order by size")).encode()
    before, found = [note.text for note in notes_in(data.decode())], []
    assert problem(whole, Brought(checkpoints=tuple(notes_in(data.decode())))) == ""
    for at in range(0, len(data), soak(7, 1)):
        try:
            notes = tuple(notes_in(flipped(data, at, at + 1).decode()))
        except (InvalidError, UnicodeDecodeError):
            continue
        if [note.text for note in notes] != before and not problem(whole, Brought(checkpoints=notes)):
            found.append(at)
    assert found == []


def changed(state: Path, name: str, change: Callable[[sqlite3.Connection], object]) -> Path:
    with tampering(state / name) as db:
        change(db)
    return state


def test_each_row(whole: Path, tmp_path: Path) -> None:
    """Each row of each table cut is found, but for those of which nothing that is proved depends: signatures that a later one covers too, the public
    key that lies in the folder as well, and the note of how far spans were made."""
    brought, unseen = Brought(policy=policy(whole, "all")), []
    for name, tables in TABLES.items():
        for table in tables:
            with tampering(whole / name) as db:
                (count,) = db.execute(f"select count(*) from {table}").fetchone()
            for row in range(0, count, 1 if SOAKING else max(1, count // 3)):
                state = tmp_path / "state"
                shutil.rmtree(state, ignore_errors=True)
                shutil.copytree(whole, state)
                key = {"keys": "key_id", "tapes": "name", "approvals": "request", "identities": "name", "spans": "session",
                       "cosignatures": "line"}.get(table, "rowid")  # fmt: skip
                with tampering(state / name) as db:
                    (value,) = db.execute(f"select {key} from {table} order by {key} limit 1 offset ?", (row,)).fetchone()
                    (session,) = db.execute("select session from actions where rowid = ?", (value,)).fetchone() if table == "actions" else (0,)
                    db.execute(f"delete from {table} where {key} = ?", (value,))
                found = problem(state, brought)
                if table == "frames":
                    assert found.startswith(("s-1: ", "s-2: ", "tapes: ")), found
                if not found and session != 2:  # the session that still runs: its rows are written lazily
                    unseen.append((table, value))
    assert {table for table, _ in unseen} <= {"heads", "keys", "spans"}
    assert [value for table, value in unseen if table == "spans"] == [0]


EXCHANGES = [
    ("tapes/000001.db", "update frames set session = 3 - session", "s-"),
    ("tapes/000001.db", "update frames set seq = case seq when 4 then 5 when 5 then 4 else seq end where session = 1", "s-1: reordered: frame "),
    ("tapes/000001.db", "update frames set body = (select body from frames where session = 2 and seq = 1) where session = 1 and seq = 6",
     "s-1: altered: frame 6"),
    ("tapes/000001.db", "delete from frames where session = 1 and seq > 8", "s-1: cut: frame 9 is missing"),
    ("tapes/000001.db", "delete from frames where session = 2", "s-2: cut: frame 0 is missing"),
    ("ledger.db", "update facts set seq = case seq when 3 then 900 else seq end", "facts: cut: fact 3"),
    ("ledger.db", "update facts set what = (select what from facts where seq = 6) where seq = 4", "facts: altered: fact 4"),
    ("ledger.db", "delete from facts where seq > 5", "facts: cut: fact 6 is missing"),
    ("ledger.db", "delete from facts where subject = 's-1'", "facts: cut: fact "),
    ("ledger.db", "create trigger t after insert on facts begin delete from facts; end", "trigger 't'"),
    ("ledger.db", "alter table facts rename to kept; create view facts as select * from kept", "is no recording of jitui as it was written"),
    ("log.db", "create view v as select 1", "view 'v'"),
]


@pytest.mark.parametrize(("name", "change", "why"), EXCHANGES)
def test_exchanged_cut_and_planted(whole: Path, tmp_path: Path, name: str, change: str, why: str) -> None:
    """Session and frame, or the fact, are named."""
    shutil.copytree(whole, tmp_path / "state")
    state = changed(tmp_path / "state", name, lambda db: db.executescript(change))
    found = [each.problem for each in verdicts_or(state)]
    assert any(why in each for each in found), found


def verdicts_or(state: Path) -> list[Verdict]:
    try:
        return [each for each in verdicts(state, Brought()) if not each.consistent]
    except JituiError as error:
        return [Verdict(subject="files", consistent=False, signed="no", frames=0, unsigned_tail=0, problem=str(error))]


async def test_tapes_of_another_folder(whole: Path, tmp_path: Path) -> None:
    """The same numbers, other frames, other facts, another log: each file of another record is found."""
    await bundled(tmp_path / "other" / "state")
    brought = Brought(policy=policy(whole, "all"))
    for name in ("ledger.db", "tapes/000001.db", "log.db", "keys/ledger.ed25519"):
        state = tmp_path / name.replace("/", "-")
        shutil.copytree(whole, state)
        shutil.copy(tmp_path / "other" / "state" / name, state / name)
        if not name.endswith(".db") or content(state / name) != content(whole / name):
            assert problem(state, brought), name
