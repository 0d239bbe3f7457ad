"""All that a recording printed, as plain lines: read page by page from its beginning, shown from the first page on."""

import asyncio
from bisect import bisect_right
from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

from jitui.api.operations import Archive
from jitui.api.views import SessionView
from jitui.tui.rendered import Rendered
from jitui.tui.words import words
from jitui.values.errors import JituiError

FIRST, PAGE = 16, 1000  # frames of the first page, and of later ones
MOST: Final = 256 << 20  # characters that are held
PAN: Final = 20  # columns of a step to the side


class Transcript(ScrollView, can_focus=True):
    """Lines of text, each as long as it is: left and right show the rest of long ones. Its last line says whether that is all."""

    DEFAULT_CSS = "Transcript { height: 1fr; background: $background; overflow-x: hidden; scrollbar-size-vertical: 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", f"pan(-{PAN})", "left", show=False, id="transcript.left"),
        Binding("right", f"pan({PAN})", "right", show=False, id="transcript.right"),
    ]

    class Read(Message):
        """Text that goes on where the last one ended; `foot` says what comes behind it."""

        def __init__(self, run: int, text: str, foot: str) -> None:
            super().__init__()
            self.run, self.text, self.foot = run, text, foot

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.foot = ""
        self.pan = 0  # columns that are left out at the left
        self._blocks: list[str] = []  # of whole lines; the last block may end in the middle of one
        self._starts: list[int] = []  # of each, the number of its first line
        self._split: tuple[int, list[str]] = (-1, [])  # the block that was drawn last, by lines
        self._lines = 0  # line ends so far
        self._of: tuple[str, bool] | None = None
        self._run = 0

    def open(self, archive: Archive, session: SessionView, *, unmask: bool) -> None:
        """Show this one, read anew unless it is what is shown and the session has ended."""
        if self._of == (session.id, unmask) and session.ended:
            return
        self._of = (session.id, unmask)
        self._run += 1
        self._blocks, self._starts, self._split, self._lines, self.pan = [], [], (-1, []), 0, 0
        self.scroll_to(0, 0, animate=False)
        self._say("reading")
        self.run_worker(self._read(self._run, archive, session, unmask=unmask), group="transcript", exclusive=True)

    async def _read(self, run: int, archive: Archive, session: SessionView, *, unmask: bool) -> None:
        rendered, after, limit, held, foot = Rendered(session), -1, FIRST, 0, ""
        try:
            while held < MOST and (page := tuple(await archive.frames(session.id, after=after, limit=limit, unmask=unmask))):
                text = await asyncio.to_thread(lambda page=page: "".join(rendered.feed(page)))  # type: ignore[misc]
                after, limit, held = page[-1].seq, PAGE, held + len(text)
                self.post_message(self.Read(run, text, "reading on"))
        except (JituiError, OSError) as error:
            foot = f"the rest could not be read: {error}"
        if held >= MOST:
            foot = f"only the first {MOST >> 20} MiB are shown here; all of it: jitui replay {session.id} --text"
        self.post_message(self.Read(run, "".join(rendered.end()), foot or _all(rendered, session)))

    def on_transcript_read(self, message: Read) -> None:
        if message.run == self._run:
            self.push(message.text)
            self._say(message.foot)

    def push(self, text: str) -> None:
        """Text that goes on where the last one ended."""
        if not text:
            return
        if self._blocks and not self._blocks[-1].endswith("\n"):
            end = text.find("\n") + 1 or len(text)
            self._add(self._blocks.pop() + text[:end], self._starts.pop(), text[:end].count("\n"))
            text = text[end:]
        if text:
            self._add(text, self._lines, text.count("\n"))

    def _add(self, block: str, start: int, ends: int) -> None:
        self._blocks.append(block)
        self._starts.append(start)
        self._lines += ends
        self._split = (-1, [])

    @property
    def lines(self) -> int:
        """Lines of text so far, one that has no end yet too."""
        return self._lines + bool(self._blocks and not self._blocks[-1].endswith("\n"))

    def _say(self, foot: str) -> None:
        self.foot = foot
        self.virtual_size = Size(self.scrollable_content_region.width, self.lines + 1)
        self.refresh()

    def line(self, number: int) -> str:
        """One line; empty behind the last."""
        at = bisect_right(self._starts, number) - 1
        if at < 0 or number >= self.lines:
            return ""
        if self._split[0] != at:
            self._split = (at, self._blocks[at].split("\n"))
        return self._split[1][number - self._starts[at]]

    def action_pan(self, by: int) -> None:
        self.pan = max(0, self.pan + by)
        self.refresh()

    def on_resize(self) -> None:
        self._say(self.foot)

    def render_line(self, y: int) -> Strip:
        number, width = y + self.scroll_offset.y, self.scrollable_content_region.width
        if number == self.lines:
            body = Content.assemble((words(f"── {self.foot} ──", width), "$state-quiet"))
        else:
            line = self.line(number)
            body = Content(words(("…" if self.pan and line else "") + line[self.pan + bool(self.pan) :][: width + 1], width))
        strips = Visual.to_strips(self, body, width, 1, self.visual_style, pad=True)
        return strips[0] if strips else Strip.blank(width, self.rich_style)


def _all(rendered: Rendered, session: SessionView) -> str:
    """The words behind the last line."""
    return ", ".join(filter(None, (
        "this is all" if session.ended else "this is all so far",
        f"{rendered.drawn_over} lines were drawn over" if rendered.drawn_over else "",
        f"the client missed {rendered.undelivered} bytes of it" if rendered.undelivered else "",
    )))
