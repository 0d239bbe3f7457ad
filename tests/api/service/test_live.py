"""The newest frames of a live session, for its viewers."""

import pytest

from jitui.api.service import live
from jitui.recording.frame import Channel, Frame
from jitui.recording.masking.session import Shown
from jitui.recording.masking.spans import Span


def test_what_a_late_viewer_is_shown_first_is_cut_behind_the_masks() -> None:
    """The oldest frame loses its beginning, and what is masked in it moves with it."""
    frame = Frame(1, 0, 0, 0, Channel.STDOUT, b"a" * 10 + b"*" * 10 + b"b" * live.BEFORE)
    (found,) = live.newest([Shown(frame, (Span(10, 10, "token"),))])
    assert len(found.frame.body) == live.BEFORE
    assert found.spans == ()
    assert Shown(frame, (Span(2, 3, "key"), Span(10, 10, "token"))).without(15).spans == (Span(0, 5, "token", begun=True),)


@pytest.mark.parametrize(("channel", "sizes"), [
    (Channel.STDOUT, [live.BEFORE - 20, 20]), (Channel.RESPONSE_BODY, [20]),
])  # fmt: skip
def test_what_a_late_viewer_is_shown_first_has_a_bound_whatever_it_opens_to(channel: Channel, sizes: list[int]) -> None:
    """Compressed frames open to many times their size: each of them counts. At the edge only a stream of bytes is cut."""
    found = live.newest([Shown(Frame(1, seq, 0, 0, channel, b"a" * size)) for seq, size in enumerate([300_000, 300_000, 300_000, 20])])
    assert [(shown.frame.seq, len(shown.frame.body)) for shown in found] == list(zip(range(4 - len(sizes), 4), sizes, strict=True))
    small = [Shown(Frame(1, seq, 0, 0, channel, b"a" * (live.BEFORE // 4))) for seq in range(6)]
    assert live.newest(small) == small[2:]
    assert live.newest(small[:4]) == small[:4]
    assert live.newest([]) == []
