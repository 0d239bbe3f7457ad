"""The app: one desk, one feed, a few screens. Screens read `seen`; only handlers here change it."""

import asyncio
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import ClassVar, Final

from textual import events, work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static

from jitui.api.operations import Archive, Operations
from jitui.tui.attention import Attention
from jitui.tui.feed import BEAT_S, Feed, Seen, Silent
from jitui.tui.filters import AsciiFilter, ColourlessFilter
from jitui.tui.past import PastDesk, moment, words
from jitui.tui.screens.asof import AsOfScreen
from jitui.tui.screens.base import Board
from jitui.tui.screens.changes import ChangesScreen
from jitui.tui.screens.decide import DecideScreen
from jitui.tui.screens.desk import DeskScreen
from jitui.tui.screens.find import FindScreen
from jitui.tui.screens.help import HelpScreen
from jitui.tui.screens.history import HistoryScreen
from jitui.tui.screens.live import LiveScreen
from jitui.tui.screens.reason import LIFT, LOCKDOWN, ReasonScreen
from jitui.tui.screens.replay import ReplayScreen
from jitui.tui.screens.residue import ResidueScreen
from jitui.tui.screens.window import WindowScreen
from jitui.tui.theme import DARK, LIGHT, themes
from jitui.values.errors import JituiError

COLUMNS: Final = 80
LINES: Final = 24
TOO_SMALL: Final = f"terminal too small: {COLUMNS}x{LINES} at least"
TICK_S: Final = 0.25
NOT_HERE: Final = "these screens run at the gateway, over SSH: they open no file, no browser and no clipboard; your terminal can copy what it shows"
DECIDING: Final = frozenset({"a", "A", "d", "n", "f", "F", "k", "x", "exclamation_mark"})
FLOOR: Final = 2  # Textual's blank screen, and the desk on it: never popped


class Looked(Message):
    """The feed has something; the newest is enough."""

    def __init__(self, found: Seen | Silent) -> None:
        super().__init__()
        self.found = found

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, Looked)


class SmallScreen(ModalScreen[None]):
    """The terminal has become too small: one line that says so, until it is large enough again."""

    DEFAULT_CSS = """
    SmallScreen { background: $background; }
    SmallScreen Static { width: auto; }
    """

    def compose(self) -> ComposeResult:
        yield Static(TOO_SMALL, markup=False)


class ThemedApp(App[int]):
    """Theme, size, sound: what the gateway's screens and a lone replay share."""

    CSS_PATH = Path(__file__).with_name("app.tcss")
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - Textual declares it so
        (0, "-narrow"), (100, "-middle"), (150, "-wide"),
    ]
    ENABLE_COMMAND_PALETTE = True
    TITLE = "jitui"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "help", "help", id="app.help", tooltip="every key of this screen"),
        Binding("q", "quit", "quit", id="app.quit", tooltip="leave; the gateway goes on without this screen"),
        Binding("ctrl+t", "paper", "light or dark", show=False, id="app.paper", tooltip="switch between the dark and the light theme"),
    ]

    def __init__(self, *, ascii: bool = False, monotonic: Callable[[], float] | None = None, local: bool = True) -> None:  # noqa: A002 - the option's name
        """`local` is false where the person's files and clipboard are another machine's."""
        super().__init__()
        self._local = local
        self.seen: Seen | None = None
        self.silent = ""  # the header's words while the gateway does not answer
        self.as_of = ""  # the past moment that is shown, RFC 3339; empty: now
        self.alone = False  # a replay without a desk around it
        self._monotonic = monotonic
        if self.no_color:
            self._filters = [ColourlessFilter()]
        if ascii:
            self._filters.append(AsciiFilter())
            self.add_class("-ascii")
        for theme in themes():
            self.register_theme(theme)
        self.theme = DARK

    def monotonic(self) -> float:
        """Seconds of the event loop's clock; only differences mean anything."""
        return self._monotonic() if self._monotonic else asyncio.get_running_loop().time()

    def on_mount(self) -> None:
        self.set_interval(TICK_S, self._tick)

    def _tick(self) -> None:
        if self.screen_stack and isinstance(self.screen, Board):  # at the app's end there is none
            self.screen.look()

    def on_resize(self, event: events.Resize) -> None:
        small = event.size.width < COLUMNS or event.size.height < LINES
        if small and not isinstance(self.screen, SmallScreen):
            self.push_screen(SmallScreen())
        elif not small and isinstance(self.screen, SmallScreen):
            self.pop_screen()

    def write_terminal(self, sequence: str) -> None:
        """An escape sequence of ours to the real terminal; nothing without one."""
        if self._driver is not None and not self.is_headless:
            self._driver.write(sequence)

    def copy_to_clipboard(self, text: str) -> None:
        if self._local:
            super().copy_to_clipboard(text)
        else:
            self.notify(NOT_HERE, severity="warning")

    def open_url(self, url: str, *, new_tab: bool = True) -> None:
        if self._local:
            super().open_url(url, new_tab=new_tab)
        else:
            self.notify(NOT_HERE, severity="warning")

    def deliver_screenshot(self, filename: str | None = None, path: str | None = None, time_format: str | None = None) -> str | None:
        if self._local:
            return super().deliver_screenshot(filename, path, time_format)
        self.notify(NOT_HERE, severity="warning")
        return None

    def look_now(self) -> None:
        """Something was changed here: look at the gateway at once, where there is one."""

    def action_help(self) -> None:
        self.push_screen(HelpScreen.of(self.screen))

    def action_paper(self) -> None:
        self.theme = LIGHT if self.theme == DARK else DARK

    async def action_quit(self) -> None:
        self.exit(0)


