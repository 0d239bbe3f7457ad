"""Tapes are retired: which may go, what stays of them, and what the proof and the readers say afterwards."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Final

import pytest

from jitui.recording.facts import Draft, GrantEnded, TapesHeld, TapesReleased
from jitui.store import Files, Store, retiring
from jitui.store.playback import Playback
from jitui.store.repair import repair
from jitui.store.schema import TAPE_PAGE
from jitui.values.clock import ManualClock
from jitui.values.errors import BrokenError, RetiredError
from tests.store.index.shelf import build, find
from tests.store.life import began, ended, frames, opened, record, window

BODY: Final = b"x" * 1000  # of a frame
LIMIT: Final = 5 * TAPE_PAGE + 4400  # of a tape: its tables, and four frames
OLD: Final = [f"{number:06d}.db" for number in range(1, 7)]


async def fill(store: Store, session: int, first: int, upto: int) -> None:
    for seq in range(first, upto):
        await record(store, frames(session, [BODY + b"%d" % seq], seq))


def over(grant: int) -> Draft:
    return GrantEnded(state="revoked", why="enough").draft(f"g-{grant}", "ana")


@asynccontextmanager
async def kept(folder: Path, clock: ManualClock | None = None) -> AsyncIterator[tuple[Store, Files]]:
    """Seven tapes: s-1 of g-1 lies on 1 to 3, s-2 of g-2 on 2 to 6, both ended and their windows over; s-3 of g-3, which is live, on 6 and 7."""
    async with opened(folder, clock, tape_limit=LIMIT) as store:
        await store.commit([*window(), began(1), *window(2, 2), began(2, 2)])
        await fill(store, 1, 0, 6)
        for each in range(3):
            await fill(store, 2, each, each + 1)
            await fill(store, 1, 6 + each, 7 + each)
        await store.commit([ended(1), over(1)])
        await fill(store, 2, 3, 12)
        await store.commit([ended(2), over(2), *window(3, 3), began(3, 3)])
        await fill(store, 3, 0, 5)
        files = Files(folder)
        yield store, files
        files.close()


async def retire(store: Store, files: Files, *names: str) -> None:
    for tape in retiring.shelves(files).old:
        if tape.path.name in names:
            assert tape.kept == ""
            await store.commit(retiring.retirement(files, tape, "older than 90d"))
            retiring.remove(tape.path)
            files.let_go(tape.path)


def wrong(folder: Path) -> list[str]:
    with closing(Files(folder)) as files:
        return [verdict.problem for verdict in files.verify() if not verdict.consistent]


def said(folder: Path, subject: str) -> Iterator[str]:
    with closing(Files(folder)) as files:
        for verdict in files.verify():
            if verdict.subject == subject:
                yield from verdict.retired


async def test_which_may_go(tmp_path: Path) -> None:
    """No tape of an open session, a live window or a held one; each says why. Every other may, but the one in use."""
    async with kept(tmp_path / "state") as (store, files):
        assert [(tape.path.name, tape.kept) for tape in retiring.shelves(files).old] == [
            *((name, "") for name in OLD[:5]), (OLD[5], "s-3 is open")]
        await store.commit([TapesHeld(reason="a court").draft("g-1", "ana"), ended(3)])
        assert [tape.kept for tape in retiring.shelves(files).old] == [*["g-1 is held by ana"] * 3, "", "", "g-3 is live"]
        await store.commit([TapesReleased(reason="done").draft("g-1", "ana"), over(3)])
        assert [tape.kept for tape in retiring.shelves(files).old] == [""] * 6
        assert retiring.shelves(files).bytes == sum(path.stat().st_size for path in files.place.glob("tapes/*"))


@pytest.mark.parametrize("names", [OLD[:1], OLD[:2], OLD[1:2], OLD[2:3], OLD[:5], [OLD[0], OLD[2], OLD[4]], [OLD[1], OLD[3]]])
async def test_the_rest_still_verifies(tmp_path: Path, names: list[str]) -> None:
    """Whatever went: first, last, in the middle, all of a session. It says retired by which fact, and when; and the gateway starts from it."""
    async with kept(tmp_path / "state") as (store, files):
        await retire(store, files, *names)
        assert wrong(tmp_path / "state") == []
        assert [line.partition(" was retired by fact ")[0] for line in said(tmp_path / "state", "tapes")] == [f"tapes/{name}" for name in names]
        if OLD[1] in names:
            assert [line for line in said(tmp_path / "state", "s-1") if f"on tapes/{OLD[1]}, which was retired by fact" in line and "older than 90d" in line]
        await store.commit([ended(3)])
    assert wrong(tmp_path / "state") == []
    with closing(Files(tmp_path / "state")) as files:
        assert [verdict.problem for each in (1, 2, 3) for verdict in files.verify(each)] == [""] * 6
    async with opened(tmp_path / "state") as store:
        assert store.gone_tapes == ()


async def test_tables_of_retired_tapes_are_made_again(tmp_path: Path) -> None:
    """They follow from the facts, as all tables do."""
    async with kept(tmp_path / "state") as (store, files):
        await retire(store, files, OLD[1])
    with closing(sqlite3.connect(tmp_path / "state/ledger.db")) as db:
        db.execute("delete from gone")
        db.execute("delete from retired")
        db.commit()
    assert "altered: retired is not what the facts say" in wrong(tmp_path / "state")[0]
    repair(tmp_path / "state", ManualClock())
    assert wrong(tmp_path / "state") == []


async def test_a_tape_without_its_fact_is_missing(tmp_path: Path) -> None:
    """Beside tapes that were retired, too: another one is cut, by its name and by its sessions."""
    async with kept(tmp_path / "state") as (store, files):
        await retire(store, files, OLD[0])
    tmp_path.joinpath("state/tapes", OLD[3]).unlink()
    assert wrong(tmp_path / "state") == ["s-2: cut: frame 3 is missing"]
    async with opened(tmp_path / "state") as store:
        assert store.gone_tapes == (OLD[3],)


async def test_readers_say_that_it_was_retired(tmp_path: Path) -> None:
    """A page of it, its replay, its evidence file; what is still there is read up to the gap and behind it."""
    async with kept(tmp_path / "state") as (store, files):
        await retire(store, files, OLD[1])
        text = r"s-1 can't be shown in full: frames 4 to 6 were on tapes/000002.db, which was retired by fact \d+ on 20"
        assert [frame.seq for frame in files.frames(1)] == [0, 1, 2, 3]
        with pytest.raises(RetiredError, match=text):
            files.frames(1, after=3)
        assert [frame.seq for frame in files.newest_frames(1, after=-1, room=1 << 20)] == [7, 8]
        with pytest.raises(RetiredError, match=text):
            files.newest_frames(1, after=-1, room=1 << 20, upto=6)
        with pytest.raises(RetiredError, match=text):
            files.export(1, tmp_path / "s-1.jitui")
        assert not (tmp_path / "s-1.jitui").exists()
        with pytest.raises(RetiredError, match=text):
            list(files.sizes(1, after=3, upto=8))
        await retire(store, files, OLD[0], OLD[2])
        with pytest.raises(RetiredError, match=r"frames 0 to 3 were on .* [(]and 2 further tapes[)]"):
            Playback(files).page(1, tty=True)
        assert files.session(1).frames == 9


async def test_a_crash_before_the_removal_is_made_good(tmp_path: Path) -> None:
    """The next start removes the tape that the fact tells of; until then the proof holds with the tape as without it."""
    async with kept(tmp_path / "state") as (store, files):
        tape = retiring.shelves(files).old[0]
        await store.commit(retiring.retirement(files, tape, "older than 90d"))
        assert (wrong(tmp_path / "state"), [frame.seq for frame in files.frames(1)][:2]) == ([], [0, 1])
    async with opened(tmp_path / "state"):
        assert not tape.path.exists()
    assert wrong(tmp_path / "state") == []


@pytest.mark.parametrize("change", [
    "update frames set hash = zeroblob(32) where id = 4", "delete from frames where id = 2", "delete from spans where session = 1",
    "insert into frames(session, seq, at_us, conn, channel, flags, hash, body) select session, seq + 1, 0, 0, 1, 0, hash, body from frames where id = 4"])
async def test_a_tape_that_does_not_fit_the_facts_stays(tmp_path: Path, change: str) -> None:
    """It is evidence that something is wrong."""
    async with kept(tmp_path / "state") as (_, files):
        tape = retiring.shelves(files).old[0]
        with closing(sqlite3.connect(tape.path, isolation_level=None)) as db:
            db.execute(change)
        with pytest.raises(BrokenError, match=r"tapes/000001.db is not retired: .*; see: jitui verify"):
            retiring.retirement(files, tape, "older than 90d")


async def test_a_tape_of_very_many_sessions_has_several_facts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are one commit; the proof takes them together."""
    monkeypatch.setattr(retiring, "AT_ONCE", 1)
    async with kept(tmp_path / "state") as (store, files):
        assert len(retiring.retirement(files, retiring.shelves(files).old[1], "age")) == 2
        await retire(store, files, OLD[1])
    assert wrong(tmp_path / "state") == []


async def test_what_is_found_says_so(tmp_path: Path) -> None:
    """Text of a retired tape is not found any more, and that is told as retired; it is not told as damaged."""
    async with kept(tmp_path / "state") as (store, files):
        await store.commit([ended(3)])
        await retire(store, files, *OLD[:5])
        build(tmp_path / "state")
        assert find(tmp_path / "state", "xxx").notes == [
            "bytes of s-1, s-2 are gone with tapes that were retired, and what they did is not here: jitui verify says by which facts"]
