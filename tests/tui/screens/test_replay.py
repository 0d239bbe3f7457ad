"""Replaying what a real store has on record: with a gateway behind the screen, and alone."""

import asyncio
import sqlite3
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from jitui.api.views import FrameView
from jitui.recording.frame import Channel, Frame
from jitui.tui import reel
from jitui.tui.app import TapeApp
from jitui.tui.screens import loading, replay
from jitui.tui.screens.replay import ReplayScreen
from jitui.tui.widgets.terminal import Terminal
from tests.store.life import began, ended, record, window
from tests.tui.gateway import Gateway, gateway
from tests.tui.seeing import Screenful, screenful

LOST = b"never seen\r\n"
FRAMES = ((0.0, Channel.STDOUT, b"one\r\n"), (1.0, Channel.STDOUT, b"two\r\n"), (10.0, Channel.STDIN, b"exit\r"), (10.5, Channel.STDOUT, b"three\r\n"),
          (12.0, Channel.STDOUT, LOST))


class Tape:
    """A replay on a clock that is moved by hand."""

    def __init__(self, house: Gateway, archive: Any = None) -> None:
        self.house = house
        self.now = 0.0
        self.app = TapeApp(archive or house.desk, "s-1", monotonic=lambda: self.now)

    async def start(self, pilot: Pilot[int]) -> ReplayScreen:
        """Until everything is loaded; then stop at the start."""
        await pilot.pause()
        screen = self.app.screen
        assert isinstance(screen, ReplayScreen)
        async with asyncio.timeout(30):
            while not screen.head.playing:
                await pilot.pause(0.02)
        return screen

    async def passes(self, pilot: Pilot[int], seconds: float) -> None:
        self.now += seconds
        await pilot.pause(0.2)

    async def until(self, pilot: Pilot[int], words: str) -> None:
        async with asyncio.timeout(10):
            while words not in self.screen.text:
                await pilot.pause(0.05)

    @property
    def screen(self) -> Screenful:
        return screenful(self.app)


@asynccontextmanager
async def recorded(folder: Path, frames: Sequence[tuple[float, Channel, bytes]] = FRAMES) -> AsyncIterator[Tape]:
    """A session of a terminal, ended; with the frames given above a pause of nine seconds, and the last frame did not reach the client."""
    out = sum(len(body) for _, channel, body in frames if channel is Channel.STDOUT)
    lost = [{"conn": 0, "in": 5, "in_handed": 5, "out": out, "out_handed": out - len(LOST)}] if frames is FRAMES else []
    async with gateway(folder) as house:
        store = house.home.store
        await store.commit([*window(), began(1)])
        await record(store, [Frame(1, seq, round(at_s * 1e6), 0, channel, body) for seq, (at_s, channel, body) in enumerate(frames)])
        await store.commit([ended(1, conns=lost)])
        yield Tape(house)


async def test_it_plays_skips_idle_time_pauses_and_steps(tmp_path: Path) -> None:
    """A pause longer than a second takes one; `.` and `,` go frame by frame."""
    async with recorded(tmp_path) as tape, tape.app.run_test(size=(100, 30)) as pilot:
        screen = await tape.start(pilot)
        await tape.passes(pilot, 0.5)
        assert screen.head.index == 1
        assert "one" in tape.screen.text
        assert "two" not in tape.screen.text
        await tape.passes(pilot, 0.6)
        assert "two" in tape.screen.text
        await tape.passes(pilot, 1.0)
        assert screen.head.at_us == 10_000_000
        await pilot.press("space")
        await tape.passes(pilot, 5)
        assert screen.head.index == 3
        await pilot.press("full_stop")
        await tape.passes(pilot, 0)
        assert "three" in tape.screen.text
        await pilot.press("comma", "comma")
        await tape.passes(pilot, 0)
        assert "three" not in tape.screen.text
        assert "frame 2 of 5" in tape.screen.text


async def test_it_seeks_by_five_seconds_and_to_a_time(tmp_path: Path) -> None:
    """Left, right, and `g` with minutes and seconds."""
    async with recorded(tmp_path) as tape, tape.app.run_test(size=(100, 30)) as pilot:
        screen = await tape.start(pilot)
        await pilot.press("space", "right", "right")
        await tape.passes(pilot, 0)
        assert screen.head.at_us == 10_000_000
        await pilot.press("left")
        assert screen.head.at_us == 5_000_000
        await pilot.press("g", *"0:11", "enter")
        await tape.passes(pilot, 0)
        assert screen.head.at_us == 11_000_000
        assert "three" in tape.screen.text
        await pilot.press("g", *"soon", "enter")
        await pilot.pause()
        assert "a time as 16:07:52" in tape.screen.text
        assert screen.head.at_us == 11_000_000


