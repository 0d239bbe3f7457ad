"""Text of others is code to a screen that trusts it. Every field of every view is hostile here; nothing of it may run, colour or escape."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, ClassVar, Final

import pytest
from rich.cells import cell_len
from textual.screen import Screen

from jitui.api.found import FoundView, HitView
from jitui.api.views import ActionView, ClauseView, GrantView, Proof, RequestView, SessionView
from jitui.tui.screens.decide import DecideScreen
from jitui.tui.screens.find import FindScreen
from jitui.tui.screens.help import HelpScreen
from jitui.tui.screens.history import HistoryScreen
from jitui.tui.screens.live import LiveScreen
from jitui.tui.screens.reason import ReasonScreen
from jitui.tui.screens.replay import ReplayScreen
from jitui.values.said import Said
from tests.fakes.tui_desk import FakeDesk
from tests.support.soak import SOAKING
from tests.tui.hand import CountedApp, Hand, at
from tests.tui.seeing import Screenful

LINK = "[@click=app.pwn('r-1')]x[/]"
HOSTILE = {
    "markup": LINK + "[bold red on yellow]loud[/] [/] [link=https://evil.example]y[/link] $(x) [",
    "escapes": "\x1b[31mred\x1b[0m\x1b]0;title\x07\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\"
    "\x1b[2J\x9b31m\x90dcs\x9c\r\nline two\ttab\x00\x7f\x85\u2028end",
    "unicode": "\u202egnol\u202c \u2066x\u2069 a\u200bb\u200dc\ufeff \U000e0041 👩‍👩‍👧‍👦🏳️‍🌈 漢字 ❤️ ✈︎ ﷽ z" + "\u0301" * 3000,
    "long": LINK * (400 if SOAKING else 100),  # more than the screen has cells that it is tried on
}
SETTLED = {"id", "state", "hazard", "you_may", "kind", "verdict", "channel", "data_b64", "signed", "grant", "session", "audit_id"}


def poison(view: Any, text: str) -> Any:
    """The view with `text` in every field of words, except those that programs compare."""
    changes: dict[str, Any] = {}
    for field in fields(view):
        value = getattr(view, field.name)
        if field.name in SETTLED:
            continue
        if isinstance(value, Said):
            changes[field.name] = Said(text)
        elif isinstance(value, str) and field.name not in {"asked", "started", "at"}:
            changes[field.name] = "" if field.name in {"ended", "frozen_by", "decided"} else text
        elif isinstance(value, tuple) and value and isinstance(value[0], Said):
            changes[field.name] = (Said(text), Said(text))
        elif isinstance(value, tuple) and value and isinstance(value[0], str):
            changes[field.name] = (text,)
        elif isinstance(value, tuple) and value and isinstance(value[0], ClauseView):
            changes[field.name] = tuple(ClauseView(text=text, hazard=clause.hazard) for clause in value)
    return replace(view, **changes)


class HostileDesk(FakeDesk):
    """A gateway all of whose words are an attacker's."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.odd = False  # also the words that programs compare

    def poisoned(self, view: Any) -> Any:
        return poison(view, self.text)

    async def requests(self, *, everything: bool = False, cursor: str = "") -> Sequence[RequestView]:
        return [self.poisoned(view) for view in await super().requests(everything=everything)]

    async def request(self, ident: str, *, wait_s: int = 0) -> RequestView:
        found: RequestView = self.poisoned(await super().request(ident))
        return found

    async def grants(self, *, everything: bool = False, cursor: str = "") -> Sequence[GrantView]:
        views = await super().grants(everything=everything)
        return [replace(self.poisoned(view), ended=view.ended, hazard=self.text) for view in views]

    async def sessions(self, *, live: bool = False, grant: str = "", cursor: str = "", brief: bool = False, looks: bool = False) -> Sequence[SessionView]:
        return [self.poisoned(view) for view in await super().sessions(live=live, grant=grant)]

    async def session(self, ident: str) -> SessionView:
        found: SessionView = self.poisoned(await super().session(ident))
        return replace(found, ended_why=self.text, ended=found.started)

    async def actions(self, *, grant: str = "", audit_id: str = "", limit: int = 1000, cursor: str = "", brief: bool = False) -> Sequence[ActionView]:
        return [self.poisoned(view) for view in await super().actions(grant=grant, audit_id=audit_id, limit=limit)]

    async def find(self, text: str, **where: Any) -> FoundView:
        hit = HitView(at="2026-11-23T16:04:12.000000Z", session="s-1", started="2026-11-23T16:04:11.000000Z", conn=0, seq=0, where="stdout", identity="x",
                      connection="x", grant="g-1", kind="exec", target=Said(self.text), line=Said(self.text), place=3)  # fmt: skip
        return FoundView(hits=(poison(hit, self.text),), notes=(self.text,))

    async def verify(self, session: str = "") -> Sequence[Proof]:
        return [replace(self.poisoned(view), consistent=False) for view in await super().verify(session)]

    async def hello(self) -> Any:
        return poison(await super().hello(), self.text)

    async def status(self) -> Any:
        status = await super().status()
        return replace(status, recording=False, recorder_error=self.text)


