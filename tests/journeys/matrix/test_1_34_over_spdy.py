"""kubectl 1.34 told to speak SPDY."""

import pytest

from tests.journeys.matrix.runs import Outcome

pytestmark = pytest.mark.cluster
VERSIONS = ("1.34",)
SPDY = True


def test_cell(outcome: Outcome) -> None:
    """What was printed, the exit code, and what is on record."""
    outcome.judge()
