"""A request makes a noise once, and once more when it is about to lapse."""

import asyncio

from jitui.tui.attention import Attention
from jitui.tui.feed import Seen
from tests.fakes.tui_desk import FakeDesk


def seen(desk: FakeDesk) -> Seen:
    async def look() -> Seen:
        return Seen(await desk.hello(), await desk.status(), tuple(await desk.requests()))

    return asyncio.run(look())


def test_once_a_request_and_again_at_80_percent_of_its_time() -> None:
    """Bell and OSC 9; the title counts; nothing that the agent wrote is in them."""
    desk, attention = FakeDesk(), Attention()
    assert attention.look(seen(desk)) == ["\x1b]0;jitui\x07"]
    desk.ask_for("agent", reason="\x07\x1b]0;evil\x07")
    assert attention.look(seen(desk)) == ["\x1b]0;(1) jitui\x07", "\x07", "\x1b]9;jitui: 1 request waits for a decision\x1b\\"]
    assert attention.look(seen(desk)) == []
    desk.advance(0.8 * 3600)
    assert attention.look(seen(desk)) == ["\x07", "\x1b]9;jitui: 1 request waits for a decision\x1b\\"]
    assert attention.look(seen(desk)) == []
