"""A grant's life: the table, the deadline that never moves, and the flag that is no state."""

from dataclasses import replace
from itertools import product

import pytest

from jitui.policy.grant import MOVES, Event, activate, due, end, freeze, move, start, thaw
from jitui.policy.request import approve
from jitui.policy.terms import GrantState as State, RequestState
from jitui.values.clock import ManualClock
from jitui.values.errors import ConflictError
from jitui.values.instant import Deadline, rfc3339
from tests.policy.world import NOW, grant, request, rule

ROWS = {
    (State.WAITING, Event.FIRST_ACTION): State.ACTIVE,
    (State.WAITING, Event.USE_BY): State.EXPIRED,
    (State.ACTIVE, Event.DEADLINE): State.EXPIRED,
    (State.WAITING, Event.REVOKE): State.REVOKED,
    (State.ACTIVE, Event.REVOKE): State.REVOKED,
    (State.WAITING, Event.RELEASE): State.RELEASED,
    (State.ACTIVE, Event.RELEASE): State.RELEASED,
    (State.WAITING, Event.CANCEL): State.REVOKED,
    (State.ACTIVE, Event.CANCEL): State.REVOKED,
    (State.ACTIVE, Event.FREEZE): State.ACTIVE,
    (State.ACTIVE, Event.THAW): State.ACTIVE,
}


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
def test_a_grant_moves_by_the_table_and_by_nothing_else(state: State, event: Event) -> None:
    """Section 9, every pair of state and event."""
    one = grant(state=state, ended_by="ana", ended_us=NOW.wall_us)
    if (state, event) in ROWS:
        assert move(one, event) is ROWS[state, event]
    else:
        with pytest.raises(ConflictError):
            move(one, event)


def test_the_table_names_every_state() -> None:
    assert set(MOVES) == set(State)


@pytest.mark.parametrize(("state", "event"), list(product([State.EXPIRED, State.REVOKED, State.RELEASED], Event)))
def test_an_end_state_answers_with_state_who_and_when(state: State, event: Event) -> None:
    """And why, if somebody said."""
    ended = grant(state=state, ended_by="ana", ended_us=NOW.wall_us, why="enough")
    with pytest.raises(ConflictError) as error:
        move(ended, event)
    assert f"g-7 was already {state} by ana at {rfc3339(NOW.wall_us)} (enough); nothing to {event}" in str(error.value)


def clock() -> ManualClock:
    return ManualClock()


def test_an_approved_request_becomes_an_active_grant() -> None:
    """Its terms are the agreed ones, its deadline is now and the duration."""
    agreed = approve(request(), rule(), person="ana", now=NOW, duration_s=600)
    one = start(agreed, rule(), ident=7, now=NOW)
    assert (one.state, one.deadline, one.use_by, one.started_us) == (State.ACTIVE, Deadline.after(NOW, 600_000_000), None, NOW.wall_us)
    assert (one.id, one.request, one.identity, one.connection, one.scope, one.duration_s) == (7, 41, "agent-x", "prod", agreed.scope, 600)
    assert one.approved_by == ("ana",)


def test_an_automatic_approval_says_so() -> None:
    """Never silent."""
    assert start(request(state=RequestState.APPROVED, decided_by="automatic"), rule(), ident=7, now=NOW).approved_by == ("automatic",)


def test_a_rule_that_starts_on_first_use_makes_it_wait() -> None:
    """It has a time within which it must be used, and no deadline yet."""
    one = start(request(state=RequestState.APPROVED, decided_by="ana"), rule(on_first_use=True, use_within_s=90), ident=7, now=NOW)
    assert (one.state, one.deadline, one.use_by, one.started_us) == (State.WAITING, None, Deadline.after(NOW, 90_000_000), 0)


@pytest.mark.parametrize("state", [state for state in RequestState if state is not RequestState.APPROVED])
def test_no_window_starts_from_what_was_not_approved(state: RequestState) -> None:
    with pytest.raises(ConflictError, match=f"r-41 is {state}, not approved"):
        start(request(state=state), rule(), ident=7, now=NOW)


def test_the_first_action_fixes_the_deadline() -> None:
    """From then on it never moves: there is no second first action."""
    time = clock()
    one = grant(state=State.WAITING, deadline=None, use_by=Deadline.after(time.now(), 900_000_000))
    time.advance(100)
    active = activate(one, time.now())
    assert (active.state, active.deadline, active.started_us) == (State.ACTIVE, Deadline.after(time.now(), 1_800_000_000), time.now().wall_us)
    with pytest.raises(ConflictError, match="g-7 is active, which first-action does not move"):
        activate(active, time.now())


