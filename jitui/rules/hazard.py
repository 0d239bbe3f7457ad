"""How much an action can hurt. One table feeds badges, keys, timeline marks, Changes and automatic approval.

A workload's creation is SPAWN: it starts code with any service account of the namespace. A patch or an update of a workload that
exists is CHANGE, as the screens show it. A server-side apply creates what is missing, so on a workload it is SPAWN.
Reading a Secret is SECRET; writing one is ESCAPE, because a Secret of type service-account-token mints a credential that never
expires, and its type stands in the body, not in the request line.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final, Protocol

from jitui.rules.action import Action, Hazard
from jitui.rules.clause import RBAC_VERBS, READS, Atom, Clause
from jitui.rules.pattern import EVERY

RBAC: Final = "rbac.authorization.k8s.io"
ADMISSION: Final = "admissionregistration.k8s.io"
AUTHORIZATION: Final = "authorization.k8s.io"
GUARDED: Final = "kube-system"  # the namespace whose ConfigMaps say who is who

READ: Final = frozenset({*READS, "head"})
WRITE: Final = frozenset({"create", "apply", "update", "patch", "delete", "deletecollection"})  # "apply": a patch that creates what is missing
MAKE: Final = frozenset({"create", "apply"})
PUT: Final = frozenset({"create", "apply", "update", "patch"})
ANY: Final = READ | WRITE

Kind = tuple[str, str, str]  # group, resource, subresource

# The first row that fits decides; what no row names is READ for a verb that reads and CHANGE for every other one.
TABLE: Final[tuple[tuple[Kind, frozenset[str], Hazard], ...]] = (
    # a credential that outlives the window
    (("", "serviceaccounts", "token"), ANY, Hazard.ESCAPE),
    (("", "secrets", ""), frozenset(READS), Hazard.SECRET),
    (("", "secrets", ""), PUT, Hazard.ESCAPE),
    (("certificates.k8s.io", "certificatesigningrequests", ""), WRITE, Hazard.ESCAPE),
    (("certificates.k8s.io", "certificatesigningrequests", "approval"), WRITE, Hazard.ESCAPE),
    (("certificates.k8s.io", "certificatesigningrequests", "status"), WRITE, Hazard.ESCAPE),
    (("certificates.k8s.io", "podcertificaterequests", ""), WRITE, Hazard.ESCAPE),
    (("certificates.k8s.io", "podcertificaterequests", "status"), WRITE, Hazard.ESCAPE),
    (("certificates.k8s.io", "clustertrustbundles", ""), WRITE, Hazard.ESCAPE),
    (("authentication.k8s.io", "tokenreviews", ""), WRITE, Hazard.ESCAPE),
    # a way past the recording: the kubelet's and the pods' own ports, containers added to a running pod
    (("", "nodes", "proxy"), ANY, Hazard.ESCAPE),
    (("", "pods", "proxy"), ANY, Hazard.ESCAPE),
    (("", "services", "proxy"), ANY, Hazard.ESCAPE),
    (("", "pods", "ephemeralcontainers"), WRITE, Hazard.ESCAPE),
    # wider rights
    ((RBAC, "roles", ""), WRITE, Hazard.ESCAPE),
    ((RBAC, "rolebindings", ""), WRITE, Hazard.ESCAPE),
    ((RBAC, "clusterroles", ""), WRITE, Hazard.ESCAPE),
    ((RBAC, "clusterrolebindings", ""), WRITE, Hazard.ESCAPE),
    # a place between the API server and everybody
    (("apiregistration.k8s.io", "apiservices", ""), WRITE, Hazard.ESCAPE),
    (("apiregistration.k8s.io", "apiservices", "status"), WRITE, Hazard.ESCAPE),
    (("apiextensions.k8s.io", "customresourcedefinitions", ""), WRITE, Hazard.ESCAPE),  # its conversion webhook
    (("apiextensions.k8s.io", "customresourcedefinitions", "status"), WRITE, Hazard.ESCAPE),
    ((ADMISSION, "validatingwebhookconfigurations", ""), WRITE, Hazard.ESCAPE),
    ((ADMISSION, "mutatingwebhookconfigurations", ""), WRITE, Hazard.ESCAPE),
    ((ADMISSION, "validatingadmissionpolicies", ""), WRITE, Hazard.ESCAPE),
    ((ADMISSION, "validatingadmissionpolicybindings", ""), WRITE, Hazard.ESCAPE),
    ((ADMISSION, "mutatingadmissionpolicies", ""), WRITE, Hazard.ESCAPE),
    ((ADMISSION, "mutatingadmissionpolicybindings", ""), WRITE, Hazard.ESCAPE),
    # where everybody's code runs
    (("", "nodes", ""), WRITE, Hazard.ESCAPE),
    (("", "nodes", "status"), WRITE, Hazard.ESCAPE),
    # into a pod
    (("", "pods", "exec"), ANY, Hazard.EXEC),
    (("", "pods", "attach"), ANY, Hazard.EXEC),
    (("", "pods", "portforward"), ANY, Hazard.EXEC),
    # new code
    (("", "pods", ""), MAKE, Hazard.SPAWN),
    (("", "replicationcontrollers", ""), MAKE, Hazard.SPAWN),
    (("apps", "deployments", ""), MAKE, Hazard.SPAWN),
    (("apps", "statefulsets", ""), MAKE, Hazard.SPAWN),
    (("apps", "daemonsets", ""), MAKE, Hazard.SPAWN),
    (("apps", "replicasets", ""), MAKE, Hazard.SPAWN),
    (("batch", "jobs", ""), MAKE, Hazard.SPAWN),
    (("batch", "cronjobs", ""), MAKE, Hazard.SPAWN),
    # questions about rights, asked by a POST that changes nothing
    ((AUTHORIZATION, "selfsubjectaccessreviews", ""), MAKE, Hazard.READ),
    ((AUTHORIZATION, "selfsubjectrulesreviews", ""), MAKE, Hazard.READ),
    ((AUTHORIZATION, "subjectaccessreviews", ""), MAKE, Hazard.READ),
    ((AUTHORIZATION, "localsubjectaccessreviews", ""), MAKE, Hazard.READ),
    (("authentication.k8s.io", "selfsubjectreviews", ""), MAKE, Hazard.READ),
)

# What a `*` never reaches, neither as the verb nor as the plural: these kinds ...
NEVER_BY_STAR: Final = frozenset({
    ("", "secrets"),
    ("certificates.k8s.io", "certificatesigningrequests"),
    ("authentication.k8s.io", "tokenreviews"),
    ("apiregistration.k8s.io", "apiservices"),
    (ADMISSION, "validatingwebhookconfigurations"),
    (ADMISSION, "mutatingwebhookconfigurations"),
})
# ... and the writes of these; of subresources, which the plural `*` reaches nowhere, what TABLE calls SECRET or ESCAPE.
WRITES_NEVER_BY_STAR: Final = frozenset({
    (RBAC, "roles"), (RBAC, "rolebindings"), (RBAC, "clusterroles"), (RBAC, "clusterrolebindings"),
    (ADMISSION, "validatingadmissionpolicies"), (ADMISSION, "validatingadmissionpolicybindings"),
    (ADMISSION, "mutatingadmissionpolicies"), (ADMISSION, "mutatingadmissionpolicybindings"),
    ("", "nodes"), ("apiextensions.k8s.io", "customresourcedefinitions"),
    ("certificates.k8s.io", "podcertificaterequests"), ("certificates.k8s.io", "clustertrustbundles"),
})  # fmt: skip

# Kinds that a PUT creates where there are none; the API server then asks for create of us, not of the agent (AllowCreateOnUpdate of each kind's strategy).
MADE_BY_PUT: Final = frozenset({
    ("", "services"), ("", "endpoints"), ("", "events"), ("events.k8s.io", "events"), ("", "limitranges"), ("", "resourcequotas"),
    ("", "persistentvolumes"), ("", "podtemplates"), ("coordination.k8s.io", "leases"), ("node.k8s.io", "runtimeclasses"),
    ("scheduling.k8s.io", "priorityclasses"), ("certificates.k8s.io", "certificatesigningrequests"),
    (RBAC, "roles"), (RBAC, "rolebindings"), (RBAC, "clusterroles"), (RBAC, "clusterrolebindings"),
})  # fmt: skip

BY_KIND: Final[Mapping[Kind, tuple[tuple[frozenset[str], Hazard], ...]]] = {
    kind: tuple((verbs, hazard) for other, verbs, hazard in TABLE if other == kind) for kind, _, _ in TABLE
}


def past_star_kind(verb: str, group: str, resource: str) -> bool:
    """Whether the plural `*` does not reach this: it must be written out."""
    return verb in RBAC_VERBS or (group, resource) in NEVER_BY_STAR or ((group, resource) in WRITES_NEVER_BY_STAR and verb not in READ)


def past_star_verb(verb: str, group: str, resource: str, subresource: str) -> bool:
    """Whether the verb `*` does not reach this, though the kind is written out: so must the verb be."""
    if subresource:
        return _hazard(verb, group, resource, subresource) in {Hazard.SECRET, Hazard.ESCAPE}
    return past_star_kind(verb, group, resource)


def may_create(action: Action) -> bool:
    """Whether it creates what it names where there is nothing, though its verb is patch or update."""
    return action.apply or (action.verb == "update" and not action.subresource and (action.group, action.resource) in MADE_BY_PUT)


def is_guarded(action: Action) -> bool:
    """Whether it writes to the ConfigMaps of kube-system: on EKS, `aws-auth` says there which IAM role is who, and its name may stand in the body alone."""
    return (action.group, action.resource, action.namespace) == ("", "configmaps", GUARDED) and action.verb not in READ


def writes_guarded_out(clause: Clause, atom: Atom) -> bool:
    """Whether the clause means those: no preset, and neither verb, kind nor namespace by a `*`."""
    return not clause.preset and not atom.starred and atom.target.plural == "configmaps" and GUARDED in atom.namespaces


def hazard_of(action: Action) -> Hazard:
    if is_guarded(action):
        return Hazard.ESCAPE
    verb = "apply" if action.apply else action.verb
    return _hazard(verb, action.group, action.resource, action.subresource)


def clause_hazard(clause: Clause) -> Hazard:
    """The worst that the clause allows."""
    return max(clause_hazards(clause), key=lambda hazard: hazard.rank, default=Hazard.READ)  # none: its `*` reaches nothing


@lru_cache(maxsize=4096)
def clause_hazards(clause: Clause) -> frozenset[Hazard]:
    """Every hazard that the clause allows; automatic approval wants them all named."""
    if clause.paths:
        return frozenset({Hazard.READ})
    found = {hazard for atom in clause.atoms for hazard in _atom_hazards(atom)}
    if any(writes_guarded_out(clause, atom) and not atom.verbs <= READ for atom in clause.atoms):
        found.add(Hazard.ESCAPE)
    return frozenset(found)


class Clauses(Protocol):
    """A Scope, for what is asked of it here."""

    @property
    def clauses(self) -> tuple[Clause, ...]: ...


def scope_hazard(scope: Clauses) -> Hazard:
    """The worst of the clauses."""
    return max((clause_hazard(clause) for clause in scope.clauses), key=lambda hazard: hazard.rank)


def scope_hazards(scope: Clauses) -> frozenset[Hazard]:
    """Every hazard that the scope allows."""
    return frozenset(hazard for clause in scope.clauses for hazard in clause_hazards(clause))


@lru_cache(maxsize=4096)
def _hazard(verb: str, group: str, resource: str, subresource: str) -> Hazard:
    if verb in RBAC_VERBS:
        return Hazard.ESCAPE
    for verbs, hazard in BY_KIND.get((group, resource, subresource), ()):
        if verb in verbs:
            return hazard
    return Hazard.READ if verb in READ else Hazard.CHANGE


def _atom_hazards(atom: Atom) -> Iterator[Hazard]:
    target = atom.target
    for verb in atom.verbs:
        if atom.starred and target.plural != EVERY and past_star_verb(verb, target.group, target.plural, target.subresource):
            continue
        yield _hazard(verb, target.group, target.plural, target.subresource)
        if target.plural == EVERY:
            for group, resource, subresource in BY_KIND:
                if not subresource and target.group in {"", group} and not past_star_kind(verb, group, resource):
                    yield _hazard(verb, group, resource, "")
