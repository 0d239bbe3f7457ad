"""Find: type a text, and its lines in the record appear, the newest first; enter replays the one under the cursor, at its moment."""

from collections.abc import Callable, Iterator
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input, Static

from jitui.api.found import FoundView, HitView
from jitui.api.operations import Operations
from jitui.tui.figures import many, short
from jitui.tui.lines import FLEX, Cell, block, row, rule, text
from jitui.tui.screens.base import Answered, Board
from jitui.tui.widgets.rows import Row, Rows
from jitui.tui.words import words

PAUSE_S: Final = 0.25  # after the last key, until it is looked for
SHORTEST: Final = 3  # letters and digits
LONGEST: Final = 200
COLOURS: Final = {"argv": "$state-change", "stdin": "$state-frozen", "stdout": "$state-live", "body": "$state-quiet"}
BEFORE: Final = 24  # characters of a line that stand before a text which would lie beyond the edge
NOTES: Final = 3


class FindScreen(Board):
    """One text at a time. The line to type in keeps the focus; up and down move in the list."""

    CSS_PATH = "find.tcss"
    AUTO_FOCUS = "#find-text"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "replay there", id="find.open", tooltip="the recording, at the moment of the line", priority=True),
        Binding("up", "move(-1)", "up", show=False, id="find.up"),
        Binding("down", "move(1)", "down", show=False, id="find.down"),
        Binding("pageup", "move(-10)", "ten up", show=False, id="find.pageup"),
        Binding("pagedown", "move(10)", "ten down", show=False, id="find.pagedown"),
        Binding("escape", "back", "back", id="find.back"),
    ]

    def __init__(self, desk: Operations) -> None:
        super().__init__()
        self._desk = desk
        self._wanted = self._asked = ""  # as it stands; as it was looked for last
        self._found: FoundView | None = None
        self._hits: dict[str, HitView] = {}  # by the id of its row
        self._problem = ""
        self._timer: Timer | None = None

    def body(self) -> ComposeResult:
        yield Input(id="find-text", compact=True, max_length=LONGEST, placeholder="find: a text of at least three letters or digits, from where a word begins")
        yield Rows(id="hits")
        yield Static(id="find-notes", markup=False)

    def on_input_changed(self, event: Input.Changed) -> None:
        self._wanted = event.value.strip()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(PAUSE_S, self._look_for)

    def _look_for(self) -> None:
        """Ask for what stands there now; an answer that is on its way is waited for."""
        wanted = self._wanted
        if "find" in self.busy or wanted == self._asked:
            return
        self._asked, self._problem = wanted, ""
        if sum(map(str.isalnum, wanted)) < SHORTEST:
            self._take(None)
            self.look()
        else:
            self.ask("find", lambda: self._desk.find(wanted))

    def answered(self, message: Answered) -> None:
        self._problem = message.problem
        self._take(message.value if isinstance(message.value, FoundView) else None)
        self._look_for()

    def _take(self, found: FoundView | None) -> None:
        self._found = found
        self._hits = {f"{at}": hit for at, hit in enumerate(found.hits)} if found else {}

    # drawing

    def look(self) -> None:
        super().look()
        if self.ready:
            self.query_one("#hits", Rows).show(list(self._rows()))
            notes = [self._problem] if self._problem else list(self._found.notes) if self._found else []
            self.write("#find-notes", block(text((words(note, 300), "$state-quiet")) for note in notes[:NOTES]))

    def _rows(self) -> Iterator[Row]:
        if self._found is None:
            yield _note("" if not self._asked or self._problem else "reading" if "find" in self.busy else "")
            return
        yield Row(lambda width: rule(many(len(self._hits), "line"), "newest first", width, "$primary"))
        for ident, hit in self._hits.items():
            yield Row(_line(hit, len(self._asked)), ident)
        if not self._hits:
            yield _note("It stands nowhere in the index.")

    # keys

    def able(self) -> dict[str, Callable[[], bool]]:
        return {"open": lambda: self._current is not None and bool(self._current.session) and not self.shell.silent}

    def may_open(self, rows: Rows) -> bool:  # noqa: ARG002 - of every list of a screen
        return self._current is not None and bool(self._current.session) and not self.shell.silent

    @property
    def _current(self) -> HitView | None:
        return self._hits.get(self.query_one("#hits", Rows).cursor)

    def on_key(self, event: events.Key) -> None:
        """The line to type in has no use for these."""
        moves = {"up": -1, "down": 1, "pageup": -10, "pagedown": 10}
        if event.key in moves:
            event.stop()
            self.action_move(moves[event.key])

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        event.stop()
        self.action_open()

    def on_rows_moved(self, event: Rows.Moved) -> None:  # noqa: ARG002 - Textual's signature
        self.look()

    def action_move(self, by: int) -> None:
        self.query_one("#hits", Rows).action_move(by)

    def action_open(self) -> None:
        hit = self._current
        if hit is not None and hit.session and not self.shell.silent:
            self.navigator.open_replay(hit.session, at=hit.at)

    def action_back(self) -> None:
        self.app.pop_screen()


def _line(hit: HitView, size: int) -> Callable[[int], Content]:
    """`s-204  28 Nov 16:07:52  agent-a  stdout  the line, with the text in it`."""

    def draw(width: int) -> Content:
        cells = [Cell(hit.session or "denied", 7, "bold"), Cell(short(hit.at), 15, "$state-quiet"), Cell(hit.where, 6, COLOURS.get(hit.where, ""))]
        if width >= 90:
            cells.append(Cell(hit.by, 16, "$state-quiet"))
        if width >= 130:
            cells.append(Cell(words(hit.target, 60), 24, "$state-quiet"))
        left = row(cells, sum(cell.width for cell in cells) + 2 * len(cells))
        first = max(0, hit.place - BEFORE) if hit.place + size > width - left.cell_length else 0
        line = hit.line.raw[first:]
        before, there, behind = line[: hit.place - first], line[hit.place - first : hit.place - first + size], line[hit.place - first + size :]
        said = Content.assemble(words(before, 300), (words(there, 300), "bold underline"), words(behind, 300))
        return Content.assemble(left, said).truncate(width, ellipsis=True)

    return draw


def _note(said: str) -> Row:
    return Row(lambda width: row([Cell("", 3), Cell(said, FLEX, "$state-quiet")], width))
