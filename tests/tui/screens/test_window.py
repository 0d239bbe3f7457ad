"""The replay of a window over a real gateway with real recordings: activity and terminals in step, every key, requests opened, masked."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from rich.console import RenderableType
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Static

from jitui.policy.terms import Identity, Role
from jitui.tui.app import TapeApp
from jitui.tui.screens.window import WindowScreen
from jitui.tui.widgets.rows import Rows
from jitui.tui.widgets.terminal import Terminal
from tests.fakes.objects import Talk
from tests.fakes.upstream import plainly
from tests.tui.gateway import BOT, PERSON, Gateway, gateway, rule
from tests.tui.seeing import Screenful, screenful

SCOPE = "@debug in web; read secrets in web; patch deployments.apps in web"
TOKEN = "jt_0123abcd_" + "AbC1" * 10 + "xyz"
DB = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "db", "namespace": "web"}, "data": {"password": "aHVudGVyMg=="}}
HOSTILE = b"\x1b[2J\x1b[H[@click=app.quit]x[/] \x1b]0;title\x07\x1b[1;2;3H\xff\xfe" + b"a" * 600 + "é\u0301\u202e".encode() * 50


class Hand:
    """The replay, on a clock that is moved by hand."""

    def __init__(self, house: Gateway, pilot: Pilot[int], app: TapeApp) -> None:
        self.house, self.pilot, self.app = house, pilot, app

    @property
    def window(self) -> WindowScreen:
        found = self.app.screen
        assert isinstance(found, WindowScreen)
        return found

    @property
    def screen(self) -> Screenful:
        return screenful(self.app)

    def terminals(self) -> list[str]:
        """The text on each."""
        return ["\n".join(each.emulator.text()).strip() for each in self.window.query(Terminal)]

    @property
    def opened(self) -> str:
        """The request that is open, all of it."""
        return str(self.window.query_one("#opened-text", Static).content)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not true():
                await self.pilot.pause(0.05)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.stands()

    async def stands(self) -> None:
        """Until everything around the moment is read and drawn."""
        async with asyncio.timeout(15):
            while True:
                await self.pilot.pause(0.06)
                if not self.window.busy and self.window.there:
                    break
        await self.pilot.pause(0.12)

    async def drawn_standing(self) -> int:
        """How often a part of the screen is drawn while no time passes."""
        drawn: list[object] = []
        display = self.app._display

        def count(screen: Screen[object], renderable: RenderableType | None) -> None:
            drawn.append(renderable)
            display(screen, renderable)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(self.app, "_display", count)
            await self.pilot.pause(0.3)
        return len([each for each in drawn if each is not None])

    @property
    def at_s(self) -> float:
        return round(self.window.head.at_us / 1e6, 3)


@asynccontextmanager
async def recorded(folder: Path, person: Identity = PERSON) -> AsyncIterator[Gateway]:
    """A window with a read, a write, a Secret, a denial, two terminals at once, a freeze, and its end with both in it."""
    async with gateway(folder, rule(scope=SCOPE), person=person) as house:
        await house.open_window(scope=SCOPE)
        house.advance(1)
        await house.get()  # 1
        house.advance(1)
        await house.get("/apis/apps/v1/namespaces/web/deployments/web", method="PATCH", body=b'{"spec": {"replicas": 3}}')  # 2
        house.advance(1)
        await Talk(house.home, house.tokens[BOT]).ask("GET", "/api/v1/namespaces/web/secrets/db", DB)  # 3
        house.home.cluster.answerer = plainly
        house.advance(1)
        await house.get("/api/v1/namespaces/payments/secrets/db")  # 5
        house.advance(1)
        first = await house.shell("sh")  # 6
        house.advance(1)
        await first.prints(f"one {TOKEN}\r\n".encode())  # 7
        second = await house.shell("top")
        house.advance(2)
        await second.prints(HOSTILE)  # 9
        house.advance(1)
        await house.of(PERSON).freeze("g-1")  # 10
        house.advance(1)
        await house.of(PERSON).thaw("g-1")
        house.advance(9)
        await first.prints(b"\x1b[2J\x1b[Hlate\r\n")  # 20
        house.advance(10)
        await house.of(PERSON).revoke("g-1", reason="enough")  # 30
        house.advance(60)
        await house.home.store.commit([])
        yield house


@asynccontextmanager
async def played(house: Gateway, *, size: tuple[int, int] = (170, 40)) -> AsyncIterator[Hand]:
    """The replay of that window stands at the start."""
    app = TapeApp(house.desk, "g-1", monotonic=lambda: 0.0, may_unmask=True)
    async with app.run_test(size=size) as pilot:
        hand = Hand(house, pilot, app)
        await pilot.pause()
        async with asyncio.timeout(15):
            while hand.window.story is None or not hand.window.story.events:
                await pilot.pause(0.05)
        await hand.press("space")
        yield hand


async def test_everything_stands_at_one_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two terminals side by side where two ran, and the activity in step with them: after seeks forth and back, from mark to mark, by tenths, by steps, and
    while it plays, when no pause of all of them together lasts longer than the idle limit. What others printed is text, masked."""  # fmt: skip
    async with recorded(tmp_path) as house, played(house) as hand:
        assert (hand.terminals(), "no stream ran here" in hand.screen.text) == (["", ""], True)
        await hand.press("g", *"+12", "enter")
        assert hand.at_s == 12
        shown = hand.terminals()
        assert [text[:17] for text in sorted(shown)] == ["[@click=app.quit]", "one [masked: toke"]
        assert hand.window.has_class("-two")
        assert TOKEN not in "".join(shown)
        assert "\x1b" not in hand.screen.text
        assert not any("title" in line for line in hand.screen.lines)
        assert "▸ " in hand.screen.line("grant.thawed")
        assert await hand.drawn_standing() == 0
        await hand.press("e")
        assert [text[:4] for text in sorted(hand.terminals())][1] == "late"
        await hand.press("g", *"0:07.5", "enter")
        assert sorted(text[:3] for text in hand.terminals()) == ["", "one"]
        await hand.press("0")
        assert (hand.at_s, hand.terminals()) == (0, ["", ""])
        places = [hand.at_s]
        while places[-1] < hand.window.head.end_us / 1e6:
            await hand.press("right_square_bracket")
            places.append(hand.at_s)
        assert places == [0, 2, 3, 5, 10, 11, 30]
        for key, at_s in (("left_square_bracket", 11), ("5", 15), ("comma", 11), ("full_stop", 20), ("full_stop", 30), ("comma", 20), ("left", 15)):
            await hand.press(key)
            assert (key, hand.at_s) == (key, at_s)
        now = [0.0]
        monkeypatch.setattr(hand.app, "_monotonic", lambda: now[0])
        await hand.press("g", *"0:11", "enter", "space")
        for _ in range(2):
            now[0] += 0.6
            await hand.stands()
        assert hand.at_s == 20
        await hand.press("space", *["plus"] * 8)
        assert "64x" in hand.screen.text
        monkeypatch.setattr(hand.window, "unmarked", True)  # as if there were more marks than are drawn
        assert hand.window.story is not None
        hand.window.story.mark([])
        await hand.press("left_square_bracket")
        assert hand.at_s == 11
        await hand.press("0", "left_square_bracket")
        assert "there is no further mark" in hand.screen.text


