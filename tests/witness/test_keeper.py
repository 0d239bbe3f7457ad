"""The keeper of the log works behind the record, and says what keeps it from that."""

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from jitui.recording.tlog.checkpoint import checkpoint_of, notes_in
from jitui.recording.tlog.note import Note, Signature, cosign, parse_signature, verified
from jitui.store import Files, Store
from jitui.store.bus import Bus
from jitui.values.errors import UnavailableError
from jitui.witness import keeper
from jitui.witness.keeper import Keeper
from jitui.witness.witnesses import Consistency, FileWitness, Witness
from tests.recording.tlog.test_policy import KEYS, WITNESSES
from tests.store.life import added, began, ended, frames, opened, record, until, window

Told = list[tuple[str, str]]


@asynccontextmanager
async def kept(folder: Path, witnesses: Mapping[str, Witness] | None = None) -> AsyncIterator[tuple[Store, Keeper, Told]]:
    """A store whose log is kept."""
    told: Told = []
    bus = Bus()
    async with opened(folder, bus=bus) as store:
        kept = Keeper(store, Files(folder), bus, lambda name, why: told.append((name, why)), witnesses)
        task = asyncio.create_task(kept.run())
        yield store, kept, told
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await kept.finish()


def size(folder: Path) -> int:
    """Of the newest checkpoint in the file; 0 without one."""
    with Files(folder).reading(folder / "log.db") as db:
        row = db.execute("select note from checkpoints order by size desc limit 1").fetchone()
    return checkpoint_of(row[0].partition("\n\n")[0] + "\n").size if row else 0


async def test_a_session_s_end_brings_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a second or so; other changes within ten; and the last facts when the gateway stops."""
    monkeypatch.setattr(keeper, "APART", 0.01)
    async with kept(tmp_path) as (store, _, told):
        await store.commit([added(), *window(), began(1)])
        await until(lambda: told)
        first = size(tmp_path)
        await record(store, frames(1, [b"x"]))
        await store.commit([ended(1)])
        await until(lambda: size(tmp_path) == first + 2)
        assert set(told) == {(keeper.NAME, "")}
        await store.commit([added("agent-b")])
    assert size(tmp_path) == first + 3
    assert [fact.what["origin"] for fact in Files(tmp_path).facts() if fact.kind == "log.begun"] == [f"jitui/{store.key_id}"]


async def test_a_log_of_another_ledger(tmp_path: Path) -> None:
    """It is a trouble, and stays as it is; moved away, another log with another name is begun."""
    async with kept(tmp_path / "a") as (_, _, told):
        await until(lambda: told)
    async with opened(tmp_path / "b"):
        pass
    shutil.copy(tmp_path / "a" / "log.db", tmp_path / "b" / "log.db")
    async with kept(tmp_path / "b") as (_, _, told):
        await until(lambda: told)
        assert "no checkpoint is made: " in told[0][1]
    (tmp_path / "a" / "log.db").rename(tmp_path / "away")
    async with kept(tmp_path / "a") as (store, _, told):
        await until(lambda: told)
        assert told[0] == (keeper.NAME, "")
    assert [fact.what["origin"] for fact in Files(tmp_path / "a").facts() if fact.kind == "log.begun"][-1] == f"jitui/{store.key_id}/2"


async def test_a_log_that_the_facts_do_not_tell_of(tmp_path: Path) -> None:
    """An older one put back is not gone on with."""
    for _ in range(2):
        async with kept(tmp_path) as (_, _, told):
            await until(lambda told=told: told)
        shutil.move(tmp_path / "log.db", tmp_path / "older.db")
    shutil.copy(tmp_path / "older.db", tmp_path / "log.db")
    async with kept(tmp_path) as (store, _, told):
        await until(lambda: told)
        assert told[0] == (keeper.NAME, "")
    (tmp_path / "log.db").unlink()
    async with kept(tmp_path) as (store, _, told):
        await until(lambda: told)
    shutil.copy(tmp_path / "older.db", tmp_path / "log.db")
    async with kept(tmp_path) as (store, _, told):
        await until(lambda: told)
        assert f"is the log jitui/{store.key_id}/2, and the newest that the ledger tells of is jitui/{store.key_id}/3" in told[0][1]


class Away:
    """A witness that does not answer."""

    def see(self, note: Note, consistency: Consistency) -> Sequence[Signature]:
        raise UnavailableError("nobody is there")


class Signing:
    """A witness that signs what it is shown."""

    def see(self, note: Note, consistency: Consistency) -> Sequence[Signature]:
        return [cosign(note.text, KEYS[0].name, KEYS[0].public, 7, WITNESSES[0].sign)]


async def test_witnesses(tmp_path: Path) -> None:
    """Each sees the checkpoints; one that is away is a trouble, and keeps neither the others up nor the log."""
    witnesses: dict[str, Witness] = {"away": Away(), "signing": Signing(), "file": FileWitness(tmp_path / "elsewhere")}
    async with kept(tmp_path / "state", witnesses) as (store, _, told):
        await store.commit([added()])
        await until(lambda: {("witness signing", ""), ("witness file", "")} < set(told))
        assert ("witness away", "it has not seen the newest checkpoint: nobody is there") in told
    (note, *_) = notes_in((tmp_path / "elsewhere").read_text())
    with Files(tmp_path / "state").reading(tmp_path / "state" / "log.db") as db:
        ((cosigned,),) = db.execute("select line from cosignatures").fetchall()
    assert verified(note.with_more([parse_signature(cosigned.strip())]), [KEYS[0]]) == {KEYS[0]: 7}


class Hanging:
    """A witness whose answer has no end."""

    def __init__(self) -> None:
        self.over = threading.Event()

    def see(self, note: Note, consistency: Consistency) -> Sequence[Signature]:
        self.over.wait(60)
        return ()


async def test_a_witness_whose_answer_has_no_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a trouble, and no end of the gateway waits for it; once it answers the trouble is over."""
    monkeypatch.setattr(keeper, "LONG", 0.05)
    hanging = Hanging()
    async with kept(tmp_path / "state", {"slow": hanging}) as (store, _, told):
        await store.commit([added()])
        await until(lambda: ("witness slow", "it has not seen the newest checkpoint: it was asked 0.05 s ago, and its answer has no end yet") in told)
        assert [thread.daemon for thread in threading.enumerate() if thread.name == "witness slow"] == [True]
        hanging.over.set()
        await until(lambda: ("witness slow", "") in told)
