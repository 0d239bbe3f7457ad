"""Replay of a window: all its sessions by time, the activity in step with the terminals. It needs an Archive, nothing else."""

import asyncio
from collections.abc import Callable, Mapping
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from jitui.api.moments import EventView, ExchangeView
from jitui.api.operations import Archive
from jitui.api.views import SessionView
from jitui.tui.emulator import Emulator
from jitui.tui.figures import day, zone
from jitui.tui.lines import FLEX, Cell, block, row, rule, text
from jitui.tui.screens.base import PANNING, Answered
from jitui.tui.screens.scene import SEATS, Scene
from jitui.tui.story import WORDS, Story
from jitui.tui.track import Track
from jitui.tui.widgets.events import event_row, exchange_lines
from jitui.tui.widgets.rows import Row, Rows
from jitui.tui.widgets.terminal import Terminal
from jitui.tui.widgets.timeline import Timeline
from jitui.tui.words import words
from jitui.values.errors import InvalidError
from jitui.values.instant import rfc3339
from jitui.values.link import typed_us

TURN_S: Final = 0.05
BUDGET_S: Final = 0.02


class WindowScreen(Scene):
    """One window."""

    CSS_PATH = "window.tcss"
    AUTO_FOCUS = "#events"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "play", "play", id="window.play"),
        Binding("left", "skip(-5)", "5 s", id="window.left", tooltip="back and on by five seconds"),
        Binding("right", "skip(5)", "5 s", id="window.right", tooltip="back and on by five seconds"),
        Binding("comma", "step(-1)", "step", id="window.back", tooltip="to the frame or event before, or the next one"),
        Binding("full_stop", "step(1)", "step", id="window.on", tooltip="to the frame or event before, or the next one"),
        Binding("left_square_bracket", "mark(-1)", "mark", key_display="[", id="window.previous", tooltip="the mark before, or the next one"),
        Binding("right_square_bracket", "mark(1)", "mark", key_display="]", id="window.next", tooltip="the mark before, or the next one"),
        Binding("g", "goto", "go to", id="window.goto", tooltip="a time as 16:07:52, or minutes and seconds as 3:41"),
        *(Binding(f"{tenth}", f"tenth({tenth})", "tenth", show=tenth == 0, key_display="0-9", id=f"window.tenth-{tenth}",
                  tooltip="so many tenths of the window from its beginning") for tenth in range(10)),
        Binding("r", "replay", "replay", id="window.replay", tooltip="the stream of the row alone, from this moment"),
        Binding("c", "changes", "changes", id="window.changes", tooltip="the objects that the window wrote, field by field"),
        Binding("u", "unmask", "unmask", id="window.unmask", tooltip="secrets as they are; that is written down"),
        Binding("u", "mask", "mask", id="window.mask", tooltip="secrets masked again"),
        Binding("tab", "pane", "pane", id="window.tab", tooltip="from the list to what is open beside it and back"),
        Binding("escape", "back", "back", id="window.escape"),
        Binding("minus", "speed(-1)", "speed", id="window.slower", tooltip="slower and faster"),
        Binding("plus", "speed(1)", "speed", id="window.faster", tooltip="slower and faster"),
        Binding("z", "idle", "idle", id="window.idle", tooltip="how long a pause may last: 1 s, 3 s, as it was"),
        *PANNING[:4],
        Binding("f", "follow", "follow", id="window.follow", tooltip="the view goes with the cursor again"),
        Binding("e", "end", "end", show=False, id="window.end", tooltip="to the end of the window"),
    ]  # fmt: skip

    def __init__(self, archive: Archive, grant: str, *, alone: bool = False, speed: float = 1.0, idle_s: float = 1.0, may_unmask: bool = False,
                 unmask: bool = False, at: str = "") -> None:  # fmt: skip
        """`may_unmask`: whoever sits here has the right to see secrets; `unmask`: they want to from the start. `at`: the moment of a link, where it stands."""
        super().__init__(archive, grant, speed=speed, idle_s=idle_s, unmask=unmask, at=at)
        self._alone, self._may_unmask = alone, may_unmask
        self._chosen: tuple[str, int] | None = None  # session and connection of the request that is open, or is asked for
        self._opened: ExchangeView | None = None
        self._last = 0.0
        self._seats: dict[int, object] = {}  # session, screen and frame that each terminal shows
        self._now = ""  # the key of the newest event

    def body(self) -> ComposeResult:
        with Horizontal(id="window-title"):
            yield Static(id="window-name", markup=False)
            yield Static(id="secrets", markup=False)
        with Horizontal(id="scene"):
            yield Rows(id="events")
            with Horizontal(id="stage"):
                for seat in range(SEATS):
                    with Container(id=f"frame-{seat}", classes="frame"):
                        yield Terminal(id=f"terminal-{seat}")
                with VerticalScroll(id="opened", classes="body"):
                    yield Static(id="opened-text", markup=False)
        yield Static(id="typed", markup=False)
        yield Timeline(id="timeline")
        yield Input(id="where", compact=True, max_length=40, placeholder="go to: 16:07:52 or 3:41, enter", disabled=True)

    def on_mount(self) -> None:
        self._last = self.shell.monotonic()
        self.begin()
        self.set_interval(TURN_S, self._turn)

    # time

    def _turn(self) -> None:
        """Twenty times a second: play on, and bring everything to where it stands then."""
        now = self.shell.monotonic()
        passed, self._last = now - self._last, now
        if self.story is None or not self.ready:
            return
        if self.head.playing and self.there:
            self.head.advance(passed, *self.beside())
        self.look_around()
        self.cast()
        self.read_on()
        self._draw_terminals()
        self._draw()

    def moved(self) -> None:
        self._last = self.shell.monotonic()
        self._turn()
        self.look()

    def answered(self, message: Answered) -> None:
        if message.what != "open" or message.problem:
            super().answered(message)
        elif isinstance(message.value, tuple) and message.value[:2] == (self._chosen, self._unmasked):
            self._opened = message.value[2]
            self.add_class("-opened")
            opened = self.query_one("#opened", VerticalScroll)
            opened.scroll_home(animate=False)
            if self.has_class("-narrow"):
                opened.focus()

    # drawing

    def look(self) -> None:
        super().look()
        if self.ready:
            self._draw()

    def _draw(self) -> None:
        story = self.story
        if story is None:
            self.write("#window-name", text((self._grant, "bold $primary"), f"  {self.problem or 'loading'}"))
            return
        self.write("#window-name", _title(story))
        shown = text((" SECRETS SHOWN ", "bold $background on $state-ending")) if self._unmasked else text(("secrets masked", "$state-quiet"))
        self.write("#secrets", shown)
        self._draw_events(story)
        if self.has_class("-opened"):
            width, opened = max(40, self.query_one("#opened").content_size.width), self._opened
            self.write("#opened-text", text(("loading", "$state-quiet")) if opened is None else block(exchange_lines(opened, width)))
        self.write("#typed", self._typed(story))
        self.query_one(Timeline).show(self.head, story.marks, story.window.approved)

    def _draw_events(self, story: Story) -> None:
        index = story.index(self.head.at_us)
        self.head.index = index
        opened = {event.session for event in story.events if event.stream is not None}  # the request that opened a stream is the same line again
        lines = [(at, event) for at, event in enumerate(story.events) if event.action is None or event.session not in opened]
        newest = max((at for at, _ in lines if at < index), default=-1)
        rows = [Row(event_row(event, now=at == newest, past=at < index), event.key) for at, event in lines]
        note = "" if story.first and story.last else "a part of it"
        events = self.query_one("#events", Rows)
        events.show([Row(lambda width: rule("activity", note, width, "$state-live")), *rows])
        now = story.events[newest].key if newest >= 0 else ""
        if now != self._now:
            self._now = now
            events.go(now)

    def _typed(self, story: Story) -> Content:
        line, delivered = next(((line, whole) for line, whole in (track.typed() for track in self.tracks.values()) if line), ("", True))
        shown = {mark.letter for mark in story.marks}
        legend = "  ".join(f"{letter} {word}" for letter, word in WORDS.items() if letter in shown) + "  further marks undrawn" * self.unmarked
        colour = "$state-frozen" if delivered else "dim $state-frozen"
        lost = "" if delivered else "not delivered"
        cells = [Cell("stdin", 6, "$state-quiet"), Cell(f"> {line}" if line else "", FLEX, colour), Cell(lost, 0, "$state-ending", gap=3)]
        return row([*cells, Cell(legend, 0, "$state-quiet")], max(20, self.size.width - 2))

    def _draw_terminals(self) -> None:
        loop = asyncio.get_running_loop()
        until, tracks = loop.time() + BUDGET_S, list(self.tracks.values())
        self.set_class(len(tracks) > 1, "-two")
        for seat in range(SEATS):
            terminal = self.query_one(f"#terminal-{seat}", Terminal)
            track = tracks[seat] if seat < len(tracks) else None
            there = track is None or track.turn(self.head.at_us, lambda: loop.time() > until)
            shows = None if track is None else (track.session.id, track.emulator, track.due(self.head.at_us))
            if there and self._seats.get(seat) != shows:
                self._seats[seat] = shows
                terminal.show(track.emulator if track is not None else Emulator())
            self.edge(f"#frame-{seat}", _stream(track.session) if track is not None else Content(), self._under(track, terminal, there=there))

    def _under(self, track: Track | None, terminal: Terminal, *, there: bool) -> Content:
        if track is None:
            return text(("loading" if any(each.startswith(("part", "around", "window")) for each in self.busy) else "no stream ran here", "$state-quiet"))
        ended = track.session.ended and self.story is not None and self.story.since(track.session.ended) <= self.head.at_us
        how = f"ended: {words(track.session.ended_why, 40)}, " if ended else ""
        part = "" if track.whole else "drawn from its last frames alone, "
        return text((f"{how}{part}{'seeking' if not there else terminal.says()}", "$state-quiet"))

    # keys

    def able(self) -> Mapping[str, Callable[[], bool]]:
        def there() -> bool:
            return self.story is not None and not self.has_class("-going")

        able: dict[str, Callable[[], bool]] = dict.fromkeys(("play", "skip", "step", "mark", "goto", "tenth", "end", "speed", "idle", "changes"), there)
        able["unmask"] = lambda: there() and self._may_unmask and not self._unmasked
        able["mask"] = lambda: there() and self._unmasked
        able["replay"] = lambda: there() and not self._alone and bool(self._stream_of_row())
        able["changes"] = lambda: there() and not self._alone
        able["pane"] = lambda: self.has_class("-narrow") or self.has_class("-opened")
        able["pan"] = lambda: any(each.larger for each in self.query(Terminal))
        able["follow"] = lambda: any(each.panned for each in self.query(Terminal))
        able["back"] = lambda: not self._alone or self.has_class("-going") or self.has_class("-opened")
        return able

    def may_open(self, rows: Rows) -> bool:
        event = self._event(rows.cursor)
        return event is not None and (event.stream is not None or (event.action is not None and bool(event.session)))

    def _event(self, key: str) -> EventView | None:
        return next((event for event in self.story.events if event.key == key), None) if self.story is not None else None

    def _stream_of_row(self) -> str:
        """The stream of the row, else the one that is shown."""
        event = self._event(self.query_one("#events", Rows).cursor)
        stream = event.stream.id if event is not None and event.stream is not None else ""
        return stream or next(iter(self.tracks), "")

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        """A request is opened; a stream is shown, at the moment of the row."""
        found, story = self._event(event.ident), self.story
        if found is None or story is None:
            return
        self.head.playing, self._now = False, found.key
        if found.stream is not None or (found.action is not None and found.action.argv):
            self.pinned = found.session
            self._close()
        elif found.action is not None:
            self._open((found.session, found.action.conn))
        self.seek(story.since(found.at))

    def _open(self, chosen: tuple[str, int]) -> None:
        """Ask for a request; the answer opens it, unless another was chosen since, or secrets are to be seen otherwise."""
        self._chosen, unmask = chosen, self._unmasked

        async def exchange() -> object:
            return chosen, unmask, await self._archive.exchange(chosen[0], conn=chosen[1], unmask=unmask)

        self.ask("open", exchange)

    def _close(self) -> None:
        self._chosen = self._opened = None
        self.remove_class("-opened")

    def action_play(self) -> None:
        if self.head.done:
            self.seek(0)
        self.head.playing = not self.head.playing
        self.moved()

    def action_skip(self, seconds: int) -> None:
        self.seek(self.head.at_us + seconds * 1e6)

    def action_end(self) -> None:
        self.seek(self.head.end_us)

    def action_tenth(self, tenth: int) -> None:
        self.seek(self.head.end_us * tenth / 10)

    def action_step(self, by: int) -> None:
        """To the next frame or event, or the one before."""
        self.head.playing = False
        if by > 0:
            coming = self.beside()[1]
            self.seek(self.head.end_us if coming is None else coming)
        else:
            self.seek(self.earlier())

    def action_mark(self, by: int) -> None:
        """To a mark that is drawn; beyond those the record is asked."""
        story = self.story
        if story is None:
            return
        at_us = round(self.head.at_us)
        times = [mark.at_us for mark in story.marks]
        found = [at for at in times if at > at_us] if by > 0 else [at for at in times if at < at_us]
        if found and not (self.unmarked and (at_us >= times[-1] and by < 0)):
            self.seek(found[0] if by > 0 else found[-1])
        elif self.unmarked and "mark" not in self.busy:
            moment = rfc3339(story.started_us + at_us - (by < 0))
            before, behind = ("", moment) if by > 0 else (moment, "")

            async def marks() -> object:
                return tuple(await self._archive.timeline(self._grant, before=before, behind=behind, marks=True, limit=1))

            self.ask("mark", marks)

    def action_speed(self, by: int) -> None:
        self.head.faster(by)
        self.moved()

    def action_idle(self) -> None:
        self.head.next_idle()
        self.moved()

    def action_pane(self) -> None:
        if self.has_class("-narrow"):
            self.toggle_class("-list")
        opened, events = self.query_one("#opened"), self.query_one("#events")
        (events if opened.has_focus or not self.has_class("-opened") else opened).focus()

    def action_pan(self, columns: int, lines: int) -> None:
        for terminal in self.query(Terminal):
            terminal.pan(columns, lines)
        self.look()

    def action_follow(self) -> None:
        for terminal in self.query(Terminal):
            terminal.follow()
        self.look()

    def action_unmask(self) -> None:
        self._turn_over(unmasked=True)

    def action_mask(self) -> None:
        self._turn_over(unmasked=False)

    def _turn_over(self, *, unmasked: bool) -> None:
        """The same with secrets, or without them, from where it stands; an open request stays open."""
        self._unmasked, self._opened = unmasked, None
        self.tracks.clear()
        if self._chosen is not None:
            self._open(self._chosen)
        self.seek(self.head.at_us)

    def action_replay(self) -> None:
        if self.story is not None and (session := self._stream_of_row()):
            self.head.playing = False
            self.navigator.open_replay(session, at=rfc3339(self.story.started_us + round(self.head.at_us)))

    def action_changes(self) -> None:
        self.head.playing = False
        self.navigator.open_changes(grant=self._grant)

    def action_goto(self) -> None:
        self.add_class("-going")
        where = self.query_one("#where", Input)
        where.disabled, where.value = False, ""
        where.focus()
        self.look()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        typed, story = event.value.strip(), self.story
        self._leave_goto()
        try:
            if story is not None:
                self.seek(typed_us(typed, story.started_us) - story.started_us)
        except InvalidError as problem:
            self.say(str(problem), bad=True)

    def _leave_goto(self) -> None:
        self.remove_class("-going")
        self.query_one("#where", Input).disabled = True
        self.query_one("#events").focus()

    def action_back(self) -> None:
        if self.has_class("-going"):
            self._leave_goto()
        elif self.has_class("-opened"):
            self._close()
            self.query_one("#events").focus()
        elif not self._alone:
            self.app.pop_screen()


def _title(story: Story) -> Content:
    """`g-17  agent-deploybot  prod-eks  2026-11-23 16:03 - 2026-11-23 16:21 CET`."""
    window = story.window
    until = f"{day(window.ended)} {zone(window.ended)}" if window.ended else f"{zone(window.approved)}, still open"
    why = f"  {words(window.why, 60)}" if window.why.raw else ""
    return text((window.grant, "bold $primary"), ("  replay of the window  ", "$state-quiet"), (words(window.identity, 63), "bold"),
                (f"  {words(window.connection, 40)}  {day(window.approved)} - {until}{why}", "$state-quiet"))  # fmt: skip


def _stream(session: SessionView) -> Content:
    argv = " ".join(words(part, 60) for part in session.argv)
    return text((session.id, "bold"), f" {session.kind} {words(session.target, 60)} {f'[{argv}]' if argv else ''}")
