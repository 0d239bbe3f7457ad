"""Numbers and times as the screens show them."""

import time

import pytest

from jitui.tui.figures import age_s, date, day, frozen, hour, left, many, plus_us, runs_on, short, since_start, size, stamp, zone
from jitui.values.clock import use_utc
from jitui.values.instant import named

AT = "2026-11-23T16:04:11.000000Z"


@pytest.mark.parametrize(("count", "shown"), [
    (-1, "0 B"), (9, "9 B"), (1023, "1023 B"), (12_288, "12 KB"), (1_258_291, "1.2 MB"), (81 << 30, "81 GB"), (5 << 40, "5.0 TB"),
])  # fmt: skip
def test_sizes_take_six_cells(count: float, shown: str) -> None:
    """With a decimal only below ten."""
    assert size(count) == shown


@pytest.mark.parametrize(("seconds", "shown"), [(-3, "0m00s"), (41.9, "0m41s"), (1048, "17m28s"), (7500, "2h05m"), (273_600, "3d04h")])
def test_a_countdown_rounds_down_and_never_goes_below_zero(seconds: float, shown: str) -> None:
    """A second that has begun is not promised."""
    assert left(seconds) == shown


def test_times_that_are_none_show_nothing() -> None:
    """An empty field of a view, or one that is no time."""
    assert age_s(AT, "") == age_s("soon", AT) == 0.0
    assert plus_us("", 5) == ""
    assert age_s(AT, plus_us(AT, 1_500_000)) == 1.5
    assert since_start(221_250_000) == "3:41.2"


def test_times_are_local_with_their_date(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the zone of TZ, which is named, or said by its offset."""
    monkeypatch.setenv("TZ", "CET-1")
    time.tzset()
    try:
        assert [form(AT) for form in (stamp, day, date, hour, short, zone)] == [
            "2026-11-23 17:04:11", "2026-11-23 17:04", "2026-11-23", "17:04:11", "23 Nov 17:04:11", "CET"]  # fmt: skip
        assert named(AT, fraction=True) == "2026-11-23 17:04:11.000 CET"
        monkeypatch.setenv("TZ", "<+0545>-5:45")
        time.tzset()
        assert named(AT) == "2026-11-23 21:49:11 +05:45"
        assert [named(""), named("soon"), stamp("soon")] == ["", "soon", ""]
        use_utc()
        assert named(AT) == "2026-11-23 16:04:11 UTC"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_words_for_counts() -> None:
    """One is singular, and nothing is said of nothing."""
    assert (many(1, "stream"), many(3, "stream")) == ("1 stream", "3 streams")
    assert (runs_on(0), runs_on(2), frozen("", 9), frozen("ana", 2048)) == ("", "2 may run on", "", "FROZEN by ana, 2.0 KB held")
