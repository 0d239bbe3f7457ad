"""Residue: everything that outlives a window, and how each thing ends. Opening it asks the cluster once, for metadata alone; that is on record."""

from collections import Counter
from collections.abc import Callable
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from jitui.api.findings import LeftView, ResidueView
from jitui.api.operations import Operations
from jitui.tui.figures import stamp
from jitui.tui.lines import FLEX, Cell, block, row, rule, text
from jitui.tui.screens.base import Answered, Board
from jitui.tui.widgets.card import labelled
from jitui.tui.widgets.rows import Row, Rows
from jitui.tui.words import words

COLOURS: Final = {"object": "$state-change", "deleted": "$state-denied", "process": "$state-exec", "credential": "$state-secret",
                  "ephemeral-container": "$state-escape", "copy": "$state-secret"}  # fmt: skip
PLURALS: Final = {"object": "objects", "deleted": "deleted", "process": "processes", "credential": "credentials",
                  "ephemeral-container": "ephemeral containers", "copy": "copies"}  # fmt: skip


class ResidueScreen(Board):
    """Of one window."""

    CSS_PATH = "residue.tcss"
    AUTO_FOCUS = "#left"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "changes", "changes", id="residue.changes", tooltip="what it wrote, field by field"),
        Binding("escape", "back", "back", id="residue.back"),
    ]

    def __init__(self, desk: Operations, grant: str) -> None:
        super().__init__()
        self._desk, self._grant = desk, grant
        self._found: ResidueView | None = None
        self._problem = ""

    def body(self) -> ComposeResult:
        yield Static(id="residue-title", markup=False)
        yield Rows(id="left")
        yield Static(id="ends", markup=False)

    def on_mount(self) -> None:
        self.ask("residue", lambda: self._desk.residue(self._grant))

    def answered(self, message: Answered) -> None:
        if isinstance(message.value, ResidueView):
            self._found = message.value
        else:
            self._problem = message.problem
            super().answered(message)

    def look(self) -> None:
        super().look()
        if self.ready:
            self.write("#residue-title", self._title())
            self.query_one(Rows).show(self._rows())
            self.write("#ends", self._ends(max(40, self.size.width - 4)))

    def _title(self) -> Content:
        found = self._found
        if found is None:
            return text((self._grant, "bold $primary"), (f"  {self._problem or 'reading the record, and asking the cluster'}", "$state-quiet"))
        looked = f"cluster asked {stamp(found.looked)}" if found.looked else "cluster not asked"
        return text((found.grant, "bold $primary"), f"  {words(found.identity, 63)}  {words(found.connection, 40)}", (f"  {counted(found)}", "bold"),
                    (f"  {looked}", "$state-quiet"))  # fmt: skip

    def _rows(self) -> list[Row]:
        found = self._found
        if found is None:
            return [_note(self._problem or "Reading the record.")]
        rows = [Row(lambda width: rule("It outlives the window", "", width, "$state-ending"))]
        rows += [Row(_line(left), f"{at}") for at, left in enumerate(found.left)] or [_note("Nothing that is on record outlives it.")]
        return rows + [_note(note) for note in found.notes]

    def _ends(self, width: int) -> Content:
        left = self._chosen
        if left is None:
            return text("")
        lines = [*labelled("what", words(left.said, 600), width)]
        lines += labelled("ends with", _how_it_ends(left, 400), width, "bold $primary")
        where = "  ".join(part for part in (left.session, stamp(left.at), f"jti {words(left.jti, 80)}" if left.jti.raw else "") if part)
        return block([*lines, *labelled("seen in", where, width, "$state-quiet")] if where else lines)

    @property
    def _chosen(self) -> LeftView | None:
        cursor = self.query_one(Rows).cursor
        return self._found.left[int(cursor)] if self._found is not None and cursor and int(cursor) < len(self._found.left) else None

    def may_open(self, rows: Rows) -> bool:  # noqa: ARG002 - of every list of a screen
        """How it ends stands below without a key."""
        return False

    def on_rows_moved(self, event: Rows.Moved) -> None:  # noqa: ARG002 - Textual's signature
        self.look()

    def action_changes(self) -> None:
        self.navigator.open_changes(grant=self._grant)

    def action_back(self) -> None:
        self.app.pop_screen()


def counted(found: ResidueView) -> str:
    """`2 objects, 1 credential`."""
    counts = Counter(left.kind for left in found.left)
    parts = [f"{count} {kind if count == 1 else PLURALS.get(kind, kind)}" for kind, count in counts.items()]
    return ", ".join(parts) or "nothing left"


def _how_it_ends(left: LeftView, most: int) -> str:
    """Nothing of what was deleted: that is over."""
    return words(left.ends, most) or (f"goes with {words(left.owner, most)}" if left.owner.raw else "-")


def _line(left: LeftView) -> Callable[[int], Content]:
    def draw(width: int) -> Content:
        colour = COLOURS.get(left.kind, "$state-quiet")
        ends = _how_it_ends(left, 200)
        cells = [Cell(left.kind, 11 if width < 100 else 20, f"bold {colour}"), Cell(left.said, FLEX)]
        return row([*cells, *([Cell(ends, min(60, width // 3), "$state-quiet")] if width >= 120 else [])], width)

    return draw


def _note(said: str) -> Row:
    return Row(lambda width: row([Cell("", 3), Cell(said, FLEX, "$state-quiet")], width))
