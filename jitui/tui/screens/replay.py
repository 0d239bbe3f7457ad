"""Replay: a recording is played, stepped through, read as text, and verified. It needs an Archive, nothing else."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal
from textual.content import Content
from textual.widgets import Input, Static

from jitui.api.operations import Archive
from jitui.api.views import FrameView, Proof
from jitui.recording.timing import Playhead
from jitui.tui.lines import FLEX, Cell, row, text
from jitui.tui.reel import LARGEST, MARK_WORDS, Reel
from jitui.tui.screens.base import PANNING, Answered
from jitui.tui.screens.loading import Loading
from jitui.tui.tail import drawn, last_frames
from jitui.tui.widgets.terminal import Terminal
from jitui.tui.widgets.timeline import Timeline, title
from jitui.tui.widgets.transcript import Transcript
from jitui.values.errors import InvalidError
from jitui.values.instant import from_rfc3339
from jitui.values.link import typed_us

FRAME_S: Final = 0.05
BUDGET_S: Final = 0.02


class ReplayScreen(Loading):
    """One session."""

    CSS_PATH = "replay.tcss"
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "play", "play", id="replay.play"),
        Binding("left", "skip(-5)", "5 s", id="replay.left", tooltip="back and on by five seconds"),
        Binding("right", "skip(5)", "5 s", id="replay.right", tooltip="back and on by five seconds"),
        Binding("comma", "step(-1)", "frame", id="replay.back", tooltip="one frame back or on"),
        Binding("full_stop", "step(1)", "frame", id="replay.on", tooltip="one frame back or on"),
        *PANNING,
        Binding("g", "goto", "go to", id="replay.goto", tooltip="a time as 16:07:52, or minutes and seconds as 3:41"),
        Binding("t", "text", "text", id="replay.text", tooltip="everything printed, as plain lines"),
        Binding("v", "verify", "verify", id="replay.verify", tooltip="check the chain and its signature"),
        Binding("u", "unmask", "unmask", id="replay.unmask", tooltip="secrets as they are; that is written down"),
        Binding("u", "mask", "mask", id="replay.mask", tooltip="secrets masked again"),
        Binding("escape", "back", "back", id="replay.escape"),
        Binding("n", "mark(1)", "mark", id="replay.next", tooltip="the next mark; N the one before"),
        Binding("N", "mark(-1)", "mark before", show=False, id="replay.previous"),
        Binding("minus", "speed(-1)", "speed", id="replay.slower", tooltip="slower and faster"),
        Binding("plus", "speed(1)", "speed", id="replay.faster", tooltip="slower and faster"),
        Binding("z", "idle", "idle", id="replay.idle", tooltip="how long a pause may last: 1 s, 3 s, as it was"),
        Binding("i", "input", "input", id="replay.input", tooltip="show what was typed"),
        Binding("home", "skip(-10000000)", "start", show=False, id="replay.home"),
        Binding("end", "end", "end", show=False, id="replay.end"),
    ]

    def __init__(self, archive: Archive, session: str, *, alone: bool = False, speed: float = 1.0, idle_s: float = 1.0,
                 may_unmask: bool = False, unmask: bool = False, at: str = "") -> None:  # fmt: skip
        """`may_unmask`: whoever sits here has the right to see secrets; `unmask`: they want to from the start. `at`: the moment of a link, where it stands."""
        super().__init__(archive, session, unmask=unmask)
        self._may_unmask, self._first, self._alone = may_unmask, at, alone
        self.head = Playhead(speed=speed, idle_us=round(idle_s * 1e6))
        self._typed = True
        self._proof: Proof | None = None
        self._problem = ""
        self._last = 0.0
        self._share = 0.0
        self._tail = 0  # frames that the end is drawn from

    def body(self) -> ComposeResult:
        with Horizontal(id="replay-title"):
            yield Static(id="tape-name", markup=False)
            yield Static(id="proof", markup=False)
        with Container(id="frame"):
            yield Terminal(id="tape-terminal")
        yield Transcript(id="tape-text")
        yield Static(id="typed", markup=False)
        yield Timeline(id="timeline")
        yield Input(id="where", compact=True, max_length=20, placeholder="go to: 16:07:52 or 3:41, enter", disabled=True)

    def on_mount(self) -> None:
        self._last = self.shell.monotonic()
        self._begin()
        self.set_interval(FRAME_S, self._turn)

    def answered(self, message: Answered) -> None:
        value = message.value
        super().answered(message)
        if message.problem:
            self._loading = False
            self._problem = message.problem
            self.say(message.problem, bad=True)
        elif message.what == "tail" and isinstance(value, tuple):
            self._ended(value)
        elif message.what == "load":
            self._loading = False
            self.head.playing = not self.head.done and self.head.index == 0 and not self._first
            if self._tail or (self._first and self.reel is not None and not self.head.index):
                self.head.seek(self.head.end_us if self._tail or self.reel is None else self._moment(self._first) or 0)
            self._last = self.shell.monotonic()
        elif message.what == "verify" and isinstance(value, tuple):
            self._verified([proof for proof in value if isinstance(proof, Proof)])

    def _verified(self, proofs: list[Proof]) -> None:
        self._proof = next((proof for proof in proofs if not proof.consistent), proofs[0] if proofs else None)
        if self._proof is None:
            self.say("nothing to verify", bad=True)
        elif self._proof.consistent:
            unsigned = f"; the last {self._proof.unsigned_tail} have no signature yet" if self._proof.unsigned_tail else ""
            self.say(f"{self._proof.frames} frames, unbroken; signature: {self._proof.signed}{unsigned}")
        else:
            self.say(f"{self._proof.problem} ({self._proof.session or self._proof.subject}, frame {self._proof.seq})", bad=True)

    # drawing

    def look(self) -> None:
        super().look()
        if self.ready:
            self._draw()

    def _draw(self) -> None:
        reel = self.reel
        if reel is None:
            self.write("#tape-name", text((self._session, "bold $primary"), f"  {self._problem or 'loading'}"))
            return
        self.write("#tape-name", title(reel.session))
        self.write("#proof", self._proof_words())
        self.edge("#frame", under=self._frame_words(reel))
        self.write("#typed", self._typed_words(reel))
        self.query_one("#typed").display = self._typed
        self.query_one(Timeline).show(self.head, reel.marks, reel.session.started)

    def _frame_words(self, reel: Reel) -> Content:
        tail = f"the end, drawn from its last {self._tail} frames alone; " if self._tail else ""
        if self._way is not None:
            return Content(f"{tail}seeking {self._share:.0%}")
        if self._loading:
            return Content(f"{tail}loading, {len(reel.frames)} frames so far")
        partial = f"; only the first {LARGEST >> 20} MiB are loaded" if reel.full else ""
        if tail:
            return Content(tail.removesuffix("; ") + partial)
        many = reel.session.frames if self._end_us else len(reel.frames)
        return Content(f"recorded at {self.query_one(Terminal).says()}, frame {self.first + self.head.index} of {many}{partial}")

    def _typed_words(self, reel: Reel) -> Content:
        line, delivered = reel.typed(self.head.index)
        shown = {mark.letter for mark in reel.marks}
        legend = "  ".join(f"{letter} {MARK_WORDS[letter]}" for letter in MARK_WORDS if letter in shown) + "  older requests unmarked" * self._unmarked
        lost = "  not delivered" if not delivered else ""
        width = max(20, self.size.width - 2)
        colour = "$state-frozen" if delivered else "dim $state-frozen"
        cells = [Cell("stdin", 6, "$state-quiet"), Cell(f"> {line}" if line else "", FLEX, colour), Cell(lost, 0, "$state-ending", gap=3)]
        return row([*cells, Cell(legend, 0, "$state-quiet")], width)

    def _proof_words(self) -> Content:
        secrets = text((" SECRETS SHOWN ", "bold $background on $state-ending")) if self._unmasked else text(("secrets masked", "$state-quiet"))
        return Content.assemble(secrets, "  ", self._verdict())

    def _verdict(self) -> Content:
        if self._proof is None:
            return text(("not verified yet", "$state-quiet"))
        if not self._proof.consistent:
            return text((" ALTERED ", "bold $background on $state-denied"))
        return text((" VERIFIED ", "bold $background on $state-live"), (f" {self._proof.signed}", "$state-quiet"))

    # time

    def _turn(self) -> None:
        """Twenty times a second: play on, and bring the screen to where the playhead is."""
        now = self.shell.monotonic()
        passed, self._last = now - self._last, now
        if self.reel is None or not self.ready:
            return
        if self._way is None:
            if self.head.playing and "stretch" not in self.busy:
                self.head.advance(passed)
            if self._elsewhere():
                self._draw()
                return
            if self.head.index != self._shown:
                self._way = self.reel.goto(self.head.index)
                self._shown = self.head.index
        if self._way is not None:
            self._seek()
        self._draw()

    def _seek(self) -> None:
        """Work on the way to the playhead, for a moment at most; the rest at the next turn."""
        loop = asyncio.get_running_loop()
        until = loop.time() + BUDGET_S
        terminal = self.query_one("#tape-terminal", Terminal)
        for share in self._way or ():
            self._share = share
            if loop.time() > until:
                return
        self._way = None
        if self.reel is not None and not (self._tail and self._behind(self.reel)):
            self._tail = 0
            terminal.show(self.reel.emulator)

    def _behind(self, reel: Reel) -> bool:
        """Whether the end of the recording is not, or not yet, among the frames that are loaded."""
        return self._loading or reel.full

    # keys

    def able(self) -> Mapping[str, Callable[[], bool]]:
        def there() -> bool:
            return self.reel is not None and bool(self.reel.frames) and not self.has_class("-going")

        keys = ("play", "skip", "end", "step", "speed", "idle", "goto", "input", "text")
        able: dict[str, Callable[[], bool]] = dict.fromkeys(keys, there)
        able["mark"] = lambda: there() and self.reel is not None and bool(self.reel.marks)
        able |= self.panning(lambda: there() and not self.has_class("-text"))
        able["verify"] = lambda: not self.busy and not self.has_class("-going")
        able["unmask"] = lambda: self._may_unmask and not self._unmasked and there() and "load" not in self.busy
        able["mask"] = lambda: self._unmasked and there() and "load" not in self.busy
        able["back"] = lambda: not self._alone or self.has_class("-going") or self.has_class("-text")
        return able

    def _moved(self) -> None:
        self._way, self._shown, self._tail = None, -1, 0
        self._last = self.shell.monotonic()
        self._turn()
        self.look()

    def action_play(self) -> None:
        if self.head.done:
            self.head.seek(0)
        self.head.playing = not self.head.playing
        self._moved()

    def action_skip(self, seconds: int) -> None:
        self.head.seek(self.head.at_us + seconds * 1e6)
        self._moved()

    def action_end(self) -> None:
        """The end at once: if the way there is long, it is drawn from the last frames meanwhile."""
        self.head.seek(self.head.end_us)
        self._moved()
        if self.reel is not None and not self._end_us and (self._way is not None or self._behind(self.reel)):
            session, unmasked = self.reel.session, self._unmasked
            self.ask("tail", lambda: last_frames(self._archive, session, unmask=unmasked))

    def _ended(self, frames: Sequence[FrameView]) -> None:
        """The last frames are here: show them, unless the end is there or somebody went elsewhere."""
        if self.reel is not None and frames and self.head.done and (self._way is not None or self._behind(self.reel)):
            self._tail = len(frames)
            self.query_one("#tape-terminal", Terminal).show(drawn(self.reel.session, frames, self.reel.size))

    def action_step(self, by: int) -> None:
        if by < 0 and not self.head.index and self.first:
            self.head.seek(self._since_us - 1)  # in the stretch before
        else:
            self.head.step(by)
        self._moved()

    def action_mark(self, by: int) -> None:
        if self.reel is None:
            return
        times = [mark.at_us for mark in self.reel.marks]
        there = [at for at in times if at > self.head.at_us] if by > 0 else [at for at in times if at < self.head.at_us]
        if there:
            self.head.seek(there[0] if by > 0 else there[-1])
            self._moved()

    def action_speed(self, by: int) -> None:
        self.head.faster(by)
        self._moved()

    def action_idle(self) -> None:
        self.head.next_idle()
        self._moved()

    def action_input(self) -> None:
        self._typed = not self._typed
        self.look()

    def action_text(self) -> None:
        self.toggle_class("-text")
        if self.reel is not None and self.has_class("-text"):
            self.head.playing = False
            transcript = self.query_one(Transcript)
            transcript.open(self._archive, self.reel.session, unmask=self._unmasked)
            transcript.focus()
        else:
            self.set_focus(None)
        self.look()

    def action_unmask(self) -> None:
        self._turn_over(unmasked=True)

    def action_mask(self) -> None:
        self._turn_over(unmasked=False)

    def _turn_over(self, *, unmasked: bool) -> None:
        """The same recording with its secrets, or without them, from where it stood."""
        self._unmasked = unmasked
        self.head = Playhead(speed=self.head.speed, idle_us=self.head.idle_us)
        self.remove_class("-text")
        self._begin()
        self._moved()

    def action_verify(self) -> None:
        async def proofs() -> object:
            return tuple(await self._archive.verify(self._session))

        self.ask("verify", proofs)

    def action_goto(self) -> None:
        self.add_class("-going")
        where = self.query_one("#where", Input)
        where.disabled = False
        where.value = ""
        where.focus()
        self.look()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        at_us = self._moment(event.value)
        self._leave_goto()
        if at_us is None:
            self.say("a time as 16:07:52, or minutes and seconds from the start as 3:41", bad=True)
        else:
            self.head.seek(at_us)
            self._moved()

    def _moment(self, typed: str) -> int | None:
        """Microseconds from the start of a moment as it stands in a link, or without the `+` of minutes and seconds; None if it is none."""
        if self.reel is None:
            return None
        started_us = from_rfc3339(self.reel.session.started)
        with suppress(InvalidError):
            return typed_us(typed, started_us) - started_us
        return None

    def _leave_goto(self) -> None:
        self.remove_class("-going")
        self.query_one("#where", Input).disabled = True
        self.set_focus(None)

    def action_back(self) -> None:
        if self.has_class("-going"):
            self._leave_goto()
        elif self.has_class("-text"):
            self.action_text()
        elif not self._alone:
            self.app.pop_screen()
