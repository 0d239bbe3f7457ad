"""Watching an agent at work, and stopping it."""

import asyncio

from jitui.tui.screens.desk import DeskScreen
from jitui.tui.screens.live import LiveScreen
from jitui.tui.screens.replay import ReplayScreen
from tests.fakes.tui_desk import FakeDesk
from tests.tui.hand import Hand, at


def at_work() -> FakeDesk:
    """One window with a shell in it, and a call before."""
    desk = FakeDesk()
    grant = desk.open_window()
    shell = desk.open_session(grant.id)
    desk.act(grant.id, "get", "pods")
    desk.advance(1)
    desk.act(grant.id, "exec", "pods/exec", "web-7c", hazard="EXEC", code=101, session=shell.id, argv=("sh",))
    desk.frame(shell.id, "stdout", b"/ $ ", at_s=0.1)
    return desk


async def watch(hand: Hand) -> None:
    """From the desk to the terminal of the shell."""
    await hand.press("enter")
    await hand.settle()
    await hand.press("end", "enter")
    await drawn(hand, "/ $")


async def drawn(hand: Hand, words: str) -> None:
    """Until the words are on the screen."""
    async with asyncio.timeout(10):
        while words not in hand.screen.text:
            await hand.pilot.pause(0.05)


async def test_a_live_terminal_follows_what_the_program_prints() -> None:
    """Enter on a window, enter on its exec: bytes appear as they are recorded."""
    desk = at_work()
    async with at(desk) as hand:
        await watch(hand)
        desk.frame("s-204", "stdin", b"id\r", at_s=1.0)
        desk.frame("s-204", "stdout", b"id\r\nuid=0(root)\r\n\x1b]0;evil\x07/ $ ", at_s=1.1)
        await drawn(hand, "uid=0(root)")
        assert "evil" not in hand.screen.text
        assert "GET" in hand.screen.line("pods in web")


async def test_kill_takes_a_reason_and_says_what_it_did() -> None:
    """`k`, a line, enter; the window goes on, and the person is told what may run on in the pod."""
    desk = at_work()
    async with at(desk) as hand:
        await watch(hand)
        assert "k kill" in hand.screen.keys
        await hand.pilot.press("k", *"too long", "enter")
        await hand.settle()
        assert desk.calls == [("kill", "s-204", "too long")]
        assert "1 stream closed in 21 ms; 1 process may go on in web-7c" in hand.screen.text
        await hand.settle()
        assert "k kill" not in hand.screen.keys
        assert "x revoke" in hand.screen.keys


async def test_revoke_ends_the_window_and_its_keys() -> None:
    """After it, nothing that needs a live window is offered."""
    desk = at_work()
    async with at(desk) as hand:
        await hand.press("enter")
        await hand.pilot.press("x", "1", "enter")
        await hand.settle()
        assert desk.calls == [("revoke", "g-17", "not what was agreed")]
        await hand.settle()
        assert "x revoke" not in hand.screen.keys
        assert "revoked" in hand.screen.text


async def test_keys_for_streams_need_a_stream_and_the_right() -> None:
    """On a plain call there is nothing to kill; without `kill` in you_may neither."""
    desk = at_work()
    desk.open_session("g-17", ("cat",), target="web/other", you_may=("watch",))
    async with at(desk) as hand:
        await hand.press("enter")
        await hand.settle()
        await hand.press("home")
        assert "k kill" not in hand.screen.keys
        await hand.press("end")
        assert "enter open" in hand.screen.keys
        assert "k kill" not in hand.screen.keys
        await hand.press("up")
        assert "k kill" in hand.screen.keys


async def test_esc_goes_back_one_step_at_a_time() -> None:
    """From the terminal to the activity to the desk; 2 leads to the windows from anywhere."""
    desk = at_work()
    async with at(desk, (80, 24)) as hand:
        await watch(hand)
        await hand.press("escape")
        assert not hand.app.screen.has_class("-watching")
        await hand.press("escape", "escape")
        assert isinstance(hand.app.screen, DeskScreen)
        await hand.press("2")
        assert isinstance(hand.app.screen, LiveScreen)
        assert "windows (1)" in hand.screen.text


async def test_b_replays_the_stream_that_is_looked_at() -> None:
    """Back in time while it is live."""
    async with at(at_work()) as hand:
        await watch(hand)
        await hand.press("b")
        assert isinstance(hand.app.screen, ReplayScreen)
        await drawn(hand, "frame 0 of 1")
