"""The terminal has become too small: one line that says so, until it is large enough again."""

from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widgets import Static


class SmallScreen(ModalScreen[None]):
    DEFAULT_CSS = """
    SmallScreen { background: $background; }
    SmallScreen Static { width: auto; }
    """

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words = words

    def compose(self) -> ComposeResult:
        yield Static(self._words, markup=False)
