"""One phrase for each escape from a window, which says what it would give: the denial of an action that no `*` and no preset covers ends with it.

Whoever reads it decides whether a rule should write the clause out, so it says what is gained, not which check failed.
"""

from typing import Final

from jitui.policy.action import Action, Hazard
from jitui.policy.hazard import Guards, guarded_name, guards, hazard_of, is_guarded, past_star_verb
from jitui.policy.table import INSIDE, OUT, PATHS, RIGHTS, row

ADMINS: Final = "the map of IAM roles to the cluster's users (aws-auth, on EKS): rights that stay when the window ends"
CONTROLLERS: Final = "a way to the rights of the cluster's own programs, whose service accounts are in {}"
KEPT: Final = "a say in {}, which the rule guards"


def is_written_out(action: Action, more: Guards = ()) -> bool:
    """Whether the action is covered only by a clause that names its verb and kind (and, if that is guarded, its namespace), never by a `*`."""
    return hazard_of(action, more) in OUT or past_star_verb(action.verb, action.group, action.resource, action.subresource)


def gives(action: Action, more: Guards = ()) -> str:
    """The phrase for an action, as in `rights that stay when the window ends`; empty if the action is no escape."""
    if not action.resource:
        return PATHS.get(action.path[1:].partition("/")[0], INSIDE) if hazard_of(action) in OUT else ""
    hazard, why = row("apply" if action.apply else action.verb, action.group, action.resource, action.subresource) or (Hazard.READ, "")
    if hazard in OUT:
        return why
    if is_guarded(action, more):
        if (action.group, action.resource, action.namespace) == ("", "configmaps", "kube-system"):
            return ADMINS
        namespace = guarded_name(action)
        return (CONTROLLERS if guards(namespace) else KEPT).format(namespace)
    if hazard_of(action) is not Hazard.ESCAPE:
        return ""
    return RIGHTS if action.subresource != "proxy" else "whatever stands behind it, with the rights that it has there"
