"""Every key of the screen below, from its bindings: those that work now, and those that do not, dimmed."""

import textwrap
from itertools import zip_longest
from typing import Any, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from jitui.tui.lines import Cell, block, row
from jitui.tui.widgets.keys import name_of

KEYS: Final = 14  # cells of the keys' names
WORDS: Final = 57  # cells of what they do: with the keys, the border and the scrollbar a line of 80
IDLE: Final = frozenset({"scroll_left", "scroll_right", "page_left", "page_right"})  # nothing here is wider than its screen


class HelpScreen(ModalScreen[None]):
    """`?` or esc closes it."""

    CSS_PATH = "help.tcss"
    AUTO_FOCUS = "#help-keys"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,q", "dismiss", "close", show=False, id="help.close")]

    def __init__(self, title: str, keys: list[tuple[str, str, bool]]) -> None:
        super().__init__()
        self._title, self._keys = title, keys

    @classmethod
    def of(cls, screen: Screen[Any]) -> "HelpScreen":
        """The help of a screen as it is now."""
        found: dict[tuple[str, str], tuple[list[str], bool]] = {}
        for node in [screen.focused, screen, screen.app]:
            if node is None:
                continue
            for binding in (binding for bindings in node._bindings.key_to_bindings.values() for binding in bindings):  # noqa: SLF001 - Textual keeps them there
                if binding.action in IDLE:
                    continue
                works = bool(screen.app._check_action_state(binding.action, node))  # noqa: SLF001
                keys, _ = found.setdefault((binding.description, binding.tooltip), ([], works))
                name = binding.key_display or name_of(binding.key)
                if name not in keys:
                    keys.append(name)
        rows = [(" ".join(keys), f"{name}: {tooltip}" if tooltip else name, works) for (name, tooltip), (keys, works) in found.items() if name]
        return cls(screen.__class__.__name__.removesuffix("Screen").lower(), rows)

    def compose(self) -> ComposeResult:
        with Vertical(id="help", classes="dialog") as box:
            box.border_title = f"keys of {self._title}"
            box.border_subtitle = "esc closes"
            with VerticalScroll(id="help-keys"):
                yield Static(self._lines(), markup=False)

    def _lines(self) -> Content:
        return block(
            row([Cell(keys, KEYS, "bold $primary" if works else "$state-faint"), Cell(piece, WORDS, "" if works else "$state-faint")], KEYS + 1 + WORDS)
            for names, words, works in sorted(self._keys, key=lambda key: not key[2])
            for keys, piece in zip_longest([names], textwrap.wrap(words, WORDS), fillvalue="")
        )

    def action_dismiss(self, result: None = None) -> None:  # type: ignore[override]
        self.dismiss(result)

