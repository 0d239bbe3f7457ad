"""The ways out of a window, on the real cluster: denied whatever a scope says with `*`, each with its own words; real once they are written out."""

import base64
import json
import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.journeys.yard import IMAGE, Yard, pod, yard
from tests.support.clusters import GROUP, Cluster, new_kind
from tests.support.gateway import Agent
from tests.support.kubectls import Kubectl
from tests.support.processes import Result

pytestmark = [pytest.mark.cluster, pytest.mark.kubectl]

NS = f"escapes-{os.getpid()}"
CSR = f"csr-{NS}"
WIDE = ["* *", "* * in *"]
WRITTEN = [
    f"create serviceaccounts/token:default in {NS}", f"read,create secrets in {NS}",
    "get,create certificatesigningrequests.certificates.k8s.io", f"update certificatesigningrequests.certificates.k8s.io/approval:{CSR}",
    "get nodes/proxy:localhost", f"get pods/proxy:server*,services/proxy:server* in {NS}", f"get pods in {NS}; patch pods/ephemeralcontainers:server in {NS}",
    f"create roles.rbac.authorization.k8s.io in {NS}", "create tokenreviews.authentication.k8s.io", "get,patch nodes:localhost",
]  # fmt: skip
NOT_ASKED = ["get services:none in nowhere"]
SERVER = "mkdir -p /tmp/www; echo served > /tmp/www/index.html; httpd -f -p 8080 -h /tmp/www"
SERVICE = "---\napiVersion: v1\nkind: Service\nmetadata: {name: server}\nspec: {selector: {app: server}, ports: [{port: 80, targetPort: 8080}]}\n"
WEBHOOKS = '{"apiVersion":"admissionregistration.k8s.io/v1","kind":"ValidatingWebhookConfiguration","metadata":{"name":"x"}}'
REVIEW = '{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{"token":"x"}}'
APISERVICE = ('{"apiVersion":"apiregistration.k8s.io/v1","kind":"APIService","metadata":{"name":"v1.x.io"},'
              '"spec":{"group":"x.io","version":"v1","groupPriorityMinimum":1,"versionPriority":1}}')  # fmt: skip

# the command, what it is given on stdin, what the denial says of it, and what it prints once it is allowed ("": it is not tried).
# The one node has the address 127.0.0.1, and there the API server itself proxies nothing: those are the cluster's words, also to its admin.
WAYS = (
    ("create token default -n NS", "", "a credential of the service account", "ey"),
    ("get secrets -n NS", "", "passwords, keys and tokens", "No resources found"),
    ("create secret generic x --from-literal=a=b -n NS", "", "a say over credentials", "created"),
    ("create -f -", "CSR", "a client certificate that is good long after the window", "created"),
    (f"certificate approve {CSR}", "", "certificatesigningrequests.certificates.k8s.io", "approved"),
    ("get --raw /api/v1/nodes/localhost/proxy/healthz", "", "the kubelet's own API", "address not allowed"),
    ("get --raw /api/v1/namespaces/NS/pods/server:8080/proxy/index.html", "", "whatever listens on any port of the pod", "served"),
    ("get --raw /api/v1/namespaces/NS/services/server:80/proxy/index.html", "", "whatever listens behind the service", "served"),
    (f"debug server --image={IMAGE} -c dbg -n NS -- true", "", "a container of the agent's choice", ""),
    ("create role r --verb=get --resource=pods -n NS", "", "rights that stay when the window ends", "created"),
    ("create --raw /apis/authentication.k8s.io/v1/tokenreviews -f -", REVIEW, "a way to try tokens", "invalid bearer token"),
    ("label node localhost jitui-test=NS", "", "power over the machines", "labeled"),
    ("create -f - --validate=false", WEBHOOKS, "a place between the API server and everybody", ""),
    ("create -f - --validate=false", APISERVICE, "answers in the API server's name", ""),
)


def csr() -> str:
    key = subprocess.run(["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "/dev/null", "-subj", "/CN=jitui-test"],
                         capture_output=True, check=True)  # fmt: skip
    request = base64.b64encode(key.stdout).decode()
    return json.dumps({"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": CSR},
                       "spec": {"request": request, "signerName": "kubernetes.io/kube-apiserver-client", "usages": ["client auth"]}})  # fmt: skip


