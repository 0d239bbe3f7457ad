"""The Store, as the gateway uses it: on real files, through a real writer thread."""

import asyncio
import os
import shutil
import sqlite3
import stat
from pathlib import Path

import pytest

from jitui.policy.scope import Scope
from jitui.policy.terms import Approval, Grant, GrantState, Identity, Request, Role
from jitui.recording.chain import GENESIS, link
from jitui.recording.facts import Draft, Fact, Kind
from jitui.recording.frame import Channel, Frame
from jitui.store import Files, SshKeyRow, Store, TokenRow
from jitui.store.bus import Bus
from jitui.store.ledger import tape_opened
from jitui.values.clock import ManualClock
from jitui.values.errors import BrokenError, ConfigurationError, ConflictError, InvalidError, UnrecordableError, UnsafeError
from jitui.values.instant import Deadline, Instant
from tests.store.life import (
    APPROVED,
    BOOT,
    DEADLINE,
    NOW,
    RESERVE,
    added,
    approved,
    asked,
    attempted,
    began,
    ended,
    frames,
    granted,
    issued,
    keyed,
    opened,
    record,
    unkeyed,
    until,
    window,
)


async def test_done_runs_after_the_commit_that_holds_the_frame(tmp_path: Path) -> None:
    """When `done` runs, another process reads the frame from the file."""
    seen: list[int] = []
    async with opened(tmp_path / "state") as store:
        finished = asyncio.Event()

        def done(error: Exception | None) -> None:
            assert error is None
            with sqlite3.connect(tmp_path / "state/tapes/000001.db") as db:
                seen.append(db.execute("select count(*) from frames").fetchone()[0])
            finished.set()

        store.put(Frame(1, 0, 0, 0, Channel.STDIN, b"ls\r"), done)
        await finished.wait()
    assert seen == [1]


async def test_done_runs_in_the_order_of_put(tmp_path: Path) -> None:
    """Also across the sizes at which small puts overtake: within a session nothing does."""
    order: list[tuple[int, int]] = []
    made = [Frame(session, seq, 0, 0, Channel.STDOUT, bytes(200_000 if (seq + session) % 3 else 10)) for seq in range(20) for session in (1, 2, 3)]
    async with opened(tmp_path / "state") as store:
        for frame in made:
            store.put(frame, lambda error, frame=frame: order.append((frame.session, frame.seq)))  # type: ignore[misc]
        await until(lambda: len(order) == len(made))
        assert store.written_bytes == sum(len(frame.body) for frame in made)
    for session in (1, 2, 3):
        assert [seq for each, seq in order if each == session] == list(range(20))


async def test_facts_come_after_frames_put_before_them(tmp_path: Path) -> None:
    """The closing fact of a session counts every frame put before it, though nobody waited for them."""
    made = frames(1, [b"a" * size for size in (1, 2000, 300_000)]) + frames(1, [b"in"], 3, Channel.STDIN)
    async with opened(tmp_path / "state") as store:
        await store.commit([*window(), began(1)])
        for frame in made:
            store.put(frame, lambda error: None)
        (fact,) = await store.commit([ended(1)])
    head = GENESIS(1)
    for frame in made:
        head = link(head, frame)
    assert {key: fact.what[key] for key in ("frames", "head", "bytes_in", "bytes_out", "delivered_out")} == {
        "frames": 4, "head": head.hex(), "bytes_in": 2, "bytes_out": 302_001, "delivered_out": 5}


async def test_put_all_is_one_commit_or_none(tmp_path: Path) -> None:
    """A gap in one of them keeps all of them off the record, and says which frame does not fit."""
    async with opened(tmp_path / "state") as store:
        await record(store, [*frames(1, [b"a", b"b"]), *frames(2, [b"c"])])
        with pytest.raises(UnrecordableError, match="frame 5 of s-2 does not follow the 1 on record"):
            await record(store, [*frames(1, [b"d"], 2), *frames(2, [b"e"], 5)])
        assert (store.recorded(1), store.recorded(2)) == (2, 1)
        await record(store, frames(1, [b"d"], 2))
        files = Files(tmp_path / "state")
        assert [frame.body for frame in files.frames(1)] == [b"a", b"b", b"d"]
        assert store.recording_error is None


