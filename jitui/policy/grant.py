"""A grant's life cycle, from approval to its end.

The table is the whole truth: the broker moves grants by it, the screens enable keys by it, and ARCHITECTURE.md shows it.
A deadline is fixed when the window starts and never moves. `frozen` is a flag, not a state: the clock runs on.
"""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Final

from jitui.policy.terms import Grant, GrantState as State, Request, RequestState, Rule
from jitui.values.errors import ConflictError
from jitui.values.instant import Deadline, Instant, rfc3339


class Event(StrEnum):
    FIRST_ACTION = "first-action"  # the first allowed action; denials and cached discovery don't count
    USE_BY = "use-by"  # the clock: not used in time
    DEADLINE = "deadline"  # the clock
    REVOKE = "revoke"  # an approver, operator or admin
    RELEASE = "release"  # the grantee
    CANCEL = "cancel"  # the gateway: disabled, rule gone, lockdown, clock-went-back
    FREEZE = "freeze"  # an approver or operator
    THAW = "thaw"


MOVES: Final[Mapping[State, Mapping[Event, State]]] = {
    State.WAITING: {
        Event.FIRST_ACTION: State.ACTIVE,
        Event.USE_BY: State.EXPIRED,
        Event.REVOKE: State.REVOKED,
        Event.RELEASE: State.RELEASED,
        Event.CANCEL: State.REVOKED,
    },
    State.ACTIVE: {
        Event.DEADLINE: State.EXPIRED,
        Event.REVOKE: State.REVOKED,
        Event.RELEASE: State.RELEASED,
        Event.CANCEL: State.REVOKED,
        Event.FREEZE: State.ACTIVE,
        Event.THAW: State.ACTIVE,
    },
    State.EXPIRED: {},
    State.REVOKED: {},
    State.RELEASED: {},
}


def move(grant: Grant, event: Event) -> State:
    """The state after `event`. Raises ConflictError, naming state, who and when, if the grant has ended or can't move so."""
    try:
        return MOVES[grant.state][event]
    except KeyError:
        pass
    if grant.live:
        raise ConflictError(f"{grant.label} is {grant.state}, which {event} does not move; look at it again")
    why = f" ({grant.why})" if grant.why else ""
    raise ConflictError(f"{grant.label} was already {grant.state} by {grant.ended_by or 'the clock'} at {rfc3339(grant.ended_us)}{why}; nothing to {event}")


def start(request: Request, rule: Rule, *, ident: int, now: Instant) -> Grant:
    """The grant that an approved request becomes: active at once, or waiting for its first use. Raises ConflictError if not approved."""
    if request.state is not RequestState.APPROVED:
        raise ConflictError(f"r-{request.id} is {request.state}, not approved; no window starts from it")
    grant = Grant(
        ident, request.id, request.identity, request.connection, request.scope, request.duration_s, now,
        approved_by=tuple(approval.person for approval in request.approvals) or (request.decided_by,),
    )  # fmt: skip
    if rule.on_first_use:
        return replace(grant, state=State.WAITING, use_by=Deadline.after(now, rule.use_within_s * 1_000_000))
    return _begin(grant, now)


def activate(grant: Grant, now: Instant) -> Grant:
    """Starts the window at its first allowed action, and fixes its deadline. Raises ConflictError if it is too late, or if the grant is not waiting."""
    move(grant, Event.FIRST_ACTION)
    if due(grant, now) is not None:
        raise ConflictError(f"{grant.label} was not used within its time; ask for a new window")
    return _begin(grant, now)


def end(grant: Grant, event: Event, *, by: str, why: str, now: Instant) -> Grant:
    """The grant after an event that ends it. Raises ConflictError if it has ended, or if the clock says it is not time yet."""
    state = move(grant, event)
    if state in {State.ACTIVE, State.WAITING}:
        raise ConflictError(f"{event} does not end {grant.label}; revoke or release it")
    if event in {Event.DEADLINE, Event.USE_BY} and due(grant, now) is not event:
        raise ConflictError(f"{grant.label} has not reached its {event}; its window goes on")
    return replace(grant, state=state, ended_us=now.wall_us, ended_by=by, why=why, frozen_by="")


def freeze(grant: Grant, *, by: str) -> Grant:
    """The grant, frozen: nothing passes until the thaw, and the clock runs on. Raises ConflictError if it is not active, or frozen already."""
    move(grant, Event.FREEZE)
    if grant.frozen_by:
        raise ConflictError(f"{grant.label} was already frozen by {grant.frozen_by}; thaw or revoke it")
    return replace(grant, frozen_by=by)


def thaw(grant: Grant) -> Grant:
    move(grant, Event.THAW)
    if not grant.frozen_by:
        raise ConflictError(f"{grant.label} is not frozen; nothing to thaw")
    return replace(grant, frozen_by="")


def due(grant: Grant, now: Instant) -> Event | None:
    """DEADLINE or USE_BY once that time has passed at `now`, else None. A live grant that lacks its time is due as well: it fails closed."""
    if grant.state is State.ACTIVE and (grant.deadline is None or grant.deadline.passed(now)):
        return Event.DEADLINE
    if grant.state is State.WAITING and (grant.use_by is None or grant.use_by.passed(now)):
        return Event.USE_BY
    return None


def _begin(grant: Grant, now: Instant) -> Grant:
    return replace(grant, state=State.ACTIVE, deadline=Deadline.after(now, grant.duration_s * 1_000_000), started_us=now.wall_us)
