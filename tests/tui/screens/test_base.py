"""The frame of all screens: keys, answers and the words of errors."""

import asyncio
from collections.abc import Callable, Mapping
from typing import ClassVar

import pytest
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from jitui.tui.feed import Seen
from jitui.tui.screens.base import Answered, Board
from jitui.values.errors import ConflictError, RefusedError
from tests.tui.alone import Alone
from tests.tui.seeing import screenful


class Bench(Board):
    """A screen with a key that asks the gateway, one that can be off, and one that always works."""

    ASKS = frozenset({"fetch"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "fetch", "fetch", id="b.f"), Binding("o", "maybe", "maybe", id="b.o"), Binding("a", "always", "always", id="b.a"),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.can = True
        self.answers: list[Answered] = []

    def body(self) -> list[Static]:
        return [Static(id="static")]

    def able(self) -> Mapping[str, Callable[[], bool]]:
        return {"maybe": lambda: self.can}

    def answered(self, message: Answered) -> None:
        self.answers.append(message)
        super().answered(message)

    def action_fetch(self) -> None: ...
    def action_maybe(self) -> None: ...
    def action_always(self) -> None: ...


class Shell(Alone):
    """An app that has not seen the gateway yet."""

    seen: Seen | None = None
    silent = as_of = ""
    alone = False

    def monotonic(self) -> float:
        return 0.0

    def look_now(self) -> None: ...

    def on_mount(self) -> None:
        self.push_screen(Bench())


def bench(app: Shell) -> Bench:
    assert isinstance(app.screen, Bench)
    return app.screen


@pytest.mark.parametrize("width", [80, 200])
async def test_keys_that_can_not_work_now_are_not_offered(width: int) -> None:
    """While the gateway is silent those that ask it, while a call is on its way that call's, and those that the screen says."""
    app = Shell()
    async with app.run_test(size=(width, 10)) as pilot:
        screen = bench(app)

        async def offered() -> str:
            screen.look()
            await pilot.pause()
            return screenful(app).keys.split("  ^")[0].strip()

        assert (await offered()).startswith("f fetch   o maybe   a always")
        app.silent = "silent since noon"
        assert (await offered()).startswith("o maybe   a always")
        assert screen.has_class("-silent")
        app.silent, screen.can = "", False
        screen.busy.add("fetch")
        assert (await offered()).startswith("a always")
        assert not screen.has_class("-silent")


@pytest.mark.parametrize(("problem", "words", "conflict"), [
    (ConflictError("r-1 has changed"), "r-1 has changed", True),
    (RefusedError("\x1b[2Jyou may not [bold]now[/]"), "you may not [bold]now[/]", False),
    (ConnectionResetError("reset by peer"), "reset by peer", False),
    (TimeoutError(), "the gateway did not answer", False),
], ids=lambda value: type(value).__name__)  # fmt: skip
async def test_a_call_that_fails_is_said_and_frees_its_key(problem: Exception, words: str, conflict: bool) -> None:
    """In the error's own words, cleaned; an error without words has those of a gateway that did not answer."""
    app = Shell()
    async with app.run_test(size=(80, 10)) as pilot:

        async def fails() -> None:
            raise problem

        screen = bench(app)
        screen.ask("fetch", fails)
        assert screen.busy == {"fetch"}
        async with asyncio.timeout(10):
            while screen.busy:
                await pilot.pause(0.01)
        await pilot.pause()
        (answer,) = screen.answers
        assert (answer.what, answer.value, answer.conflict) == ("fetch", None, conflict)
        assert words in screenful(app).lines[8]
        assert "✗" in screenful(app).lines[8]
        assert "\x1b" not in screenful(app).text


async def test_a_static_that_would_look_the_same_is_not_drawn_again() -> None:
    """A screen that stands still draws nothing; other words are drawn, and other colours, in a border too."""
    app = Shell()
    async with app.run_test(size=(80, 10)) as pilot:
        screen = bench(app)
        screen.write("#static", Content("x"))
        first = screen.query_one("#static", Static).content
        screen.write("#static", Content("x"))
        assert screen.query_one("#static", Static).content is first
        screen.write("#static", Content("y"))
        await pilot.pause()
        assert screenful(app).lines[1].strip() == "y"
        screen.write("#static", Content.styled("y", "bold"))
        await pilot.pause()
        assert any(segment.text.strip() == "y" and segment.style and segment.style.bold for segment in screenful(app).segments)
        changed: list[str] = []
        for words in (Content("a"), Content("a"), Content.styled("a", "bold"), Content("b")):
            screen.edge("#static", title=words)
            changed.append(screen.query_one("#static", Static).border_title or "")
        assert changed == ["a", "a", "[bold]a[/bold]", "b"]
