"""The line of a recording."""

import pytest

from jitui.recording.timing import Playhead
from jitui.tui.reel import Mark
from jitui.tui.widgets.timeline import COLOURS, Timeline, draw, scale
from tests.tui.alone import Alone
from tests.tui.seeing import screenful

STARTED = "2026-11-23T16:04:11.000000Z"
MARKS = [Mark(0, "E"), Mark(10_000_000, "X")]


def head(at_us: float = 5_000_000, **more: float) -> Playhead:
    return Playhead([0, 10_000_000], at_us=at_us, index=1, speed=more.get("speed", 1.0), idle_us=int(more.get("idle_us", 1_000_000)))


def test_letters_stand_where_something_happened_and_the_knob_where_it_plays() -> None:
    """Before the knob the line is heavy; on a letter the knob is shown; a mark beyond the end stands at the end."""
    assert scale(head(), MARKS, 11).plain == "E━━━━●────X"
    assert scale(head(10_000_000), MARKS, 11).plain == "E━━━━━━━━━●"
    assert scale(head(), [Mark(99_000_000, "D")], 11).plain == "━━━━━●────D"
    assert scale(Playhead(), [], 11).plain == "●──────────"


def test_each_letter_has_its_colour() -> None:
    """A letter that is not known has that of plain text."""
    for letter, colour in [*COLOURS.items(), ("?", "$foreground")]:
        line = scale(head(), [Mark(0, letter)], 11)
        assert next(span.style for span in line.spans if span.start == 0) == f"bold {colour}"


@pytest.mark.parametrize("width", [20, 78, 198])
@pytest.mark.parametrize("started", [STARTED, "", "[bold]no time"])
def test_it_has_its_width_whatever_the_recording_says_of_its_start(width: int, started: str) -> None:
    """Without a time the ends are words."""
    line = draw(head(), MARKS, started, width)
    assert line.cell_length == width
    if width > 20:
        assert line.plain.count("●") == 1
        assert ("start" in line.plain, "end" in line.plain) == ((started != STARTED,) * 2)
        assert "0:05.0  1x  idle ≤ 1s" in line.plain


async def test_it_follows_speed_and_idle_limit_on_the_screen() -> None:
    """Of one that plays at twice the speed through its pauses."""
    line = Timeline()
    app = Alone(line)
    async with app.run_test(size=(80, 3)) as pilot:
        line.show(head(), MARKS, STARTED)
        await pilot.pause()
        assert screenful(app).lines[0].startswith(" ‖ ")
        playing = head(speed=2.0, idle_us=0)
        playing.playing = True
        line.show(playing, MARKS, STARTED)
        await pilot.pause()
        assert screenful(app).lines[0].startswith(" ▶ ")
        assert screenful(app).lines[0].endswith("0:05.0  2x  idle as it was ")
