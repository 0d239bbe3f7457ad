"""A person at the screens: presses keys, moves the clock, looks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

from textual.pilot import Pilot

from jitui.api.operations import Operations
from jitui.tui.app import JituiApp, Looked
from jitui.tui.screens.base import Board
from tests.tui.seeing import Screenful, screenful


class CountedApp(JituiApp):
    """The app, which also counts how often it has looked at the gateway."""

    looks = 0

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._feed.spacing_s = 0.01  # at most so many seconds are lost between two looks; without news there is none for a beat

    def on_looked(self, message: Looked) -> None:  # Textual calls this one and the base's
        self.looks += 1


class Stage(Protocol):
    """What the screens stand before, and its clock."""

    @property
    def desk(self) -> Operations: ...

    @property
    def now_s(self) -> float: ...

    def advance(self, seconds: float) -> None: ...


class Hand:
    def __init__(self, stage: Stage, app: CountedApp, pilot: Pilot[int]) -> None:
        self.stage, self.app, self.pilot = stage, app, pilot

    async def look(self) -> None:
        """Draw what is known now."""
        if isinstance(self.app.screen, Board):
            self.app.screen.look()
        await self.pilot.pause()

    async def settle(self) -> None:
        """Until every call is answered, the feed has looked again and everything is drawn."""
        await self.pilot.pause()
        async with asyncio.timeout(10):
            await self._answered()
            looks = self.app.looks
            while self.app.looks < looks + 2:
                self.app.look_now()
                await asyncio.sleep(0.01)
            await self.pilot.pause()
            await self._answered()
        await self.look()

    async def _answered(self) -> None:
        while isinstance(self.app.screen, Board) and self.app.screen.busy:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.settle()

    async def tap(self, *keys: str) -> None:
        """Press keys that ask the gateway nothing."""
        await self.pilot.press(*keys)
        await self.pilot.pause(0.02)
        await self.look()

    async def passes(self, seconds: float) -> None:
        """Time passes for the gateway and for the screen's monotonic clock alike."""
        self.stage.advance(seconds)
        await self.settle()

    async def until(self, words: str, seconds: float = 30) -> None:
        """Until the words are on the screen."""
        async with asyncio.timeout(seconds):
            while words not in self.screen.text:
                await self.pilot.pause(0.02)

    @property
    def screen(self) -> Screenful:
        return screenful(self.app)


@asynccontextmanager
async def at(stage: Stage, size: tuple[int, int] = (100, 30), *, beat_s: float = 0.5, kind: type[CountedApp] = CountedApp,
             ascii: bool = False) -> AsyncIterator[Hand]:  # noqa: A002 # fmt: skip
    app = kind(stage.desk, monotonic=lambda: stage.now_s, beat_s=beat_s, ascii=ascii)
    async with app.run_test(size=size) as pilot:
        hand = Hand(stage, app, pilot)
        await hand.settle()
        yield hand