async def test_nothing_follows_the_end_of_a_session(tmp_path: Path) -> None:
    """Neither after one with frames nor after one without."""
    async with opened(tmp_path / "state") as store:
        await record(store, frames(1, [b"a"]))
        await store.commit([*window(), began(1), began(2), ended(1), ended(2)])
        with pytest.raises(UnrecordableError, match="frame 1 of s-1 does not follow the 0 on record"):
            await record(store, frames(1, [b"b"], 1))
        with pytest.raises(UnrecordableError, match="s-2 has ended"):
            await record(store, frames(2, [b"b"]))


async def test_facts_are_published_after_their_commit(tmp_path: Path) -> None:
    """In the order of their numbers, and what is published is in the file."""
    bus = Bus()
    seen: list[tuple[int, int]] = []
    real = bus.publish

    def publish(facts: list[Fact]) -> None:
        with sqlite3.connect(tmp_path / "state/ledger.db") as db:
            newest = db.execute("select max(seq) from facts").fetchone()[0]
        seen.extend((fact.seq, newest) for fact in facts)
        real(facts)

    bus.publish = publish  # type: ignore[assignment, method-assign]
    async with opened(tmp_path / "state", bus=bus) as store:
        facts = await store.commit([added(), added("ana", ["approver"], "")])
        await store.commit([asked(1)])
    assert [fact.seq for fact in facts] == [2, 3]
    assert [seq for seq, _ in seen] == [2, 3, 4]
    assert all(newest >= seq for seq, newest in seen)


async def test_a_commit_is_all_or_nothing(tmp_path: Path) -> None:
    """A draft that lacks something, or an id that is taken, takes its fellows with it, and nobody else."""
    async with opened(tmp_path / "state") as store:
        first = asyncio.create_task(store.commit([asked(1), Draft(Kind.GRANT_STARTED, "g-1", "ana", {"request": 1})]))
        second = asyncio.create_task(store.commit([asked(2)]))
        with pytest.raises(InvalidError, match=r"fact 3 can't be read: grant.started about g-1 has no identity, which every gateway wrote"):
            await first
        assert [fact.seq for fact in await second] == [2]
        with pytest.raises(ConflictError, match="has that already"):
            await store.commit([asked(3), asked(2)])
        with pytest.raises(InvalidError, match="is no JSON"):
            await store.commit([Draft(Kind.VIEWED, "s-1", "ana", {"how": b"bytes"})])
        assert [request.id for request in Files(tmp_path / "state").requests()] == [2]


async def test_what_was_live_is_loaded(tmp_path: Path) -> None:
    """Identities, tokens, pending requests with their approvals, and live grants come back as the values they were."""
    token = TokenRow("0a1b2c3d", "agent-a", "root", b"h" * 32, NOW * 2)
    async with opened(tmp_path / "state") as store:
        await store.commit([added(), added("ana", ["approver", "operator"], ""), issued("0a1b2c3d")])
        await store.commit([asked(1), approved(1), granted(1, 1)])
        await store.commit([asked(2), approved(2, "ana", duration_s=600), asked(3), Draft(Kind.REQUEST_DENIED, "r-3", "ana", {"why": "no"})])
        waiting = {"state": "waiting", "deadline": None, "use_by": DEADLINE, "started_us": 0}
        await store.commit([asked(4), granted(2, 4, **waiting), asked(5), granted(3, 5), Draft(Kind.GRANT_FROZEN, "g-1", "ana", {"by": "ana"})])
        await store.commit([Draft(Kind.GRANT_ENDED, "g-3", "ana", {"state": "revoked", "why": "enough"})])
    async with opened(tmp_path / "state") as store:
        loaded = store.loaded
        counters = (store.next_request(), store.next_grant(), store.next_session(), store.next_session())
    wide, narrow = Scope.parse("read pods in web; exec pods in web"), Scope.parse("read pods in web")
    now = Instant(NOW, BOOT, "boot-1")
    deadline = Deadline(**DEADLINE)  # type: ignore[arg-type]
    assert loaded.identities == {"agent-a": Identity("agent-a", frozenset({Role.AGENT}), "ana", "root"),
                                 "ana": Identity("ana", frozenset({Role.APPROVER, Role.OPERATOR}), "", "root")}
    assert loaded.tokens == [token]
    assert loaded.requests == [Request(2, "agent-a", "prod", 600, narrow, "why \x1b[31m not", now, Deadline.after(now, 3_600_000_000),
                                       approvals=(Approval("ana", NOW, 600, narrow, "ok"),), peer="10.0.0.9:4711", token="0a1b2c3d", same_user=True)]
    base = Grant(1, 1, "agent-a", "prod", narrow, 1800, Instant(**APPROVED), ("ana",), GrantState.ACTIVE, deadline, None, NOW, frozen_by="ana")  # type: ignore[arg-type]
    assert loaded.grants == [base, Grant(2, 4, "agent-a", "prod", narrow, 1800, now, ("ana",), GrantState.WAITING, None, deadline)]
    assert (loaded.newest_us, loaded.lockdown, loaded.lost_sessions) == (NOW, False, 0)
    assert counters == (6, 4, 1, 2)
    assert str(wide) not in {str(request.scope) for request in loaded.requests}


