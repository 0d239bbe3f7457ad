"""The last room on the disk is kept for decisions and ends."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from jitui.access.room import Level, Room
from jitui.policy.action import Action
from jitui.values.errors import UnavailableError
from jitui.values.limits import Limits
from tests.access.test_requests import agent, ask
from tests.fakes.house import ADMIN, AGENT, ANA, House, house
from tests.proxy.test_relay import connected, last_words

GIB = 1 << 30
MIB = 1 << 20
DISK = 100 * GIB


def levels(*free: float, total: int = DISK) -> list[tuple[float, Level]]:
    """After each look at so many GiB free: those that changed something."""
    changes: list[tuple[float, Level]] = []
    room = Room(lambda: (DISK, total), Limits(), lambda room: changes.append((round(room.free / GIB, 3), room.level)))
    for each in free:
        room.see(round(each * GIB), total)
    return changes


def test_steps_down_and_back() -> None:
    """Of 2 GiB: below it, below three quarters, below half; and each is left an eighth above where it begins."""
    assert levels(2, 1.99, 1.5, 1.49, 1, 0.99, 0.5) == [(1.99, Level.NO_ROWS), (1.49, Level.NO_STREAMS), (0.99, Level.NOTHING)]
    assert levels(0.9, 1.2, 1.25, 1.7, 1.75, 2.2, 2.25) == [
        (0.9, Level.NOTHING), (1.25, Level.NO_STREAMS), (1.75, Level.NO_ROWS), (2.25, Level.PLENTY)]
    assert levels(*[1.9, 2.1] * 50) == [(1.9, Level.NO_ROWS)], "free space that goes up and down by a little changes nothing each time"


def test_on_a_small_disk_it_is_an_eighth() -> None:
    """Where that is less than the settings say."""
    assert levels(0.2, 0.1, total=GIB) == [(0.1, Level.NO_ROWS)]


@given(st.lists(st.floats(0, 4), max_size=30))
def test_a_level_is_never_milder_than_what_is_free_demands(free: list[float]) -> None:
    """Whatever came before, and in whatever steps."""
    room = Room(lambda: (DISK, DISK), Limits(), lambda room: None)
    for each in free:
        room.see(round(each * GIB), DISK)
        least = Level((each < 2) + (each < 1.5) + (each < 1))
        assert least <= room.level <= least + 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MiB: `min_free` is 8 MiB of it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", disk], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


async def leave(home: House, disk: Path, free: int) -> None:
    """Fill the disk up to so many bytes, and look."""
    ballast = disk / "ballast"
    ballast.unlink(missing_ok=True)
    ballast.write_bytes(bytes(max(0, home.store.free_bytes() - free)))
    await home.broker.room.look()


def denied(home: House, name: str) -> None:
    home.broker.notes.denied(AGENT, "prod", Action("get", resource="pods", namespace="x", name=name), "no", grant=1)


@pytest.mark.root
async def test_a_disk_that_fills_up(small_disk: Path) -> None:
    """Denials go first, then new streams, then streams, with words; deciding, revoking and ending go on; with room again all does."""
    async with house(small_disk) as home:
        desk = home.desk(ADMIN)
        grant = await home.window()
        kubectl, pod = await connected(home)
        denied(home, "written")
        await leave(home, small_disk, 7 * MIB)
        denied(home, "counted")
        await (await home.dial()).ask("GET", "/api/v1/namespaces/web/pods")
        await leave(home, small_disk, 5 * MIB)
        second = await home.dial()
        assert await second.exec() == 503
        assert b"less than min_free (8 MiB): nothing new is opened; your window stays open" in second.refusal
        kubectl.type(b"still here\n")
        await home.until(lambda: b"\0still here\n" in pod.typed)
        await leave(home, small_disk, 3 * MIB)
        assert "streams end, and nothing new is opened" in await last_words(kubectl)
        assert home.broker.windows.sessions == {}
        with pytest.raises(UnavailableError, match="min_free"):
            await home.broker.windows.open_session(grant, Action("get", resource="pods", namespace="web"), peer="", command_group="")
        assert (await desk.status()).disk_free < 4 * MIB
        await home.broker.requests.approve(ANA, (await ask(home)).id, agent=agent(home), digest="", duration_s=60, scope="", reason="")
        assert (await desk.revoke("g-1", reason="enough")).id == "g-1"
        await leave(home, small_disk, 20 * MIB)
        assert await (await home.dial()).exec() == 101
        home.broker.quota.close()
        facts = await home.facts()
        assert [fact.what["level"] for fact in facts if fact.kind == "disk"] == ["no-rows", "no-streams", "nothing", "plenty"]
        assert [fact.what.get("denied") for fact in facts if fact.kind == "counted"] == [None, 1]
        assert [fact.what["why"] for fact in facts if fact.kind == "session.ended"][:2] == ["unrecordable"] * 2
        assert [row.action.name for row in home.files.actions() if row.verdict == "denied"] == ["written"]
