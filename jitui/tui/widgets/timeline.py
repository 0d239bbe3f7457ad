"""A recording as one line: where it stands, what happened when."""

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget

from jitui.recording.timing import Playhead
from jitui.tui.figures import hour, plus_us, since_start
from jitui.tui.lines import cut
from jitui.tui.reel import Mark
from jitui.tui.theme import state

COLOURS = {"C": state("change"), "D": state("denied"), "E": state("exec"), "S": state("secret"), "X": state("denied"), "G": state("denied")}


class Timeline(Widget):
    """One line; `show` moves it."""

    DEFAULT_CSS = "Timeline { height: 1; padding: 0 1; background: $surface; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.line: Content = Content("")
        self._facts: tuple[object, ...] = ()

    def show(self, head: Playhead, marks: Sequence[Mark], started: str) -> None:
        facts = (head.index, round(head.at_us / 1e5), head.playing, head.speed, head.idle_us, len(marks), head.end_us, self.content_size.width)
        if facts != self._facts:
            self._facts = facts
            self.line = draw(head, marks, started, self.content_size.width)
            self.refresh()

    def render(self) -> Content:
        return self.line


def draw(head: Playhead, marks: Sequence[Mark], started: str, width: int) -> Content:
    """`▶ 16:04:11 ━━E━━━━C━━●───R────X 16:09:40  3:41.2  2x  idle <= 1s`."""
    idle = f"idle ≤ {head.idle_us / 1e6:g}s" if head.idle_us else "idle as it was"
    left = Content.assemble(("▶ " if head.playing else "‖ ", "bold $primary"), (hour(started) or "start", "$state-quiet"), " ")
    right = Content.assemble(" ", (hour(plus_us(started, head.end_us)) or "end", "$state-quiet"), "  ", (since_start(round(head.at_us)), "bold"),
                             (f"  {head.speed:g}x  {idle}", "$state-quiet"))  # fmt: skip
    cells = max(10, width - left.cell_length - right.cell_length)
    return cut(Content.assemble(left, scale(head, marks, cells), right), width)


def scale(head: Playhead, marks: Sequence[Mark], cells: int) -> Content:
    """The line itself: played and to come, letters where something happened, a knob where it stands."""
    end = max(1, head.end_us)
    knob = min(cells - 1, int(head.at_us / end * (cells - 1)))
    letters = {min(cells - 1, int(mark.at_us / end * (cells - 1))): mark.letter for mark in marks}
    parts: list[tuple[str, str]] = []
    for x in range(cells):
        if x == knob:
            parts.append(("●", "bold $primary"))
        elif x in letters:
            parts.append((letters[x], f"bold {COLOURS.get(letters[x], '$foreground')}"))
        else:
            parts.append(("━", "$primary") if x < knob else ("─", "$state-faint"))
    return Content.assemble(*parts)