class JituiApp(ThemedApp):
    """The screens over a gateway."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "go('desk')", "desk", id="app.desk", tooltip="what waits for a decision, what is live"),
        Binding("2", "go('live')", "live", id="app.live", tooltip="what agents do now"),
        Binding("3", "go('history')", "history", id="app.history", tooltip="recorded sessions"),
        Binding("at", "travel", "back in time", key_display="@", show=False, id="app.travel", tooltip="desk and live as they stood at a moment, read only"),
        Binding("at", "now", "to now", key_display="@", id="app.now", tooltip="to what is there now"),
        Binding("exclamation_mark", "lockdown", "lockdown", id="app.lockdown", tooltip="end every window now, and grant nothing until an admin lifts it"),
        Binding("exclamation_mark", "lift", "lift lockdown", id="app.lift", tooltip="let windows be granted again"),
    ]

    def __init__(
        self, desk: Operations, *, ascii: bool = False, monotonic: Callable[[], float] | None = None, beat_s: float = BEAT_S,  # noqa: A002 - the option's name
        local: bool = True, past: PastDesk | None = None,
    ) -> None:  # fmt: skip
        """`past`: begin there; without a gateway it is all that there is, and `desk` the same."""
        super().__init__(ascii=ascii, monotonic=monotonic, local=local)
        self._present, self._beat_s = desk, beat_s
        self.desk: Operations = past or desk
        self.as_of = past.at if past is not None else ""
        self.attention = Attention()
        self._feed = Feed(self.desk, self.monotonic, self._tell, beat_s)

    def on_mount(self) -> None:
        self.push_screen(DeskScreen(self.desk))
        self._watch()

    def _tell(self, found: Seen | Silent) -> None:
        still = isinstance(found, Seen) and self.as_of
        self.post_message(Looked(replace(found, taken=inf, lit=inf) if still and isinstance(found, Seen) else found))  # in the past no clock moves

    @work(name="feed", group="feed", exclusive=True, exit_on_error=True)
    async def _watch(self) -> None:
        await self._feed.run()

    def look_now(self) -> None:
        self._feed.look_now()

    def on_looked(self, message: Looked) -> None:
        found = message.found
        if isinstance(found, Seen):
            self.seen, self.silent = found, ""
            for sequence in self.attention.look(found) if not self.as_of else ():
                self.write_terminal(sequence)
        elif found.lost:
            self.silent = f"NOT HEARD ANY MORE: {found.why}"
        elif not self.silent:
            since = self.seen.hour(self.monotonic()) if self.seen else ""
            self.silent = f"GATEWAY SILENT since {since}: windows still end on time" if since else f"no gateway: {found.why}"
        if self.screen_stack and isinstance(self.screen, Board):  # at the app's end there is none
            self.screen.look()

    def action_go(self, place: str) -> None:
        """To one of the three places, from anywhere."""
        while len(self.screen_stack) > FLOOR:
            self.pop_screen()
        if place == "live":
            self.push_screen(LiveScreen(self.desk))
        elif place == "history":
            self.push_screen(HistoryScreen(self.desk))

    def action_travel(self) -> None:
        """Ask for a moment, and show how everything stood then."""
        seen = self.seen
        if seen is not None:
            self.push_screen(AsOfScreen(lambda typed: moment(typed, seen.status.at)), lambda at: self.travel(at or "") if at else None)

    def action_now(self) -> None:
        self.travel("")

    def travel(self, at: str) -> None:
        """To a past moment, RFC 3339, or to now: all screens anew."""
        self.as_of, self.seen, self.silent = at, None, ""
        self.desk = PastDesk(self._present, at) if at else self._present
        self._feed = Feed(self.desk, self.monotonic, self._tell, self._beat_s)
        self.workers.cancel_group(self, "feed")
        while len(self.screen_stack) > FLOOR:
            self.pop_screen()
        self.switch_screen(DeskScreen(self.desk))
        self._watch()

    def on_key(self, event: events.Key) -> None:
        """A key that decides or ends something does nothing in the past, and says so."""
        if self.as_of and event.key in DECIDING and isinstance(self.screen, Board):
            way = "" if isinstance(self._present, PastDesk) else "; @ leads to now"
            self.screen.say(f"{words(self.as_of)}: nothing can be decided or ended there{way}", bad=True)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Lockdown is for who may stop things, lifting it for an admin; neither while the gateway is silent, or in the past."""
        if action in {"travel", "now"}:
            return isinstance(self.screen, Board) and (action == "now") == bool(self.as_of) and not isinstance(self._present, PastDesk)
        if action in {"lockdown", "lift"}:
            seen = self.seen
            if seen is None or self.silent or not isinstance(self.screen, Board):
                return False
            return ("admin" in seen.hello.rights) if seen.status.lockdown and action == "lift" else (
                "stop" in seen.hello.rights and not seen.status.lockdown and action == "lockdown"
            )
        return super().check_action(action, parameters)

    def action_lockdown(self) -> None:
        live = len(self.seen.grants) if self.seen else 0
        words = f"{live} live window{'' if live == 1 else 's'} end now, and nothing is granted until an admin lifts it"
        self.push_screen(ReasonScreen("Lockdown", words, LOCKDOWN, "lock down"), lambda reason: self._lockdown(reason or "", on=True))

    def action_lift(self) -> None:
        words = "windows can be asked for and granted again; what ended stays ended"
        self.push_screen(ReasonScreen("Lift the lockdown", words, LIFT, "lift"), lambda reason: self._lockdown(reason or "", on=False))

    def _lockdown(self, reason: str, *, on: bool) -> None:
        if reason and isinstance(self.screen, Board):
            self.screen.ask("lockdown", lambda: self.desk.lockdown(on, reason=reason))
            self.look_now()

    def open_request(self, ident: str) -> None:
        self.push_screen(DecideScreen(self.desk, ident))

    def open_grant(self, ident: str) -> None:
        self.push_screen(LiveScreen(self.desk, ident))

    def open_replay(self, ident: str, *, at: str = "") -> None:
        """Of a session, or of a window with everything in it. `at`: the time at which it stands first; empty: it plays from the start."""
        screen = WindowScreen if ident.startswith("g-") else ReplayScreen
        self.push_screen(screen(self.desk, ident, may_unmask=self.seen is not None and "unmask" in self.seen.hello.rights, at=at))

    def open_changes(self, *, grant: str = "", identity: str = "") -> None:
        self.push_screen(ChangesScreen(self.desk, grant=grant, identity=identity))

    def open_find(self) -> None:
        self.push_screen(FindScreen(self.desk))

    def open_residue(self, grant: str) -> None:
        self.push_screen(ResidueScreen(self.desk, grant))