def test_a_grant_that_was_not_used_in_time_does_not_start() -> None:
    """Even if the clock's event has not been handled yet."""
    one = grant(state=State.WAITING, deadline=None, use_by=Deadline.after(NOW, 0))
    with pytest.raises(ConflictError, match="not used within its time"):
        activate(one, NOW)


@pytest.mark.parametrize(("state", "left_us", "event"), [
    (State.ACTIVE, 1, None), (State.ACTIVE, 0, Event.DEADLINE), (State.ACTIVE, -1, Event.DEADLINE), (State.WAITING, 1, None),
    (State.WAITING, 0, Event.USE_BY), (State.EXPIRED, -1, None), (State.REVOKED, -1, None), (State.RELEASED, -1, None),
])  # fmt: skip
def test_the_clock_says_what_is_due(state: State, left_us: int, event: Event | None) -> None:
    """At the microsecond, not after it."""
    when = Deadline.after(NOW, left_us)
    assert due(grant(state=state, deadline=when, use_by=when), NOW) is event


def test_a_live_grant_without_its_clock_is_due() -> None:
    """It fails closed."""
    assert due(grant(deadline=None), NOW) is Event.DEADLINE
    assert due(grant(state=State.WAITING, deadline=None, use_by=None), NOW) is Event.USE_BY


def test_the_boot_clock_decides_within_a_boot_and_the_wall_clock_after_one() -> None:
    """Setting the wall clock back opens nothing; a reboot ends what the wall clock has passed."""
    time = clock()
    one = grant(deadline=Deadline.after(time.now(), 60_000_000))
    time.set_wall(-3600)
    time.advance(59)
    assert due(one, time.now()) is None
    time.advance(1)
    assert due(one, time.now()) is Event.DEADLINE
    rebooted = clock()
    rebooted.reboot("boot-2", off_seconds=61)
    assert due(one, rebooted.now()) is Event.DEADLINE


@pytest.mark.parametrize(("event", "state"), [(Event.REVOKE, State.REVOKED), (Event.RELEASE, State.RELEASED), (Event.CANCEL, State.REVOKED)])
@pytest.mark.parametrize("live", [State.WAITING, State.ACTIVE])
def test_an_end_says_who_when_and_why(live: State, event: Event, state: State) -> None:
    """And nothing is frozen any more."""
    one = end(grant(state=live, use_by=Deadline.after(NOW, 1), frozen_by="bo"), event, by="ana", why="enough", now=NOW)
    assert (one.state, one.ended_by, one.ended_us, one.why, one.frozen_by) == (state, "ana", NOW.wall_us, "enough", "")
    with pytest.raises(ConflictError, match="already"):
        end(one, event, by="bo", why="", now=NOW)


def test_the_clock_ends_a_grant_at_its_time_and_not_before() -> None:
    time = clock()
    one = grant(deadline=Deadline.after(time.now(), 1_000_000))
    with pytest.raises(ConflictError, match="has not reached its deadline"):
        end(one, Event.DEADLINE, by="clock", why="expired", now=time.now())
    time.advance(1)
    assert end(one, Event.DEADLINE, by="clock", why="expired", now=time.now()).state is State.EXPIRED
    waiting = grant(state=State.WAITING, deadline=None, use_by=Deadline.after(time.now(), 0))
    assert end(waiting, Event.USE_BY, by="clock", why="unused", now=time.now()).state is State.EXPIRED


@pytest.mark.parametrize("event", [Event.FREEZE, Event.THAW])
def test_what_does_not_end_a_grant_ends_none(event: Event) -> None:
    with pytest.raises(ConflictError, match="does not end g-7"):
        end(grant(), event, by="ana", why="", now=NOW)


def test_freezing_is_a_flag_and_the_clock_runs_on() -> None:
    """Frozen once, by somebody; thawed once; the deadline stays."""
    one = freeze(grant(), by="ana")
    assert (one.state, one.frozen_by, one.deadline) == (State.ACTIVE, "ana", grant().deadline)
    with pytest.raises(ConflictError, match="already frozen by ana"):
        freeze(one, by="bo")
    assert thaw(one) == grant()
    with pytest.raises(ConflictError, match="not frozen"):
        thaw(grant())
    assert due(replace(one, deadline=Deadline.after(NOW, 0)), NOW) is Event.DEADLINE


def test_only_an_active_grant_freezes() -> None:
    for state in (State.WAITING, State.REVOKED):
        with pytest.raises(ConflictError):
            freeze(grant(state=state, ended_by="ana"), by="ana")
