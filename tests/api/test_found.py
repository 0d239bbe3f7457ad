"""Views out of the index."""

import pytest

from jitui.api.found import KeyframeView
from jitui.recording.keyframe import Keyframe


def test_a_keyframe_is_the_same_on_the_other_side() -> None:
    """And no keyframe is none."""
    keyframe = Keyframe(7, 1_000_000, 80, 24, newline=False, clean=True, tail=b"\x1b", state=b"\x00state")
    assert KeyframeView.of(keyframe).keyframe() == keyframe
    assert KeyframeView.of(None).keyframe() is None


def test_a_damaged_one_is_an_error() -> None:
    """A gateway may say anything."""
    with pytest.raises(ValueError, match="keyframe"):
        KeyframeView(seq=1, columns=9999, lines=1).keyframe()
