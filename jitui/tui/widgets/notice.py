"""One line above the keys for what just happened: a decision made, a refusal. It goes by itself; nothing waits for it."""

from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget

from jitui.tui.lines import text

STAYS_S = 12.0


class Notice(Widget):
    """Plain words, cleaned; never markup, never a click."""

    DEFAULT_CSS = """
    Notice { dock: bottom; height: 1; margin-bottom: 1; background: $panel; padding: 0 1; display: none; }
    Notice.-said { display: block; }
    """

    def __init__(self) -> None:
        super().__init__(id="notice")
        self.line = Content("")
        self._timer: Timer | None = None

    def say(self, words: str, *, bad: bool = False) -> None:
        """Show it for a while; the newest replaces what was there."""
        self.line = text(("✗ " if bad else "✓ ", "bold $state-denied" if bad else "bold $state-live"), (words, "$state-denied" if bad else ""))
        self.add_class("-said")
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(STAYS_S, self.hush)
        self.refresh()

    def hush(self) -> None:
        self.remove_class("-said")

    def render(self) -> Content:
        return self.line
