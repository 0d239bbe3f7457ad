"""Tapes go by age, by size, and for want of room; never those that must stay."""

import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from jitui.access.retention import Retirement
from jitui.access.room import Room
from jitui.policy.terms import Identity, Role
from jitui.recording.facts import TapeRetired, TapesHeld
from jitui.store import Files, retiring
from jitui.store.bus import Bus
from jitui.values.clock import ManualClock
from jitui.values.errors import ConfigurationError, ConflictError, InvalidError, NotFoundError, RefusedError
from jitui.values.keeping import Retention
from jitui.values.limits import Limits
from tests.access.test_room import small_disk
from tests.fakes.house import ADMIN, ANA, house
from tests.store.life import began, ended, frames, opened, record, window
from tests.store.test_retiring import OLD, kept, over, wrong

DAY = 86_400
GIB = 1 << 30
BOB = Identity("bob", frozenset({Role.AUDITOR}))
__all__ = ["small_disk"]  # a fixture


class Shelf:
    """A record of six old tapes, the one in use, and the work that retires; `free` bytes are left on the disk."""

    def __init__(self, store: object, files: Files, clock: ManualClock) -> None:
        self.store, self.files, self.clock, self.free = store, files, clock, 50 * GIB
        self.room = Room(lambda: (self.free, 100 * GIB), Limits(), lambda _: None)
        self.work = Retirement(store, clock, self.room)  # type: ignore[arg-type]
        self.troubles: dict[str, str] = {}
        self.work.open(files, Bus(), self.troubles.__setitem__, None)

    @property
    def here(self) -> list[str]:
        return [path.name for path in self.files.tapes()]

    def why(self) -> list[str]:
        return [TapeRetired.of(fact).why for fact in self.files.facts() if fact.kind == "tape.retired"]

    async def look(self, **settings: object) -> str:
        self.work.use(Retention(**settings) if settings else None)  # type: ignore[arg-type]
        await self.room.look()
        return await self.work.look()


@asynccontextmanager
async def shelf(folder: Path) -> AsyncIterator[Shelf]:
    clock = ManualClock()
    async with kept(folder / "state", clock) as (store, files):
        yield Shelf(store, files, clock)


async def test_by_age(tmp_path: Path) -> None:
    """A tape goes once its newest frame is older, not before; what lives and what is held stays; without settings nothing goes."""
    async with shelf(tmp_path) as one:
        one.clock.advance(89 * DAY)
        assert (await one.look(tapes="90d"), len(one.here)) == ("", 7)
        one.clock.advance(2 * DAY)
        assert (await one.look(), len(one.here)) == ("", 7)
        await one.store.commit([TapesHeld(reason="a court").draft("g-1", "bob")])  # type: ignore[attr-defined]
        assert (await one.look(tapes="90d"), one.here) == ("", [*OLD[:3], OLD[5], "000007.db"])
        assert one.why() == ["older than 90d"] * 2
        assert wrong(tmp_path / "state") == []


async def test_by_the_age_of_its_frames_and_not_by_that_of_the_next_tape(tmp_path: Path) -> None:
    """Nothing was recorded for a long time before the next tape was opened, as the gateway did not run: the age counts from the end of the last session.
    A tape that was opened by a clock which was far behind is not old for that."""
    clock = ManualClock()
    async with opened(tmp_path / "state", clock) as store:
        for number, days in enumerate((20, 75, -4000, 4001, 0), 1):
            await store.commit([*window(number, number), began(number, number)])
            await record(store, frames(number, [b"x"]))
            await store.commit([ended(number), over(number)])
            clock.set_wall(days * DAY)
            store._journal._day_due = 0.0  # time for another tape
        one = Shelf(store, Files(tmp_path / "state"), clock)
        assert (await one.look(tapes="90d"), one.here) == ("", ["000002.db", "000003.db", "000004.db"])


async def test_a_wall_clock_that_was_set_makes_nothing_old(tmp_path: Path) -> None:
    """Set forward by years: nothing goes by its age for a day, in which somebody sees it; set back again, all is as before."""
    async with shelf(tmp_path) as one:
        await one.look(tapes="90d")
        one.clock.set_wall(4000 * DAY)
        assert (await one.look(tapes="90d"), len(one.here)) == ("", 7)
        one.clock.set_wall(-4000 * DAY)
        one.clock.advance(2 * DAY)
        assert (await one.look(tapes="90d"), len(one.here)) == ("", 7)
        one.clock.set_wall(4000 * DAY)
        await one.look(tapes="90d")
        one.clock.advance(DAY + 1)
        assert (await one.look(tapes="90d"), one.here) == ("", [OLD[5], "000007.db"])


async def test_by_size(tmp_path: Path) -> None:
    """The oldest go until the rest is small enough; where nothing more may go, that is a trouble which says why."""
    async with shelf(tmp_path) as one:
        each = one.files.tapes()[0].stat().st_size
        settings = Retention.model_construct(tapes=None, max=4 * each, at_least=0, facts=None)
        one.work.settings = settings
        assert await one.work.look() == ""
        assert len(one.here) <= 4
        assert one.here[0] not in OLD[:3]
        one.work.settings = Retention.model_construct(tapes=None, max=each, at_least=0, facts=None)
        one.work._due_us = 0
        words = await one.work.look()
        assert words.startswith("the tapes have ")
        assert words.endswith("and none may go: tapes/000006.db stays, as s-3 is open")
        assert one.here == [OLD[5], "000007.db"]
        assert all("more than" in why for why in one.why())


