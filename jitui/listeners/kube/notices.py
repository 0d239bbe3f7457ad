"""The Warning headers that kubectl prints on stderr: when access ends, and what a window covers beside the cluster's own list of rights."""

from typing import TYPE_CHECKING, Final

from jitui.listeners.kube.admission import Admission
from jitui.policy.action import Action
from jitui.policy.remaining import ending
from jitui.policy.terms import Grant
from jitui.protocol import status

if TYPE_CHECKING:
    from jitui.access import Broker

RULES: Final = ("create", "authorization.k8s.io", "selfsubjectrulesreviews")


def under(broker: "Broker", grant: Grant, action: Action) -> bytes | None:
    """For an answer of the cluster, under this grant: the header's value, or None."""
    said = [ending(grant, broker.clock.now())]
    if (action.verb, action.group, action.resource) == RULES:
        said.append(f"that is what the cluster allows jitui; of it {grant.label} covers: {grant.scope}")
    return b", ".join(status.warning(text) for text in said if text) or None


def beside(broker: "Broker", admission: Admission) -> bytes | None:
    """For an answer of the gateway's own: of the agent's live windows, the one that ends last decides."""
    grants = broker.windows.of(admission.who.name, admission.connection)
    if not grants:
        return None
    now = broker.clock.now()
    last = max(grants, key=lambda grant: grant.deadline.remaining_us(now) if grant.deadline else 0)
    text = ending(last, now)
    return status.warning(text) if text else None
