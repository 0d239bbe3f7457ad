"""Replay of a long recording in stretches, on the screen."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from jitui.cli.shelf import Shelf
from jitui.tui import stretch as stretches
from jitui.tui.app import TapeApp
from jitui.tui.screens import loading
from jitui.tui.screens.replay import ReplayScreen
from tests.store.index.shelf import build, printed, recorded
from tests.tui.seeing import screenful
from tests.tui.test_stretch import FRAMES


async def test_seeks_show_the_moment_and_hold_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the end, to a time, back, frame by frame, and playing on out of one stretch into the next; without an index the same is shown."""
    monkeypatch.setattr(stretches, "LONG", 1 << 18)
    for module in (stretches, loading):
        monkeypatch.setattr(module, "ROOM", 200_000)
    place = await recorded(tmp_path / "state", printed(*FRAMES))
    build(place)
    seen: list[list[str]] = []
    for indexed in (True, False):
        if not indexed:
            (place / "index.db").unlink()
        now = [0.0]
        app = TapeApp(Shelf(place), "s-1", monotonic=lambda: now[0])  # noqa: B023
        async with app.run_test(size=(120, 30)) as pilot:
            screen = app.screen
            assert isinstance(screen, ReplayScreen)

            async def until(words: str, app: TapeApp = app, pilot: Any = pilot) -> str:
                async with asyncio.timeout(20):
                    while words not in screenful(app).text:
                        await pilot.pause(0.05)
                return words

            await until("frame 1 of 120")
            await pilot.press("space")
            assert (screen._end_us > 0) is indexed
            shown = [await until("frame 0 line 39")]
            await pilot.press("end")
            shown.append(await until("frame 119 line 39"))
            await until("frame 120 of 120")
            await pilot.press("comma")
            shown.append(await until("frame 118 line 39"))
            screen.head.seek(40e6)
            screen._moved()
            shown.append(await until("frame 40 line 39"))
            await until("frame 41 of 120")
            await pilot.press("left")
            shown.append(await until("frame 35 line 39"))
            screen.head.speed, screen.head.playing = 16.0, True
            for _ in range(12):
                now[0] += 0.25
                await pilot.pause(0.1)
            screen.head.playing = False
            await until(f"frame {round(screen.head.at_us / 1e6) + 1} of 120")
            assert screen.head.at_us > 60e6
            assert not indexed or (screen.reel is not None and len(screen.reel.frames) < 100)
            seen.append(shown)
    assert seen[0] == seen[1]