async def test_the_bytes_of_live_grants_are_loaded(tmp_path: Path) -> None:
    """Both ways and the number of frames, each stream as 18 more, over all sessions, those that a crash left open too; not of what has ended."""
    async with opened(tmp_path / "state") as store:
        for ident in (1, 2, 3):
            await store.commit([asked(ident), granted(ident, ident)])
        await store.commit([began(1), began(2), began(3, 2)])
        await record(store, [*frames(1, [b"abc"]), *frames(1, [b"de"], 1, Channel.STDIN), *frames(2, [b"f" * 100]), *frames(3, [b"g" * 9])])
        await store.commit([ended(1), Draft(Kind.GRANT_ENDED, "g-2", "ana", {"state": "revoked", "why": "enough"})])
    async with opened(tmp_path / "state") as store:
        assert store.loaded.used == {1: (2, 103, 3 + 2 * 18)}


async def test_lockdown_survives_a_restart(tmp_path: Path) -> None:
    """On until somebody lifts it."""
    for kind, state in ((Kind.LOCKDOWN_ON, True), (Kind.LOCKDOWN_OFF, False)):
        async with opened(tmp_path / "state") as store:
            await store.commit([Draft(kind, "gateway", "ana", {"why": "odd traffic"})])
        async with opened(tmp_path / "state") as store:
            assert store.loaded.lockdown == state


async def test_tokens_end_with_their_identity(tmp_path: Path) -> None:
    """Revoked one by one, or all at once when the identity is disabled; a later token of theirs is not touched."""
    clock = ManualClock()
    async with opened(tmp_path / "state", clock) as store:
        await store.commit([added(), issued("a"), issued("b")])
        await store.commit([Draft(Kind.TOKEN_REVOKED, "agent-a", "root", {"token": "a", "why": "rotated"})])
        clock.advance(1)
        await store.commit([Draft(Kind.IDENTITY_DISABLED, "agent-a", "root", {"why": "gone"})])
        await store.commit([added(), issued("c")])
    async with opened(tmp_path / "state") as store:
        assert {token.id: token.revoked_us for token in store.loaded.tokens} == {"a": NOW, "b": NOW + 1_000_000, "c": 0}
        assert "hhhh" not in repr(store.loaded.tokens)


async def test_keys_end_with_their_identity(tmp_path: Path) -> None:
    """Revoked one by one, or all at once when the identity is disabled; by another identity's name nothing is revoked, and no key is added twice."""
    clock = ManualClock()
    async with opened(tmp_path / "state", clock) as store:
        await store.commit([added(), keyed("a"), keyed("b"), unkeyed("a"), unkeyed("b", "agent-b")])
        for identity in ("agent-a", "agent-b"):
            with pytest.raises(ConflictError, match="has that already"):
                await store.commit([keyed("a", identity)])
        clock.advance(1)
        await store.commit([Draft(Kind.IDENTITY_DISABLED, "agent-a", "root", {"why": "gone"}), added("agent-b"), keyed("c", "agent-b")])
    async with opened(tmp_path / "state") as store:
        assert {key.fingerprint: (key.identity, key.revoked_us) for key in store.loaded.ssh_keys} == {
            "a": ("agent-a", NOW), "b": ("agent-a", NOW + 1_000_000), "c": ("agent-b", 0)}
        assert store.loaded.ssh_keys[-1] == SshKeyRow(fingerprint="c", identity="agent-b", added_by="root", added_us=NOW + 1_000_000, type="ssh-ed25519",
                                                      key=b"key", comment="laptop")


