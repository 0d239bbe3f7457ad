"""A request's life cycle, from its creation to the decision.

The table is the whole truth: the broker moves requests by it, the screens enable keys by it, and ARCHITECTURE.md shows it.
Approving only ever tightens: below what was asked, below the rule as it is now, below what the approver before agreed to.
"""

import json
from collections.abc import Container, Mapping
from dataclasses import replace
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from jitui.policy.hazard import scope_hazards
from jitui.policy.persons import ALONE, Persons
from jitui.policy.scope import Scope, wider_clause
from jitui.policy.terms import Approval, Request, RequestState as State, Rule
from jitui.values import span
from jitui.values.errors import ConflictError, InvalidError, RefusedError
from jitui.values.instant import Deadline, Instant, rfc3339

AUTOMATIC: Final = "automatic"  # stands for the person in `decided_by` where the rule decided
CLOCK: Final = "clock"
REASON_LIMIT: Final = 2000  # characters


class Event(StrEnum):
    ASSENT = "assent"  # an approver's yes, more are needed
    APPROVE = "approve"  # the last yes that is needed; with it comes the grant, in one commit
    DENY = "deny"  # any approver, also one who approved
    WITHDRAW = "withdraw"  # the requester
    LAPSE = "lapse"  # the clock
    DISALLOW = "disallow"  # the gateway: reload, identity disabled, lockdown


MOVES: Final[Mapping[State, Mapping[Event, State]]] = {
    State.PENDING: {
        Event.ASSENT: State.PENDING,
        Event.APPROVE: State.APPROVED,
        Event.DENY: State.DENIED,
        Event.WITHDRAW: State.WITHDRAWN,
        Event.LAPSE: State.LAPSED,
        Event.DISALLOW: State.DENIED,
    },
    State.APPROVED: {},
    State.DENIED: {},
    State.WITHDRAWN: {},
    State.LAPSED: {},
}


def move(request: Request, event: Event) -> State:
    """The state after `event`. Raises ConflictError, naming state, who and when, if the request is decided."""
    try:
        return MOVES[request.state][event]
    except KeyError:
        why = f" ({request.why})" if request.why else ""
        raise ConflictError(
            f"r-{request.id} was already {request.state} by {request.decided_by} at {rfc3339(request.decided_us)}{why}; nothing to {event}"
        ) from None


def check_ask(rule: Rule | None, *, identity: str, connection: str, duration_s: int, scope: Scope | None, reason: str = "") -> Scope:
    """The scope of a request: the given one, or the rule's. Raises RefusedError if the rule does not allow it, InvalidError for a malformed request."""
    if rule is None or (rule.identity, rule.connection) != (identity, connection):
        raise RefusedError(f"no rule lets {identity} on {connection}; an admin adds one under rules: in the configuration")
    if duration_s <= 0:
        raise InvalidError(f"window of {duration_s}s asked; ask for a time, for instance --duration {span.show(rule.duration_s)}")
    if len(reason) > REASON_LIMIT:
        raise InvalidError(f"reason of {len(reason)} characters, {REASON_LIMIT} at most; shorten it")
    if duration_s > rule.duration_s:
        raise RefusedError(
            f"window of {span.show(duration_s)} asked, rule for {identity} on {connection} allows {span.show(rule.duration_s)}; "
            f"ask with --duration {span.show(rule.duration_s)}"
        )
    if scope is None:
        return rule.scope
    if (clause := wider_clause(scope, rule.scope, rule.guarded)) is not None:
        raise RefusedError(f"scope {clause} asked, rule for {identity} on {connection} allows {rule.scope}; ask within it, or leave --scope out")
    return scope


def ask(
    rule: Rule | None, *, ident: int, identity: str, connection: str, duration_s: int, scope: Scope | None, reason: str, now: Instant,
    peer: str, token: str, same_user: bool,
) -> Request:  # fmt: skip
    """A new request: pending, or approved at once where the rule is automatic for every hazard in it (`decided_by` is then "automatic")."""
    wanted = check_ask(rule, identity=identity, connection=connection, duration_s=duration_s, scope=scope, reason=reason)
    assert rule is not None  # check_ask refused otherwise
    request = Request(
        ident, identity, connection, duration_s, wanted, reason, now, Deadline.after(now, rule.pending_s * 1_000_000),
        peer=peer, token=token, same_user=same_user,
    )  # fmt: skip
    if rule.automatic and scope_hazards(wanted, rule.guarded) <= rule.automatic_for:
        return _settle(request, State.APPROVED, AUTOMATIC, "", now)
    return request


