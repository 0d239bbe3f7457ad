"""Facts about grants."""

from jitui.recording.facts.fact import Fact, Kind
from jitui.recording.facts.grants import GrantEnded, GrantStarted
from jitui.values.instant import Deadline, Instant

WHAT = {"request": "r-3", "identity": "bot", "connection": "prod", "scope": "read pods", "duration_s": 60, "state": "waiting"}


def test_a_grant_has_a_deadline_or_waits_for_its_use() -> None:
    """One of the two is written; who reads gets None for the other."""
    until = Deadline(3, 2, "boot")
    fields = {"request": 3, "identity": "bot", "connection": "prod", "scope": "read pods", "duration_s": 60, "approved_by": ("ana",),
              "approved": Instant(1, 1, "boot")}
    for waits, state in ((True, "waiting"), (False, "active")):
        told = GrantStarted(**fields, state=state, use_by=until if waits else None, deadline=None if waits else until)  # type: ignore[arg-type]
        what = told.json()
        assert ("use_by" in what, "deadline" in what) == (waits, not waits)
        assert GrantStarted.of(Fact(1, 1, Kind.GRANT_STARTED, "ana", "g-1", what, b"")) == told


def test_a_grant_of_an_older_gateway_says_less() -> None:
    """Not when it was approved; and by whom in one text, or not at all."""
    for by, persons in ({"approved_by": "ana"}, ("ana",)), ({"approved_by": None}, ()), ({}, ()):
        told = GrantStarted.of(Fact(1, 1, Kind.GRANT_STARTED, "ana", "g-1", {**WHAT, **by}, b""))
        assert (told.request, told.approved, told.approved_by, told.started_us) == (3, None, persons, 0)


def test_the_end_after_a_crash_says_less() -> None:
    """A start that ends a window because its record is not whole writes its state and why."""
    assert GrantEnded(state="revoked", why="its record is not whole").json() == {"state": "revoked", "why": "its record is not whole"}