class PwnedApp(CountedApp):
    """An app whose action must never run."""

    ran: ClassVar[list[str]] = []

    def action_pwn(self, ident: str) -> None:
        self.ran.append(ident)


def house(text: str) -> HostileDesk:
    desk = HostileDesk(text)
    desk.open_window(duration_s=60)
    desk.advance(61)
    grant = desk.open_window()
    session = desk.open_session(grant.id)
    desk.frame(session.id, "stdout", text.encode("utf-8", "surrogatepass"), at_s=0.1)
    desk.frame(session.id, "stdin", text.encode("utf-8", "surrogatepass"), at_s=0.2)
    desk.frame(session.id, "gateway", text.encode("utf-8", "surrogatepass"), at_s=0.3)
    desk.frame(session.id, "request", text.encode("utf-8", "surrogatepass"), at_s=0.4)
    desk.frame(session.id, "resize", text.encode("utf-8", "surrogatepass"), at_s=0.5)
    desk.act(grant.id, "get", "secrets", "db", hazard="SECRET", verdict="denied")
    desk.act(grant.id, "get", "pods", "x")
    desk.advance(1)
    desk.act(grant.id, "exec", "pods/exec", "web", hazard="EXEC", session=session.id, argv=("sh",))
    desk.ask_for(scope="exec pods in web", used="exec pods:x in web", you_may_not="because")
    return desk


def check(hand: Hand, seen: Screenful, text: str) -> None:
    """Nothing that the text wanted came true."""
    assert PwnedApp.ran == []
    width = hand.app.size.width
    for line in seen.lines:
        assert not re.search("[\x00-\x1f\x7f-\x9f]", line), line
        for char in line:
            assert unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}, f"{char!r} in {line!r}"
    for segment in seen.segments:
        style = segment.style
        if style is not None:
            assert style.link is None
            assert "@click" not in style.meta  # Textual's scrollbars have metas of their own
            assert "pwn" not in repr(style.meta)
            if "loud" in segment.text:
                assert style.color is None or style.color.name != "red"
    assert {cell_len(line) for line in seen.lines} == {width}


SIZES: Final = ((80, 24), (150, 45))
CASES: Final = [
    pytest.param(what, size, id=f"{what}-{size[0]}x{size[1]}")
    for what in HOSTILE for size in (SIZES if SOAKING else (SIZES[what in {"escapes", "unicode"}],))
]  # fmt: skip


@pytest.mark.parametrize(("what", "size"), CASES)
async def test_what_others_write_does_nothing_on_any_screen(what: str, size: tuple[int, int]) -> None:
    """Every screen and every field: no action, no link, no style, no control character, no broken line."""
    text = HOSTILE[what]
    desk = house(text)
    async with at(desk, size, kind=PwnedApp) as hand:
        check(hand, hand.screen, text)
        await hand.tap("down")
        check(hand, hand.screen, text)
        await hand.press("up", "enter")
        await hand.passes(1)
        seen = [await shown(hand, text, DecideScreen)]
        for y in range(4, 16):
            await hand.pilot.click(offset=(14, y))
        for key, screen in (("n", DecideScreen), ("d", ReasonScreen), ("escape", DecideScreen), ("question_mark", HelpScreen), ("escape", DecideScreen)):
            await hand.tap(key)
            seen.append(await shown(hand, text, screen))
        await hand.press("2")
        await hand.press("tab", "end", "enter")
        for key, above in (("k", ReasonScreen), ("escape", LiveScreen), ("x", ReasonScreen), ("escape", LiveScreen)):
            await hand.tap(key)
            seen.append(await shown(hand, text, above))
        await hand.press("3")
        seen.append(await shown(hand, text, HistoryScreen))
        hand.app.open_find()  # whose key needs a right that this gateway does not name
        await hand.press(*"bold")
        await hand.passes(1)
        seen.append(await shown(hand, text, FindScreen))
        await hand.press("escape")
        await hand.press("end", "enter")
        await hand.passes(2)
        await hand.press("v")
        for key in ("i", "t", "escape", "g", "escape", "end"):
            await hand.tap(key)
            seen.append(await shown(hand, text, ReplayScreen))
        desk.cut()
        await hand.settle()
        await shown(hand, text, ReplayScreen)
        assert len(set(seen)) > 8


async def shown(hand: Hand, text: str, screen: type[Screen[Any]]) -> str:
    """That screen is there and sound; gives what it shows."""
    assert isinstance(hand.app.screen, screen)
    seen = hand.screen
    check(hand, seen, text)
    return seen.text
