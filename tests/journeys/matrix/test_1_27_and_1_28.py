"""kubectl 1.27 and 1.28: they speak SPDY only (docs/protocol.md, 1.4)."""

import pytest

from tests.journeys.matrix.runs import Outcome

pytestmark = pytest.mark.cluster
VERSIONS = ("1.27", "1.28")
SPDY = False  # it speaks what it speaks by itself


def test_cell(outcome: Outcome) -> None:
    """Output, exit code and record of one cell are as the table says."""
    outcome.judge()


def test_the_record_verifies(problems: list[str]) -> None:
    """Of all cells, as it lies on disk: chains, signatures, nothing missing."""
    assert problems == []
