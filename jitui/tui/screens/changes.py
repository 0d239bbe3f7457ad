"""Changes: the objects that a window, an agent or a day wrote, each write with its fields before and after; and the streams whose effects are no objects."""

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from jitui.api.findings import ChangesView, ChangeView, FieldView, ObjectView
from jitui.api.operations import Operations
from jitui.tui.figures import many, short, stamp
from jitui.tui.lines import FLEX, Cell, block, row, rule, text
from jitui.tui.screens.base import Answered, Board
from jitui.tui.widgets.rows import Row, Rows
from jitui.tui.words import words
from jitui.values import plain

MARKS: Final = {"created": "+", "changed": "~", "deleted": "-", "issued": "!", "unknown": "?", "inside": "."}
COLOURS: Final = {"created": "$state-live", "changed": "$state-change", "deleted": "$state-denied", "issued": "$state-secret", "unknown": "$state-ending"}
VALUE: Final = 2000  # characters of a value that are drawn
FIELDS: Final = 300  # of one write that are drawn
BESIDE: Final = 110  # cells from which the values stand side by side


class ChangesScreen(Board):
    """Of one window, or of the last day: of one agent, or of all."""

    CSS_PATH = "changes.tcss"
    AUTO_FOCUS = "#writes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "replay", "replay there", id="changes.replay", tooltip="the recording, at the moment of the write"),
        Binding("tab", "pane", "pane", id="changes.tab", tooltip="from the writes to their fields and back"),
        Binding("escape", "back", "back", id="changes.back"),
    ]

    def __init__(self, desk: Operations, *, grant: str = "", identity: str = "") -> None:
        super().__init__()
        self._desk, self._grant, self._identity = desk, grant, identity
        self._found: ChangesView | None = None
        self._problem = ""
        self._changes: dict[str, ChangeView] = {}  # by the id of its row

    def body(self) -> ComposeResult:
        yield Static(id="changes-title", markup=False)
        yield Rows(id="writes")
        with VerticalScroll(id="fields", classes="body"):
            yield Static(id="fields-text", markup=False)

    def on_mount(self) -> None:
        self.ask("changes", lambda: self._desk.changes(grant=self._grant, identity=self._identity))

    def answered(self, message: Answered) -> None:
        if isinstance(message.value, ChangesView):
            self._found = message.value
            self._changes = {f"{at}": change for at, change in enumerate(message.value.changes)}
        else:
            self._problem = message.problem
            super().answered(message)

    # drawing

    def look(self) -> None:
        super().look()
        if self.ready:
            self.write("#changes-title", self._title())
            self.query_one("#writes", Rows).show(self._rows())
            self.write("#fields-text", block(self._fields(max(40, self.size.width - 4))))

    def _title(self) -> Content:
        whose = self._grant or self._identity or "everybody"
        when = "" if self._grant else "  the last 24 hours"
        if self._found is None:
            return text((whose, "bold $primary"), (f"{when}  {self._problem or 'reading the record'}", "$state-quiet"))
        changes = self._found.changes
        writes = [change for change in changes if change.effect != "inside"]
        objects = {change.thing for change in writes}
        counts = [many(len(writes), "write"), many(len(objects), "object")]
        unknown, inside = sum(change.effect == "unknown" for change in writes), len(changes) - len(writes)
        counts += [f"{unknown} unknown"] * bool(unknown) + [f"{many(inside, 'stream')} into pods"] * bool(inside)
        first = changes[0] if changes and self._grant else None
        of = f"  {words(first.identity, 63)}  {words(first.connection, 40)}" if first else when
        return text((whose, "bold $primary"), of, ("  " + "  ".join(counts), "$state-quiet"))

    def _rows(self) -> list[Row]:
        if self._found is None:
            return [_note("Reading the record." if not self._problem else self._problem)]
        rows = [Row(lambda width: rule("Writes", "object by object", width, "$state-change"))]
        before: tuple[object, ...] = ()
        for ident, change in self._changes.items():
            rows.append(Row(_line(change, again=(key := _key(change)) == before, agent=not self._grant), ident))
            before = key
        if len(rows) == 1:
            rows.append(_note("Nothing was written, and nothing ran inside pods."))
        return rows + [_note(note) for note in self._found.notes]

    def _fields(self, width: int) -> Iterator[Content]:
        change = self._changes.get(self.query_one("#writes", Rows).cursor)
        if change is None:
            return
        seen = f"before: seen {stamp(change.seen)} in {change.seen_in}" if change.seen else "before: not seen before" if change.effect == "changed" else ""
        head = "asked for" if change.asked else "before -> after"
        yield rule(f"{named(change.object)}  {head}", seen, width)
        for note in change.notes:
            yield from (text((piece, "$state-ending")) for piece in textwrap.wrap(words(note, 400), width))
        path = min(width * 2 // 5, max((len(words(field.path, VALUE)) for field in change.fields[:FIELDS]), default=0))
        for field in change.fields[:FIELDS]:
            yield from beside(field, path, width) if width >= BESIDE else below(field, width)
        if len(change.fields) > FIELDS:
            yield text((f"{len(change.fields) - FIELDS} further fields: jitui changes {change.grant} --json", "$state-quiet"))

    # keys

    def able(self) -> Mapping[str, Callable[[], bool]]:
        return {"replay": lambda: bool(self.query_one("#writes", Rows).cursor) and not self.shell.silent}

    def may_open(self, rows: Rows) -> bool:  # noqa: ARG002 - of every list of a screen
        """The fields are there without a key."""
        return False

    def on_rows_moved(self, event: Rows.Moved) -> None:  # noqa: ARG002 - Textual's signature
        self.query_one("#fields", VerticalScroll).scroll_home(animate=False)
        self.look()

    def action_replay(self) -> None:
        if change := self._changes.get(self.query_one("#writes", Rows).cursor):
            self.navigator.open_replay(change.session, at=change.at)

    def action_pane(self) -> None:
        fields, writes = self.query_one("#fields"), self.query_one("#writes")
        (writes if fields.has_focus else fields).focus()

    def action_back(self) -> None:
        self.app.pop_screen()


def _key(change: ChangeView) -> tuple[object, ...]:
    return change.connection, change.object.group, change.object.resource, change.object.namespace, change.object.name, change.effect == "inside"


def named(each: ObjectView) -> str:
    """`deployments.apps web/web`."""
    kind = f"{words(each.resource, 63)}.{words(each.group, 63)}" if each.group else words(each.resource, 63)
    name = words(each.name, 80) or "(those that matched)"
    return f"{kind} {words(each.namespace, 63)}/{name}" if each.namespace.raw else f"{kind} {name}"


def _line(change: ChangeView, *, again: bool, agent: bool) -> Callable[[int], Content]:
    """`~ deployments.apps web/web  patch 200  23 Nov 16:04:07  image: web:1.5 -> web:1.4`; of the same object again without its name."""

    def draw(width: int) -> Content:
        colour = COLOURS.get(change.effect, "$state-quiet")
        name = width * 2 // 5 if width < BESIDE else 46
        part = f"/{change.subresource}" if change.subresource and change.effect != "inside" else ""
        code = "" if change.effect == "inside" else str(change.code or "?")
        cells = [Cell(MARKS.get(change.effect, "?"), 1, f"bold {colour}"), Cell("" if again else named(change.object), name, "bold" if not again else ""),
                 Cell(f"{change.verb}{part}", 12, colour), Cell(code, 3, "$state-quiet")]  # fmt: skip
        if width >= 90:
            cells += [Cell(short(change.at), 15, "$state-quiet")] + [Cell(change.identity, 16, "$state-quiet")] * agent
        return row([*cells, Cell(_brief(change), FLEX, "$state-quiet" if change.effect == "inside" else "")], width)

    return draw


def _brief(change: ChangeView) -> str:
    if change.effect == "inside":
        return f"{change.session}: {change.notes[0] if change.notes else ''}"
    if change.effect in {"created", "deleted"} or not change.fields:
        return f"{change.effect}, {many(len(change.fields), 'field')}" if change.fields else change.notes[0] if change.notes else change.effect
    first, more = change.fields[0], len(change.fields) - 1
    path = words(first.path, 300).rpartition(".")[2]
    return f"{path}: {said(first.before)} -> {said(first.after)}" + (f"  and {more} more" if more else "")


def said(value: Any) -> str:
    """A value as JSON; a text without quotes where it can be taken for nothing else."""
    if value is None:
        return "-"
    return words(value if isinstance(value, str) and value and value == value.strip() else plain.text(value), VALUE)


def below(field: FieldView, width: int) -> Iterator[Content]:
    """A path, and under it its values."""
    yield text((words(field.path, VALUE), "bold"))
    for mark, value, colour in (("-", field.before, "$state-denied"), ("+", field.after, "$state-live")):
        if value is not None:
            for at, piece in enumerate(_wrapped(said(value), width - 4)):
                yield text((f"  {mark if not at else ' '} ", colour), (piece, colour))


def beside(field: FieldView, path: int, width: int) -> Iterator[Content]:
    """A path, in so many cells, and its values in three columns; what is longer goes on in the next line."""
    value = (width - path - 4) // 2
    columns = [_wrapped(words(field.path, VALUE), path), _wrapped(said(field.before), value), _wrapped(said(field.after), value)]
    for at in range(max(map(len, columns))):
        pieces = [column[at] if at < len(column) else "" for column in columns]
        yield row([Cell(pieces[0], path, "bold"), Cell(pieces[1], value, "$state-denied", gap=3), Cell(pieces[2], value, "$state-live")], width)


def _wrapped(value: str, width: int) -> Sequence[str]:
    return [value[at : at + max(8, width)] for at in range(0, len(value), max(8, width))] or [""]


def _note(said: str) -> Row:
    return Row(lambda width: row([Cell("", 3), Cell(said, FLEX, "$state-quiet")], width))
