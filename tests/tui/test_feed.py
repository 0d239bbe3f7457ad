"""The feed over a real gateway: one look for many facts, and at once when something happens."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from jitui.api.views import GrantView
from jitui.tui.feed import FRESH_S, SURE_S, Feed, Seen, Silent
from tests.tui.gateway import gateway, rule


async def test_many_facts_are_one_look_and_the_last_look_shows_them_all(tmp_path: Path) -> None:
    """However long the beat is."""
    names = [f"agent-{at}" for at in range(8)]
    async with gateway(tmp_path, *map(rule, names)) as house:
        seen: list[Seen | Silent] = []
        feed = Feed(house.desk, lambda: house.now_s, seen.append, beat_s=3600, spacing_s=0.2)
        running = asyncio.ensure_future(feed.run())
        await house.home.until(lambda: seen)
        for name in names:
            await house.ask_for(name)
        await house.home.until(lambda: isinstance(seen[-1], Seen) and len(seen[-1].requests) == 8)
        assert len(seen) < 8
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_a_gateway_that_does_not_answer_is_silent_and_then_seen_again(tmp_path: Path) -> None:
    """Without anybody starting it anew."""
    async with gateway(tmp_path) as house:
        seen: list[Seen | Silent] = []
        running = asyncio.ensure_future(Feed(house.desk, lambda: house.now_s, seen.append, beat_s=0.05).run())
        await house.home.until(lambda: seen)
        house.line.cut()
        await house.home.until(lambda: isinstance(seen[-1], Silent))
        house.line.mend()
        await house.home.until(lambda: isinstance(seen[-1], Seen))
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_requests_and_windows_are_fetched_again_only_if_something_went_on_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While nothing does the status is all that is asked, and the seconds of the windows hold at the time at which they were fetched."""
    async with gateway(tmp_path, rule("agent")) as house:
        seen: list[Seen] = []
        fetched: list[str] = []
        monkeypatch.setattr(house.desk, "grants", _noted(fetched, house.desk.grants))
        feed = Feed(house.desk, time.monotonic, lambda found: seen.append(found) if isinstance(found, Seen) else None, beat_s=0.02, spacing_s=0.01)
        running = asyncio.ensure_future(feed.run())
        await house.home.until(lambda: len(seen) > 3)
        known = len(fetched)
        await house.home.until(lambda: len(seen) > 12)
        assert len(fetched) == known
        assert seen[-1].taken == seen[3].taken
        assert seen[-1].lit > seen[3].lit
        await house.ask_for("agent")
        await house.home.until(lambda: bool(seen[-1].requests))
        assert len(fetched) > known
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_windows_are_fetched_once_more_behind_a_move_then_seldom_and_at_once_after_a_sleep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that slept shows by the gateway's clock, which went on further than the screen's."""
    async with gateway(tmp_path, rule("agent")) as house:
        seen: list[Seen | Silent] = []
        fetched: list[str] = []
        slept = 0.0
        monkeypatch.setattr(house.desk, "grants", _noted(fetched, house.desk.grants))
        running = asyncio.ensure_future(Feed(house.desk, lambda: house.now_s - slept, seen.append, beat_s=0.02, spacing_s=0.01).run())

        async def behind(seconds: float) -> int:
            """How often windows were fetched in some looks after so much time."""
            before, looks = len(fetched), len(seen)
            house.advance(seconds)
            await house.home.until(lambda: len(seen) > looks + 4)
            return len(fetched) - before

        assert await behind(0) == 1
        assert await behind(FRESH_S - 1) == 0
        assert await behind(2) == 1
        assert await behind(FRESH_S + 1) == 0
        assert await behind(SURE_S) == 1
        slept = 60.0
        assert await behind(60) == 1
        assert await behind(1) == 0
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def _noted(calls: list[str], asks: Callable[..., Any]) -> Callable[..., Any]:
    async def asked(**given: Any) -> Any:
        calls.append(repr(given))
        return await asks(**given)

    return asked


async def test_a_window_that_has_just_ended_is_shown_until_its_end_is_on_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is neither live then nor among those that ended; a screen that shows it goes on with it. One that never comes again is gone with the next look."""
    async with gateway(tmp_path) as house:
        window = await house.open_window()
        feed = Feed(house.desk, time.monotonic, lambda _: None)
        assert [view.id for view in (await feed._look()).grants] == [window.id]

        async def nothing(*, everything: bool = False, cursor: str = "") -> tuple[GrantView, ...]:
            return ()

        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(house.desk, "grants", nothing)
            feed.look_now()
            assert [view.id for view in (await feed._look()).grants] == [window.id]
            assert (await feed._look()).grants == ()