def approve(
    request: Request, rule: Rule | None, *, person: str, now: Instant, duration_s: int = 0, scope: Scope | None = None, reason: str = "",
    persons: Persons = ALONE, void: Container[str] = (),
) -> Request:  # fmt: skip
    """The request with one more approval; approved once there are enough. Duration and scope become the tightest that any approver agreed to.

    Names that are one person, by `persons`, count as one approval; earlier approvals of persons in `void`, who have lost the right, are dropped.
    Without a duration or a scope those of the request stand. Raises ConflictError (decided, lapsed, this person has approved already) or
    RefusedError (wider than the request, or than the rule is now).
    """
    _in_time(request, Event.APPROVE, now)
    if rule is None or (rule.identity, rule.connection) != (request.identity, request.connection):
        raise RefusedError(f"no rule lets {request.identity} on {request.connection} any more; deny r-{request.id}")
    standing = tuple(earlier for earlier in request.approvals if earlier.person not in void)
    for earlier in standing:
        if earlier.person == person:
            raise ConflictError(f"{person} already approved r-{request.id} at {rfc3339(earlier.at_us)}; it needs another person")
        if why := persons.shared(person, earlier.person):
            raise RefusedError(f"{earlier.person} already approved r-{request.id}, and {person} counts as the same person: {why}; it needs another")
    agreed_s, agreed = duration_s or request.duration_s, scope or request.scope
    _tighter(request, rule, agreed_s, agreed)
    approvals = (*standing, Approval(person, now.wall_us, agreed_s, agreed, reason))
    event = Event.APPROVE if persons.count(each.person for each in approvals) >= rule.approvals else Event.ASSENT
    state = move(request, event)
    request = replace(request, approvals=approvals, duration_s=agreed_s, scope=agreed)
    return _settle(request, state, person, reason, now) if state is State.APPROVED else request


def deny(request: Request, *, person: str, why: str, now: Instant) -> Request:
    """The request, denied by a person, with a reason for the agent."""
    _in_time(request, Event.DENY, now)
    if not why.strip():
        raise InvalidError(f"no reason given for denying r-{request.id}; the agent is told it: --reason TEXT")
    return _settle(request, move(request, Event.DENY), person, why, now)


def disallow(request: Request, *, why: str, now: Instant) -> Request:
    """The request, denied by the gateway: its rule is gone, its identity is disabled, or there is a lockdown."""
    return _settle(request, move(request, Event.DISALLOW), "gateway", why, now)


def withdraw(request: Request, *, now: Instant) -> Request:
    _in_time(request, Event.WITHDRAW, now)
    return _settle(request, move(request, Event.WITHDRAW), request.identity, "", now)


def lapse(request: Request, *, now: Instant) -> Request:
    """The request, lapsed because nobody decided in time. Raises ConflictError before that time."""
    state = move(request, Event.LAPSE)
    if not request.pending_until.passed(now):
        raise ConflictError(f"r-{request.id} waits until {rfc3339(request.pending_until.wall_us)}; it has not lapsed")
    return _settle(request, state, CLOCK, "", now)


def digest(request: Request, rule: Rule) -> str:
    """The digest that binds an approver's decision to identity, terms, the rule as it is, and the approvals so far. 32 hex digits."""
    shown = [
        request.id, request.identity, request.connection, request.duration_s, str(request.scope), request.same_user, rule.version,
        [(each.person, each.at_us, each.duration_s, str(each.scope)) for each in request.approvals],
    ]  # fmt: skip
    return sha256(json.dumps(shown, separators=(",", ":")).encode("ascii")).hexdigest()[:32]


def check_digest(request: Request, rule: Rule, given: str) -> None:
    """Raises ConflictError if the request or its rule changed since the approver saw it (`given` is the digest that was shown)."""
    if not compare_digest(digest(request, rule).encode(), given.encode()):
        raise ConflictError(f"r-{request.id} changed since you saw it; look again and decide on what stands")


def _in_time(request: Request, event: Event, now: Instant) -> None:
    move(request, event)
    if request.pending_until.passed(now):
        raise ConflictError(f"r-{request.id} lapsed at {rfc3339(request.pending_until.wall_us)}; the agent asks again")


def _tighter(request: Request, rule: Rule, duration_s: int, scope: Scope) -> None:
    """Raises RefusedError unless the terms lie within the request, the approvals so far, and the rule as it is now."""
    if duration_s < 0:
        raise InvalidError(f"window of {duration_s}s given; give a time, for instance --duration {span.show(request.duration_s)}")
    for allowed, whose in ((request.duration_s, f"r-{request.id} stands at"), (rule.duration_s, f"the rule for {rule.identity} now allows")):
        if duration_s > allowed:
            raise RefusedError(f"window of {span.show(duration_s)} given, {whose} {span.show(allowed)}; approve with --duration {span.show(allowed)}")
    for outer, whose in ((request.scope, f"r-{request.id} stands at"), (rule.scope, f"the rule for {rule.identity} now allows")):
        if (clause := wider_clause(scope, outer, rule.guarded)) is not None:
            raise RefusedError(f"scope {clause} given, {whose} {outer}; approve with --scope within it")


def _settle(request: Request, state: State, who: str, why: str, now: Instant) -> Request:
    return replace(request, state=state, decided_by=who, decided_us=now.wall_us, why=why)
