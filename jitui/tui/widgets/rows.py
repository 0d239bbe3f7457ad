"""A list that holds its place: the cursor is an id, rows are lines drawn for the width there is, heads and notes can't be chosen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

Draw = Callable[[int], Content]


@dataclass(frozen=True, slots=True)
class Row:
    """One line. Without an id it can't be chosen."""

    draw: Draw  # of a width in cells: exactly so wide
    ident: str = ""


class Rows(ScrollView, can_focus=True):
    """The list. `Moved` when the cursor stands on another id, `Chosen` on enter."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"rows--cursor"}
    DEFAULT_CSS = """
    Rows { height: 1fr; background: $background; overflow-x: hidden; scrollbar-size-vertical: 1; }
    Rows > .rows--cursor { background: $state-cursor-blurred; }
    Rows:focus > .rows--cursor { background: $state-cursor; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "up", show=False, id="rows.up"),
        Binding("down", "move(1)", "down", show=False, id="rows.down"),
        Binding("pageup", "move(-10)", "ten up", show=False, id="rows.pageup"),
        Binding("pagedown", "move(10)", "ten down", show=False, id="rows.pagedown"),
        Binding("home", "move(-1000000)", "first", show=False, id="rows.home"),
        Binding("end", "move(1000000)", "last", show=False, id="rows.end"),
        Binding("enter", "choose", "open", id="rows.enter"),
    ]

    class Moved(Message):
        """The cursor stands on another id, or on none."""

        def __init__(self, rows: "Rows", ident: str) -> None:
            super().__init__()
            self.rows, self.ident = rows, ident

    class Chosen(Message):
        """Enter was pressed on an id."""

        def __init__(self, rows: "Rows", ident: str) -> None:
            super().__init__()
            self.rows, self.ident = rows, ident

    def __init__(self, *, id: str | None = None, mark: bool = True, follow: bool = False) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.rows: tuple[Row, ...] = ()
        self.cursor = ""
        self._drawn: tuple[object, ...] = ()
        self._mark = mark  # two cells at the left for the cursor's glyph
        self._follow = follow  # stay at the end as rows come, unless somebody moved away from it

    def show(self, rows: Sequence[Row]) -> None:
        """New lines. The cursor stays on its id; if that is gone, on what took its place."""
        before = self._index()
        at_end = self.scroll_offset.y >= self.max_scroll_y
        self.rows = tuple(rows)
        self.virtual_size = Size(self.scrollable_content_region.width, len(self.rows))
        idents = self.idents
        if self.cursor not in idents:
            was, self.cursor = self.cursor, idents[min(max(before, 0), len(idents) - 1)] if idents else ""
            if self.cursor != was:
                self.post_message(self.Moved(self, self.cursor))
        if self._follow and at_end:
            self.call_after_refresh(self.scroll_end, animate=False)
        picture = self._picture()
        if picture != self._drawn:
            self._drawn = picture
            self.refresh()

    def _picture(self) -> tuple[object, ...]:
        """The part in view. A list that looks the same is not drawn again."""
        width, top = self.scrollable_content_region.width, self.scroll_offset.y
        lines = (row.draw(max(0, width - 2)) for row in self.rows[top : top + self.size.height])
        return (width, top, self.cursor, len(self.rows), *((line.plain, tuple(line.spans)) for line in lines))

    @property
    def idents(self) -> list[str]:
        return [row.ident for row in self.rows if row.ident]

    def _index(self) -> int:
        idents = self.idents
        return idents.index(self.cursor) if self.cursor in idents else -1

    def go(self, ident: str) -> None:
        """Put the cursor on an id that is in the list."""
        if ident in self.idents and ident != self.cursor:
            self.cursor = ident
            self._into_view()
            self.post_message(self.Moved(self, ident))
            self.refresh()

    def _into_view(self) -> None:
        line = next((y for y, row in enumerate(self.rows) if row.ident == self.cursor), 0)
        top = 0 if self.cursor in self.idents[:1] else line  # the first one shows its head too
        self.scroll_to_region(Region(0, top, 1, line - top + 1), animate=False)

    def action_move(self, by: int) -> None:
        idents = self.idents
        if idents:
            self.go(idents[min(len(idents) - 1, max(0, self._index() + by))])
        else:
            self.scroll_relative(y=by, animate=False)

    def action_choose(self) -> None:
        if self.cursor:
            self.post_message(self.Chosen(self, self.cursor))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's signature
        if action == "choose":
            return bool(self.cursor) and bool(getattr(self.screen, "may_open", lambda _rows: True)(self))
        return True

    def on_click(self, event: events.Click) -> None:
        line = event.y + self.scroll_offset.y
        if 0 <= line < len(self.rows) and self.rows[line].ident:
            self.go(self.rows[line].ident)

    def on_resize(self) -> None:
        """Also when it was not displayed: the cursor, which may have moved meanwhile, comes into view."""
        self.virtual_size = Size(self.scrollable_content_region.width, len(self.rows))
        if self.cursor and not self._follow:
            self.call_after_refresh(self._into_view)

    def render_line(self, y: int) -> Strip:
        line = y + self.scroll_offset.y
        width = self.scrollable_content_region.width
        if not 0 <= line < len(self.rows):
            return Strip.blank(width, self.rich_style)
        row = self.rows[line]
        here = bool(row.ident) and row.ident == self.cursor
        style = self.get_visual_style("rows--cursor") if here else self.visual_style
        mark = ("▸ " if here else "  ") if self._mark and row.ident else ""
        body = row.draw(max(0, width - len(mark)))
        strips = Visual.to_strips(self, Content.assemble((mark, "bold $primary"), body), width, 1, style, pad=True)
        return strips[0] if strips else Strip.blank(width, style.rich_style)
