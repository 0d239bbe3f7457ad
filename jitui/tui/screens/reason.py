"""Asks for one line of reason for a refusal or an end, with stock reasons to pick; for the worst hazards, for the agent's name."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from jitui.tui.lines import block, text

DENY = ("not needed for what you do now", "ask for less: a narrower scope or a shorter window", "not now: ask again after the maintenance")
KILL = ("not what was agreed", "it does not stop by itself", "finished")
REVOKE = ("not what was agreed", "finished early", "something looks wrong: stopped to look")

LOCKDOWN = ("an agent is out of hand", "a token was stolen", "an incident: nobody works on it now")
LIFT = ("it is over", "a false alarm", "checked: go on")


class ReasonScreen(ModalScreen[str]):
    """Gives the reason, or "" if the person left. Enter does it; a stock reason is put into the line first, to be seen."""

    CSS_PATH = "reason.tcss"
    AUTO_FOCUS = "#reason-line"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "back", id="reason.leave"),
        Binding("up", "stock(-1)", "stock reason", show=False, id="reason.up"),
        Binding("down", "stock(1)", "stock reason", show=False, id="reason.down"),
    ]

    def __init__(self, title: str, what: str, stock: tuple[str, ...], does: str) -> None:
        super().__init__()
        self._heading, self._what, self._stock, self._does = title, what, stock, does
        self._at = -1

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = text(self._heading)
            yield Static(text((self._what, "$state-quiet")), id="reason-what", markup=False)
            yield Static(self._stock_lines(), id="reason-stock", markup=False)
            yield Input(placeholder="the reason, in your words", id="reason-line", compact=True, max_length=200)
            keys = (("enter", self._does), ("1-3 ↑ ↓", "stock reasons"), ("esc", "back"))
            yield Static(text(*(part for key, does in keys for part in ((key, "bold $primary"), f" {does}   "))), id="reason-keys", markup=False)

    def _stock_lines(self) -> Content:
        return block(text((f" {index + 1}  ", "bold $primary"), (reason, "bold" if index == self._at else "")) for index, reason in enumerate(self._stock))

    def action_stock(self, by: int) -> None:
        self._take((self._at + by) % len(self._stock))

    def _take(self, index: int) -> None:
        self._at = index
        line = self.query_one("#reason-line", Input)
        line.value = self._stock[index]
        line.cursor_position = len(line.value)
        self.query_one("#reason-stock", Static).update(self._stock_lines())

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.value in {"1", "2", "3"} and int(event.value) <= len(self._stock):
            self._take(int(event.value) - 1)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self.dismiss(event.value.strip())
        else:
            self.query_one("#reason-what", Static).update(text(("a reason is needed: it goes on record", "bold $state-denied")))

    def action_leave(self) -> None:
        self.dismiss("")


class NameScreen(ModalScreen[bool]):
    """Asks for the agent's name, before a scope is approved that can reach beyond its window or start code of its own."""

    CSS_PATH = "reason.tcss"
    AUTO_FOCUS = "#reason-line"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "back", id="name.leave")]

    def __init__(self, title: str, what: str, name: str) -> None:
        super().__init__()
        self._heading, self._what, self._agent = title, what, name

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = text(self._heading)
            yield Static(text((self._what, "bold $state-denied")), id="reason-what", markup=False)
            yield Static(text("type the agent's name to approve: ", (self._agent, "bold")), id="reason-stock", markup=False)
            yield Input(placeholder="its name", id="reason-line", compact=True, max_length=200)
            yield Static(text(("enter", "bold $primary"), " approve   ", ("esc", "bold $primary"), " back"), id="reason-keys", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value.strip() == self._agent:
            self.dismiss(True)
        else:
            self.query_one("#reason-what", Static).update(text(("that is not its name", "bold $state-denied")))

    def action_leave(self) -> None:
        self.dismiss(False)