class TapeApp(ThemedApp):
    """A replay over bare files: no gateway, no header lights, one screen."""

    def __init__(
        self, archive: Archive, ident: str, *, ascii: bool = False, monotonic: Callable[[], float] | None = None,  # noqa: A002
        speed: float = 1.0, idle_s: float = 1.0, may_unmask: bool = False, unmask: bool = False, local: bool = True, at: str = "",
    ) -> None:  # fmt: skip
        super().__init__(ascii=ascii, monotonic=monotonic, local=local)
        self.alone = True
        screen = WindowScreen if ident.startswith("g-") else ReplayScreen
        self._screen = screen(archive, ident, alone=True, speed=speed, idle_s=idle_s, may_unmask=may_unmask, unmask=unmask, at=at)

    def on_mount(self) -> None:
        self.push_screen(self._screen)


def run(desk: Operations, *, ascii: bool = False, local: bool = True, past: PastDesk | None = None) -> int:  # noqa: A002 - the option's name
    """The screens over a gateway until the person leaves; 0, or 1 if the terminal is too small. `past`: they begin there."""
    return _run(lambda: JituiApp(desk, ascii=ascii, local=local, past=past))


def replay(archive: Archive, ident: str, *, ascii: bool = False, speed: float = 1.0, idle_s: float = 1.0,  # noqa: A002 - the option's name
           may_unmask: bool = False, unmask: bool = False, local: bool = True, at: str = "") -> int:  # fmt: skip
    """One session, or a window with everything in it, from a gateway's archive or from bare files. `idle_s` 0: pauses last as they did. `at`: of a link."""
    return _run(lambda: TapeApp(archive, ident, ascii=ascii, speed=speed, idle_s=idle_s, may_unmask=may_unmask, unmask=unmask, local=local, at=at))


def _run(make: Callable[[], ThemedApp]) -> int:
    size = shutil.get_terminal_size()
    if size.columns < COLUMNS or size.lines < LINES:
        print(TOO_SMALL, file=sys.stderr)  # noqa: T201 - the screen is not there yet
        return 1
    try:
        return make().run() or 0
    except JituiError as problem:
        print(problem, file=sys.stderr)  # noqa: T201 - the screen is gone
        return 1
