"""One table of hazards, row by row."""

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from jitui.rules.action import Action, Hazard
from jitui.rules.clause import STREAMS, VERBS, Clause, Target
from jitui.rules.hazard import (
    ANY,
    NEVER_BY_STAR,
    READ,
    TABLE,
    WRITE,
    WRITES_NEVER_BY_STAR,
    Kind,
    clause_hazard,
    clause_hazards,
    hazard_of,
    past_star_kind,
    past_star_verb,
    scope_hazard,
    scope_hazards,
)  # fmt: skip
from jitui.rules.kube import read
from jitui.rules.scope import Scope
from tests.rules.made import actions, actions_of, clauses, scopes
from tests.rules.world import CLUSTER

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
    ("GET /metrics", Hazard.READ),
    ("HEAD /metrics", Hazard.READ),
    ("POST /metrics", Hazard.CHANGE),
    (f"GET {NS}/secrets/x", Hazard.SECRET),
    (f"GET {NS}/secrets", Hazard.SECRET),
    (f"GET {NS}/secrets?watch=1", Hazard.SECRET),
    (f"POST {NS}/secrets", Hazard.ESCAPE),
    (f"PATCH {NS}/secrets/x", Hazard.ESCAPE),
    (f"PUT {NS}/secrets/x", Hazard.ESCAPE),
    (f"DELETE {NS}/secrets/x", Hazard.CHANGE),
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
    (f"POST {NS}/serviceaccounts", Hazard.CHANGE),
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
    """What it can hurt, as the badge says it."""
    assert hazard_of(action_of(line)) is hazard


@pytest.mark.parametrize("row", TABLE)
def test_a_row_of_the_table_decides_its_verbs(row: tuple[Kind, frozenset[str], Hazard]) -> None:
    """No row stands behind another that takes its verbs away."""
    (group, resource, subresource), verbs, hazard = row
    assert {hazard_of(Action(verb, group, "v1", resource, subresource)) for verb in verbs} == {hazard}


@pytest.mark.parametrize("verb", ["bind", "escalate", "impersonate"])
def test_the_verbs_that_widen_rights_are_escapes(verb: str) -> None:
    assert hazard_of(Action(verb, "", "v1", "services")) is Hazard.ESCAPE


def test_reads_and_writes_are_all_verbs() -> None:
    """A new verb has to be put on one side."""
    assert ANY - {"head", "apply"} == set(VERBS)
    assert not READ & WRITE


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
    ("create *.argoproj.io in web", Hazard.CHANGE),
    ("create *.rbac.authorization.k8s.io in web", Hazard.CHANGE),
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
    ("get url:/metrics", Hazard.READ),
])  # fmt: skip
def test_a_clause_has_its_worst_hazard(clause: str, hazard: Hazard) -> None:
    """What Decide shows beside it."""
    assert clause_hazard(Scope.parse(clause).clauses[0]) is hazard


def test_a_scope_has_its_worst_clause() -> None:
    scope = Scope.parse("read pods in web; exec pods in web; patch services in web")
    assert scope_hazard(scope) is Hazard.CHANGE
    assert scope_hazards(scope) == {Hazard.READ, Hazard.EXEC, Hazard.CHANGE}


def test_an_exec_reads_too() -> None:
    """Automatic approval for EXEC alone would also let its get of the pod pass: it has to be named."""
    assert clause_hazards(Clause(("exec",), Scope.parse("get pods in web").clauses[0].targets, ("web",))) == {Hazard.READ, Hazard.EXEC}


@given(scopes, actions())
def test_no_action_is_worse_than_its_scope(scope: Scope, action: Action) -> None:
    """The badge of a request is never milder than what passes under it."""
    if scope.allows(action, CLUSTER):
        assert hazard_of(action) in scope_hazards(scope)
        assert hazard_of(action).rank <= scope_hazard(scope).rank


def test_every_hazard_of_the_design_is_out_of_reach_of_a_star() -> None:
    """A subresource is never reached anyway; the kinds and the writes are these."""
    escapes = {(group, resource) for (group, resource, subresource), _, hazard in TABLE if not subresource and hazard in {Hazard.ESCAPE, Hazard.SECRET}}
    assert escapes == NEVER_BY_STAR | WRITES_NEVER_BY_STAR
    assert past_star_kind("get", "", "secrets")
    assert past_star_kind("create", "", "nodes")
    assert past_star_verb("create", "", "nodes", "")
    assert past_star_verb("get", "", "secrets", "")
    assert past_star_verb("get", "", "pods", "proxy")
    assert not past_star_kind("get", "", "nodes")
    assert not past_star_verb("get", "", "nodes", "")
    assert not past_star_verb("get", "", "pods", "log")


@given(clauses, st.data())
def test_no_star_covers_what_outlives_a_window(clause: Clause, data: st.DataObject) -> None:
    """Of a clause with `*` as its verbs or as a plural, the part that the `*` stands for never covers an ESCAPE or a SECRET."""
    starred = Clause(("*",), clause.targets or Scope.parse("read secrets in web").clauses[0].targets, clause.namespaces)
    scope = Scope((starred,))
    action = data.draw(actions_of(scope) | actions())
    if hazard_of(action) in {Hazard.ESCAPE, Hazard.SECRET}:
        assert scope.allows(action, CLUSTER) is None
    plural = replace(clause, targets=(Target("*"),)) if clause.targets and not set(clause.verbs) & set(STREAMS) else starred
    if hazard_of(action) in {Hazard.ESCAPE, Hazard.SECRET}:
        assert Scope((plural,)).allows(action, CLUSTER) is None


@pytest.mark.parametrize("row", [row for row in TABLE if row[2] in {Hazard.ESCAPE, Hazard.SECRET}], ids=lambda row: ".".join(row[0]))
@pytest.mark.parametrize("text", ["* {}", "* {} in *", "* *", "* * in *", "@deploy in *", "@debug in *", "@view in *", "@view"])
def test_every_way_out_must_be_written_out(row: tuple[Kind, frozenset[str], Hazard], text: str) -> None:
    """For each row of the table, whatever a scope says with a `*` or a preset; and the verb written out covers it."""
    (group, resource, subresource), verbs, _ = row
    written = str(Target(resource, group, subresource))
    scope = Scope.parse(text.format(written))
    for verb in verbs & set(VERBS):
        for namespaced in (True, False):
            action = Action(verb, group, "v1", resource, subresource, "web" if namespaced else "", "x", apply=verb == "patch")
            assert scope.allows(action, Everything(namespaced)) is None
            assert Scope.parse(f"{verb},create {written}{' in web' if namespaced else ''}").allows(action, Everything(namespaced))


class Everything:
    """A cluster that serves every kind."""

    def __init__(self, answer: bool) -> None:
        self._answer = answer

    def namespaced(self, group: str, resource: str) -> bool | None:
        return self._answer
