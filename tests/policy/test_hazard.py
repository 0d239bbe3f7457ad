"""One table of hazards, row by row."""

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from jitui.policy.action import Action, Hazard
from jitui.policy.clause import VERBS, Clause, Target
from jitui.policy.hazard import clause_hazard, clause_hazards, hazard_at, hazard_of, past_star_kind, past_star_verb, scope_hazard, scope_hazards
from jitui.policy.kube import read
from jitui.policy.scope import Scope
from jitui.policy.streams import UPGRADE_VERBS
from jitui.policy.table import MAKE, TABLE, UNREACHED, Kind
from tests.policy.made import actions, actions_of, clauses, guards, scopes
from tests.policy.world import CLUSTER

NS = "/api/v1/namespaces/web"
APPS = "/apis/apps/v1/namespaces/web"
RBAC = "/apis/rbac.authorization.k8s.io/v1"


def action_of(line: str) -> Action:
    method, target = line.split()
    content = b"application/apply-patch+yaml" if method == "APPLY" else b""
    return read(b"PATCH" if method == "APPLY" else method.encode(), target.encode(), content_type=content)


@pytest.mark.parametrize(("line", "hazard"), [
    (f"GET {NS}/pods", Hazard.READ),
    (f"GET {NS}/pods/x/log", Hazard.READ),
    (f"GET {NS}/configmaps/x", Hazard.READ),
    ("GET /healthz/etcd", Hazard.READ),
    ("GET /version", Hazard.READ),
    ("GET /", Hazard.READ),
    ("GET /openid/v1/jwks", Hazard.READ),
    ("GET /metrics", Hazard.SECRET),
    ("GET /metrics/slis", Hazard.SECRET),
    ("HEAD /metrics", Hazard.SECRET),
    ("GET /logs/kube-apiserver.log", Hazard.SECRET),
    ("GET /debug/pprof/heap", Hazard.SECRET),
    ("GET /flagz", Hazard.SECRET),
    ("POST /metrics", Hazard.CHANGE),
    (f"GET {NS}/secrets/x", Hazard.SECRET),
    (f"GET {NS}/secrets", Hazard.SECRET),
    (f"GET {NS}/secrets?watch=1", Hazard.SECRET),
    (f"POST {NS}/secrets", Hazard.ESCAPE),
    (f"PATCH {NS}/secrets/x", Hazard.ESCAPE),
    (f"PUT {NS}/secrets/x", Hazard.ESCAPE),
    (f"DELETE {NS}/secrets/x", Hazard.ESCAPE),  # with propagationPolicy=Foreground it answers with the Secret, in a dry run too
    (f"DELETE {NS}/secrets?dryRun=All", Hazard.ESCAPE),  # answers with all of them, and deletes none
    (f"GET {NS}/pods/x/exec?command=ls", Hazard.EXEC),
    (f"POST {NS}/pods/x/attach", Hazard.EXEC),
    (f"POST {NS}/pods/x/portforward", Hazard.EXEC),
    (f"POST {NS}/configmaps", Hazard.CHANGE),
    (f"PATCH {APPS}/deployments/x", Hazard.CHANGE),
    (f"PUT {APPS}/deployments/x", Hazard.CHANGE),
    (f"DELETE {APPS}/deployments/x", Hazard.CHANGE),
    (f"PATCH {APPS}/deployments/x/scale", Hazard.CHANGE),
    (f"DELETE {NS}/pods", Hazard.CHANGE),
    (f"POST {NS}/pods/x/eviction", Hazard.CHANGE),
    (f"POST {APPS}/deployments", Hazard.SPAWN),
    (f"APPLY {APPS}/deployments/x", Hazard.SPAWN),
    (f"APPLY {NS}/configmaps/x", Hazard.CHANGE),
    (f"POST {APPS}/statefulsets", Hazard.SPAWN),
    (f"POST {APPS}/daemonsets", Hazard.SPAWN),
    (f"POST {APPS}/replicasets", Hazard.SPAWN),
    (f"POST {NS}/replicationcontrollers", Hazard.SPAWN),
    (f"POST {NS}/pods", Hazard.SPAWN),
    ("POST /apis/batch/v1/namespaces/web/jobs", Hazard.SPAWN),
    ("POST /apis/batch/v1/namespaces/web/cronjobs", Hazard.SPAWN),
    (f"POST {NS}/serviceaccounts", Hazard.ESCAPE),
    (f"PATCH {NS}/serviceaccounts/x", Hazard.ESCAPE),
    (f"DELETE {NS}/serviceaccounts/x", Hazard.CHANGE),
    ("POST /api/v1/namespaces", Hazard.ESCAPE),
    ("PATCH /api/v1/namespaces/web", Hazard.ESCAPE),
    ("PATCH /api/v1/namespaces/web/status", Hazard.ESCAPE),  # its labels too
    ("PUT /api/v1/namespaces/web/finalize", Hazard.ESCAPE),
    ("DELETE /api/v1/namespaces/web", Hazard.ESCAPE),
    ("GET /api/v1/namespaces/web", Hazard.READ),
    ("POST /api/v1/persistentvolumes", Hazard.ESCAPE),
    ("PATCH /api/v1/persistentvolumes/x", Hazard.ESCAPE),
    (f"POST {NS}/persistentvolumeclaims", Hazard.CHANGE),
    ("POST /apis/storage.k8s.io/v1/storageclasses", Hazard.ESCAPE),
    ("PATCH /apis/storage.k8s.io/v1/csidrivers/x", Hazard.ESCAPE),
    ("POST /apis/storage.k8s.io/v1/volumeattachments", Hazard.ESCAPE),
    ("PATCH /apis/flowcontrol.apiserver.k8s.io/v1/flowschemas/x", Hazard.ESCAPE),
    ("DELETE /apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations/x", Hazard.ESCAPE),
    (f"POST {NS}/resourcequotas", Hazard.CHANGE),
    (f"PATCH {NS}/resourcequotas/x", Hazard.ESCAPE),
    (f"DELETE {NS}/resourcequotas/x", Hazard.ESCAPE),
    (f"DELETE {NS}/limitranges", Hazard.ESCAPE),
    ("POST /apis/networking.k8s.io/v1/namespaces/web/networkpolicies", Hazard.ESCAPE),
    ("DELETE /apis/networking.k8s.io/v1/namespaces/web/networkpolicies/x", Hazard.ESCAPE),
    ("PATCH /apis/discovery.k8s.io/v1/namespaces/web/endpointslices/x", Hazard.ESCAPE),
    (f"PUT {NS}/endpoints/x", Hazard.ESCAPE),
    (f"POST {NS}/services", Hazard.SPAWN),
    (f"PATCH {NS}/services/x", Hazard.SPAWN),
    (f"DELETE {NS}/services/x", Hazard.CHANGE),
    (f"PATCH {NS}/services/x/status", Hazard.ESCAPE),
    (f"PATCH {NS}/pods/x/status", Hazard.ESCAPE),
    (f"POST {NS}/pods/x/binding", Hazard.SPAWN),
    (f"POST {NS}/podtemplates", Hazard.SPAWN),
    ("POST /apis/node.k8s.io/v1/runtimeclasses", Hazard.ESCAPE),
    ("POST /apis/scheduling.k8s.io/v1/priorityclasses", Hazard.ESCAPE),
    ("POST /apis/resource.k8s.io/v1/deviceclasses", Hazard.ESCAPE),
    ("POST /apis/resource.k8s.io/v1/namespaces/web/resourceclaims", Hazard.SPAWN),
    ("POST /apis/networking.k8s.io/v1/servicecidrs", Hazard.ESCAPE),
    ("PATCH /apis/networking.k8s.io/v1/ingressclasses/x", Hazard.ESCAPE),
    ("POST /apis/coordination.k8s.io/v1/namespaces/web/leases", Hazard.CHANGE),
    ("POST /apis/coordination.k8s.io/v1/namespaces/kube-system/leases", Hazard.ESCAPE),
    ("PATCH /apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1", Hazard.ESCAPE),
    ("POST /apis/batch/v1/namespaces/kube-system/jobs", Hazard.ESCAPE),
    ("GET /api/v1/namespaces/kube-system/pods/x/exec?command=sh", Hazard.ESCAPE),
    ("GET /api/v1/namespaces/kube-system/pods/x", Hazard.READ),
    ("GET /api/v1/namespaces/kube-system/secrets/x", Hazard.SECRET),
    ("POST /apis/authorization.k8s.io/v1/namespaces/kube-system/localsubjectaccessreviews", Hazard.READ),
    ("GET /api/v1/nodes/n1/log", Hazard.SECRET),
    ("GET /api/v1/nodes/n1/stats", Hazard.SECRET),
    ("GET /api/v1/nodes/n1/metrics", Hazard.SECRET),
    ("GET /api/v1/nodes/n1/configz", Hazard.SECRET),
    ("GET /api/v1/nodes/n1/healthz", Hazard.READ),
    ("POST /apis/argoproj.io/v1alpha1/namespaces/web/workflows", Hazard.SPAWN),
    ("PATCH /apis/argoproj.io/v1alpha1/namespaces/web/applications/x", Hazard.SPAWN),
    ("APPLY /apis/kustomize.toolkit.fluxcd.io/v1/namespaces/web/kustomizations/x", Hazard.SPAWN),
    ("PUT /apis/subresources.kubevirt.io/v1/namespaces/web/virtualmachines/x/start", Hazard.SPAWN),
    ("GET /apis/subresources.kubevirt.io/v1/namespaces/web/virtualmachineinstances/x/console", Hazard.EXEC),
    ("GET /apis/cluster.karmada.io/v1alpha1/clusters/member1/proxy/api/v1/secrets", Hazard.ESCAPE),
    ("DELETE /apis/kyverno.io/v1/clusterpolicies/x", Hazard.SPAWN),
    ("GET /apis/argoproj.io/v1alpha1/namespaces/web/applications/x", Hazard.READ),
    ("GET /apis/argoproj.io/v1alpha1/namespaces/web/applications/x/status", Hazard.READ),
    ("GET /apis/example.io/v1/namespaces/web/secrets/x", Hazard.SECRET),  # of another group, by a name that says what they are
    ("DELETE /apis/example.io/v1/namespaces/web/secrets?dryRun=All", Hazard.ESCAPE),
    ("POST /apis/authorization.openshift.io/v1/namespaces/web/rolebindings", Hazard.ESCAPE),
    ("DELETE /apis/crd.projectcalico.org/v1/namespaces/web/networkpolicies/x", Hazard.ESCAPE),
    ("PATCH /apis/iam.services.k8s.aws/v1alpha1/namespaces/web/roles/x", Hazard.ESCAPE),
    ("POST /apis/example.io/v1/namespaces/web/serviceaccounts/x/token", Hazard.ESCAPE),
    ("GET /apis/metrics.k8s.io/v1beta1/namespaces/web/pods", Hazard.READ),
    ("GET /apis/metrics.k8s.io/v1beta1/nodes/n1", Hazard.READ),
    ("PATCH /apis/serving.knative.dev/v1/namespaces/web/services/x", Hazard.SPAWN),
    (f"POST {NS}/serviceaccounts/x/token", Hazard.ESCAPE),
    ("GET /api/v1/nodes/n1/proxy/run", Hazard.ESCAPE),
    (f"GET {NS}/pods/x/proxy/", Hazard.ESCAPE),
    (f"POST {NS}/services/x/proxy/", Hazard.ESCAPE),
    (f"PATCH {NS}/pods/x/ephemeralcontainers", Hazard.ESCAPE),
    (f"GET {NS}/pods/x/ephemeralcontainers", Hazard.READ),
    (f"POST {RBAC}/namespaces/web/roles", Hazard.ESCAPE),
    (f"PATCH {RBAC}/namespaces/web/rolebindings/x", Hazard.ESCAPE),
    (f"PUT {RBAC}/clusterroles/x", Hazard.ESCAPE),
    (f"DELETE {RBAC}/clusterrolebindings", Hazard.ESCAPE),
    (f"GET {RBAC}/clusterroles", Hazard.READ),
    ("POST /apis/certificates.k8s.io/v1/certificatesigningrequests", Hazard.ESCAPE),
    ("PUT /apis/certificates.k8s.io/v1/certificatesigningrequests/x/approval", Hazard.ESCAPE),
    ("PATCH /apis/certificates.k8s.io/v1/certificatesigningrequests/x/status", Hazard.ESCAPE),
    ("POST /apis/apiregistration.k8s.io/v1/apiservices", Hazard.ESCAPE),
    ("PUT /apis/apiregistration.k8s.io/v1/apiservices/x/status", Hazard.ESCAPE),
    ("POST /apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations", Hazard.ESCAPE),
    ("PATCH /apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/x", Hazard.ESCAPE),
    ("PATCH /api/v1/nodes/n1", Hazard.ESCAPE),
    ("PATCH /api/v1/nodes/n1/status", Hazard.ESCAPE),
    ("GET /api/v1/nodes/n1", Hazard.READ),
    ("POST /apis/authentication.k8s.io/v1/tokenreviews", Hazard.ESCAPE),
    ("POST /apis/authentication.k8s.io/v1/selfsubjectreviews", Hazard.READ),
    ("POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews", Hazard.READ),
    ("POST /apis/authorization.k8s.io/v1/selfsubjectrulesreviews", Hazard.READ),
    ("POST /apis/authorization.k8s.io/v1/subjectaccessreviews", Hazard.READ),
    ("POST /apis/authorization.k8s.io/v1/namespaces/web/localsubjectaccessreviews", Hazard.READ),
])  # fmt: skip
def test_an_action_has_its_hazard(line: str, hazard: Hazard) -> None:
    """The hazard is the one on its badge."""
    assert hazard_of(action_of(line)) is hazard


