"""Views out of the index."""

import pytest

from jitui.api.found import HitView, KeyframeView
from jitui.policy.streams import EXEC, PROBE
from jitui.recording.keyframe import Keyframe
from jitui.values.said import Said


def test_a_keyframe_is_the_same_on_the_other_side() -> None:
    """And no keyframe is none."""
    keyframe = Keyframe(7, 1_000_000, 80, 24, newline=False, clean=True, tail=b"\x1b", state=b"\x00state")
    assert KeyframeView.of(keyframe).keyframe() == keyframe
    assert KeyframeView.of(None).keyframe() is None


def test_a_damaged_one_is_an_error() -> None:
    """A gateway may say anything."""
    with pytest.raises(ValueError, match="keyframe"):
        KeyframeView(seq=1, columns=9999, lines=1).keyframe()


def test_a_look_of_the_gateway_is_not_told_as_the_agents() -> None:
    """It is in a session of the agent's window."""
    for kind, by in ((EXEC.session, "agent-a"), (PROBE, "gateway")):
        hit = HitView(at="", session="s-1", started="", conn=0, seq=0, where="argv", identity="agent-a", connection="prod", grant="g-1", kind=kind,
                      target=Said("web/web"), line=Said("create pods/exec web/web sh"), place=0)  # fmt: skip
        assert hit.by == by
