"""A request makes a noise once, and once more when it is about to lapse."""

from pathlib import Path

from jitui.tui.attention import Attention
from jitui.tui.feed import Seen
from tests.tui.gateway import Gateway, gateway


async def seen(house: Gateway) -> Seen:
    return Seen(await house.desk.hello(), await house.desk.status(), tuple(await house.desk.requests()))


async def test_once_a_request_and_again_at_80_percent_of_its_time(tmp_path: Path) -> None:
    """Bell and OSC 9; the title counts; nothing that the agent wrote is in them."""
    attention = Attention()
    async with gateway(tmp_path) as house:
        assert attention.look(await seen(house)) == ["\x1b]0;jitui\x07"]
        await house.ask_for(reason="\x07\x1b]0;evil\x07")
        assert attention.look(await seen(house)) == ["\x1b]0;(1) jitui\x07", "\x07", "\x1b]9;jitui: 1 request waits for a decision\x1b\\"]
        assert attention.look(await seen(house)) == []
        house.advance(0.8 * 3600)
        assert attention.look(await seen(house)) == ["\x07", "\x1b]9;jitui: 1 request waits for a decision\x1b\\"]
        assert attention.look(await seen(house)) == []