@pytest.fixture(scope="module")
def place(real_cluster: Cluster, one_kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    """The namespace with a server in it; agents: whose rule is wide, whose rule writes everything out, and one of those who asked for less."""
    rules = {"wide": WIDE, "written": [*WRITTEN, *WIDE], "unasked": [*WRITTEN, *NOT_ASKED]}
    with yard(tmp_path_factory.mktemp("escapes"), real_cluster, one_kubectl, NS, agents=rules, manifest=pod("server", SERVER) + SERVICE) as place:
        place.as_admin("-n", NS, "wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s")
        yield place
        place.as_admin("delete", "csr", CSR, "--ignore-not-found")
        place.as_admin("label", "node", "localhost", "jitui-test-")


@pytest.fixture(scope="module")
def agents(place: Yard) -> dict[str, Agent]:
    template = place.template()
    scopes = {"wide": WIDE, "written": [*WRITTEN, *WIDE], "unasked": NOT_ASKED}
    return {name: place.agent(name, scope=scope, kubeconfig=template) for name, scope in scopes.items()}


def ask(place: Yard, agent: Agent, kubectl: Kubectl, way: tuple[str, str, str, str]) -> Result:
    stdin = csr() if way[1] == "CSR" else way[1]
    return place.gateway.kubectl(kubectl, agent, *way[0].replace("NS", NS).split(" "), stdin=stdin.encode())


def test_every_way_out_is_denied_with_its_own_words(place: Yard, agents: dict[str, Agent], one_kubectl: Kubectl) -> None:
    """Under a rule and a window that say `*` to everything; and the denial names the clause that a rule would have to write out."""
    for way in WAYS:
        result = ask(place, agents["wide"], one_kubectl, way)
        assert result.code == 1, result
        assert way[2] in result.said, result
        assert "no * and no preset reaches it" in result.said, result
        assert "whoever writes the rule adds: " in result.said, result


def test_what_the_rule_writes_out_is_to_be_asked_for(place: Yard, agents: dict[str, Agent], one_kubectl: Kubectl) -> None:
    """Under a window that did not ask for it, the denial is the one for anything else: the command that asks."""
    for way in WAYS:
        if way[3]:
            result = ask(place, agents["unasked"], one_kubectl, way)
            assert result.code == 1, result
            assert "jitui request test" in result.said, result
            assert "no preset reaches it" not in result.said, result


def test_what_is_written_out_works(place: Yard, agents: dict[str, Agent], one_kubectl: Kubectl) -> None:
    """A token, a secret, a certificate, the kubelet, a pod, a service, a container, a role, a token review, a node: the cluster's own answers."""
    for way in WAYS:
        if way[3]:
            result = ask(place, agents["written"], one_kubectl, way)
            assert way[3] in result.text + result.said, result
    place.gateway.kubectl(one_kubectl, agents["written"], *f"debug server --image={IMAGE} -c dbg -n {NS} -- true".split()).ok()
    assert b"dbg" in place.as_admin("-n", NS, "get", "pod", "server", "-o", "jsonpath={.spec.ephemeralContainers[*].name}")
    assert b"Approved" in place.as_admin("get", "csr", CSR)


@pytest.mark.parametrize("name", ["wide", "written"])
def test_nobody_becomes_somebody_else(place: Yard, agents: dict[str, Agent], one_kubectl: Kubectl, name: str) -> None:
    """Impersonation is refused whatever is written out."""
    result = place.gateway.kubectl(one_kubectl, agents[name], "get", "pods", "-n", NS, "--as=system:admin")
    assert (result.code, "act as somebody else" in result.said) == (1, True), result


def test_a_new_kind_is_known_at_once(place: Yard, agents: dict[str, Agent], one_kubectl: Kubectl) -> None:
    """A CustomResourceDefinition of this very second: its objects are not denied as an unknown kind."""
    plural, kind = f"things{os.getpid()}", f"Thing{os.getpid()}"
    place.gateway.kubectl(one_kubectl, agents["wide"], "get", "pods", "-n", NS).ok()
    with new_kind(place.cluster, plural, kind, scope="Namespaced"):
        result = place.gateway.kubectl(one_kubectl, agents["wide"], "get", "--raw", f"/apis/{GROUP}/v1/namespaces/{NS}/{plural}")
        assert f'"kind":"{kind}List"' in result.ok().text