@pytest.mark.parametrize("verb", ["bind", "escalate", "impersonate"])
def test_the_verbs_that_widen_rights_are_escapes(verb: str) -> None:
    assert hazard_of(Action(verb, "", "v1", "services")) is Hazard.ESCAPE


@pytest.mark.parametrize(("clause", "hazard"), [
    ("read pods,pods/log in web", Hazard.READ),
    ("patch deployments.apps in web", Hazard.CHANGE),
    ("apply deployments.apps:web in web", Hazard.SPAWN),
    ("apply configmaps in web", Hazard.CHANGE),
    ("exec pods in web -- ls", Hazard.EXEC),
    ("port-forward pods in web", Hazard.EXEC),
    ("get pods/exec in web", Hazard.EXEC),
    ("read * in web", Hazard.READ),
    ("create * in web", Hazard.SPAWN),
    ("create *.apps in web", Hazard.SPAWN),
    ("create *.argoproj.io in web", Hazard.SPAWN),
    ("patch *.argoproj.io in web", Hazard.SPAWN),
    ("create *.rbac.authorization.k8s.io in web", Hazard.SPAWN),  # of kinds that nobody knows yet
    ("patch namespaces:x", Hazard.ESCAPE),
    ("create persistentvolumes", Hazard.ESCAPE),
    ("create jobs.batch in kube-system", Hazard.ESCAPE),
    ("create jobs.batch in *", Hazard.SPAWN),
    ("@deploy in kube-system", Hazard.READ),
    ("exec pods in kube-system", Hazard.ESCAPE),
    ("@debug in kube-system", Hazard.READ),
    ("get url:/healthz", Hazard.READ),
    ("get url:/*", Hazard.READ),  # reaches nothing that shows more
    ("get url:/logs/*", Hazard.SECRET),
    ("get nodes/log", Hazard.SECRET),
    ("* * in web", Hazard.SPAWN),
    ("get secrets:web-tls in web", Hazard.SECRET),
    ("get,create secrets in web", Hazard.ESCAPE),
    ("* secrets in web", Hazard.READ),
    ("* nodes", Hazard.READ),
    ("* pods/proxy in web", Hazard.READ),
    ("* pods/exec in web", Hazard.EXEC),
    ("patch nodes", Hazard.ESCAPE),
    ("impersonate serviceaccounts in web", Hazard.ESCAPE),
    ("@view in web", Hazard.READ),
    ("@debug in web", Hazard.EXEC),
    ("@deploy in web", Hazard.SPAWN),
    ("get url:/metrics", Hazard.SECRET),
])  # fmt: skip
def test_a_clause_has_its_worst_hazard(clause: str, hazard: Hazard) -> None:
    """Decide shows it beside the clause."""
    assert clause_hazard(Scope.parse(clause).clauses[0]) is hazard