async def test_for_want_of_room(tmp_path: Path) -> None:
    """Before anything is refused the oldest go, one a look, until there is room; but none that is younger than it has to be."""
    async with shelf(tmp_path) as one:
        one.free = 2 * GIB
        assert (await one.look(tapes="90d", at_least="7d")).startswith("the disk is nearly full, and no tape may go")
        assert len(one.here) == 7
        for left in (6, 5):
            assert (await one.look(tapes="90d"), len(one.here)) == ("", left)
        one.free = 3 * GIB
        assert (await one.look(tapes="90d"), len(one.here)) == ("", 5)
        assert one.why() == ["the disk had 2 GiB left"] * 2


async def test_facts_stay(tmp_path: Path) -> None:
    """A time shorter than the oldest fact is old is refused, and says what can be done; a longer one is taken."""
    async with shelf(tmp_path) as one:
        one.clock.advance(400 * DAY)
        with pytest.raises(ConfigurationError, match=r"retention.facts: 1y is shorter than the oldest fact is old .* no fact is ever removed"):
            await one.work.check(Retention(tapes="90d", facts="1y"))  # type: ignore[arg-type]
        await one.work.check(Retention(tapes="90d", facts="2y"))  # type: ignore[arg-type]
        assert "retention.facts" in await one.look(tapes="90d", facts="1y")


async def test_a_damaged_tape_stays_and_the_others_go(tmp_path: Path) -> None:
    """It is a trouble, and holds up nothing."""
    async with shelf(tmp_path) as one:
        with closing(sqlite3.connect(one.files.tapes()[0], isolation_level=None)) as db:
            db.execute("delete from spans")
        one.clock.advance(91 * DAY)
        assert await one.look(tapes="90d") == "tapes/000001.db is not retired: its spans do not say where its frames are; see: jitui verify"
        assert one.here == [OLD[0], OLD[5], "000007.db"]


async def test_a_tape_that_can_not_be_removed_holds_up_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file that nobody may change: it is retired once, is a trouble, and is tried again."""
    remove = retiring.remove

    def stuck(path: Path) -> None:
        if path.name == OLD[0]:
            raise PermissionError(1, "Operation not permitted", str(path))
        remove(path)

    async with shelf(tmp_path) as one:
        one.clock.advance(91 * DAY)
        monkeypatch.setattr(retiring, "remove", stuck)
        assert "Operation not permitted" in await one.look(tapes="90d")
        assert "tapes/000001.db is retired and can't be removed" in await one.look(tapes="90d")
        assert one.here == [OLD[0], OLD[5], "000007.db"]
        monkeypatch.undo()
        assert (await one.look(tapes="90d"), one.here) == ("", [OLD[5], "000007.db"])
        assert len(one.why()) == 5
        assert wrong(tmp_path / "state") == []


async def test_holds_are_an_auditors(tmp_path: Path) -> None:
    """Or an admin's; each is a fact with its reason; once, and let go once."""
    async with house(tmp_path) as home:
        await home.window()
        for who in (ANA, Identity("op", frozenset({Role.OPERATOR})), Identity("bot", frozenset({Role.AGENT}))):
            with pytest.raises(RefusedError, match="may not hold tapes or let them go; that takes the role auditor or admin"):
                await home.desk(who).hold_tapes("g-1", reason="a court")
        desk = home.desk(BOB)
        with pytest.raises(InvalidError, match="a reason is needed"):
            await desk.hold_tapes("g-1", reason=" ")
        with pytest.raises(NotFoundError, match="no grant g-9"):
            await desk.hold_tapes("g-9", reason="a court")
        with pytest.raises(ConflictError, match="the tapes of g-1 are not held"):
            await desk.release_tapes("g-1", reason="done")
        held = await desk.hold_tapes("g-1", reason="a court")
        assert (held.grant, held.held, held.by, held.gone) == ("g-1", True, "bob", ())
        assert [(view.grant, view.by, view.reason.raw) for view in await home.desk(ANA).holds()] == [("g-1", "bob", "a court")]
        with pytest.raises(ConflictError, match="held already"):
            await home.desk(ADMIN).hold_tapes("g-1", reason="again")
        assert not (await home.desk(ADMIN).release_tapes("g-1", reason="closed")).held
        assert await desk.holds() == []
        assert [(fact.kind, fact.who, fact.what["reason"]) for fact in await home.facts() if fact.kind.startswith("tapes.")] == [
            ("tapes.held", "bob", "a court"), ("tapes.released", "root", "closed")]


@pytest.mark.root
async def test_recording_goes_on_while_something_may_go(small_disk: Path) -> None:
    """On a disk of 64 MiB twice as much is recorded, in windows that end: no frame is refused, and the rest verifies."""
    async with opened(small_disk / "state") as store:
        files, troubles = Files(small_disk / "state"), dict[str, str]()
        room = Room(store.room, Limits(), lambda _: None)
        work = Retirement(store, ManualClock(), room)
        work.open(files, Bus(), troubles.__setitem__, Retention(tapes="90d"))  # type: ignore[arg-type]
        for each in range(1, 17):
            await store.commit([*window(each, each), began(each, each)])
            for seq in range(32):
                await record(store, frames(each, [os.urandom(256 << 10)], seq))
                await room.look()
                await work.look()
            await store.commit([ended(each), over(each)])
        assert len(files.tapes()) < 60
        files.close()
    assert wrong(small_disk / "state") == []
