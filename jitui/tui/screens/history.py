"""History: the recorded sessions, newest first; enter replays one."""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from jitui.api.operations import Operations
from jitui.api.views import SessionView
from jitui.policy.streams import UPGRADED
from jitui.tui.feed import Seen
from jitui.tui.figures import day, many, runs_on, size
from jitui.tui.lines import FLEX, Cell, row, rule
from jitui.tui.order import Order
from jitui.tui.screens.base import Answered, Board
from jitui.tui.theme import GLYPHS, state
from jitui.tui.widgets.rows import Row, Rows
from jitui.tui.words import words
from jitui.values.page import Page


class HistoryScreen(Board):
    CSS_PATH = "history.tcss"
    AUTO_FOCUS = "#sessions"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "changes", "changes", id="history.changes", tooltip="the objects that the agent of the session wrote, field by field"),
        Binding("C", "day", "changes of the day", id="history.day", tooltip="the objects that everybody wrote in the last 24 hours"),
        Binding("r", "window", "window", id="history.window", tooltip="replay the session's window with everything in it, from where the session began"),
        Binding("slash", "find", "find", id="history.find", tooltip="a text in everything that was recorded"),
        Binding("s", "sort", "sort", id="history.sort", tooltip="newest first"),
        Binding("escape", "back", "back", id="history.back"),
    ]

    def __init__(self, desk: Operations) -> None:
        super().__init__()
        self._desk = desk
        self._sessions: dict[str, SessionView] = {}
        self._order = Order()
        self._asked: Seen | None = None
        self._known = self._older = False

    def body(self) -> ComposeResult:
        yield Rows(id="sessions")

    def show(self, seen: Seen) -> None:
        if seen is not self._asked and "sessions" not in self.busy:
            self._asked = seen

            async def sessions() -> object:
                return await self._desk.sessions(brief=True)

            self.ask("sessions", sessions)

    def answered(self, message: Answered) -> None:
        if message.what == "sessions" and isinstance(message.value, Sequence):
            self._older = isinstance(message.value, Page) and message.value.older
            views = sorted((view for view in message.value if isinstance(view, SessionView)), key=lambda view: view.started, reverse=True)
            self._sessions = {view.id: view for view in views}
            self._order.update(list(self._sessions))
            self._known = True
            self._draw()
        else:
            super().answered(message)

    def _draw(self) -> None:
        rows = [Row(_line(self._sessions[ident], new=ident in self._order.new), ident) for ident in self._order.ids]
        left_out = ", older ones are left out" if self._older else ""
        head = Row(lambda width: rule(f"Recorded sessions ({len(rows)}{left_out})", "newest first", width, "$primary"))
        none = Row(lambda width: row([Cell("", 3), Cell("Nothing is recorded yet. What passes a live window is.", FLEX, "$state-quiet")], width))
        self.query_one(Rows).show([head, *(rows or [none])])

    def able(self) -> Mapping[str, Callable[[], bool]]:
        return {
            "sort": lambda: self._order.ids != list(self._sessions),
            "changes": lambda: self.query_one(Rows).cursor in self._sessions and self.may_read_records,
            "day": lambda: self.may_read_records,
            "window": lambda: self.query_one(Rows).cursor in self._sessions and self.may_read_records,
            "find": lambda: self.may_read_records,
        }

    def may_open(self, rows: Rows) -> bool:
        view = self._sessions.get(rows.cursor)
        return view is not None and "replay" in view.you_may and not self.shell.silent

    def on_rows_moved(self, event: Rows.Moved) -> None:
        self._order.seen(event.ident)
        self._draw()

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        self.navigator.open_replay(event.ident)

    def action_changes(self) -> None:
        self.navigator.open_changes(identity=self._sessions[self.query_one(Rows).cursor].identity)

    def action_window(self) -> None:
        view = self._sessions[self.query_one(Rows).cursor]
        self.navigator.open_replay(view.grant, at=view.started)

    def action_day(self) -> None:
        self.navigator.open_changes()

    def action_find(self) -> None:
        self.navigator.open_find()

    def action_sort(self) -> None:
        self._order.sort(list(self._sessions))
        self._draw()

    def action_back(self) -> None:
        self.app.pop_screen()


def _line(view: SessionView, *, new: bool) -> Callable[[int], Content]:
    def draw(width: int) -> Content:
        argv = " ".join(words(part, 80) for part in view.argv)
        done = view.ended_why or view.state
        frames = many(view.frames, "frame")
        what = f"{words(view.target, 80)} {f'[{argv}]' if argv else ''}  {runs_on(view.may_run_on)}".rstrip()
        cells = [
            Cell(GLYPHS.get(view.state, "■"), 1, state(view.state)), Cell(view.id, 6, "bold"), Cell(day(view.started), 16, "$state-quiet"),
            Cell(view.kind, 12 if width >= 120 else 6, "$state-exec" if view.kind in UPGRADED else "$state-quiet"),
            Cell(view.identity, 15 if width < 96 else 20),
            Cell(what, FLEX), *([Cell("new", 3, "bold $state-new")] if new else []),
            Cell(done, 9, state(view.state) if not view.ended_why else "$state-quiet"),
        ]  # fmt: skip
        if width >= 96:
            cells.append(Cell(size(view.bytes_in + view.bytes_out), 7, "$state-quiet", right=True))
        if width >= 120:
            cells.append(Cell(frames, max(11, cell_len(frames)), "$state-quiet", right=True))
        return row(cells, width)

    return draw
