"""kubectl 1.27 to 1.29: they speak SPDY only (docs/protocol.md, 1.4). In every run the oldest, under `make soak` each."""

import pytest

from tests.journeys.matrix.runs import Outcome
from tests.support.kubectls import SPDY as SPDY_ONLY
from tests.support.soak import SOAKING

pytestmark = pytest.mark.cluster
VERSIONS = SPDY_ONLY if SOAKING else SPDY_ONLY[:1]
SPDY = False  # it speaks what it speaks by itself


def test_cell(outcome: Outcome) -> None:
    """Output, exit code and record of one cell are as the table says."""
    outcome.judge()


def test_the_record_verifies(problems: list[str]) -> None:
    """Of all cells, as it lies on disk: chains, signatures, nothing missing."""
    assert problems == []
