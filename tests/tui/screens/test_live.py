"""Watching an agent at work over a real gateway, and stopping it."""

from pathlib import Path
from typing import ClassVar

from jitui.policy.terms import Role
from jitui.tui.screens import live
from jitui.tui.screens.desk import DeskScreen
from jitui.tui.screens.live import LiveScreen, Streamed
from jitui.tui.screens.replay import ReplayScreen
from tests.tui.gateway import BO, Gateway, Shell, gateway
from tests.tui.hand import Hand, at


async def at_work(house: Gateway) -> Shell:
    """One window with a shell in it, and a call before."""
    await house.open_window()
    assert await house.get() == 200
    house.advance(1)
    shell = await house.shell("sh")
    await shell.prints(b"/ $ ")
    return shell


async def watch(hand: Hand) -> None:
    """From the desk to the terminal of the shell."""
    await hand.press("enter")
    await hand.until("web-1 [sh]")
    await hand.press("end", "enter")
    await hand.until("/ $")


async def test_a_live_terminal_follows_what_the_program_prints(tmp_path: Path) -> None:
    """Enter on a window, enter on its exec: bytes appear as they are recorded."""
    async with gateway(tmp_path) as house:
        shell = await at_work(house)
        async with at(house) as hand:
            await watch(hand)
            shell.kubectl.type(b"id\r")
            await shell.prints(b"id\r\nuid=0(root)\r\n\x1b]0;evil\x07/ $ ")
            await hand.until("uid=0(root)")
            assert "evil" not in hand.screen.text
            assert "LIST" in hand.screen.line("pods in web")


class Counted(LiveScreen):
    """Live, which also counts how many frames came with each message."""

    CSS_PATH = str(Path(live.__file__).with_name("live.tcss"))
    batches: ClassVar[list[int]] = []

    def on_streamed(self, message: Streamed) -> None:  # Textual calls this one and the base's
        self.batches.append(len(message.chunks))


async def test_frames_that_come_together_are_drawn_together(tmp_path: Path) -> None:
    """A program that prints hundreds of small pieces costs a few messages, and the last piece is on the screen though nothing follows it."""
    async with gateway(tmp_path) as house:
        shell = await at_work(house)
        async with at(house) as hand:
            Counted.batches.clear()
            await hand.app.push_screen(Counted(house.desk, "g-1"))
            await hand.until("web-1 [sh]")
            await hand.press("end", "enter")
            await hand.until("/ $")
            for at_ in range(300):
                shell.pod.line.message(1 + at_ % 2, b"line %d\r\n" % at_)  # of two channels, or they would be one frame
            await shell.prints(b"the last one")
            await hand.until("the last one")
            frames = sum(Counted.batches)
            assert frames > 5
            assert len(Counted.batches) < max(3, frames / 2)


async def test_a_program_is_on_the_list_as_soon_as_it_runs(tmp_path: Path) -> None:
    """Without a further request, and it can be watched at once."""
    async with gateway(tmp_path) as house:
        await house.open_window()
        async with at(house) as hand:
            await hand.press("enter")
            await hand.until("Nothing was done in this window yet")
            await house.shell("psql")
            await hand.until("web-1 [psql]")
            assert "open" in hand.screen.line("[psql]")
            await hand.press("end")
            assert "k kill" in hand.screen.keys


async def test_denials_are_rows_of_the_window_that_was_open(tmp_path: Path) -> None:
    """What its scope did not cover stands between what it did, with why."""
    async with gateway(tmp_path) as house:
        await house.open_window()
        assert await house.get() == 200
        async with at(house, (140, 30)) as hand:
            await hand.press("enter")
            await hand.until("LIST")
            assert await house.get("/api/v1/namespaces/payments/secrets/db") == 403
            await hand.until("DENIED")
            line = hand.screen.line("DENIED")
            assert "secrets/db in payments" in line
            assert "403" in line


async def test_kill_takes_a_reason_and_says_what_it_did(tmp_path: Path) -> None:
    """`k`, a line, enter; the window goes on, and the person is told what may run on in the pod."""
    async with gateway(tmp_path) as house:
        await at_work(house)
        async with at(house) as hand:
            await watch(hand)
            assert "k kill" in hand.screen.keys
            await hand.pilot.press("k", *"too long", "enter")
            await hand.settle()
            assert house.calls == [("kill", "s-2", "too long")]
            assert "1 stream closed in" in hand.screen.text
            assert "1 process may still run in web/web-1" in hand.screen.text
            await hand.settle()
            assert "k kill" not in hand.screen.keys
            assert "x revoke" in hand.screen.keys


async def test_revoke_ends_the_window_and_its_keys(tmp_path: Path) -> None:
    """After it, nothing that needs a live window is offered."""
    async with gateway(tmp_path) as house:
        await at_work(house)
        async with at(house) as hand:
            await hand.press("enter")
            await hand.pilot.press("x", "1", "enter")
            await hand.settle()
            assert house.calls == [("revoke", "g-1", "not what was agreed")]
            await hand.settle()
            assert "x revoke" not in hand.screen.keys
            assert "revoked" in hand.screen.text
            await hand.until("1 stream cut; 1 process may still run in its pods")


async def test_keys_for_streams_need_a_stream_and_the_right(tmp_path: Path) -> None:
    """On a plain call there is nothing to kill; without the right to stop things neither."""
    async with gateway(tmp_path) as house:
        await at_work(house)
        async with at(house) as hand:
            await hand.press("enter")
            await hand.until("web-1 [sh]")
            await hand.press("home")
            assert "k kill" not in hand.screen.keys
            await hand.press("end")
            assert "enter open" in hand.screen.keys
            assert "k kill" in hand.screen.keys
            house.give(Role.AUDITOR)
            await hand.settle()
            await hand.settle()
            assert "enter open" in hand.screen.keys
            assert "k kill" not in hand.screen.keys


async def test_esc_goes_back_one_step_at_a_time(tmp_path: Path) -> None:
    """From the terminal to the activity to the desk; 2 leads to the windows from anywhere."""
    async with gateway(tmp_path) as house:
        await at_work(house)
        async with at(house, (80, 24)) as hand:
            await watch(hand)
            await hand.press("escape")
            assert not hand.app.screen.has_class("-watching")
            await hand.press("escape", "escape")
            assert isinstance(hand.app.screen, DeskScreen)
            await hand.press("2")
            assert isinstance(hand.app.screen, LiveScreen)
            assert "windows (1)" in hand.screen.text


async def test_b_replays_the_stream_that_is_looked_at(tmp_path: Path) -> None:
    """Back in time while it is live."""
    async with gateway(tmp_path) as house:
        await at_work(house)
        async with at(house) as hand:
            await watch(hand)
            await hand.press("b")
            assert isinstance(hand.app.screen, ReplayScreen)
            await hand.until("frame ")
            assert "recorded at 80x24" in hand.screen.text


async def test_a_stream_that_ended_is_said_so_on_its_terminal(tmp_path: Path) -> None:
    """By whom and why."""
    async with gateway(tmp_path) as house:
        shell = await at_work(house)
        async with at(house) as hand:
            await watch(hand)
            await house.of(BO).kill(shell.id, reason="enough")
            await hand.until("ended: killed by bo")
