"""One table gives each role its rights. A person never decides for an identity that they are, own, created or hold a token of."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from jitui.policy.identity import Identity, Role
from jitui.policy.persons import ALONE, Persons, Tie
from jitui.values.errors import RefusedError

if TYPE_CHECKING:
    from jitui.policy.terms import Rule


class Right(StrEnum):
    ASK = "ask"  # ask, withdraw, release, see own
    SEE = "see"  # the queue, grants, actions, without bodies
    DECIDE = "decide"  # approve, deny
    STOP = "stop"  # revoke, kill, freeze, thaw, lockdown on
    LIVE = "live"  # watch what is live
    RECORDED_DECIDED = "recorded-decided"  # replay what ran under grants they decided
    RECORDED_HOUR = "recorded-hour"  # replay the last hour
    RECORDED = "recorded"  # replay everything
    HOLD = "hold"  # keep a window's tapes from being retired, and let them go again
    UNMASK = "unmask"  # see recorded secrets; each time is a fact
    ADMIN = "admin"  # identities, reload, lockdown off


TABLE: Final[Mapping[Role, frozenset[Right]]] = {
    Role.AGENT: frozenset({Right.ASK}),
    Role.APPROVER: frozenset({Right.SEE, Right.DECIDE, Right.STOP, Right.LIVE, Right.RECORDED_DECIDED}),
    Role.OPERATOR: frozenset({Right.SEE, Right.STOP, Right.LIVE, Right.RECORDED_HOUR}),
    Role.AUDITOR: frozenset({Right.SEE, Right.LIVE, Right.RECORDED, Right.HOLD}),
    Role.UNMASK: frozenset({Right.UNMASK}),
    Role.ADMIN: frozenset({Right.SEE, Right.STOP, Right.HOLD, Right.ADMIN}),
}

WORDS: Final[Mapping[Right, str]] = {
    Right.ASK: "ask for a window",
    Right.SEE: "see the queue, grants and actions",
    Right.DECIDE: "approve or deny",
    Right.STOP: "revoke, kill, freeze or lock down",
    Right.LIVE: "watch live content",
    Right.RECORDED_DECIDED: "replay what ran under grants they decided",
    Right.RECORDED_HOUR: "replay the last hour",
    Right.RECORDED: "replay recorded content",
    Right.HOLD: "hold tapes or let them go",
    Right.UNMASK: "unmask recorded secrets",
    Right.ADMIN: "manage identities, reload or lift a lockdown",
}


def rights_of(identity: Identity) -> frozenset[Right]:
    """The rights of all roles of an identity. An agent has an agent's rights, whatever other roles it has.

    The right `unmask` needs the role of that name beside auditor; an admin has it anyway, as the gateway's files are theirs.
    """
    if identity.disabled:
        return frozenset()
    if identity.is_agent:
        return TABLE[Role.AGENT]
    rights = frozenset(right for role in identity.roles for right in TABLE[role])
    if Role.AUDITOR not in identity.roles:
        return rights - {Right.UNMASK}
    return rights | {Right.UNMASK} if Role.ADMIN in identity.roles else rights


def require(identity: Identity, right: Right) -> None:
    """Raises RefusedError, which says which right is missing and which roles have it."""
    if right in rights_of(identity):
        return
    if identity.disabled:
        raise RefusedError(f"{identity.name} is disabled; ask an admin")
    roles = "auditor, and unmask beside it" if right is Right.UNMASK else " or ".join(role for role in Role if right in TABLE[role])
    raise RefusedError(f"{identity.name} may not {WORDS[right]}; that takes the role {roles}")


def why_not_decide(person: Identity, agent: Identity, rule: "Rule", persons: Persons = ALONE) -> str:
    """The reason why this person may not decide for this agent, in one sentence; empty if they may.

    A name that can act as another, by `persons`, counts as that other: an approver whom the agent's admin created is that admin. The rule's
    `owner_may_approve` permits the agent's owner, creator and token holders; it never permits the agent itself, or any agent.
    """
    if person.is_agent:
        return f"{person.name} is an agent, and agents never decide; ask an approver"
    if person.name == agent.name:
        return f"{person.name} can't decide for itself; ask another approver"
    if Right.DECIDE not in rights_of(person):
        return f"{person.name} is disabled; ask another approver" if person.disabled else f"{person.name} is no approver; ask one"
    if rule.owner_may_approve:
        return ""
    if agent.owner == person.name:
        return f"{person.name} owns {agent.name}, and nobody decides for what they own; ask another approver"
    if agent.created_by == person.name:
        return f"{person.name} created {agent.name}, and nobody decides for what they created; ask another approver"
    for tie in persons.holders(agent.name):
        if tie.name == person.name:
            return f"{person.name} {tie.how}, and nobody decides for what they hold; ask another approver"
    for tie in (Tie(agent.owner, f"owns {agent.name}"), Tie(agent.created_by, f"created {agent.name}"), *persons.holders(agent.name)):
        if tie.name and (why := persons.shared(person.name, tie.name)):
            return f"{person.name} counts as {tie.name}, who {tie.how}: {why}; ask an approver whom somebody else made"
    return ""