async def test_a_request_opens_masked(tmp_path: Path) -> None:
    """Enter on a row, on a small screen and on a large one: its head and its body, laid out; secrets as in every replay, with `u` as they are, at once, and
    that is written down; with `u` again masked; escape closes it."""  # fmt: skip
    async with recorded(tmp_path, Identity("una", PERSON.roles | {Role.UNMASK})) as house:
        for size in ((80, 24), (160, 50)):
            async with played(house, size=size) as hand:
                await _opened_and_unmasked(hand, narrow=size[0] < 100)
        assert [fact.what["how"] for fact in await house.home.facts("viewed")].count("unmasked") >= 2


async def _opened_and_unmasked(hand: Hand, *, narrow: bool) -> None:
    await hand.press("g", *"0:03", "enter")
    if narrow:
        await hand.press("tab")
        assert hand.window.has_class("-list")
    assert hand.window.query_one("#events", Rows).cursor.split(".")[1] == "2"
    await hand.press("enter")
    await hand.until(lambda: '"kind": "Secret"' in hand.screen.text)
    assert "aHVudGVyMg==" not in hand.opened
    assert re.search(r'"password": "[^"]*\*\*\*', hand.opened)
    await hand.press("u")
    await hand.until(lambda: '"password": "aHVudGVyMg=="' in hand.opened)
    assert "SECRETS SHOWN" in hand.screen.text
    assert "unmasked" in {fact.what["how"] for fact in await hand.house.home.facts("viewed")}
    await hand.press("u")
    await hand.until(lambda: '"kind": "Secret"' in hand.opened)
    assert "SECRETS SHOWN" not in hand.screen.text
    assert "aHVudGVyMg==" not in hand.opened
    await hand.press("escape")
    assert '"kind": "Secret"' not in hand.screen.text
