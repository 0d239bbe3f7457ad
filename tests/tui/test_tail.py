"""The end of a recording, from its last frames."""

from jitui.tui.tail import LOOKS, drawn, last_frames
from tests.fakes.desk import session_view
from tests.tui.widgets.test_transcript import Tape


async def test_as_many_as_fill_a_screen() -> None:
    """A few long frames, or more short ones, up to the newest; all of a short recording."""
    for body, size, count in ((b"x" * 8000, 1000, LOOKS[0]), (b"x", 1000, LOOKS[1]), (b"x", 5, 5)):
        frames = await last_frames(Tape([body] * size), session_view("s-1", frames=size), unmask=False)
        assert [frame.seq for frame in frames] == list(range(size - count, size))


async def test_they_are_drawn_on_a_terminal_of_that_size() -> None:
    """And of a session without a terminal each line begins at the left."""
    frames = await last_frames(Tape([b"one\ntwo\n", b"three"]), session_view("s-1", frames=2), unmask=False)
    emulator = drawn(session_view("s-1", tty=False), frames, (30, 4))
    assert (emulator.columns, emulator.lines, emulator.text()[:3]) == (30, 4, ["one", "two", "three"])
