"""Asking again."""

import pytest

from jitui.clusters.eks import retry
from jitui.clusters.eks.errors import AwsError, Fault
from jitui.clusters.eks.retry import jittered, retried


@pytest.mark.parametrize(("faults", "asked"), [
    ([], 1), ([Fault.THROTTLED], 2), ([Fault.THROTTLED] * 2, 3), ([Fault.THROTTLED] * 3, 3), ([Fault.DENIED], 1), ([Fault.THROTTLED, Fault.UNREACHABLE], 2),
])
async def test_only_what_a_moment_may_change(monkeypatch: pytest.MonkeyPatch, faults: list[Fault], asked: int) -> None:
    """Three times at most; anything but throttling is said at once."""
    monkeypatch.setattr(retry, "PAUSE_S", 0.01)
    count = 0

    async def ask() -> str:
        nonlocal count
        count += 1
        if count <= len(faults):
            raise AwsError("no", faults[count - 1])
        return "answer"

    if len(faults) < asked:
        assert await retried(ask) == "answer"
    else:
        with pytest.raises(AwsError, match="no"):
            await retried(ask)
    assert count == asked


def test_pauses_are_not_all_the_same() -> None:
    """Never shorter, up to a fifth longer."""
    found = {jittered(10.0) for _ in range(50)}
    assert 10.0 <= min(found) < max(found) <= 12.0
