"""Widgets by themselves, in the app's own colours."""

from textual.app import App, ComposeResult
from textual.widget import Widget

from jitui.tui.theme import DARK, themes


class Alone(App[None]):
    """These widgets and nothing else."""

    def __init__(self, *widgets: Widget) -> None:
        super().__init__()
        self._widgets = widgets
        for theme in themes():
            self.register_theme(theme)
        self.theme = DARK

    def compose(self) -> ComposeResult:
        yield from self._widgets