async def test_notes_ride_with_a_later_commit(tmp_path: Path) -> None:
    """Rows of actions cost no commit of their own, and are there soon; equal denials are one row with a count."""
    async with opened(tmp_path / "state") as store:
        files = Files(tmp_path / "state")
        store.note(attempted(verdict="allowed", session=1, code=200))
        for _ in range(3):
            store.deny(attempted())
        await until(lambda: len(files.actions()) == 2)
        store.deny(attempted())
        await until(lambda: [row.count for row in files.actions()] == [1, 4])
        store.note(attempted(code=None))
    assert [row.code for row in Files(tmp_path / "state").actions()] == [200, 403, None]


async def test_a_second_gateway_is_refused(tmp_path: Path) -> None:
    """With the pid of the first; when that one is gone it may."""
    async with opened(tmp_path / "state"):
        with pytest.raises(ConflictError, match=rf"another gateway \(pid {os.getpid()}\) holds .*/state; use it, end it with: jitui stop"):
            await Store.open(tmp_path / "state", ManualClock(), Bus(), reserve_bytes=RESERVE)
    async with opened(tmp_path / "state") as store:
        assert store.recording_error is None


async def test_everything_is_private(tmp_path: Path) -> None:
    """Folders 0700 and files 0600, whatever the umask was; SQLite's own files too."""
    old = os.umask(0o022)
    try:
        async with opened(tmp_path / "state") as store:
            await record(store, frames(1, [b"a"]))
            await store.commit([asked(1)])
            paths = [tmp_path / "state", *tmp_path.joinpath("state").rglob("*")]
            found = {path.relative_to(tmp_path).as_posix(): stat.S_IMODE(path.stat().st_mode) for path in paths}
    finally:
        os.umask(old)
    assert {"state/ledger.db-wal", "state/tapes/000001.db-wal", "state/keys/ledger.ed25519", "state/reserve"} <= set(found)
    assert {name: mode for name, mode in found.items() if mode != (0o700 if name in {"state", "state/keys", "state/tapes"} else 0o600)} == {}


async def test_refused_folders_leave_no_lock_behind(tmp_path: Path) -> None:
    """After the chmod it names, the next start succeeds."""
    async with opened(tmp_path / "state"):
        pass
    tape = tmp_path / "state/tapes/000001.db"
    tape.chmod(0o640)
    with pytest.raises(UnsafeError, match=rf"file {tape} is open to others \(mode 0640, 0600 needed\); mend it with: chmod 600 {tape}"):
        await Store.open(tmp_path / "state", ManualClock(), Bus())
    tape.chmod(0o600)
    async with opened(tmp_path / "state") as store:
        assert store.recording_error is None


@pytest.mark.parametrize("name", ["ledger.db", "tapes/000001.db"])
async def test_a_newer_database_is_refused(tmp_path: Path, name: str) -> None:
    """With one line that says which file and what to do; and it is left as it is."""
    async with opened(tmp_path / "state"):
        pass
    with sqlite3.connect(tmp_path / "state" / name) as db:
        db.execute("pragma user_version=99")
    with pytest.raises(ConfigurationError, match=rf"{name} was written by a newer jitui \(tables 99, this one knows \d\); start that version"):
        await Store.open(tmp_path / "state", ManualClock(), Bus())
    with sqlite3.connect(tmp_path / "state" / name) as db:
        assert db.execute("pragma user_version").fetchone() == (99,)


async def test_a_broken_database_is_one_clear_line(tmp_path: Path) -> None:
    """Not a traceback of SQLite's."""
    async with opened(tmp_path / "state"):
        pass
    tmp_path.joinpath("state/ledger.db").write_bytes(b"this is no database, it is a poem; " * 200)
    with pytest.raises(UnrecordableError, match="can't be opened \\(file is not a database\\)"):
        await Store.open(tmp_path / "state", ManualClock(), Bus())


