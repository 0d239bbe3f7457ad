"""A small cluster's kinds, and values of the rules with sensible defaults."""

from typing import Any, Final

from jitui.policy.scope import Scope
from jitui.policy.terms import Grant, Identity, Request, Role, Rule
from jitui.values.clock import ManualClock
from jitui.values.instant import Deadline

NAMESPACED: Final = {
    ("", "pods"): True, ("", "services"): True, ("", "secrets"): True, ("", "configmaps"): True, ("", "events"): True,
    ("", "serviceaccounts"): True, ("", "replicationcontrollers"): True, ("apps", "deployments"): True, ("apps", "statefulsets"): True,
    ("batch", "jobs"): True, ("rbac.authorization.k8s.io", "roles"): True, ("rbac.authorization.k8s.io", "rolebindings"): True,
    ("argoproj.io", "rollouts"): True, ("argoproj.io", "clusterthings"): False,
    ("example.io", "secrets"): True, ("example.io", "clusterroles"): False,
    ("", "endpoints"): True, ("coordination.k8s.io", "leases"): True, ("certificates.k8s.io", "podcertificaterequests"): True,
    ("certificates.k8s.io", "clustertrustbundles"): False, ("apiextensions.k8s.io", "customresourcedefinitions"): False,
    ("", "nodes"): False, ("", "namespaces"): False, ("", "persistentvolumes"): False,
    ("rbac.authorization.k8s.io", "clusterroles"): False, ("rbac.authorization.k8s.io", "clusterrolebindings"): False,
    ("certificates.k8s.io", "certificatesigningrequests"): False, ("apiregistration.k8s.io", "apiservices"): False,
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations"): False,
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"): False,
    ("authorization.k8s.io", "selfsubjectaccessreviews"): False, ("authorization.k8s.io", "selfsubjectrulesreviews"): False,
    ("authentication.k8s.io", "selfsubjectreviews"): False, ("authentication.k8s.io", "tokenreviews"): False,
}  # fmt: skip


class Cluster:
    """Kinds, as a discovery copy answers."""

    def namespaced(self, group: str, resource: str) -> bool | None:
        return NAMESPACED.get((group, resource))


CLUSTER: Final = Cluster()
NOW: Final = ManualClock().now()


def rule(scope: str = "read pods in web", **more: Any) -> Rule:
    return Rule("agent-x", "prod", more.pop("duration_s", 1800), Scope.parse(scope), **more)


def request(scope: str = "read pods in web", **more: Any) -> Request:
    known: dict[str, Any] = {"duration_s": 1800, "reason": "why not", "asked": NOW, "pending_until": Deadline.after(NOW, 3_600_000_000)}
    return Request(41, "agent-x", "prod", scope=Scope.parse(scope), **(known | more))


def grant(scope: str = "read pods in web", **more: Any) -> Grant:
    known: dict[str, Any] = {"duration_s": 1800, "approved": NOW, "deadline": Deadline.after(NOW, 1_800_000_000)}
    return Grant(more.pop("ident", 7), 41, "agent-x", "prod", Scope.parse(scope), **(known | more))


def person(name: str, *roles: Role, **more: Any) -> Identity:
    return Identity(name, frozenset(roles or {Role.APPROVER}), **more)


def agent(name: str = "agent-x", **more: Any) -> Identity:
    return Identity(name, frozenset({Role.AGENT}), **more)
