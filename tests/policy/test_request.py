"""A request's life: the table, its guards, and what a decision is bound to."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from jitui.policy.request import (
    AUTOMATIC,
    MOVES,
    REASON_LIMIT,
    Event,
    approve,
    ask,
    check_digest,
    deny,
    digest,
    disallow,
    lapse,
    move,
    withdraw,
)  # fmt: skip
from jitui.policy.scope import Scope, narrower
from jitui.policy.terms import Request, RequestState as State, Rule
from jitui.values.clock import ManualClock
from jitui.values.errors import ConflictError, InvalidError, JituiError, RefusedError
from jitui.values.instant import Deadline, rfc3339
from tests.policy.made import scopes
from tests.policy.world import NOW, request, rule


def asked(given_rule: Rule | None, **more: Any) -> Request:
    terms: dict[str, Any] = {
        "ident": 41, "identity": "agent-x", "connection": "prod", "duration_s": 600, "scope": None, "reason": "because", "now": NOW,
        "peer": "10.0.4.12", "token": "7f31", "same_user": False,
    }  # fmt: skip
    return ask(given_rule, **(terms | more))


def later(seconds: float) -> Any:
    clock = ManualClock()
    clock.advance(seconds)
    return clock.now()


@pytest.mark.parametrize(("state", "event", "after"), [
    (State.PENDING, Event.ASSENT, State.PENDING),
    (State.PENDING, Event.APPROVE, State.APPROVED),
    (State.PENDING, Event.DENY, State.DENIED),
    (State.PENDING, Event.WITHDRAW, State.WITHDRAWN),
    (State.PENDING, Event.LAPSE, State.LAPSED),
    (State.PENDING, Event.DISALLOW, State.DENIED),
])  # fmt: skip
def test_a_pending_request_moves_by_the_table(state: State, event: Event, after: State) -> None:
    """Section 9, row by row."""
    assert move(request(state=state), event) is after


def test_the_table_names_every_state_and_every_event_of_a_pending_request() -> None:
    assert set(MOVES) == set(State)
    assert set(MOVES[State.PENDING]) == set(Event)


@pytest.mark.parametrize("state", [State.APPROVED, State.DENIED, State.WITHDRAWN, State.LAPSED])
@pytest.mark.parametrize("event", Event)
def test_an_end_state_answers_with_state_who_and_when(state: State, event: Event) -> None:
    """Nothing moves any more, and the message says why."""
    ended = request(state=state, decided_by="ana", decided_us=NOW.wall_us, why="not now")
    with pytest.raises(ConflictError) as error:
        move(ended, event)
    assert f"r-41 was already {state} by ana at {rfc3339(NOW.wall_us)} (not now)" in str(error.value)


MOVERS: list[Callable[[Request], Request]] = [
    lambda one: approve(one, rule(), person="bo", now=NOW),
    lambda one: deny(one, person="bo", why="no", now=NOW),
    lambda one: disallow(one, why="lockdown", now=NOW),
    lambda one: withdraw(one, now=NOW),
    lambda one: lapse(one, now=later(4000)),
]


@pytest.mark.parametrize("mover", MOVERS)
@pytest.mark.parametrize("state", [State.APPROVED, State.DENIED, State.WITHDRAWN, State.LAPSED])
def test_no_function_moves_a_decided_request(state: State, mover: Callable[[Request], Request]) -> None:
    with pytest.raises(ConflictError, match=f"already {state} by ana"):
        mover(request(state=state, decided_by="ana", decided_us=NOW.wall_us))


# --- ask ---


def test_an_ask_within_the_rule_is_pending() -> None:
    """With the rule's scope, unless a narrower one was named, and the rule's time to wait."""
    one = asked(rule(pending_s=60), same_user=True)
    assert (one.state, one.scope, one.duration_s, one.same_user) == (State.PENDING, rule().scope, 600, True)
    assert one.pending_until == Deadline.after(NOW, 60_000_000)
    assert asked(rule(), scope=Scope.parse("get pods:x in web")).scope == Scope.parse("get pods:x in web")


@pytest.mark.parametrize(("given_rule", "more", "kind", "says"), [
    (None, {}, RefusedError, "no rule lets agent-x on prod"),
    (rule(), {"identity": "other"}, RefusedError, "no rule lets other on prod"),
    (rule(), {"connection": "staging"}, RefusedError, "no rule lets agent-x on staging"),
    (rule(), {"duration_s": 7200}, RefusedError, "window of 2h asked, rule for agent-x on prod allows 30m; ask with --duration 30m"),
    (rule(), {"duration_s": 1801}, RefusedError, "window of 30m1s asked"),
    (rule(), {"duration_s": 0}, InvalidError, "window of 0s asked"),
    (rule(), {"duration_s": -60}, InvalidError, "window of -60s asked"),
    (rule(), {"scope": Scope.parse("read pods in web; read pods in *")}, RefusedError,
     "scope read pods in * asked, rule for agent-x on prod allows read pods in web"),
    (rule(), {"reason": "x" * (REASON_LIMIT + 1)}, InvalidError, "2000 at most"),
])  # fmt: skip
def test_an_ask_beyond_the_rule_is_refused(given_rule: Rule | None, more: dict[str, Any], kind: type[JituiError], says: str) -> None:
    """With both values and what to ask instead."""
    with pytest.raises(kind) as error:
        asked(given_rule, **more)
    assert says in str(error.value)


def test_the_longest_window_may_be_asked() -> None:
    assert asked(rule(), duration_s=1800).duration_s == 1800


@pytest.mark.parametrize(("scope", "named", "state"), [
    ("read pods in web", {"READ"}, State.APPROVED),
    ("exec pods in web", {"READ"}, State.PENDING),
    ("exec pods in web", {"READ", "EXEC"}, State.APPROVED),
    ("exec pods in web", {"EXEC"}, State.PENDING),
    ("read pods in web; patch services in web", {"READ", "EXEC"}, State.PENDING),
    ("get secrets in web", {"READ", "CHANGE", "SPAWN", "ESCAPE"}, State.PENDING),
])  # fmt: skip
def test_an_automatic_rule_approves_the_hazards_it_names(scope: str, named: set[str], state: State) -> None:
    """READ unless more is named; it says that it was automatic; the rest waits for a person."""
    one = asked(rule(scope, automatic=True, automatic_for=frozenset(named)))
    assert one.state is state
    assert (one.decided_by, one.approvals) == ((AUTOMATIC, ()) if state is State.APPROVED else ("", ()))


@pytest.mark.parametrize(("scope", "state"), [
    ("patch configmaps in web", State.APPROVED),
    ("patch deployments.apps in web", State.APPROVED),
    ("patch configmaps in vault", State.PENDING),
    ("patch configmaps in kube-system", State.PENDING),
    ("patch configmaps in *", State.APPROVED),  # reaches neither
    ("patch services in web", State.PENDING),
    ("patch applications.argoproj.io in web", State.PENDING),
    ("create persistentvolumes", State.PENDING),
    ("patch namespaces:web", State.PENDING),
    ("create * in web", State.PENDING),
    ("delete clusterpolicies.kyverno.io", State.PENDING),
    ("get url:/metrics", State.PENDING),
    ("get nodes/stats", State.PENDING),
])  # fmt: skip
def test_without_a_person_pass_reads_and_what_a_person_takes_for_a_change(scope: str, state: State) -> None:
    """Where a rule names READ and CHANGE: nothing that starts code, leaves the window or shows more than everybody sees, as the rule guards it."""
    one = asked(rule(scope, automatic=True, automatic_for=frozenset({"READ", "CHANGE"}), guarded=("vault",)))
    assert one.state is state


def test_a_rule_that_wants_approval_never_approves_by_itself() -> None:
    assert asked(rule(automatic=False)).state is State.PENDING


# --- approve ---


def test_one_approval_is_enough_where_the_rule_wants_one() -> None:
    """It is on record with the terms that were agreed to."""
    one = approve(request(), rule(), person="ana", now=NOW, reason="ok")
    assert (one.state, one.decided_by, one.decided_us, one.why) == (State.APPROVED, "ana", NOW.wall_us, "ok")
    assert [(each.person, each.at_us, each.duration_s, each.scope, each.reason) for each in one.approvals] == [
        ("ana", NOW.wall_us, 1800, Scope.parse("read pods in web"), "ok")
    ]


def test_approvals_count_persons() -> None:
    """Pending until enough different ones said yes."""
    first = approve(request(), rule(approvals=2), person="ana", now=NOW)
    assert (first.state, first.decided_by) == (State.PENDING, "")
    with pytest.raises(ConflictError, match=r"ana already approved r-41 at .*; it needs another person"):
        approve(first, rule(approvals=2), person="ana", now=NOW)
    assert approve(first, rule(approvals=2), person="bo", now=NOW).state is State.APPROVED


def test_the_rule_as_it_is_now_says_how_many() -> None:
    """A reload in between may ask for more, or fewer."""
    first = approve(request(), rule(approvals=2), person="ana", now=NOW)
    assert approve(first, rule(approvals=3), person="bo", now=NOW).state is State.PENDING


def test_an_approval_may_tighten() -> None:
    one = approve(request(), rule(), person="ana", now=NOW, duration_s=300, scope=Scope.parse("get pods:x in web"))
    assert (one.duration_s, str(one.scope)) == (300, "get pods:x in web")


def test_a_second_approver_may_only_tighten_further() -> None:
    """The second can't widen the terms that the first agreed to."""
    first = approve(request(), rule(approvals=2), person="ana", now=NOW, duration_s=600, scope=Scope.parse("get pods in web"))
    for wider in ({"duration_s": 601}, {"scope": Scope.parse("read pods in web")}):
        with pytest.raises(RefusedError, match="r-41 stands at"):
            approve(first, rule(approvals=2), person="bo", now=NOW, **wider)
    second = approve(first, rule(approvals=2), person="bo", now=NOW, duration_s=60)
    assert (second.state, second.duration_s, str(second.scope)) == (State.APPROVED, 60, "get pods in web")


