"""The screen as a person sees it: its cells as text, with their styles."""

from dataclasses import dataclass
from typing import Any

from rich.segment import Segment
from textual.app import App


@dataclass(frozen=True)
class Screenful:
    """Everything that is drawn now."""

    lines: tuple[str, ...]
    segments: tuple[Segment, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def keys(self) -> str:
        """The bottom line."""
        return self.lines[-1]

    def line(self, word: str) -> str:
        """The first line with the word in it, without blanks around."""
        return next((line.strip() for line in self.lines[1:] if word in line), "")


def screenful(app: App[Any]) -> Screenful:
    """Read the compositor, as the terminal would get it."""
    strips = app.screen._compositor.render_strips(app.size)
    filters = app.get_line_filters()
    lines: list[str] = []
    segments: list[Segment] = []
    for strip in strips:
        found = [segment for segment in strip if not segment.control]
        for line_filter in filters:
            found = line_filter.apply(found, app.screen.background_colors[1])
        lines.append("".join(segment.text for segment in found))
        segments += found
    return Screenful(tuple(lines), tuple(segments))
