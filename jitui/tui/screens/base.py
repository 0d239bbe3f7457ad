"""The frame that all screens share: header, body, notice and keys. Keys that ask the gateway are off while it is silent."""

from collections.abc import Awaitable, Callable, Mapping
from typing import ClassVar, Final, Protocol, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from jitui.tui.feed import Seen
from jitui.tui.lines import text
from jitui.tui.past import words as as_of
from jitui.tui.widgets.header import Header
from jitui.tui.widgets.keys import Keys
from jitui.tui.widgets.notice import Notice
from jitui.tui.widgets.terminal import Terminal
from jitui.values.errors import ConflictError, JituiError

PANNING: Final[tuple[BindingType, ...]] = (  # of a Panning board; each says where among its own bindings they stand
    *(Binding(f"shift+{key}", f"pan({columns},{lines})", "pan", key_display="shift+arrows", id=f"pan.{key}", tooltip="over a terminal larger than its frame")
      for key, columns, lines in (("left", -10, 0), ("right", 10, 0), ("up", 0, -5), ("down", 0, 5))),
    Binding("0", "follow", "follow", id="pan.follow", tooltip="the view goes with the cursor again"),
)  # fmt: skip


class Shell(Protocol):
    """The app around a screen: what it last saw of the gateway, and its clock."""

    seen: Seen | None
    silent: str  # the header's words while the gateway does not answer; empty while it does
    alone: bool  # a replay without a desk around it
    as_of: str  # the past moment that is shown, RFC 3339; empty: now

    def monotonic(self) -> float:
        """Seconds of a clock that never goes back; only differences mean anything."""

    def look_now(self) -> None:
        """Something was changed here: look at the gateway at once, where there is one."""


class Navigator(Protocol):
    """The app, as far as it opens one screen from another."""

    def open_request(self, ident: str) -> None: ...
    def open_grant(self, ident: str) -> None: ...
    def open_replay(self, ident: str, *, at: str = "") -> None: ...
    def open_changes(self, *, grant: str = "", identity: str = "") -> None: ...
    def open_residue(self, grant: str) -> None: ...
    def open_find(self) -> None: ...


class Answered(Message):
    """The answer to a call to the gateway, or the problem that came instead."""

    def __init__(self, what: str, value: object, problem: str = "", *, conflict: bool = False) -> None:
        super().__init__()
        self.what, self.value, self.problem, self.conflict = what, value, problem, conflict