def test_a_scope_has_its_worst_clause() -> None:
    scope = Scope.parse("read pods in web; exec pods in web; patch configmaps in web")
    assert scope_hazard(scope) is Hazard.CHANGE
    assert scope_hazards(scope) == {Hazard.READ, Hazard.EXEC, Hazard.CHANGE}


def test_an_exec_reads_too() -> None:
    """Automatic approval for EXEC alone would also let its get of the pod pass: it has to be named."""
    assert clause_hazards(Clause(("exec",), Scope.parse("get pods in web").clauses[0].targets, ("web",))) == {Hazard.READ, Hazard.EXEC}


@given(scopes, actions(), guards)
def test_no_action_is_worse_than_its_scope(scope: Scope, action: Action, more: tuple[str, ...]) -> None:
    """The badge of a request is never milder than what passes under it, whatever the rule guards."""
    if scope.allows(action, CLUSTER, more):
        assert hazard_of(action, more) in scope_hazards(scope, more)
        assert hazard_of(action, more).rank <= scope_hazard(scope, more).rank


def test_what_the_table_calls_a_way_out_is_out_of_reach_of_a_star() -> None:
    """There is no second list but of kinds that are withheld whole, and each of those is a way out to make."""
    for (group, resource, subresource), verbs, hazard, _ in TABLE:
        for verb in verbs:
            out = hazard in {Hazard.ESCAPE, Hazard.SECRET}
            assert past_star_verb(verb, group, resource, subresource) is (out or (not subresource and (group, resource) in UNREACHED))
            assert subresource or past_star_kind(verb, group, resource) is past_star_verb(verb, group, resource, "")
    assert all({hazard_at(verb, group, resource, "") for verb in MAKE} == {Hazard.ESCAPE} for group, resource in UNREACHED)
    assert past_star_kind("get", "", "secrets")
    assert past_star_kind("get", "apiregistration.k8s.io", "apiservices")
    assert not past_star_kind("get", "", "nodes")
    assert not past_star_verb("get", "", "pods", "log")