async def test_speed_and_idle_limit_change_what_a_second_is(tmp_path: Path) -> None:
    """`+` doubles; `z` goes through the idle limits."""
    async with recorded(tmp_path) as tape, tape.app.run_test(size=(100, 30)) as pilot:
        screen = await tape.start(pilot)
        await pilot.press("plus", "z", "z")
        assert (screen.head.speed, screen.head.idle_us) == (2.0, 0)
        await tape.passes(pilot, 2.0)
        assert screen.head.at_us == 4_000_000
        assert "2x  idle as it was" in tape.screen.text


async def test_what_was_not_delivered_is_dimmed(tmp_path: Path) -> None:
    """It is on record, and the client never saw it."""
    async with recorded(tmp_path) as tape, tape.app.run_test(size=(100, 30)) as pilot:
        await tape.start(pilot)
        await pilot.press("end")
        await tape.passes(pilot, 0)
        styles = {segment.text.strip(): segment.style for segment in tape.screen.segments if segment.text.strip() in {"three", "never seen"}}
        never, three = styles["never seen"], styles["three"]
        assert never is not None
        assert three is not None
        assert three.color is not None
        assert never.color is not None
        assert sum(never.color.get_truecolor()) < sum(three.color.get_truecolor()) * 0.8  # Textual draws dim as a darker colour


async def test_a_recording_larger_than_the_screen_is_panned(tmp_path: Path) -> None:
    """Shift and the arrows, which the bottom line and the help name as long as there is somewhere to go; `0` goes with the cursor again."""
    frames = [(0.0, Channel.STDOUT, b"small\r\n"), (1.0, Channel.RESIZE, b'{"Width":150,"Height":60}'),
              (2.0, Channel.STDOUT, b"\x1b[Htop" + b"\x1b[60;140Hcorner")]
    async with recorded(tmp_path, frames) as tape, tape.app.run_test(size=(120, 40)) as pilot:
        await tape.start(pilot)
        await pilot.press("space")
        await tape.passes(pilot, 0)
        assert "pan" not in tape.screen.keys
        await pilot.press("end")
        await tape.until(pilot, "in view: columns 1-116, lines")
        assert "shift+arrows pan" in tape.screen.keys
        assert "corner" not in tape.screen.text
        await pilot.press(*["shift+right"] * 9)
        await tape.until(pilot, "corner")
        await pilot.press(*["shift+left"] * 9, *["shift+up"] * 12)
        await tape.until(pilot, "top")
        assert "in view: columns 1-116, lines 1-" in tape.screen.text
        assert "0 follow" in tape.screen.keys
        await pilot.press("0")
        await tape.until(pilot, "-60")
        await pilot.press("question_mark")
        await tape.until(pilot, "pan: over a terminal larger than its frame")


async def test_the_end_of_a_long_recording_comes_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawn from its last frames, which is said, while the rest is not loaded yet; what is never loaded is said too. Any other key leaves it."""
    for module in (loading, reel, replay):
        monkeypatch.setattr(module, "LARGEST", 3000)
    monkeypatch.setattr(loading, "PAGE", 10)
    said = [(at / 1000, Channel.STDOUT, b"line %d\r\n" % at) for at in range(1000)]
    async with recorded(tmp_path, [(0.0, Channel.RESIZE, b'{"Width":70,"Height":10}'), *said]) as tape, tape.app.run_test(size=(120, 30)) as pilot:
        screen = await tape.start(pilot)
        await pilot.press("space", "end")
        await tape.until(pilot, "line 999")
        assert "the end, drawn from its last 400 frames alone; only the first 0 MiB are loaded" in tape.screen.text
        assert (screen.query_one(Terminal).emulator.columns, screen.query_one(Terminal).emulator.lines) == (70, 10)
        await pilot.press("home")
        await tape.until(pilot, "recorded at")
        assert "line 999" not in tape.screen.text


async def test_input_and_text_are_shown_on_their_keys(tmp_path: Path) -> None:
    """`i` hides and shows what was typed, `t` gives everything as lines."""
    async with recorded(tmp_path) as tape, tape.app.run_test(size=(100, 30)) as pilot:
        await tape.start(pilot)
        await pilot.press("end")
        await tape.passes(pilot, 0)
        assert "> exit⏎" in tape.screen.text
        await pilot.press("i")
        await pilot.pause()
        assert "> exit⏎" not in tape.screen.text
        await pilot.press("t")
        await pilot.pause(0.1)
        assert "never seen" in tape.screen.text
        assert "recorded at" not in tape.screen.text
        await pilot.press("escape")
        await pilot.pause(0.1)
        assert "recorded at" in tape.screen.text


async def test_verify_says_what_it_proved_and_where_it_is_broken(tmp_path: Path) -> None:
    """The word on the title line is the proof's, not ours: before and after somebody changed a byte of the file."""
    async with recorded(tmp_path) as tape, tape.app.run_test(size=(100, 30)) as pilot:
        await tape.start(pilot)
        assert "not verified yet" in tape.screen.text
        await pilot.press("v")
        await tape.until(pilot, "VERIFIED  self-attested")
        with closing(sqlite3.connect(tmp_path / "state/tapes/000001.db", isolation_level=None)) as db:
            db.execute("update frames set body = x'00' where seq = 3")
        await pilot.press("v")
        await tape.until(pilot, "ALTERED")
        assert "(s-1, frame 3)" in tape.screen.text