@pytest.mark.parametrize(("more", "given_rule", "kind", "says"), [
    ({"duration_s": 1801}, rule(duration_s=9999), RefusedError, "window of 30m1s given, r-41 stands at 30m; approve with --duration 30m"),
    ({"scope": Scope.parse("read * in web")}, rule("@view in *"), RefusedError, "scope read * in web given, r-41 stands at read pods in web"),
    ({}, rule(duration_s=900), RefusedError, "window of 30m given, the rule for agent-x now allows 15m; approve with --duration 15m"),
    ({}, rule("get pods in web"), RefusedError, "the rule for agent-x now allows get pods in web"),
    ({"duration_s": -1}, rule(), InvalidError, "window of -1s given"),
    ({}, None, RefusedError, "no rule lets agent-x on prod any more"),
    ({}, replace(rule(), identity="other"), RefusedError, "any more"),
])  # fmt: skip
def test_an_approval_stays_within_what_was_asked_and_the_rule_now(
    more: dict[str, Any], given_rule: Rule | None, kind: type[JituiError], says: str
) -> None:
    """Else it is refused, and says what would pass."""
    with pytest.raises(kind) as error:
        approve(request(), given_rule, person="ana", now=NOW, **more)
    assert says in str(error.value)


@given(scopes, scopes, st.integers(1, 4000))
def test_approving_never_widens(wanted: Scope, offered: Scope, duration_s: int) -> None:
    """Whatever terms an approver sends."""
    one = replace(request(), scope=wanted)
    try:
        done = approve(one, replace(rule(), scope=wanted), person="ana", now=NOW, scope=offered, duration_s=duration_s)
    except RefusedError:
        return
    assert narrower(done.scope, wanted)
    assert done.duration_s <= one.duration_s