@given(clauses, st.data())
def test_no_star_covers_what_outlives_a_window(clause: Clause, data: st.DataObject) -> None:
    """Of a clause with `*` as its verbs or as a plural, the part that the `*` stands for never covers an ESCAPE or a SECRET."""
    starred = Clause(("*",), clause.targets or Scope.parse("read secrets in web").clauses[0].targets, clause.namespaces)
    scope = Scope((starred,))
    action = data.draw(actions_of(scope) | actions())
    if hazard_of(action) in {Hazard.ESCAPE, Hazard.SECRET}:
        assert scope.allows(action, CLUSTER) is None
    plural = replace(clause, targets=(Target("*"),)) if clause.targets and not set(clause.verbs) & set(UPGRADE_VERBS) else starred
    if hazard_of(action) in {Hazard.ESCAPE, Hazard.SECRET}:
        assert Scope((plural,)).allows(action, CLUSTER) is None


STARRED = ("* {}", "* {} in *", "* *", "* * in *", "@deploy in *", "@debug in *", "@view in *", "@view")


@pytest.mark.parametrize("kind", sorted({kind for kind, _, hazard, _ in TABLE if hazard in {Hazard.ESCAPE, Hazard.SECRET}}), ids=".".join)
def test_every_way_out_must_be_written_out(kind: Kind) -> None:
    """For each row of the table, whatever a scope says with a `*` or a preset; and the verb written out covers it."""
    group, resource, subresource = kind
    written = str(Target(resource, group, subresource))
    scopes = [Scope.parse(text.format(written)) for text in STARRED]
    for verb in {verb for other, verbs, hazard, _ in TABLE if other == kind and hazard in {Hazard.ESCAPE, Hazard.SECRET} for verb in verbs & set(VERBS)}:
        for namespaced in (True, False):
            action = Action(verb, group, "v1", resource, subresource, "web" if namespaced else "", "x", apply=verb == "patch")
            assert all(scope.allows(action, Everything(namespaced)) is None for scope in scopes)
            assert Scope.parse(f"{verb},create {written}{' in web' if namespaced else ''}").allows(action, Everything(namespaced))


class Everything:
    """A cluster that serves every kind."""

    def __init__(self, answer: bool) -> None:
        self._answer = answer

    def namespaced(self, group: str, resource: str) -> bool | None:
        return self._answer