async def test_a_lone_replay_shows_no_keys_that_need_a_desk(tmp_path: Path) -> None:
    """Only the recording, help and quit."""
    async with recorded(tmp_path) as tape, tape.app.run_test(size=(80, 24)) as pilot:
        await tape.start(pilot)
        assert "space play" in tape.screen.keys
        assert "verify" in tape.screen.keys
        assert "desk" not in tape.screen.keys
        assert "esc" not in tape.screen.keys


async def test_what_of_the_recorded_terminal_is_not_in_view_is_said(tmp_path: Path) -> None:
    """Of 120 columns and 40 lines at 80x24: a mark at the end of each line that goes on, and which part it is; nothing where all of it fits."""
    frames = ((0.0, Channel.RESIZE, b'{"Width":120,"Height":40}'), (0.1, Channel.STDOUT, b"x" * 100 + b"\r\nshort\r\n"))
    async with recorded(tmp_path, frames) as tape:
        async with tape.app.run_test(size=(80, 24)) as pilot:
            await tape.start(pilot)
            await pilot.press("end")
            await tape.until(pilot, "short")
            assert "recorded at 120x40, in view: columns 1-76, lines 1-" in tape.screen.text
            assert "x" * 75 + "… " in tape.screen.line("xxx")
            assert "…" not in tape.screen.line("short")
        wide = Tape(tape.house)
        async with wide.app.run_test(size=(140, 60)) as pilot:
            await wide.start(pilot)
            await pilot.press("end")
            await wide.until(pilot, "short")
            assert "recorded at 120x40, frame 2 of 2" in wide.screen.text
            assert "x" * 100 + " " in wide.screen.line("xxx")


async def test_a_session_that_is_not_there_is_said_plainly(tmp_path: Path) -> None:
    """No keys but help and quit."""
    async with gateway(tmp_path) as house:
        app = TapeApp(house.desk, "s-9")
        async with app.run_test(size=(80, 24)) as pilot:
            async with asyncio.timeout(10):
                while "no session s-9" not in screenful(app).text:
                    await pilot.pause(0.05)
            assert "play" not in screenful(app).keys


class Odd:
    """An archive with two more frames than were recorded, as no gateway of this version gives them."""

    def __init__(self, desk: Any) -> None:
        self._desk = desk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._desk, name)

    async def frames(self, session: str, *, after: int = -1, limit: int = 1000, unmask: bool = False) -> Sequence[FrameView]:
        if after >= len(FRAMES):
            return ()
        odd = (FrameView(seq=5, at_us=-5, conn=0, channel="stdout", data_b64="%%%"),
               FrameView(seq=6, at_us=3, conn=0, channel="stdout", data_b64=b64encode(b"last").decode()))  # fmt: skip
        return (*await self._desk.frames(session, after=after, limit=limit, unmask=unmask), *odd)


async def test_an_odd_recording_does_not_stop_the_replay(tmp_path: Path) -> None:
    """Times that go back and bodies that are not base64 are shown as well as they can be."""
    async with recorded(tmp_path) as made:
        tape = Tape(made.house, Odd(made.house.desk))
        async with tape.app.run_test(size=(80, 24)) as pilot:
            await tape.start(pilot)
            await pilot.press("end")
            await tape.until(pilot, "last")
