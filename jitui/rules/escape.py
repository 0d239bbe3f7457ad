"""What each way out of a window would give, in one phrase: for the denial of what no `*` and no preset reaches.

Whoever reads it decides whether a rule should write the clause out, so it says what is gained, not which check failed.
"""

from collections.abc import Mapping
from typing import Final

from jitui.rules.action import Action, Hazard
from jitui.rules.hazard import ADMISSION, RBAC, READ, Kind, hazard_of, is_guarded, past_star_verb

CERTIFICATES: Final = "certificates.k8s.io"
REGISTRATION: Final = "apiregistration.k8s.io"

RIGHTS: Final = "rights that stay when the window ends"
BETWEEN: Final = "a place between the API server and everybody, which sees and changes what they write"
SERVES: Final = "the place of a server that answers in the API server's name and sees what everybody sends to it"
MACHINES: Final = "power over the machines that everybody's code runs on"
CERTIFICATE: Final = "a client certificate that is good long after the window, and that nobody can revoke"
POD_CERTIFICATE: Final = "a certificate in the name of the pod's service account, which is good after the window ends"
CONVERTS: Final = "a kind's conversion webhook, which sees and changes every object of that kind"
ADMINS: Final = "the map of IAM roles to the cluster's users (aws-auth, on EKS): rights that stay when the window ends"
KUBELET: Final = "the kubelet's own API: commands in every pod of the node, past the recording"

# One phrase a kind; of those with two the first is for reading it. The empty one: there is nothing to say beyond that no `*` reaches it.
GIVES: Final[Mapping[Kind, tuple[str, str]]] = {
    ("", "serviceaccounts", "token"): ("", "a credential of the service account that is good after the window ends"),
    ("", "secrets", ""): ("passwords, keys and tokens as they are, which stay good after the window ends",
                          "a say over credentials, and with a Secret of the right type a token that never expires"),
    (CERTIFICATES, "certificatesigningrequests", ""): ("", CERTIFICATE),
    (CERTIFICATES, "certificatesigningrequests", "approval"): ("", f"whoever asked for it {CERTIFICATE}"),
    (CERTIFICATES, "certificatesigningrequests", "status"): ("", f"whoever asked for it {CERTIFICATE}"),
    (CERTIFICATES, "podcertificaterequests", ""): ("", POD_CERTIFICATE),
    (CERTIFICATES, "podcertificaterequests", "status"): ("", POD_CERTIFICATE),
    (CERTIFICATES, "clustertrustbundles", ""): ("", "a say over which authorities the pods trust"),
    ("apiextensions.k8s.io", "customresourcedefinitions", ""): ("", CONVERTS),
    ("apiextensions.k8s.io", "customresourcedefinitions", "status"): ("", CONVERTS),
    ("authentication.k8s.io", "tokenreviews", ""): ("", "a way to try tokens: whose one is, and whether it is good"),
    ("", "nodes", "proxy"): (KUBELET, KUBELET),
    ("", "pods", "proxy"): ("whatever listens on any port of the pod, reached from the API server, past its network policy",) * 2,
    ("", "services", "proxy"): ("whatever listens behind the service, reached from the API server, past its network policy",) * 2,
    ("", "pods", "ephemeralcontainers"): ("", "a container of the agent's choice inside a running pod, which stays there when the window ends"),
    (RBAC, "roles", ""): ("", RIGHTS),
    (RBAC, "rolebindings", ""): ("", RIGHTS),
    (RBAC, "clusterroles", ""): ("", RIGHTS),
    (RBAC, "clusterrolebindings", ""): ("", RIGHTS),
    (REGISTRATION, "apiservices", ""): ("", SERVES),
    (REGISTRATION, "apiservices", "status"): ("", SERVES),
    (ADMISSION, "validatingwebhookconfigurations", ""): ("", BETWEEN),
    (ADMISSION, "mutatingwebhookconfigurations", ""): ("", BETWEEN),
    (ADMISSION, "validatingadmissionpolicies", ""): ("", BETWEEN),
    (ADMISSION, "validatingadmissionpolicybindings", ""): ("", BETWEEN),
    (ADMISSION, "mutatingadmissionpolicies", ""): ("", BETWEEN),
    (ADMISSION, "mutatingadmissionpolicybindings", ""): ("", BETWEEN),
    ("", "nodes", ""): ("", MACHINES),
    ("", "nodes", "status"): ("", MACHINES),
}  # fmt: skip


def is_written_out(action: Action) -> bool:
    """Whether only a clause that names the verb and the kind covers the action, and never a `*`."""
    return hazard_of(action) in {Hazard.SECRET, Hazard.ESCAPE} or past_star_verb(action.verb, action.group, action.resource, action.subresource)


def gives(action: Action) -> str:
    """What the action would give: `rights that stay when the window ends`. Empty if there is nothing to say of it."""
    if is_guarded(action):
        return ADMINS
    reading, writing = GIVES.get((action.group, action.resource, action.subresource), ("", ""))
    if hazard_of(action) is Hazard.ESCAPE and not (reading or writing):
        return RIGHTS  # bind, escalate, impersonate
    return reading if action.verb in READ else writing
