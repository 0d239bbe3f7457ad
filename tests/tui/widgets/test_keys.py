"""The bottom line, read from bindings."""

from typing import ClassVar

import pytest
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from jitui.tui.theme import DARK, themes
from jitui.tui.widgets.keys import Keys, name_of
from tests.tui.seeing import screenful


class Bench(Screen[None]):
    """A screen with some keys, of which one may be off."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("z", "last", "zebra first", id="b.z"),
        Binding("upper_a", "first", "approve", id="b.a"),
        Binding("left", "step(-1)", "step", id="b.left"),
        Binding("right", "step(1)", "step", id="b.right"),
        Binding("h", "hidden", "hidden", show=False, id="b.h"),
        Binding("m", "more", "a word that is long enough", id="b.m"),
    ]
    off: ClassVar[set[str]] = set()

    def compose(self) -> ComposeResult:
        yield Keys()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action not in self.off

    def action_last(self) -> None: ...
    def action_first(self) -> None: ...
    def action_step(self, by: int) -> None: ...
    def action_hidden(self) -> None: ...
    def action_more(self) -> None: ...


class Benches(App[None]):
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "desk", "a desk", id="a.desk"), Binding("question_mark", "help", "help", id="a.help"), Binding("q", "leave", "quit", id="a.quit"),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        for theme in themes():
            self.register_theme(theme)
        self.theme = DARK

    def on_mount(self) -> None:
        self.push_screen(Bench())

    def action_desk(self) -> None: ...
    def action_help(self) -> None: ...
    def action_leave(self) -> None: ...


async def line(width: int, off: set[str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(Bench, "off", off)
    app = Benches()
    async with app.run_test(size=(width, 3)) as pilot:
        await pilot.pause()
        assert {len(each) for each in screenful(app).lines} == {width}
        return screenful(app).keys.strip()


async def test_keys_stand_in_the_order_of_the_bindings_and_those_of_the_app_at_the_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that do the same are one entry; one that is not to be shown is not."""
    own = "z zebra first   A approve   ← → step   m a word that is long enough"
    for width, everywhere in ((80, "? help"), (92, "1 a desk   ? help"), (200, "1 a desk   ? help   q quit")):
        seen = await line(width, set(), monkeypatch)
        assert seen.startswith(own)
        assert seen.endswith(everywhere)
        assert seen.removeprefix(own).removesuffix(everywhere).strip() == ""


async def test_a_key_that_can_not_work_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others keep their places."""
    assert (await line(80, {"first"}, monkeypatch)).startswith("z zebra first   ← → step   m a word that is long enough  ")


async def test_a_long_line_loses_its_last_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """First the space between, then those of the app, of which help goes last, then the last ones; no word is cut."""
    assert (await line(68, set(), monkeypatch)) == "z zebra first  A approve  ← → step  m a word that is long enough"
    assert (await line(48, set(), monkeypatch)).split("  ")[:3] == ["z zebra first", "A approve", "← → step"]
    assert (await line(16, set(), monkeypatch)) == "z zebra first"


def test_the_label_is_that_of_the_keyboard() -> None:
    """Textual's names are for programs."""
    assert [name_of(key) for key in ("upper_a", "question_mark", "escape", "ctrl+p", "a", "f5")] == ["A", "?", "esc", "^p", "a", "f5"]