class Board(Screen[None]):
    """A screen over the gateway. Subclasses yield their body, draw in `show`, and say in `ASKS` which actions need the gateway."""

    ASKS: ClassVar[frozenset[str]] = frozenset()  # actions that ask the gateway: off while it is silent
    AUTO_FOCUS = ""
    DEFAULT_CSS = """
    Board #as-of { display: none; height: 1; padding: 0 1; background: $surface; }
    Board.-as-of #as-of { display: block; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._stands = False
        self._edges: dict[str, tuple[Content | None, Content | None]] = {}  # the words in borders, by selector
        self.busy: set[str] = set()  # calls on their way; the same one is not made twice

    @property
    def shell(self) -> Shell:
        return cast("Shell", self.app)

    @property
    def navigator(self) -> Navigator:
        return cast("Navigator", self.app)

    @property
    def ready(self) -> bool:
        """On top, and its widgets stand: neither before its first drawing nor while it is taken down."""
        return self._stands and self.is_running and self.is_current and bool(self.query(Notice))

    def body(self) -> ComposeResult:
        """The widgets between header and keys."""
        yield from ()

    def compose(self) -> ComposeResult:
        yield Header()
        yield Static(id="as-of", markup=False)
        yield from self.body()
        yield Keys()
        yield Notice()

    def on_mount(self) -> None:
        self._stands = True
        self.look()

    def on_unmount(self) -> None:
        self._stands = False

    def on_screen_resume(self) -> None:
        self.look()

    def look(self) -> None:
        """Draw what is known now, and the keys that follow from it. Called four times a second: clocks move, keys arm."""
        if not self.ready:
            return
        shell = self.shell
        self.query_one(Header).show(shell.seen, shell.monotonic(), shell.silent, past=bool(shell.as_of), alone=shell.alone)
        self.set_class(bool(shell.silent), "-silent")
        self.set_class(bool(shell.as_of), "-as-of")
        if shell.as_of:
            band = (f" {as_of(shell.as_of).upper()} ", "bold $background on $state-new")
            self.write("#as-of", text(band, ("  nothing can be decided here", "$state-quiet")))
        if shell.seen is not None:
            self.show(shell.seen)
        self.query_one(Keys).read()

    def show(self, seen: Seen) -> None:
        """Draw one look at the gateway. Called again and again with the same one as time passes."""

    def say(self, words: str, *, bad: bool = False) -> None:
        self.query_one(Notice).say(words, bad=bad)

    def write(self, selector: str, content: Content) -> None:
        """Change a Static only if it differs: a screen that stands still draws nothing."""
        static = self.query_one(selector, Static)
        if not isinstance(static.content, Content) or not static.content.is_same(content):  # `==` is of the text alone
            static.update(content)

    def edge(self, selector: str, title: Content | None = None, under: Content | None = None) -> None:
        """Change the words in a border only if they differ: each change draws the whole widget."""
        widget = self.query_one(selector)
        was = self._edges.get(selector, (None, None))
        self._edges[selector] = title, under
        for name, old, new in (("border_title", was[0], title), ("border_subtitle", was[1], under)):
            if new is not None and (old is None or not old.is_same(new)):
                setattr(widget, name, new)

    def able(self) -> Mapping[str, Callable[[], bool]]:
        """Action: whether it can work now. What is not in it always can."""
        return {}

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's signature
        if not self._stands:
            return True
        if action in self.ASKS and (self.shell.silent or action in self.busy):
            return False
        can = self.able().get(action)
        return can() if can is not None else True

    @property
    def may_read_records(self) -> bool:
        """Whether the person may read recorded content, of some windows at least, and the gateway answers."""
        seen = self.shell.seen
        return seen is not None and not self.shell.silent and any(right.startswith("recorded") for right in seen.hello.rights)

    def ask(self, what: str, call: Callable[[], Awaitable[object]]) -> None:
        """Call the gateway in a worker; `Answered(what)` comes back as a message."""
        self.busy.add(what)
        self.run_worker(self._ask(what, call), group=what)

    async def _ask(self, what: str, call: Callable[[], Awaitable[object]]) -> None:
        try:
            self.post_message(Answered(what, await call()))
        except ConflictError as problem:
            self.post_message(Answered(what, None, str(problem), conflict=True))
        except (JituiError, OSError, TimeoutError) as problem:
            self.post_message(Answered(what, None, str(problem) or "the gateway did not answer"))

    def on_answered(self, message: Answered) -> None:
        self.busy.discard(message.what)
        self.answered(message)
        self.look()

    def answered(self, message: Answered) -> None:
        """Take an answer in. The state of a screen changes here and nowhere else."""
        if message.problem:
            self.say(message.problem, bad=True)


class Panning(Board):
    """A board with one recorded terminal, over which the view can be moved if it is larger than its frame."""

    def panning(self, there: Callable[[], bool]) -> dict[str, Callable[[], bool]]:
        """For `able`; `there`: whether the terminal is shown at all."""
        return {
            "pan": lambda: there() and self.query_one(Terminal).larger,
            "follow": lambda: there() and self.query_one(Terminal).larger and self.query_one(Terminal).panned,
        }

    def action_pan(self, columns: int, lines: int) -> None:
        self.query_one(Terminal).pan(columns, lines)
        self.look()

    def action_follow(self) -> None:
        self.query_one(Terminal).follow()
        self.look()
