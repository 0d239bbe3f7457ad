"""The kinds of the embedded cluster: one row each, from which discovery, paths and Tables are made."""

from dataclasses import dataclass
from typing import Any, Final

Object = dict[str, Any]  # one Kubernetes object, as its JSON

VERBS: Final = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Subresource:
    name: str
    kind: str
    verbs: tuple[str, ...]
    group: str = ""  # the group of the object's kind, if that is not the resource's own
    version: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource of one group and version."""

    plural: str
    kind: str
    group: str = ""  # "" is core
    version: str = "v1"
    namespaced: bool = True
    short: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[Subresource, ...] = ()

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def singular(self) -> str:
        return self.kind.lower()

    @property
    def qualified(self) -> str:
        """`deployments.apps`, as messages name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def has(self, subresource: str) -> bool:
        return any(sub.name == subresource for sub in self.subresources)


def _status(kind: str) -> Subresource:
    return Subresource("status", kind, ("get", "patch", "update"))


SCALE: Final = Subresource("scale", "Scale", ("get", "patch", "update"), "autoscaling", "v1")
_CONNECT: Final = ("create", "get")

PODS: Final = Kind("pods", "Pod", short=("po",), categories=("all",), subresources=(
    Subresource("attach", "PodAttachOptions", _CONNECT), Subresource("exec", "PodExecOptions", _CONNECT),
    Subresource("log", "Pod", ("get",)), Subresource("portforward", "PodPortForwardOptions", _CONNECT), _status("Pod")))
DEPLOYMENTS: Final = Kind("deployments", "Deployment", "apps", short=("deploy",), categories=("all",), subresources=(SCALE, _status("Deployment")))
REPLICASETS: Final = Kind("replicasets", "ReplicaSet", "apps", short=("rs",), categories=("all",), subresources=(SCALE, _status("ReplicaSet")))
NAMESPACES: Final = Kind("namespaces", "Namespace", namespaced=False, short=("ns",), subresources=(_status("Namespace"),))
NODES: Final = Kind("nodes", "Node", namespaced=False, short=("no",), subresources=(_status("Node"),))
SERVICES: Final = Kind("services", "Service", short=("svc",), categories=("all",), subresources=(_status("Service"),))
CONFIGMAPS: Final = Kind("configmaps", "ConfigMap", short=("cm",))
SECRETS: Final = Kind("secrets", "Secret")
SERVICEACCOUNTS: Final = Kind("serviceaccounts", "ServiceAccount", short=("sa",))
EVENTS: Final = Kind("events", "Event", short=("ev",))

KINDS: Final = (CONFIGMAPS, EVENTS, NAMESPACES, NODES, PODS, SECRETS, SERVICEACCOUNTS, SERVICES, DEPLOYMENTS, REPLICASETS)

# asked of the cluster about oneself; created, never stored
REVIEWS: Final = (
    Kind("selfsubjectreviews", "SelfSubjectReview", "authentication.k8s.io", namespaced=False),
    Kind("selfsubjectaccessreviews", "SelfSubjectAccessReview", "authorization.k8s.io", namespaced=False),
    Kind("selfsubjectrulesreviews", "SelfSubjectRulesReview", "authorization.k8s.io", namespaced=False),
)

GROUPS: Final = ("apps", "authentication.k8s.io", "authorization.k8s.io")  # besides core; each in v1 only


def kind_of(group: str, version: str, plural: str) -> Kind | None:
    """The row of a group, version and plural, or None if this cluster has no such kind."""
    for kind in (*KINDS, *REVIEWS):
        if (kind.group, kind.version, kind.plural) == (group, version, plural):
            return kind
    return None
