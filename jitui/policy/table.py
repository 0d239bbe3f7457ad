"""The one table of hazards: every kind and subresource of Kubernetes 1.27 to 1.35, with the hazard of each verb on it.

Each row says why. For ESCAPE and SECRET its words end the denial `... gives ...`. A row is judged from the request line alone, as the gateway judges:
if some body of the request could be harmful, the row counts all of them as harmful. A read is READ unless a row says otherwise; a test checks, against
the lists of real API servers, that every write of every kind has a row. `hazard.py` judges the kinds that are not in the table.
A kind of another group with the name of an escape (`secrets.example.io`, `rolebindings.authorization.openshift.io`,
`networkpolicies.crd.projectcalico.org`) counts as that escape: most often it is another view of the same objects, or has the same power.

For most kinds, an API server stores the labels and annotations that are sent to `status`: where those decide, a write of it counts as one of the object.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from jitui.policy.action import Hazard
from jitui.policy.clause import READS
from jitui.policy.streams import UPGRADES

PEEKS: Final = frozenset({"get", "head", "options"})  # the verbs that show a path and no more
READ: Final = PEEKS.union(READS)
MAKE: Final = frozenset({"create", "apply"})  # "apply": a patch that creates what is missing
ALTER: Final = frozenset({"update", "patch"})
DROP: Final = frozenset({"delete", "deletecollection"})
PUT: Final = MAKE | ALTER
WRITE: Final = PUT | DROP
ANY: Final = READ | WRITE

Kind = tuple[str, str, str]  # group, resource, subresource

ADMISSION: Final = "admissionregistration.k8s.io"
AUTHENTICATION: Final = "authentication.k8s.io"
AUTHORIZATION: Final = "authorization.k8s.io"
CERTIFICATES: Final = "certificates.k8s.io"
COORDINATION: Final = "coordination.k8s.io"
DISCOVERY: Final = "discovery.k8s.io"
EVENTS: Final = "events.k8s.io"
EXTENSIONS: Final = "apiextensions.k8s.io"
FLOW: Final = "flowcontrol.apiserver.k8s.io"
INTERNAL: Final = "internal.apiserver.k8s.io"
MIGRATION: Final = "storagemigration.k8s.io"
NETWORKING: Final = "networking.k8s.io"
NODES: Final = "node.k8s.io"
RBAC: Final = "rbac.authorization.k8s.io"
REGISTRATION: Final = "apiregistration.k8s.io"
RESOURCE: Final = "resource.k8s.io"
SCHEDULING: Final = "scheduling.k8s.io"
STORAGE: Final = "storage.k8s.io"

RIGHTS: Final = "rights that stay when the window ends"
BETWEEN: Final = "a place between the API server and everybody, which sees and changes what they write"
SERVES: Final = "the place of a server that answers in the API server's name and sees what everybody sends to it"
MACHINES: Final = "power over the machines that everybody's code runs on"
CERTIFICATE: Final = "a client certificate that is good long after the window, and that nobody can revoke"
POD_CERTIFICATE: Final = "a certificate in the name of the pod's service account, which is good after the window ends"
CONVERTS: Final = "a kind's conversion webhook, which sees and changes every object of that kind"
KUBELET: Final = "the kubelet's own API: commands in every pod of the node, past the recording"
NODE: Final = "what the kubelet knows of every pod on its node, whichever namespace that is in"
NAMESPACE: Final = "a say over what holds a namespace's pods back: Pod Security, network and admission policies all go by its labels"
QUEUES: Final = "a say over whose calls the API server answers, and whose wait until they fail, the cluster's own among them"
ADDRESSES: Final = "the traffic of a service, led to any address, also to one in a namespace that the window does not reach"
OUTSIDE: Final = "the address that clients from outside are led to"
POLICIES: Final = "a way through the network's walls: policies add up, so a new one opens what another closes, as a change or a removal does"
LIMITS: Final = "freedom from the bounds that the cluster's administrators have set for the namespace"
DISKS: Final = "any directory of a node, or anybody's data, as a volume"
DRIVER: Final = "a say over which storage driver is called for everybody's volumes, with which settings and tokens"
DEVICES: Final = "a say over which hardware everybody's pods are given, with settings that its driver obeys"
RUNTIME: Final = "the way everybody's containers are run: without their sandbox, if one wants"
ORDER: Final = "a place before everybody: the scheduler removes running pods for those that have a higher class"
STORED: Final = "a say over how the API server stores its objects, and what it can still read"
NAMES: Final = "the rights of a service account's name: the roles that are bound to it, and in a cloud the role that its annotation names"
ORDERS: Final = "may take others' host names, and its annotations are orders to a controller; in @deploy, so no higher"
CODE: Final = "code with any service account of the namespace"
RUNS: Final = "another version, size or end of what runs, as the screens show it"
TEMPLATE: Final = "a template that controllers make pods of, at the next roll-back for instance"
SIZE: Final = "more or less of what runs"
COUNT: Final = "a count that a controller corrects"
NOTES: Final = "notes that people and dashboards believe"
HARDWARE: Final = "asks for hardware with settings that its driver obeys, with adminAccess also for what others use"
VOLUME: Final = "a volume within the quota and of the classes there are, or the end of one"

# Group, resources and subresources, verbs, hazard, why. Each verb of a kind stands in one row.
ROWS: Final[tuple[tuple[str, str, frozenset[str], Hazard, str], ...]] = (
    # a credential that outlives the window
    ("", "serviceaccounts/token", ANY, Hazard.ESCAPE, "a credential of the service account that is good after the window ends"),
    ("", "secrets", READ, Hazard.SECRET, "passwords, keys and tokens as they are, which stay good after the window ends"),
    ("", "secrets", PUT, Hazard.ESCAPE, "a say over credentials, and with a Secret of the right type a token that never expires"),
    # The answer to a deletion of a collection, or to one that waits for something, is the object itself; a dry run of it (`?dryRun=All`) deletes nothing.
    ("", "secrets", DROP, Hazard.ESCAPE, "what is in it: the answer to a deletion, also to one that is only tried, can hold it as it is"),
    (CERTIFICATES, "certificatesigningrequests", WRITE, Hazard.ESCAPE, CERTIFICATE),
    (CERTIFICATES, "certificatesigningrequests/approval certificatesigningrequests/status", WRITE, Hazard.ESCAPE, f"whoever asked for it {CERTIFICATE}"),
    (CERTIFICATES, "podcertificaterequests podcertificaterequests/status", WRITE, Hazard.ESCAPE, POD_CERTIFICATE),
    (CERTIFICATES, "clustertrustbundles", WRITE, Hazard.ESCAPE, "the authorities that pods of the whole cluster trust"),
    (AUTHENTICATION, "tokenreviews", WRITE, Hazard.ESCAPE, "whether a token is good, and whose: a way to try tokens out"),
    ("", "serviceaccounts", PUT, Hazard.ESCAPE, NAMES),  # IRSA, workload identity
    ("", "serviceaccounts", DROP, Hazard.CHANGE, "its pods lose their token"),
    # a way past the recording: the kubelet's and the pods' own ports, containers added to a running pod
    ("", "nodes/proxy", ANY, Hazard.ESCAPE, KUBELET),
    ("", "pods/proxy", ANY, Hazard.ESCAPE, "whatever listens on any port of the pod, reached from the API server, past its network policy"),
    ("", "services/proxy", ANY, Hazard.ESCAPE, "whatever listens behind the service, reached from the API server, past its network policy"),
    ("", "pods/ephemeralcontainers", WRITE, Hazard.ESCAPE, "a container of the agent's choice inside a running pod, which stays there when the window ends"),
    # The kubelet's parts, as RBAC calls them since 1.32 (KubeletFineGrainedAuthz). The API server serves none of them today; a scope may name them.
    ("", "nodes/log", READ, Hazard.SECRET, "the node's log files, the logs of every pod on it among them, with whatever they hold"),
    ("", "nodes/pods nodes/configz nodes/stats nodes/metrics nodes/spec", READ, Hazard.SECRET, NODE),
    ("", "nodes/checkpoint", ANY, Hazard.ESCAPE, "a container's memory, written to the node's disk"),
    ("", "nodes/log nodes/pods nodes/configz nodes/stats nodes/metrics nodes/spec nodes/healthz", WRITE, Hazard.ESCAPE, KUBELET),
    # wider rights
    (RBAC, "roles rolebindings clusterroles clusterrolebindings", WRITE, Hazard.ESCAPE, RIGHTS),
    ("", "namespaces namespaces/status", PUT, Hazard.ESCAPE, NAMESPACE),  # a new one has no policy at all
    ("", "namespaces namespaces/status namespaces/finalize", DROP, Hazard.ESCAPE, "the end of everything in a namespace, its data and its policies included"),
    ("", "namespaces/finalize", PUT, Hazard.ESCAPE, "a namespace that is gone while what its finalizers had to clean up is not"),
    (NETWORKING, "networkpolicies networkpolicies/status", WRITE, Hazard.ESCAPE, POLICIES),
    ("", "resourcequotas limitranges", frozenset({"create"}), Hazard.CHANGE, "a new one only narrows"),
    ("", "resourcequotas limitranges", WRITE - {"create"}, Hazard.ESCAPE, LIMITS),
    ("", "resourcequotas/status", WRITE, Hazard.ESCAPE, LIMITS),  # admission believes its count of used resources
    # a place between the API server and everybody
    (REGISTRATION, "apiservices apiservices/status", WRITE, Hazard.ESCAPE, SERVES),
    (EXTENSIONS, "customresourcedefinitions customresourcedefinitions/status", WRITE, Hazard.ESCAPE, CONVERTS),
    (ADMISSION, "validatingwebhookconfigurations mutatingwebhookconfigurations", WRITE, Hazard.ESCAPE, BETWEEN),
    (ADMISSION, "validatingadmissionpolicies validatingadmissionpolicies/status validatingadmissionpolicybindings", WRITE, Hazard.ESCAPE, BETWEEN),
    (ADMISSION, "mutatingadmissionpolicies mutatingadmissionpolicybindings", WRITE, Hazard.ESCAPE, BETWEEN),
    (FLOW, "flowschemas flowschemas/status prioritylevelconfigurations prioritylevelconfigurations/status", WRITE, Hazard.ESCAPE, QUEUES),
    (INTERNAL, "storageversions storageversions/status", WRITE, Hazard.ESCAPE, STORED),
    (MIGRATION, "storageversionmigrations storageversionmigrations/status", WRITE, Hazard.ESCAPE, STORED),
    # everybody's traffic
    ("", "endpoints", WRITE, Hazard.ESCAPE, ADDRESSES),  # CVE-2021-25740; no default role of Kubernetes has it
    (DISCOVERY, "endpointslices", WRITE, Hazard.ESCAPE, ADDRESSES),  # CVE-2021-25740; no default role of Kubernetes has it
    ("", "pods/status", WRITE, Hazard.ESCAPE, "the address at which services look for the pod: their traffic, led to any other"),
    ("", "services", PUT, Hazard.SPAWN, "may take in others' traffic (spec.externalIPs, CVE-2020-8554); in @deploy, so no higher"),
    ("", "services", DROP, Hazard.CHANGE, "clients lose their way to it"),
    ("", "services/status", WRITE, Hazard.ESCAPE, f"{OUTSIDE}, and the traffic of that address inside the cluster"),  # CVE-2020-8554, its second way
    (NETWORKING, "ingresses", PUT, Hazard.SPAWN, ORDERS),
    (NETWORKING, "ingresses", DROP, Hazard.CHANGE, "clients lose their way to it"),
    (NETWORKING, "ingresses/status", WRITE, Hazard.ESCAPE, OUTSIDE),
    (NETWORKING, "ingressclasses", WRITE, Hazard.ESCAPE, "the controller, and its settings, that takes in everybody's traffic from outside"),
    (NETWORKING, "servicecidrs servicecidrs/status ipaddresses clustercidrs", WRITE, Hazard.ESCAPE, "a say over which addresses services and pods get"),
    # where and how everybody's code runs
    ("", "nodes nodes/status", WRITE, Hazard.ESCAPE, MACHINES),
    (STORAGE, "csinodes", WRITE, Hazard.ESCAPE, MACHINES),  # the kubelet's word on which drivers and how many volumes a node has
    (NODES, "runtimeclasses", WRITE, Hazard.ESCAPE, RUNTIME),
    (SCHEDULING, "priorityclasses", WRITE, Hazard.ESCAPE, ORDER),
    (RESOURCE, "deviceclasses resourceslices resourceclasses resourceclassparameters", WRITE, Hazard.ESCAPE, DEVICES),
    (RESOURCE, "resourceclaims/status podschedulingcontexts/status", WRITE, Hazard.ESCAPE, DEVICES),  # it says which device belongs to which claim
    (RESOURCE, "devicetaintrules devicetaintrules/status", WRITE, Hazard.ESCAPE, "the eviction of everybody's pods from a device"),
    # everybody's data
    ("", "persistentvolumes persistentvolumes/status", WRITE, Hazard.ESCAPE, DISKS),  # hostPath, local, claimRef
    (STORAGE, "volumeattachments volumeattachments/status", WRITE, Hazard.ESCAPE, "any volume, attached to any node or taken from it"),
    (STORAGE, "storageclasses csidrivers volumeattributesclasses", WRITE, Hazard.ESCAPE, DRIVER),
    # into a pod
    *(("", f"pods/{kind.subresource}", ANY, kind.hazard, kind.why) for kind in UPGRADES.values()),
    # new code
    ("", "pods replicationcontrollers", MAKE, Hazard.SPAWN, CODE),
    ("apps", "deployments statefulsets daemonsets replicasets", MAKE, Hazard.SPAWN, CODE),
    ("batch", "jobs cronjobs", MAKE, Hazard.SPAWN, CODE),
    ("", "pods replicationcontrollers", ALTER | DROP, Hazard.CHANGE, RUNS),
    ("apps", "deployments statefulsets daemonsets replicasets", ALTER | DROP, Hazard.CHANGE, RUNS),
    ("batch", "jobs cronjobs", ALTER | DROP, Hazard.CHANGE, RUNS),
    ("", "podtemplates", PUT, Hazard.SPAWN, TEMPLATE),
    ("apps", "controllerrevisions", PUT, Hazard.SPAWN, TEMPLATE),
    ("", "podtemplates", DROP, Hazard.CHANGE, "a template less"),
    ("apps", "controllerrevisions", DROP, Hazard.CHANGE, "a template less"),
    ("", "bindings pods/binding", WRITE, Hazard.SPAWN, "starts a waiting pod on a node of the caller's choice, past the scheduler and its taints"),
    (RESOURCE, "resourceclaims resourceclaimtemplates resourceclaimparameters podschedulingcontexts", PUT, Hazard.SPAWN, HARDWARE),
    (RESOURCE, "resourceclaims resourceclaimtemplates resourceclaimparameters podschedulingcontexts", DROP, Hazard.CHANGE, "hardware less for a pod"),
    # changes of running workloads, in one namespace
    ("", "replicationcontrollers/scale", WRITE, Hazard.CHANGE, SIZE),
    ("apps", "deployments/scale statefulsets/scale replicasets/scale", WRITE, Hazard.CHANGE, SIZE),
    ("", "replicationcontrollers/status", WRITE, Hazard.CHANGE, COUNT),
    ("apps", "deployments/status statefulsets/status daemonsets/status replicasets/status", WRITE, Hazard.CHANGE, COUNT),
    ("batch", "jobs/status cronjobs/status", WRITE, Hazard.CHANGE, COUNT),
    ("", "pods/eviction pods/resize", WRITE, Hazard.CHANGE, "ends the pod, within its budget; or gives it more or less of the node, within its quota"),
    ("", "pods/log", WRITE, Hazard.CHANGE, "there is no such request"),
    ("", "configmaps", WRITE, Hazard.CHANGE, "what programs read at their next start; in a guarded namespace more, which is judged before this table"),
    ("", "persistentvolumeclaims persistentvolumeclaims/status", WRITE, Hazard.CHANGE, VOLUME),
    (STORAGE, "csistoragecapacities", WRITE, Hazard.CHANGE, "a hint for the scheduler about free space"),
    ("autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status", WRITE, Hazard.CHANGE, SIZE),
    ("policy", "poddisruptionbudgets poddisruptionbudgets/status", WRITE, Hazard.CHANGE, "how many pods may be evicted at once"),
    (COORDINATION, "leases leasecandidates", WRITE, Hazard.CHANGE, "which copy of a program leads; a program that leads may pause"),
    (SCHEDULING, "workloads", WRITE, Hazard.CHANGE, "which waiting pods start together"),
    ("", "events", WRITE, Hazard.CHANGE, NOTES),
    (EVENTS, "events", WRITE, Hazard.CHANGE, NOTES),
    ("", "componentstatuses", WRITE, Hazard.CHANGE, "there is no such request"),
    # questions, asked by a POST that changes nothing
    (AUTHORIZATION, "selfsubjectaccessreviews selfsubjectrulesreviews", WRITE, Hazard.READ, "an answer about rights"),
    (AUTHORIZATION, "subjectaccessreviews localsubjectaccessreviews", WRITE, Hazard.READ, "an answer about rights"),
    (AUTHENTICATION, "selfsubjectreviews", WRITE, Hazard.READ, "an answer about rights"),
)

# A `*` never reaches these kinds, not even where a row is milder: they show who bypasses admission, and which servers see everybody's writes.
UNREACHED: Final = frozenset({
    ("", "secrets"),
    ("certificates.k8s.io", "certificatesigningrequests"),
    ("authentication.k8s.io", "tokenreviews"),
    ("apiregistration.k8s.io", "apiservices"),
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
})

# Kinds that a PUT creates where there are none; the API server then asks for create of us, not of the agent (AllowCreateOnUpdate of each kind's strategy).
MADE_BY_PUT: Final = frozenset({
    ("", "services"), ("", "endpoints"), ("", "events"), ("events.k8s.io", "events"), ("", "limitranges"), ("", "resourcequotas"),
    ("", "persistentvolumes"), ("", "podtemplates"), ("coordination.k8s.io", "leases"), ("coordination.k8s.io", "leasecandidates"),
    ("node.k8s.io", "runtimeclasses"), ("scheduling.k8s.io", "priorityclasses"), ("certificates.k8s.io", "certificatesigningrequests"),
    ("rbac.authorization.k8s.io", "roles"), ("rbac.authorization.k8s.io", "rolebindings"),
    ("rbac.authorization.k8s.io", "clusterroles"), ("rbac.authorization.k8s.io", "clusterrolebindings"),
})  # fmt: skip

# Paths of the API server that everybody who is logged in may read by itself (ClusterRoles system:discovery, system:public-info-viewer and
# system:service-account-issuer-discovery), by their first segment. Any other shows more: metrics and flags how the cluster is built, logs and profiles
# whatever was in the server's log or memory.
PLAIN_PATHS: Final = frozenset({"", "api", "apis", "version", "openapi", "healthz", "livez", "readyz", ".well-known", "openid"})
LOGS: Final = "the control plane's own log files, with whatever they hold"
MEMORY: Final = "the API server's profile, which is made of what is in its memory"
INSIDE: Final = "what the server says of its inside: counts, settings and names from every namespace"
PATHS: Final[Mapping[str, str]] = {"logs": LOGS, "debug": MEMORY}


def _table() -> Iterator[tuple[Kind, frozenset[str], Hazard, str]]:
    for group, resources, verbs, hazard, why in ROWS:
        for each in resources.split():
            resource, _, subresource = each.partition("/")
            yield (group, resource, subresource), verbs, hazard, why


TABLE: Final = tuple(_table())
BY_KIND: Final[Mapping[Kind, Mapping[str, tuple[Hazard, str]]]] = {
    each: {verb: (hazard, why) for kind, verbs, hazard, why in TABLE if kind == each for verb in verbs} for each, *_ in TABLE
}
OUT: Final = frozenset({Hazard.SECRET, Hazard.ESCAPE})  # never reached by a `*` or a preset
NAMESAKES: Final[Mapping[tuple[str, str], Mapping[str, tuple[Hazard, str]]]] = {
    name: {verb: (hazard, why) for kind, verbs, hazard, why in TABLE if kind[1:] == name and hazard in OUT for verb in verbs}
    for name in {kind[1:] for kind, _, hazard, _ in TABLE if hazard in OUT}
}


def row(verb: str, group: str, resource: str, subresource: str) -> tuple[Hazard, str] | None:
    """The hazard and the reason of a verb on a kind: of its own row, or else of an escape with the same name in another group; None without either."""
    verbs = BY_KIND.get((group, resource, subresource))
    return (NAMESAKES.get((resource, subresource), {}) if verbs is None else verbs).get(verb)
