"""Asks for the moment at which the screens are to be seen."""

from collections.abc import Callable
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from jitui.tui.lines import text
from jitui.values.errors import InvalidError

HELP: Final = "the desk and the live windows as they stood then, read only: 16:04, or 2026-11-28T16:04"


class AsOfScreen(ModalScreen[str]):
    """Dismissed with an RFC 3339 time; empty: not now."""

    CSS_PATH = "reason.tcss"
    AUTO_FOCUS = "#reason-line"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "back", id="asof.leave")]

    def __init__(self, read: Callable[[str], str]) -> None:
        """`read` makes the time of what was typed. It raises InvalidError."""
        super().__init__()
        self._read = read

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = text("Back in time")
            yield Static(text(HELP), id="reason-what", markup=False)
            yield Input(placeholder="a moment", id="reason-line", compact=True, max_length=40)
            yield Static(text(("enter", "bold $primary"), " go there   ", ("esc", "bold $primary"), " back"), id="reason-keys", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        try:
            self.dismiss(self._read(event.value.strip()))
        except InvalidError as problem:
            self.query_one("#reason-what", Static).update(text((str(problem), "bold $state-denied")))

    def action_leave(self) -> None:
        self.dismiss("")
