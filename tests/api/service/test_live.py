"""The newest frames of a live session, for its viewers."""

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
