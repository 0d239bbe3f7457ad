"""kubectl 1.30 to 1.33: WebSocket by itself; port-forward over SPDY, and over the tunnel from 1.31 on (docs/protocol.md, 1.4).

In every run the first, as the tunnel is that of 1.34; under `make soak` each.
"""

import pytest

from tests.journeys.matrix.runs import Outcome
from tests.support.soak import SOAKING

pytestmark = pytest.mark.cluster
VERSIONS = ("1.30", "1.31", "1.32", "1.33") if SOAKING else ("1.30",)
SPDY = False  # it speaks what it speaks by itself


def test_cell(outcome: Outcome) -> None:
    """Output, exit code and record of one cell are as the table says."""
    outcome.judge()


def test_the_record_verifies(problems: list[str]) -> None:
    """Of all cells, as it lies on disk: chains, signatures, nothing missing."""
    assert problems == []