async def test_after_aclose_nothing_is_taken(tmp_path: Path) -> None:
    """Frames from before are on record, later ones are refused, and nobody waits for ever."""
    told: list[Exception | None] = []
    store = await Store.open(tmp_path / "state", ManualClock(), Bus(), reserve_bytes=RESERVE)
    for frame in frames(1, [b"x" * 100] * 500):
        store.put(frame, told.append)
    await store.aclose()
    store.put(Frame(1, 500, 0, 0, Channel.STDIN, b"late"), told.append)
    with pytest.raises(UnrecordableError, match="the gateway stops"):
        await store.commit([asked(1)])
    await until(lambda: len(told) == 501)
    assert told[:500] == [None] * 500
    assert isinstance(told[500], UnrecordableError)
    assert sum(1 for _ in Files(tmp_path / "state").all_frames(1)) == 500


async def test_a_clean_close_leaves_whole_files(tmp_path: Path) -> None:
    """No log beside them: a copy of the .db files alone is the record, and all of it is signed."""
    async with opened(tmp_path / "state") as store:
        await store.commit([*window(), began(1)])
        await record(store, frames(1, [b"a"] * 3))
    assert sorted(path.name for path in tmp_path.joinpath("state").rglob("*.db*")) == ["000001.db", "ledger.db"]
    proof = {verdict.subject: verdict for verdict in Files(tmp_path / "state").verify()}
    assert {subject: (verdict.signed, verdict.unsigned_tail) for subject, verdict in proof.items() if subject != "tables"} == {
        "facts": ("self-attested", 0), "s-1": ("self-attested", 0)}


async def test_keys_without_their_ledger_are_no_fresh_start(tmp_path: Path) -> None:
    """Everything else in the folder is gone: one sentence that says so, and how to go on knowingly; nothing is made."""
    folder = tmp_path / "state"
    async with opened(folder) as store:
        await store.commit([added()])
    for path in folder.iterdir():
        if path.name not in {"keys", "lock"}:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(BrokenError, match=r"ledger.db is gone.*go on knowingly with a new ledger: jitui repair --new-ledger"):
        await Store.open(folder, ManualClock(), Bus(), reserve_bytes=RESERVE)
    assert not folder.joinpath("ledger.db").exists()


async def test_an_emptied_ledger_beside_tapes_is_no_fresh_start_without_its_key_either(tmp_path: Path) -> None:
    """One sentence, and nothing is made."""
    folder = tmp_path / "state"
    async with opened(folder) as store:
        await store.commit([added()])
    for path in [*folder.glob("ledger.db-*"), *folder.joinpath("keys").iterdir()]:
        path.unlink()
    folder.joinpath("ledger.db").write_bytes(b"")
    with pytest.raises(BrokenError, match=r"ledger.db is empty and the tapes beside it are there.*jitui repair --new-ledger"):
        await Store.open(folder, ManualClock(), Bus(), reserve_bytes=RESERVE)
    assert not folder.joinpath("ledger.db").stat().st_size


async def test_a_first_start_that_was_killed_before_it_had_a_key_is_a_first_start(tmp_path: Path) -> None:
    """An empty file and no key: nothing was ever signed."""
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    folder.joinpath("ledger.db").touch(0o600)
    async with opened(folder) as store:
        await store.commit([added()])


async def test_a_store_that_can_not_load_leaves_nothing_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither its files nor its lock."""
    def failing(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr("jitui.store.sqlite.load", failing)
        with pytest.raises(UnrecordableError, match="disk I/O error"):
            await Store.open(tmp_path / "state", ManualClock(), Bus(), reserve_bytes=RESERVE)
    assert await asyncio.to_thread(_held, tmp_path) == []
    async with opened(tmp_path / "state"):
        pass


def _held(folder: Path) -> list[Path]:
    """Files in a folder that this process has open."""
    return [path for link in Path("/proc/self/fd").iterdir() if link.is_symlink() and (path := link.readlink()).is_relative_to(folder)]


async def test_tapes_that_the_ledger_names_and_that_are_gone_are_known(tmp_path: Path) -> None:
    """They keep nobody from starting."""
    async with opened(tmp_path / "state") as store:
        assert store.gone_tapes == ()
        await store.commit([tape_opened("000007.db")])
    async with opened(tmp_path / "state") as store:
        assert store.gone_tapes == ("000007.db",)
