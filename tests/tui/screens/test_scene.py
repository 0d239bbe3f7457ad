"""What a window's replay reads, and that it asks for nothing twice."""

from pathlib import Path

from jitui.policy.terms import Identity, Role
from tests.tui.screens.test_window import played, recorded


async def test_a_record_that_may_not_be_read_is_asked_for_once(tmp_path: Path) -> None:
    """Somebody who sees the queue and no recordings reads why; nothing is asked again until they go elsewhere."""
    async with recorded(tmp_path, Identity("bea", frozenset({Role.APPROVER}))) as house, played(house) as hand:
        await hand.press("g", *"0:12", "enter")
        assert "right" in hand.window.problem or "may" in hand.window.problem
        before = hand.house.line.counts["frames"]
        await hand.pilot.pause(0.4)
        assert hand.house.line.counts["frames"] == before
        assert hand.window.head.playing is False
