"""Links to a moment: every form, from where a time of day counts, and the way back."""

import time

import pytest

from jitui.values.errors import InvalidError
from jitui.values.instant import from_rfc3339, rfc3339
from jitui.values.link import Link, full, link, typed_us, wall_us

STARTED = from_rfc3339("2026-11-23T15:04:11.250000Z")


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> None:
    """People read times here."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()


@pytest.mark.parametrize(("text", "ident", "at"), [
    ("s-204@16:07:52", "s-204", "15:07:52.000"), ("204@16:07", "204", "15:07:00.000"), ("s-204@16:04:11", "s-204", "15:04:11.000"),
    ("g-17@2026-11-23T16:07:52.5Z", "g-17", "16:07:52.500"), ("g-17@2026-11-23 16:07:52", "g-17", "15:07:52.000"), ("s-1@15:07:52Z", "s-1", "15:07:52.000"),
    ("a@b/shell.jitui@+3:41", "a@b/shell.jitui", "15:07:52.250"), ("s-1@+0.5", "s-1", "15:04:11.750"), ("s-1@+1:00:00", "s-1", "16:04:11.250"),
    ("s-204", "s-204", "15:04:11.250"),
])  # fmt: skip
def test_forms(text: str, ident: str, at: str) -> None:
    """A time of day, one with its date and with a zone, and a time since the beginning."""
    found = Link.parse(text)
    assert (found.ident, rfc3339(found.wall_us(STARTED))) == (ident, f"2026-11-23T{at}000Z")
    assert str(found) == text


def test_a_time_of_day_is_the_first_since_the_beginning() -> None:
    """One that has passed when a session began is that of the next day; a second before the beginning is the beginning, whose fraction nobody writes."""
    assert rfc3339(wall_us("09:00", STARTED)) == "2026-11-24T08:00:00.000000Z"
    assert rfc3339(wall_us("16:04:10", STARTED)) == "2026-11-24T15:04:10.000000Z"


@pytest.mark.parametrize("text", ["mail@example.org", "@16:07", "s-1@", "s-1@noon", "bot@prod", "s-1@16:07:52x", "s-1@٣:٤١"])
def test_what_is_no_link_names_the_whole(text: str) -> None:
    """No name is cut at an `@` that stands before no time."""
    assert Link.parse(text) == Link(text)


@pytest.mark.parametrize("at", ["25:00", "2026-13-01T10:00", "16:61:00", "", "soon", "+", "9" * 5000, "2026-11-23T16:07+99:99", "٣:٤١"])
def test_a_time_that_is_none_says_which_are(at: str) -> None:
    """An error, whatever is written."""
    with pytest.raises(InvalidError, match="is no moment: write a time as 16:07:52"):
        wall_us(at, STARTED)


@pytest.mark.parametrize(("after_us", "short"), [
    (0, "s-204@16:04:11.250"), (221_000_000, "s-204@16:07:52.250"), (221_000_001, "s-204@16:07:52.251"), (749_999, "s-204@16:04:12"),
    (86_400_000_000 * 2, "s-204@2026-11-25T15:04:11.250000Z"),
])  # fmt: skip
def test_written_links_lead_back(after_us: int, short: str) -> None:
    """To the millisecond behind the moment, never before it; with its date where the time of day has come twice."""
    written = link("s-204", STARTED + after_us, STARTED)
    assert written == short
    assert 0 <= Link.parse(written).wall_us(STARTED) - STARTED - after_us < 1000
    assert Link.parse(full("s-204", STARTED + after_us)).wall_us(0) == STARTED + after_us


def test_what_is_typed_on_a_screen() -> None:
    """Seconds, and minutes and seconds, count from the beginning; anything else is as in a link."""
    began = 1_795_449_600_000_000
    for typed, linked in ((" 3:41 ", "+3:41"), ("9.5", "+9.5"), ("+12", "+12"), ("2026-11-24T16:07:52Z", "2026-11-24T16:07:52Z")):
        assert typed_us(typed, began) == wall_us(linked, began)
    with pytest.raises(InvalidError):
        typed_us("noon", began)
