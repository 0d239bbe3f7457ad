"""Replaying a recording: with a gateway, and from bare files."""

import asyncio
from base64 import b64encode

from textual.pilot import Pilot

from jitui.api.views import Proof
from jitui.tui.app import TapeApp
from jitui.tui.screens.replay import ReplayScreen
from tests.fakes.tui_desk import FakeDesk
from tests.tui.seeing import Screenful, screenful


class Tape:
    """A replay of a recording with a pause of nine seconds, on a clock that is moved by hand."""

    def __init__(self) -> None:
        self.desk = FakeDesk()
        grant = self.desk.open_window()
        shell = self.desk.open_session(grant.id)
        self.desk.frame(shell.id, "stdout", b"one\r\n", at_s=0.0)
        self.desk.frame(shell.id, "stdout", b"two\r\n", at_s=1.0)
        self.desk.frame(shell.id, "stdin", b"exit\r", at_s=10.0)
        self.desk.frame(shell.id, "stdout", b"three\r\n", at_s=10.5)
        self.desk.frame(shell.id, "stdout", b"never seen\r\n", at_s=12.0, delivered=False)
        self.now = 0.0
        self.app = TapeApp(self.desk, shell.id, monotonic=lambda: self.now)

    async def start(self, pilot: Pilot[int]) -> ReplayScreen:
        """Until everything is loaded; then stop at the start."""
        await pilot.pause()
        screen = self.app.screen
        assert isinstance(screen, ReplayScreen)
        async with asyncio.timeout(10):
            while not screen.head.playing:
                await pilot.pause(0.02)
        return screen

    async def passes(self, pilot: Pilot[int], seconds: float) -> None:
        self.now += seconds
        await pilot.pause(0.2)

    @property
    def screen(self) -> Screenful:
        return screenful(self.app)


async def test_it_plays_skips_idle_time_pauses_and_steps() -> None:
    """A pause longer than a second takes one; `.` and `,` go frame by frame."""
    tape = Tape()
    async with tape.app.run_test(size=(100, 30)) as pilot:
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


async def test_it_seeks_by_five_seconds_and_to_a_time() -> None:
    """Left, right, and `g` with minutes and seconds."""
    tape = Tape()
    async with tape.app.run_test(size=(100, 30)) as pilot:
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


async def test_speed_and_idle_limit_change_what_a_second_is() -> None:
    """`+` doubles; `z` goes through the idle limits."""
    tape = Tape()
    async with tape.app.run_test(size=(100, 30)) as pilot:
        screen = await tape.start(pilot)
        await pilot.press("plus", "z", "z")
        assert (screen.head.speed, screen.head.idle_us) == (2.0, 0)
        await tape.passes(pilot, 2.0)
        assert screen.head.at_us == 4_000_000
        assert "2x  idle as it was" in tape.screen.text


async def test_what_was_not_delivered_is_dimmed() -> None:
    """It is on record, and the client never saw it."""
    tape = Tape()
    async with tape.app.run_test(size=(100, 30)) as pilot:
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


async def test_input_and_text_are_shown_on_their_keys() -> None:
    """`i` hides and shows what was typed, `t` gives everything as lines."""
    tape = Tape()
    async with tape.app.run_test(size=(100, 30)) as pilot:
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


async def test_verify_says_what_it_proved_and_where_it_is_broken() -> None:
    """The word on the title line is the proof's, not ours."""
    tape = Tape()
    async with tape.app.run_test(size=(100, 30)) as pilot:
        await tape.start(pilot)
        assert "not verified yet" in tape.screen.text
        await pilot.press("v")
        await tape.passes(pilot, 0)
        assert "VERIFIED  self-attested" in tape.screen.text
        broken = Proof(subject="s-204", consistent=False, signed="no", frames=5, unsigned_tail=0, problem="frame 3 was altered", session="s-204", seq=3)
        tape.desk.proofs = [broken]
        await pilot.press("v")
        await tape.passes(pilot, 0)
        assert "ALTERED" in tape.screen.text
        assert "frame 3 was altered" in tape.screen.text


async def test_bare_files_need_no_gateway_and_show_no_keys_that_would() -> None:
    """Only the recording, help and quit."""
    tape = Tape()
    async with tape.app.run_test(size=(80, 24)) as pilot:
        await tape.start(pilot)
        assert "space play" in tape.screen.keys
        assert "verify" in tape.screen.keys
        assert "desk" not in tape.screen.keys
        assert "esc" not in tape.screen.keys


async def test_a_session_that_is_not_there_is_said_plainly() -> None:
    """No keys but help and quit."""
    app = TapeApp(FakeDesk(), "s-9")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.3)
        assert "no session s-9" in screenful(app).text
        assert "play" not in screenful(app).keys


async def test_an_odd_recording_does_not_stop_the_replay() -> None:
    """Times that go back and bodies that are not base64 are shown as well as they can be."""
    tape = Tape()
    frames = tape.desk._frames["s-204"]
    frames.append(frames[0].__class__(seq=5, at_us=-5, conn=0, channel="stdout", data_b64="%%%"))
    frames.append(frames[0].__class__(seq=6, at_us=3, conn=0, channel="stdout", data_b64=b64encode(b"last").decode()))
    async with tape.app.run_test(size=(80, 24)) as pilot:
        await tape.start(pilot)
        await pilot.press("end")
        await tape.passes(pilot, 0)
        assert "last" in tape.screen.text
