"""A recording as one line: where it stands, what happened when."""

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget

from jitui.api.views import SessionView
from jitui.recording.timing import Course, Playhead
from jitui.tui.figures import date, day, hour, plus_us, runs_on, since_start, stamp, zone
from jitui.tui.lines import cut, text
from jitui.tui.reel import Mark
from jitui.tui.theme import state
from jitui.tui.words import words

COLOURS = {"C": state("change"), "D": state("denied"), "E": state("exec"), "S": state("secret"), "X": state("denied"), "G": state("denied"),
           "W": state("change"), "H": state("frozen"), "F": state("frozen"), "T": state("frozen"), "Z": state("ended")}  # fmt: skip


class Timeline(Widget):
    """One line; `show` moves it."""

    DEFAULT_CSS = "Timeline { height: 1; padding: 0 1; background: $surface; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.line: Content = Content("")
        self._facts: tuple[object, ...] = ()

    def show(self, head: Playhead | Course, marks: Sequence[Mark], started: str) -> None:
        facts = (head.index, round(head.at_us / 1e5), head.playing, head.speed, head.idle_us, len(marks), head.end_us, self.content_size.width)
        if facts != self._facts:
            self._facts = facts
            self.line = draw(head, marks, started, self.content_size.width)
            self.refresh()

    def render(self) -> Content:
        return self.line


def draw(head: Playhead | Course, marks: Sequence[Mark], started: str, width: int) -> Content:
    """`▶ 2026-11-23 16:04:11 ━━E━━━━C━━●───R────X 16:09:40 CET  3:41.2  2x  idle <= 1s`."""
    idle = f"idle ≤ {head.idle_us / 1e6:g}s" if head.idle_us else "idle as it was"
    left = Content.assemble(("▶ " if head.playing else "‖ ", "bold $primary"), (stamp(started) or "start", "$state-quiet"), " ")
    end = plus_us(started, head.end_us)
    until = f"{hour(end) if date(end) == date(started) else stamp(end)} {zone(end)}".strip()
    right = Content.assemble(" ", (until or "end", "$state-quiet"), "  ", (since_start(round(head.at_us)), "bold"),
                             (f"  {head.speed:g}x  {idle}", "$state-quiet"))  # fmt: skip
    cells = max(10, width - left.cell_length - right.cell_length)
    return cut(Content.assemble(left, scale(head, marks, cells), right), width)


def scale(head: Playhead | Course, marks: Sequence[Mark], cells: int) -> Content:
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


def title(session: SessionView) -> Content:
    """`s-204  exec web/web-7c [sh]  agent-deploybot  g-17  2026-11-23 16:04 - 2026-11-23 16:09 CET  ended: expired`."""
    argv = " ".join(words(part, 60) for part in session.argv)
    left = f", {runs_on(session.may_run_on)}" if session.may_run_on else ""
    ended = f" - {day(session.ended)} {zone(session.ended)}  ended: {words(session.ended_why, 40)}{left}" if session.ended else "  still open"
    return text(
        (session.id, "bold $primary"),
        (f"  {session.kind} ", "$state-quiet"),
        (f"{words(session.target, 60)} {f'[{argv}]' if argv else ''}", "bold"),
        (f"  {session.identity}  {session.grant}  {day(session.started)}", "$state-quiet"),
        (ended, state("denied" if session.ended_why == "killed" else "quiet")),
    )
