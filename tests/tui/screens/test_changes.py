"""The changes of a window, an agent and a day, over a real gateway."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from jitui.policy.terms import Identity, Role
from jitui.tui.screens.changes import ChangesScreen
from jitui.tui.screens.replay import ReplayScreen
from tests.fakes.objects import CM, SCOPE, WEB, Talk, cm, deployment
from tests.tui.gateway import BOT, Gateway, gateway, rule
from tests.tui.hand import at


@asynccontextmanager
async def written(folder: Path, person: Identity | None = None) -> AsyncIterator[Gateway]:
    """A window in which an image was changed twice, a config map created with hostile words, and one deleted with an unknown outcome; and an exec."""
    async with gateway(folder, rule(scope=SCOPE), **({"person": person} if person else {})) as house:
        await house.open_window(scope=SCOPE)
        talk = Talk(house.home, house.tokens[BOT])
        await talk.ask("GET", f"{WEB}/web", deployment("web:1.5"))
        house.advance(60)
        await talk.merge(f"{WEB}/web", deployment("web:1.4", generation=2), {})
        await talk.ask("POST", CM, cm("tmp", a="[@click=app.quit]x[/]\x1b[2J"), cm("tmp"), status="201 Created")
        await talk.merge(f"{WEB}/web", deployment("web:1.3", generation=3), {})
        await talk.ask("DELETE", f"{CM}/lost", None)
        await house.shell("sh")
        yield house


@pytest.mark.parametrize("size", [(80, 24), (160, 40)])
async def test_a_window_object_by_object(tmp_path: Path, size: tuple[int, int]) -> None:
    """`c` on it: each object once with its writes, below them the fields of the chosen one; hostile values are text."""
    async with written(tmp_path) as house, at(house, size) as hand:
        await hand.press("c")
        assert isinstance(hand.app.screen, ChangesScreen)
        await hand.until("4 writes")
        assert "3 objects  1 unknown  1 stream into pods" in hand.screen.lines[1]
        seen = hand.screen.text
        assert seen.count("deployments.apps web/web") == 2  # the row, and the head of its fields
        assert "image: web:1.5 -> web:1.4" in seen
        assert "spec.template.spec.containers[app].image" in seen
        assert "before: seen" in seen
        await hand.tap("down", "down")
        assert "web/tmp" in hand.screen.line("configmaps web/tmp")
        assert "[@click=app.quit]x[/]\N{REPLACEMENT CHARACTER}[2J" in hand.screen.text
        await hand.tap("down")
        assert "whether it was carried out is not known" in hand.screen.text
        await hand.tap("down")
        assert "inside pods: not visible to the API" in hand.screen.text


async def test_values_stand_side_by_side_where_there_is_room(tmp_path: Path) -> None:
    """Before and after in one line; in a narrow terminal below one another."""
    async with written(tmp_path) as house:
        async with at(house, (160, 40)) as hand:
            await hand.press("c")
            await hand.until("4 writes")
            line = hand.screen.line("spec.template.spec.containers[app].image")
            assert line.index("web:1.5") < line.index("web:1.4")
        async with at(house, (80, 24)) as hand:
            await hand.press("c")
            await hand.until("4 writes")
            assert hand.screen.line("- web:1.5")
            assert hand.screen.line("+ web:1.4")


async def test_r_replays_there(tmp_path: Path) -> None:
    """The recording of the write's session stands at the write, and does not play on by itself."""
    async with written(tmp_path) as house, at(house, (120, 40)) as hand:
        await hand.press("c")
        await hand.until("4 writes")
        assert "r replay there" in hand.screen.keys
        await hand.press("r")
        assert isinstance(hand.app.screen, ReplayScreen)
        head = hand.app.screen.head
        assert not head.playing
        assert 60e6 <= head.at_us < 63e6
        await hand.press("escape")
        assert isinstance(hand.app.screen, ChangesScreen)


async def test_an_agent_and_a_day(tmp_path: Path) -> None:
    """From History `c` for the agent and `C` for everybody, from a request `c` for the agent that asks."""
    async with written(tmp_path) as house:
        await house.ask_for(scope="read configmaps in web")
        async with at(house, (120, 40)) as hand:
            await hand.press("3")
            await hand.until("Recorded sessions")
            for key, whose in (("c", BOT), ("C", "everybody")):
                await hand.press(key)
                await hand.until("4 writes")
                assert hand.screen.lines[1].strip().startswith(f"{whose}  the last 24 hours")
                await hand.press("escape")
            await hand.press("1")
            await hand.until("Waiting for a decision (1)")
            await hand.press("home", "enter", "c")
            await hand.until("4 writes")
            assert isinstance(hand.app.screen, ChangesScreen)


async def test_the_key_is_there_for_who_may_read_records(tmp_path: Path) -> None:
    """An admin without such a right has none, and presses it for nothing."""
    async with written(tmp_path, Identity("root2", frozenset({Role.ADMIN}))) as house, at(house, (160, 40)) as hand:
        assert "c changes" not in hand.screen.keys
        await hand.press("c")
        assert not isinstance(hand.app.screen, ChangesScreen)
