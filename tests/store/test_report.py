"""Reading for a report; tests/api/service/test_report.py looks at whole ones."""

import pytest

from jitui.store.report import Decisions, asked
from jitui.values.errors import InvalidError


def test_the_time_of_a_report() -> None:
    """From so long ago until so long ago, the newest moment included."""
    assert asked(10_000_000, 5, 0, "", "")[:2] == (5_000_000, 10_000_001)
    assert asked(10_000_000, 5, 2, "a", "c") == (5_000_000, 8_000_001, "a", "c")
    with pytest.raises(InvalidError, match="ends after it begins"):
        asked(10_000_000, 5, 5, "", "")


def test_the_median_of_nothing_is_none() -> None:
    """As is that of somebody who said nothing in that time."""
    assert Decisions("ana", 0, 0, 0, (), ()).median_s == -1
    assert Decisions("ana", 3, 0, 0, (1_000_000, 9_000_000, 2_000_000), (3, 2, 1)).median_s == 2
