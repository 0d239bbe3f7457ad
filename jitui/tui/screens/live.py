"""Live: one agent at work. Its windows, what it does, and the terminal of the stream that is looked at."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static
from textual.worker import Worker

from jitui.api.operations import Operations
from jitui.api.outcome import last_line
from jitui.api.views import ActionView, Ended, FrameView, Frozen, GrantView, LiveChunk, SessionView
from jitui.policy.brief import LONGEST, parts
from jitui.policy.streams import API
from jitui.recording.cast import resized
from jitui.tui.emulator import Emulator
from jitui.tui.feed import Seen
from jitui.tui.figures import frozen, left, size, stamp
from jitui.tui.lines import FLEX, Cell, row, rule, text
from jitui.tui.order import Order
from jitui.tui.reel import told
from jitui.tui.screens.base import PANNING, Answered, Panning
from jitui.tui.screens.reason import KILL, REVOKE, ReasonScreen
from jitui.tui.theme import state
from jitui.tui.widgets.activity import action_row, key_of, session_row
from jitui.tui.widgets.countdown import bar, remaining, style
from jitui.tui.widgets.grants import in_brief, window_row
from jitui.tui.widgets.rows import Row, Rows
from jitui.tui.widgets.terminal import Terminal
from jitui.tui.words import words
from jitui.values.errors import JituiError
from jitui.values.page import Page

LATEST: Final = 500  # actions of a window that the list holds
TOGETHER_S: Final = 0.05  # how long a chunk of a stream waits for others that are drawn with it


class Streamed(Message):
    """Chunks of the stream that is looked at."""

    def __init__(self, session: str, chunks: Sequence[LiveChunk]) -> None:
        super().__init__()
        self.session, self.chunks = session, chunks


class LiveScreen(Panning):
    CSS_PATH = "live.tcss"
    AUTO_FOCUS = "#windows"
    ASKS: ClassVar[frozenset[str]] = frozenset({"freeze", "thaw", "freeze_stream", "thaw_stream", "kill", "revoke", "replay"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "freeze", "freeze", id="live.freeze", tooltip="nothing passes in the window until it is thawed; nothing is lost, its clock runs on"),
        Binding("f", "thaw", "thaw", id="live.thaw", tooltip="what was held in the window goes on, in order"),
        Binding("f", "freeze_stream", "freeze stream", id="live.freeze-stream", tooltip="the stream looked at or chosen; its window goes on"),
        Binding("f", "thaw_stream", "thaw stream", id="live.thaw-stream", tooltip="what was held in the stream goes on, in order"),
        Binding("k", "kill", "kill", id="live.kill", tooltip="end the stream that is looked at, or chosen in the list"),
        Binding("x", "revoke", "revoke", id="live.revoke", tooltip="end the window now, with everything in it"),
        Binding("b", "replay", "replay", id="live.replay", tooltip="replay the stream from its start"),
        Binding("c", "changes", "changes", id="live.changes", tooltip="the objects that the window wrote, field by field"),
        Binding("s", "sort", "sort", id="live.sort", tooltip="the window that ends soonest first"),
        Binding("escape", "back", "back", id="live.back"),
        Binding("tab", "pane", "pane", id="live.tab", tooltip="from the windows to what they do and back"),
        *PANNING,
    ]

    def __init__(self, desk: Operations, grant: str = "") -> None:
        super().__init__()
        self._desk = desk
        self._opened = grant  # the window that the person opened the screen for, also if it has ended
        self._order = Order()
        self._grants: dict[str, GrantView] = {}
        self._sessions: dict[str, SessionView] = {}
        self._actions: tuple[ActionView, ...] = ()
        self._older = False  # there are more than these
        self._of = ""  # the grant whose sessions and actions these are
        self._streams: dict[str, str] = {}  # list id: session
        self._asked: Seen | None = None
        self._watched = ""  # the session whose terminal is shown
        self._watcher: Worker[None] | None = None
        self._note = ""

    def body(self) -> ComposeResult:
        with Horizontal(id="live-title"):
            yield Static(id="window", markup=False)
            yield Static(id="clock", markup=False)
        with Horizontal(id="panes"):
            yield Rows(id="windows")
            with Vertical(id="right"):
                yield Rows(id="activity", follow=True)
                with Container(id="watch"):
                    yield Terminal(id="live-terminal")
        yield Static(id="outcome", markup=False)

    def on_mount(self) -> None:
        if self._opened:
            self.add_class("-one")
            self.query_one("#activity").focus()

    @property
    def windows(self) -> Rows:
        return self.query_one("#windows", Rows)

    @property
    def activity(self) -> Rows:
        return self.query_one("#activity", Rows)

    @property
    def grant(self) -> GrantView | None:
        """The window that is looked at."""
        return self._grants.get(self.windows.cursor)

    def show(self, seen: Seen) -> None:
        ended = {view.id: view for view in seen.ended if view.id in {self._opened, self.windows.cursor}}
        self._grants = {view.id: view for view in seen.grants} | ended
        live = [view.id for view in seen.grants]
        self._order.update(live + [ident for ident in ended if ident not in live])
        passed = seen.passed(self.shell.monotonic())
        rows = [Row(window_row(self._grants[ident], passed, new=ident in self._order.new), ident) for ident in self._order.ids]
        none = Row(lambda width: row([Cell("", 1), Cell("No window is open.", FLEX, "$state-quiet")], width))
        self.windows.show([Row(lambda width: rule(f"windows ({len(rows)})", "", width, "$state-live")), *(rows or [none])])
        if self._opened and self._opened in self._grants:
            self.windows.go(self._opened)
            self._opened = ""
        self._title(passed)
        self._list()
        self._fetch(seen)

    def _title(self, passed: float) -> None:
        view = self.grant
        last = "" if view is None else last_line(view)
        self.query_one("#outcome").display = bool(last)
        self.write("#outcome", text((words(last, LONGEST), "bold")))
        if view is None:
            self.write("#window", text(("no window is looked at", "$state-quiet")))
            self.write("#clock", Content(""))
            return
        seconds = remaining(view.remaining_s, passed)
        room = self.query_one("#window").content_size.width - len(view.id) - len(view.identity) - len(view.connection) - 4
        where = f"  {view.connection}  {in_brief(parts(view.scope), max(10, min(room, 120)))}"
        self.write("#window", text((view.id, "bold $primary"), "  ", (view.identity, "bold"), (where, "$state-quiet")))
        if view.ended:
            over = f"{view.state} {stamp(view.ended)} by {view.ended_by}"
            self.write("#clock", text((over, f"bold {state(view.state)}")))
        else:
            by = f"  approved by {words(', '.join(view.approved_by), 24)}" if view.approved_by and self.size.width >= 100 else ""
            still = f"  {frozen(words(view.frozen_by, 20), view.held)}" if view.frozen_by else ""
            clock = ((f"ends {stamp(view.deadline)}  ", "$state-quiet"), (left(seconds), style(seconds)), "  ", bar(seconds, view.duration_s, 8))
            self.write("#clock", Content.assemble(*clock, (by, "$state-quiet"), (still, "bold $state-frozen")))

    def _fetch(self, seen: Seen) -> None:
        """Sessions and actions of the window that is looked at; once a look at the gateway."""
        grant = self.windows.cursor
        if not grant or "window" in self.busy or (seen is self._asked and grant == self._of):
            return
        self._asked = seen

        async def window() -> object:
            sessions, actions = await asyncio.gather(self._desk.sessions(grant=grant, brief=True),
                                                     self._desk.actions(grant=grant, limit=LATEST, brief=True))
            return grant, tuple(sessions), tuple(actions), any(isinstance(each, Page) and each.older for each in (sessions, actions))

        self.ask("window", window)

    def _list(self) -> None:
        """The activity: actions by time, and streams that have none of their own."""
        if self._of != self.windows.cursor:
            self.activity.show([Row(lambda width: rule("activity", "", width, "$state-live"))])
            return
        known = {action.session for action in self._actions}
        timed = [(action.at, Row(action_row(action, self._sessions), key_of(action)), action.session) for action in self._actions]
        timed += [(view.started, Row(session_row(view), view.id), view.id) for view in self._sessions.values() if view.id not in known and view.kind != API]
        timed.sort(key=lambda item: item[0])
        self._streams = {line.ident: session for _, line, session in timed if session in self._sessions and self._sessions[session].kind != API}
        none = Row(lambda width: row([Cell("", 1), Cell("Nothing was done in this window yet.", FLEX, "$state-quiet")], width))
        title = "activity, older left out" if self._older else "activity"
        self.activity.show([Row(lambda width: rule(title, "newest last", width, "$state-live")), *([line for _, line, _ in timed] or [none])])

    def answered(self, message: Answered) -> None:
        value = message.value
        if isinstance(value, Ended):
            self.say(f"{value.id} ended: {value.said}")
            self.shell.look_now()
        elif isinstance(value, Frozen):
            self.say(value.said)
            self.shell.look_now()
        elif message.what == "window" and isinstance(value, tuple):
            self._of, sessions, self._actions, self._older = value
            self._sessions = {view.id: view for view in sessions}
            self._list()
            if watched := self._sessions.get(self._watched):
                self._frame(watched)
            if self._watched and self._of == self.windows.cursor and self._watched not in self._sessions:
                self._stop_watching()
        else:
            super().answered(message)

    # one stream

    def _chosen(self) -> SessionView | None:
        """The stream that keys mean: the one on the terminal, else the one under the cursor of the activity."""
        ident = self._watched or self._streams.get(self.activity.cursor, "")
        return self._sessions.get(ident)

    def _still(self) -> GrantView | SessionView | None:
        """The target of `f`: the window, or the chosen stream while the windows don't have the focus. A frozen window is thawed whole."""
        session = None if self.windows.has_focus else self._chosen()
        return session if session is not None and {"freeze", "thaw"} & set(session.you_may) else self.grant

    def _watch(self, session: SessionView) -> None:
        self._stop_watching()
        self._watched = session.id
        self.add_class("-watching", "-one")
        terminal = self.query_one("#live-terminal", Terminal)
        terminal.show(Emulator(newline=not session.tty))
        self._note = "live"
        self._frame(session)
        self._watcher = self.run_worker(self._stream(session.id), group="stream", exclusive=True)

    def _stop_watching(self) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
        self._watcher, self._watched = None, ""
        self.remove_class("-watching")

    async def _stream(self, session: str) -> None:
        """Chunks of one session as messages: one message for all that come within TOGETHER_S of the first of them."""
        chunks: list[LiveChunk] = []
        timer: asyncio.TimerHandle | None = None

        def post() -> None:
            nonlocal timer
            timer = None
            self.post_message(Streamed(session, tuple(chunks)))
            chunks.clear()

        try:
            async for chunk in self._desk.watch(session):
                chunks.append(chunk)
                timer = timer or asyncio.get_running_loop().call_later(TOGETHER_S, post)
        except (JituiError, OSError) as problem:
            chunks.append(LiveChunk(kind="end", why=str(problem)))
        finally:
            if timer is not None:
                timer.cancel()
        if chunks:
            post()

    def on_streamed(self, message: Streamed) -> None:
        if message.session != self._watched:
            return
        for chunk in message.chunks:
            if chunk.kind == "frame" and chunk.frame is not None:
                self._show_frame(chunk.frame)
            elif chunk.kind == "gap":
                self._note = f"{size(chunk.lost_bytes)} left out here, all of it is recorded"
            elif chunk.kind == "end":
                self._note = f"ended: {words(chunk.why, 60)}"
                self.shell.look_now()
        if session := self._sessions.get(self._watched):
            self._frame(session)

    def _show_frame(self, frame: FrameView) -> None:
        terminal = self.query_one("#live-terminal", Terminal)
        if frame.channel in {"stdout", "stderr"}:
            terminal.push(frame.body, delivered=frame.delivered)
        elif frame.channel == "resize":
            if found := resized(frame.body):
                terminal.work_off()
                terminal.emulator.resize(*found)
        elif frame.channel != "stdin":
            terminal.push(told(frame.channel, frame.body))

    def _frame(self, session: SessionView) -> None:
        """The border's words around the terminal."""
        terminal = self.query_one("#live-terminal", Terminal)
        argv = " ".join(words(part, 60) for part in session.argv)
        still = (frozen(words(session.frozen_by, 20), session.held), "bold $state-frozen")
        title = text((session.id, "bold"), f" {words(session.target, 60)} {f'[{argv}]' if argv else ''} ", still)
        lost = f"  {size(terminal.lost)} left out" if terminal.lost else ""
        self.edge("#watch", title, text((f"{self._note}{lost}  {terminal.says()}", "$state-quiet")))

    # keys

    def able(self) -> Mapping[str, Callable[[], bool]]:
        def may(move: str) -> bool:
            session = self._chosen()
            return session is not None and move in session.you_may

        def still(kind: type[GrantView | SessionView], move: str) -> bool:
            target = self._still()
            return isinstance(target, kind) and move in target.you_may

        seen = self.shell.seen
        return {
            **self.panning(lambda: bool(self._watched)),
            "freeze": lambda: still(GrantView, "freeze"),
            "thaw": lambda: still(GrantView, "thaw"),
            "freeze_stream": lambda: still(SessionView, "freeze"),
            "thaw_stream": lambda: still(SessionView, "thaw"),
            "kill": lambda: may("kill"),
            "replay": lambda: may("replay"),
            "changes": lambda: bool(self.windows.cursor) and self.may_read_records,
            "revoke": lambda: self.grant is not None and "revoke" in self.grant.you_may,
            "sort": lambda: seen is not None and [ident for ident in self._order.ids if not self._grants[ident].ended] != [view.id for view in seen.grants],
        }

    def may_open(self, rows: Rows) -> bool:
        """Whether enter does anything on a row."""
        if rows.id == "windows":
            return self.has_class("-narrow") or bool(self.activity.idents)
        session = self._sessions.get(self._streams.get(rows.cursor, ""))
        return session is not None and session.id != self._watched and not self.shell.silent and ("watch" in session.you_may or "replay" in session.you_may)

    def on_rows_moved(self, event: Rows.Moved) -> None:
        if event.rows.id == "windows":
            self._order.seen(event.ident)
            if self._watched:
                self._stop_watching()
        self.look()

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        if event.rows.id == "windows":
            self.add_class("-one")
            self.activity.focus()
            return
        session = self._sessions.get(self._streams.get(event.ident, ""))
        if session is None:
            return
        if session.state != "ended" and "watch" in session.you_may:
            self._watch(session)
        elif "replay" in session.you_may:
            self.navigator.open_replay(session.id)

    def action_pane(self) -> None:
        if self.windows.has_focus:
            self.add_class("-one")
            self.activity.focus()
        else:
            self.remove_class("-one")
            self.windows.focus()

    def action_sort(self) -> None:
        if seen := self.shell.seen:
            self._order.sort([view.id for view in seen.grants])
            self.look()

    def action_back(self) -> None:
        if self._watched:
            self._stop_watching()
            self.look()
        elif self.activity.has_focus and self.has_class("-narrow"):
            self.action_pane()
        else:
            self.app.pop_screen()

    def action_changes(self) -> None:
        self.navigator.open_changes(grant=self.windows.cursor)

    def action_replay(self) -> None:
        if session := self._chosen():
            self.navigator.open_replay(session.id)

    def action_freeze(self) -> None:
        """At once, without a reason: it loses nothing."""
        if target := self._still():
            self.ask("freeze", lambda: self._desk.freeze(target.id))

    def action_thaw(self) -> None:
        if target := self._still():
            self.ask("thaw", lambda: self._desk.thaw(target.id))

    action_freeze_stream, action_thaw_stream = action_freeze, action_thaw

    def action_kill(self) -> None:
        session = self._chosen()
        if session is not None:
            what = f"{session.kind} of {session.identity} in {session.target}: the stream ends now, the window goes on"
            self.app.push_screen(ReasonScreen(f"Kill {session.id}", what, KILL, "kill"), lambda reason: self._kill(session.id, reason or ""))

    def _kill(self, session: str, reason: str) -> None:
        if reason:
            self.ask("kill", lambda: self._desk.kill(session, reason=reason))

    def action_revoke(self) -> None:
        view = self.grant
        if view is not None:
            what = f"window {view.id} of {view.identity} on {view.connection}: every stream of it ends now"
            self.app.push_screen(ReasonScreen(f"Revoke {view.id}", what, REVOKE, "revoke"), lambda reason: self._revoke(view.id, reason or ""))

    def _revoke(self, grant: str, reason: str) -> None:
        if reason:
            self.ask("revoke", lambda: self._desk.revoke(grant, reason=reason))
