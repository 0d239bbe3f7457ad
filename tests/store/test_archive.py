"""Reading: pages, rows and times, beside a live gateway and from bare files."""

import asyncio
import contextlib
import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from jitui.policy.terms import Identity, RequestState, Role
from jitui.recording.facts import Draft, Kind
from jitui.recording.frame import Channel, Frame
from jitui.store import Files, SessionRow, archive
from jitui.values.errors import ConfigurationError, InvalidError, NotFoundError
from jitui.values.instant import Instant
from tests.store.life import BOOT, NOW, added, approved, asked, attempted, began, ended, frames, granted, opened, record, until, window


async def test_pages_of_frames(tmp_path: Path) -> None:
    """In order of seq, whatever was recorded between them, with and without spans, by channel and connection."""
    made = [Frame(1, seq, seq * 1000, seq % 3, Channel.STDOUT if seq % 2 else Channel.STDIN, b"%d" % seq) for seq in range(5000)]
    async with opened(tmp_path / "state") as store:
        await store.commit([*window(), began(1)])
        for at in range(0, 5000, 100):
            await record(store, [*made[at:at + 100], *frames(2, [b"noise"] * 50, at // 2)])
        files = Files(tmp_path / "state")
        with files.reading(files.tapes()[0]) as db:
            assert db.execute("select count(*) from spans where session = 1").fetchone()[0] > 1
        assert files.frames(1) == made[:1000]
        assert files.frames(1, after=4321) == made[4322:]
        assert files.frames(1, after=2500, limit=3) == made[2501:2504]
        assert files.frames(1, after=4999) == []
        assert list(files.all_frames(1, size=777)) == made
        assert files.frames(1, channels=[Channel.STDIN], conn=2, limit=4) == [frame for frame in made if frame.channel is Channel.STDIN and frame.conn == 2][:4]
        assert [frame.body for frame in files.frames(2, after=2497)] == [b"noise"] * 2
        assert files.frames(3) == []


async def test_seek(tmp_path: Path) -> None:
    """The last frame at or before a time, for a session among others."""
    chance = random.Random(3)
    times = sorted(chance.randrange(10_000_000) for _ in range(3000))
    async with opened(tmp_path / "state") as store:
        await store.commit([*window(), began(1)])
        for at in range(0, 3000, 250):
            await record(store, [*(Frame(1, seq, times[seq], 0, Channel.STDOUT, b"x") for seq in range(at, at + 250)), *frames(2, [b"y"] * 250, at)])
        files = Files(tmp_path / "state")
        for moment in [*(chance.randrange(10_000_000) for _ in range(100)), 0, times[0], times[-1], 1 << 40]:
            assert files.seek(1, moment) == sum(1 for each in times if each <= moment) - 1


async def test_rows_of_the_ledger(tmp_path: Path) -> None:
    """Newest last, filtered, and one by one; what isn't there says how to find what is."""
    async with opened(tmp_path / "state") as store:
        await store.commit([added(), *window(), asked(2), approved(2), Draft(Kind.REQUEST_DENIED, "r-2", "ana", {"why": "no"}), asked(3, identity="agent-b")])
        await store.commit([granted(2, 3, identity="agent-b"), began(1), began(2), began(3, grant=2), ended(2, ended_us=NOW + 77)])
        await store.commit([Draft(Kind.GRANT_ENDED, "g-1", "ana", {"state": "revoked", "why": "enough"}), asked(4)])
        files = Files(tmp_path / "state")
        assert files.identities() == {"agent-a": Identity("agent-a", frozenset({Role.AGENT}), "ana", "root")}
        assert [request.id for request in files.requests()] == [1, 2, 3, 4]
        assert [request.id for request in files.requests(limit=2)] == [3, 4]
        assert [request.id for request in files.requests(identity="agent-b")] == [3]
        assert [request.id for request in files.requests(pending=True)] == [4]
        two = files.request(2)
        assert (two.state, two.decided_by, two.why, [each.person for each in two.approvals]) == (RequestState.DENIED, "ana", "no", ["ana"])
        assert [(grant.id, grant.state) for grant in files.grants()] == [(1, "revoked"), (2, "active")]
        assert [grant.id for grant in files.grants(live=True)] == [2]
        assert (files.grant(1).ended_by, files.grant(1).why) == ("ana", "enough")
        assert [row.id for row in files.sessions(live=True)] == [1, 3]
        assert [row.id for row in files.sessions(grant=1)] == [1, 2]
        assert files.session(2) == SessionRow(
            id=2, grant=1, identity="agent-a", connection="prod", kind="exec", target="web/web-7c", argv=("sh", "-c", "id"), tty=True,
            peer="10.0.0.9:4711", command_group="", state="ended", started=Instant(NOW, BOOT, "boot-1"), ended_us=NOW + 77, ended_why="exit",
            ended_by="agent-a", frames=0, bytes_in=0, bytes_out=0, delivered_in=0, delivered_out=5, conns=0, may_run_on=0, head=files.session(2).head)
        for missing, said in ((lambda: files.request(9), "no request r-9; list them with: jitui requests"),
                              (lambda: files.grant(9), "no grant g-9; list them with: jitui grants"),
                              (lambda: files.session(9), "no session s-9")):
            with pytest.raises(NotFoundError, match=said):
                missing()


async def test_actions_and_facts(tmp_path: Path) -> None:
    """The newest so many, oldest first; facts from a seq on, or of one subject."""
    async with opened(tmp_path / "state") as store:
        await store.commit([*window(), began(1), *window(2, 2), began(2, grant=2)])
        for number in range(6):
            store.note(attempted(at_us=NOW + number, session=1 + number % 2, conn=number, verdict="allowed", identity="agent-a" if number % 2 else "agent-0",
                                 audit_id=f"jitui-aa-{1 + number % 2}-{number}"))
        files = Files(tmp_path / "state")
        await until(lambda: len(files.actions()) == 6)
        assert [row.conn for row in files.actions(limit=4)] == [2, 3, 4, 5]
        assert [(row.conn, row.grant) for row in files.actions(grant=2)] == [(1, 2), (3, 2), (5, 2)]
        assert [row.conn for row in files.actions(session=1, identity="agent-0")] == [0, 2, 4]
        assert [row.conn for row in files.actions(audit_id="jitui-aa-2-3")] == [3]
        assert [fact.seq for fact in files.facts(after=3, limit=4)] == [4, 5, 6, 7]
        assert [fact.kind for fact in files.facts(subject="r-1")] == [Kind.REQUEST_ASKED, Kind.REQUEST_APPROVED]
        assert [fact.seq for fact in files.newest_facts(2)] == [8, 9]


async def test_many_threads_read_while_it_records(tmp_path: Path) -> None:
    """Files is safe for asyncio.to_thread, and what it reads is always whole: a page has no gap."""
    async with opened(tmp_path / "state") as store:
        await store.commit([*window(), began(1)])
        files = Files(tmp_path / "state")
        stop = asyncio.Event()

        async def read() -> int:
            most = 0
            while not stop.is_set():
                seqs = [frame.seq for frame in await asyncio.to_thread(files.frames, 1, after=most - 1)]
                assert seqs == list(range(most, most + len(seqs)))
                most += len(seqs)
            return most

        async with asyncio.TaskGroup() as group:
            readers = [group.create_task(read()) for _ in range(3)]
            for at in range(0, 4500, 90):
                await record(store, frames(1, [b"x"] * 90, at))
            stop.set()
        assert all(reader.result() > 0 for reader in readers)


async def test_bare_files_stay_bare(tmp_path: Path) -> None:
    """Reading a copy needs no gateway, no key and no lock, and leaves nothing beside it."""
    async with opened(tmp_path / "state") as store:
        await store.commit([*window(), began(1)])
        await record(store, frames(1, [b"a"] * 3))
    bare = tmp_path / "bare"
    bare.joinpath("tapes").mkdir(parents=True)
    for name in ("ledger.db", "tapes/000001.db"):
        shutil.copy(tmp_path / "state" / name, bare / name)
    before = sorted(bare.rglob("*"))
    files = Files(bare)
    assert len(files.frames(1)) == 3
    assert [verdict.consistent for verdict in files.verify()] == [True] * 3
    assert sorted(bare.rglob("*")) == before


async def test_a_gateway_starts_beside_an_open_reader(tmp_path: Path) -> None:
    """What was read as bare files is read as live ones from then on."""
    async with opened(tmp_path / "state") as store:
        await store.commit([*window(), began(1)])
        await record(store, frames(1, [b"a"]))
        await store.commit([ended(1)])
    files = Files(tmp_path / "state")
    assert len(files.frames(1)) == 1
    async with opened(tmp_path / "state") as store:
        await store.commit([began(2)])
        await record(store, frames(2, [b"b", b"c"]))
        assert [len(files.frames(session)) for session in (1, 2)] == [1, 2]
    files.close()
    assert [len(files.frames(session)) for session in (1, 2)] == [1, 2]


def test_what_is_no_recording(tmp_path: Path) -> None:
    """Nothing there, a poem, another program's database, a newer jitui's: one clear line each."""
    with pytest.raises(NotFoundError, match="no recordings in "):
        Files(tmp_path / "nowhere")
    tmp_path.joinpath("poem").write_text("roses are red\n" * 100)
    with pytest.raises(InvalidError, match="it is damaged, or no recording of jitui"):
        Files(tmp_path / "poem")
    for version, error, said in ((0, InvalidError, "is no recording"), (99, ConfigurationError, "was written by a newer jitui")):
        with sqlite3.connect(tmp_path / "other.db") as db:
            db.execute(f"pragma user_version={version}")
            db.execute("create table if not exists t(x)")
        with pytest.raises(error, match=said):
            Files(tmp_path / "other.db")


async def test_a_body_that_can_t_be_read(tmp_path: Path) -> None:
    """An altered body is one clear line that names the session."""
    async with opened(tmp_path / "state") as store:
        await store.commit([*window(), began(1)])
        await record(store, frames(1, [b"a" * 5000]))
    with sqlite3.connect(tmp_path / "state/tapes/000001.db") as db:
        db.execute("update frames set body = x'00'")
    with pytest.raises(InvalidError, match="see: jitui verify s-1"):
        Files(tmp_path / "state").frames(1)


async def test_a_damaged_file(tmp_path: Path) -> None:
    """Pages of nonsense are one clear line, and not SQLite's traceback."""
    async with opened(tmp_path / "state") as store:
        await store.commit([*window(), began(1)])
        await record(store, frames(1, [bytes(range(256)) * 40] * 40))
    tape = tmp_path / "state/tapes/000001.db"
    data = bytearray(tape.read_bytes())
    data[4096 * 2:] = b"\xff" * (len(data) - 4096 * 2)
    tape.write_bytes(data)
    with pytest.raises(InvalidError, match="it is damaged"):
        list(Files(tmp_path / "state").all_frames(1))


def descriptors(folder: Path) -> int:
    """Open ones of this process on files of `folder`."""
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found += link.readlink().is_relative_to(folder)
    return found


async def test_idle_connections_are_few_however_many_tapes_are_read(tmp_path: Path) -> None:
    """Descriptors are for others, too; those used last stay."""
    async with opened(tmp_path / "state", tape_limit=4000) as store:
        await store.commit([*window(), began(1)])
        for at in range(60):
            await record(store, frames(1, [bytes(random.Random(at).randbytes(3000))], at))
    files = Files(tmp_path / "state")
    assert len(files.tapes()) > archive.KEPT * 2
    before = descriptors(tmp_path)
    assert len(list(files.all_frames(1))) == 60
    assert descriptors(tmp_path) - before <= archive.KEPT * 3
    files.close()
    assert descriptors(tmp_path) == 0