@pytest.mark.parametrize("mover", [MOVERS[0], MOVERS[1], MOVERS[3]])
def test_after_its_time_nothing_but_lapsing_is_left(mover: Callable[[Request], Request]) -> None:
    """Also where nobody had ticked yet: the deadline decides, not the timer."""
    late = request(pending_until=Deadline.after(NOW, 0))
    with pytest.raises(ConflictError, match="r-41 lapsed at"):
        mover(late)
    assert lapse(late, now=NOW).state is State.LAPSED


def test_a_request_lapses_at_its_time_and_not_before() -> None:
    with pytest.raises(ConflictError, match="it has not lapsed"):
        lapse(request(), now=later(3599.9))
    one = lapse(request(), now=later(3600))
    assert (one.state, one.decided_by) == (State.LAPSED, "clock")


def test_a_denial_has_a_reason() -> None:
    """The agent is told it. One who approved may still deny."""
    with pytest.raises(InvalidError, match="no reason given"):
        deny(request(), person="ana", why=" ", now=NOW)
    half = approve(request(), rule(approvals=2), person="ana", now=NOW)
    one = deny(half, person="ana", why="changed my mind", now=NOW)
    assert (one.state, one.decided_by, one.why) == (State.DENIED, "ana", "changed my mind")


def test_the_gateway_denies_what_is_no_longer_allowed() -> None:
    one = disallow(request(), why="lockdown", now=NOW)
    assert (one.state, one.decided_by, one.why) == (State.DENIED, "gateway", "lockdown")


def test_the_requester_withdraws() -> None:
    one = withdraw(request(), now=NOW)
    assert (one.state, one.decided_by) == (State.WITHDRAWN, "agent-x")


# --- the digest ---


@pytest.mark.parametrize("change", [
    {"identity": "other"}, {"connection": "other"}, {"duration_s": 60}, {"scope": Scope.parse("read nodes")}, {"id": 42}, {"same_user": True},
])  # fmt: skip
def test_a_decision_is_bound_to_what_was_shown(change: dict[str, Any]) -> None:
    """Identity, terms, rule and approvals so far: any change is refused."""
    shown = digest(request(), rule())
    check_digest(request(), rule(), shown)
    with pytest.raises(ConflictError, match="changed since you saw it"):
        check_digest(replace(request(), **change), rule(), shown)


def test_a_decision_is_bound_to_the_rule_and_the_approvals() -> None:
    shown = digest(request(), rule(approvals=2))
    for one, other in ((request(), rule(approvals=1)), (approve(request(), rule(approvals=2), person="ana", now=NOW), rule(approvals=2))):
        with pytest.raises(ConflictError, match="changed since you saw it"):
            check_digest(one, other, shown)


def test_a_digest_that_is_not_one_is_refused() -> None:
    """Also if it is not ASCII."""
    with pytest.raises(ConflictError):
        check_digest(request(), rule(), "\N{LATIN SMALL LETTER E WITH ACUTE}")
