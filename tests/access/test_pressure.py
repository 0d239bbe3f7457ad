"""Limits at work: what the log and the header say."""

from jitui.access.pressure import Pressure
from jitui.values.clock import ManualClock

Lines = list[dict[str, object]]


def pressure() -> tuple[Pressure, ManualClock, Lines]:
    clock, lines = ManualClock(), Lines()
    return Pressure(clock, lambda event, more: lines.append({"event": event, **more})), clock, lines


def test_one_line_a_minute_and_limit() -> None:
    """However many refusals there are; the next line says how many there were meanwhile."""
    held, clock, lines = pressure()
    for _ in range(10_000):
        held.at_work("requests_per_second", "bot", "bot makes more than 200 requests a second")
    held.at_work("strangers", "192.0.2.7", "too many")
    assert [(line["event"], line["limit"], line["who"], line["times"]) for line in lines] == [
        ("a limit is at work", "limits.requests_per_second", "bot", 1), ("a limit is at work", "limits.strangers", "192.0.2.7", 1)]
    clock.advance(59.9)
    held.at_work("requests_per_second", "bot", "again")
    assert len(lines) == 2
    clock.advance(0.2)
    held.at_work("requests_per_second", "bot", "again")
    assert (lines[2]["times"], lines[2]["words"]) == (10_001, "again")


def test_what_the_header_shows() -> None:
    """The newest first, whose most often first, and nothing a minute after the last refusal."""
    held, clock, _ = pressure()
    assert not held.now
    for who, times in (("a", 1), ("b", 3), ("c", 2), ("d", 1), ("e", 1)):
        for _ in range(times):
            held.at_work("streams_per_grant", who, f"{who} has 64 streams open")
    clock.advance(30)
    held.at_work("heads", "192.0.2.7", "too many bytes")
    assert [(one.limit, one.who, one.times) for one in held.now] == [("heads", "192.0.2.7", 1), ("streams_per_grant", "b, c, a, d and 1 others", 8)]
    clock.advance(40)
    assert [one.limit for one in held.now] == ["heads"]
    clock.advance(30)
    assert not held.now


def test_names_are_bounded() -> None:
    """Ten thousand addresses are not kept, and what is shown of them is plain text."""
    held, _, _ = pressure()
    for at in range(10_000):
        held.at_work("strangers", f"10.0.{at // 256}.{at % 256}", "no room")
    held.at_work("strangers", "\x1b[31mx", "no\nroom")
    (one,) = held.now
    assert (one.times, one.words) == (10_001, "no room")
    assert one.who == "10.0.0.0, 10.0.0.1, 10.0.0.2, 10.0.0.3 and 60 or more others"
