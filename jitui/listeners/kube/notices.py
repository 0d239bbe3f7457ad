"""The Warning headers that kubectl prints on stderr: when access ends, and what a window covers beside the cluster's own list of rights."""

from collections.abc import Sequence
from typing import Final

from jitui.policy.action import Action
from jitui.policy.remaining import ending
from jitui.policy.terms import Grant
from jitui.protocol import status
from jitui.values.instant import Instant

RULES: Final = ("create", "authorization.k8s.io", "selfsubjectrulesreviews")


def under(grant: Grant, action: Action, now: Instant) -> bytes | None:
    """The header's value for an answer of the cluster under this grant, or None."""
    said = ending(grant, now)
    if action.verb == "create" and (action.verb, action.group, action.resource) == RULES:
        covers = f"that is what the cluster allows jitui; of it {grant.label} covers: {grant.scope}"
        return b", ".join(status.warning(text) for text in (said, covers) if text)
    return status.warning(said) if said else None


def beside(grants: Sequence[Grant], now: Instant) -> bytes | None:
    """The same for an answer of the gateway's own: of the agent's live windows, the one that ends last decides."""
    if not grants:
        return None
    last = max(grants, key=lambda grant: grant.deadline.remaining_us(now) if grant.deadline else 0)
    text = ending(last, now)
    return status.warning(text) if text else None
