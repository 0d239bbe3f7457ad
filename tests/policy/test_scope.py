"""A scope allows actions, and lies inside another or not."""

from dataclasses import replace

import pytest
from hypothesis import event, given, settings, strategies as st

from jitui.policy.action import Action, Hazard
from jitui.policy.clause import VERBS, Clause, Target
from jitui.policy.hazard import clause_hazards, hazard_of, is_guarded, scope_hazard
from jitui.policy.kube import read
from jitui.policy.scope import Scope, narrower, wider_clause
from tests.policy.made import actions, actions_of, guards, pairs, scopes
from tests.policy.world import CLUSTER
from tests.support.compiled import examples

POD = b"/api/v1/namespaces/web/pods/web-7c"


def allows(scope: str, action: Action) -> bool:
    return Scope.parse(scope).allows(action, CLUSTER) is not None


@pytest.mark.parametrize(("scope", "line", "allowed"), [
    # read pods,pods/log in web: get, get -w, logs -f in web; -A is denied
    ("read pods,pods/log in web", "GET /api/v1/namespaces/web/pods/web-7c", True),
    ("read pods,pods/log in web", "GET /api/v1/namespaces/web/pods?limit=500", True),
    ("read pods,pods/log in web", "GET /api/v1/namespaces/web/pods?watch=true", True),
    ("read pods,pods/log in web", "GET /api/v1/namespaces/web/pods/web-7c/log?follow=true", True),
    ("read pods,pods/log in web", "GET /api/v1/pods", False),
    ("read pods,pods/log in web", "GET /api/v1/namespaces/api/pods", False),
    ("read pods,pods/log in web", "GET /api/v1/namespaces/web/pods/web-7c/status", False),
    ("read pods,pods/log in web", "DELETE /api/v1/namespaces/web/pods/web-7c", False),
    # exec pods:web-* in web
    ("exec pods:web-* in web", "GET /api/v1/namespaces/web/pods/web-7c/exec?command=sh&stdin=true&tty=true", True),
    ("exec pods:web-* in web", "POST /api/v1/namespaces/web/pods/web-7c/exec?command=tar", True),
    ("exec pods:web-* in web", "GET /api/v1/namespaces/web/pods/web-7c", True),
    ("exec pods:web-* in web", "GET /api/v1/namespaces/web/pods/db-0/exec?command=sh", False),
    ("exec pods:web-* in web", "GET /api/v1/namespaces/web/pods/db-0", False),
    ("exec pods:web-* in web", "POST /api/v1/namespaces/web/pods/web-7c/attach", False),
    ("exec pods:web-* in web", "POST /api/v1/namespaces/web/pods/web-7c/portforward", False),
    ("exec pods:web-* in web", "GET /api/v1/namespaces/web/pods", False),
    ("exec pods in web", "GET /api/v1/namespaces/web/pods", False),
    ("attach pods in web", "GET /api/v1/namespaces/web/pods/web-7c/attach?stdin=true", True),
    ("port-forward pods in web", "GET /api/v1/namespaces/web/pods/web-7c/portforward", True),
    ("create pods/exec in web", "GET /api/v1/namespaces/web/pods/web-7c/exec?command=sh", True),
    ("create pods/exec in web", "GET /api/v1/namespaces/web/pods/web-7c", False),
    ("get pods/exec in web", "GET /api/v1/namespaces/web/pods/web-7c/exec?command=sh", False),
    # exec pods:db-0 in data -- pg_isready -h *
    ("exec pods:web-7c in web -- pg_isready -h *", "GET /api/v1/namespaces/web/pods/web-7c/exec?command=pg_isready&command=-h&command=x", True),
    ("exec pods:web-7c in web -- pg_isready -h *", "GET /api/v1/namespaces/web/pods/web-7c/exec?command=pg_isready&command=-h", False),
    ("exec pods:web-7c in web -- pg_isready -h *", "GET /api/v1/namespaces/web/pods/web-7c/exec?command=sh", False),
    ("exec pods:web-7c in web -- pg_isready -h *",
     "GET /api/v1/namespaces/web/pods/web-7c/exec?command=pg_isready&command=-h&command=x&stdin=true", False),
    ("exec pods:web-7c in web -- pg_isready -h *",
     "GET /api/v1/namespaces/web/pods/web-7c/exec?command=pg_isready&command=-h&command=x&tty=true", False),
    ("exec pods:web-7c in web -- pg_isready -h *", "GET /api/v1/namespaces/web/pods/web-7c/exec", False),
    ("exec pods:web-7c in web -- pg_isready -h *", "GET /api/v1/namespaces/web/pods/web-7c", True),
    ("exec pods in web -- ls ...", "GET /api/v1/namespaces/web/pods/web-7c/exec?command=ls&command=-l&command=%2F", True),
    # names: list and watch need fieldSelector metadata.name
    ("read pods:web-7c in web", "GET /api/v1/namespaces/web/pods?fieldSelector=metadata.name%3Dweb-7c", True),
    ("read pods:web-7c in web", "GET /api/v1/namespaces/web/pods?fieldSelector=metadata.name%3Dweb-7c&watch=1", True),
    ("read pods:web-7c in web", "GET /api/v1/namespaces/web/pods", False),
    ("read pods:* in web", "GET /api/v1/namespaces/web/pods", False),
    ("read pods:web-7c in web", "GET /api/v1/namespaces/web/pods?fieldSelector=metadata.name%3Ddb-0", False),
    ("read pods:web-7c in web", "GET /api/v1/namespaces/web/pods?labelSelector=metadata.name%3Dweb-7c", False),
    ("delete,deletecollection pods:web-* in web", "DELETE /api/v1/namespaces/web/pods/web-7c", True),
    ("delete,deletecollection pods:web-* in web", "DELETE /api/v1/namespaces/web/pods?fieldSelector=metadata.name%3Dweb-7c", False),
    # apply needs patch and create
    ("apply deployments.apps:web in web", "GET /apis/apps/v1/namespaces/web/deployments/web", True),
    ("apply deployments.apps:web in web", "APPLY /apis/apps/v1/namespaces/web/deployments/web?fieldManager=kubectl", True),
    ("apply deployments.apps:web in web", "APPLY /apis/apps/v1/namespaces/web/deployments/api?fieldManager=kubectl", False),
    ("apply deployments.apps:web in web", "POST /apis/apps/v1/namespaces/web/deployments", False),
    ("apply deployments.apps in web", "POST /apis/apps/v1/namespaces/web/deployments", True),
    ("patch deployments.apps:web in web", "APPLY /apis/apps/v1/namespaces/web/deployments/web", False),
    ("patch deployments.apps:web in web", "PATCH /apis/apps/v1/namespaces/web/deployments/web", True),
    ("create deployments.apps:web in web", "APPLY /apis/apps/v1/namespaces/web/deployments/web", False),
    ("patch deployments.apps in web; create deployments.apps:web in web", "APPLY /apis/apps/v1/namespaces/web/deployments/web", True),
    ("patch deployments.apps in web; create deployments.apps:web in web", "APPLY /apis/apps/v1/namespaces/web/deployments/api", False),
    ("patch deployments.apps in web", "PATCH /apis/apps/v1/namespaces/web/deployments/web/scale", False),
    ("patch deployments.apps/scale in web", "PATCH /apis/apps/v1/namespaces/web/deployments/web/scale", True),
    # a dry run is the write it is
    ("get deployments.apps in web", "PATCH /apis/apps/v1/namespaces/web/deployments/web?dryRun=All", False),
    # no in: cluster-scoped kinds only
    ("read nodes", "GET /api/v1/nodes", True),
    ("read pods", "GET /api/v1/pods", False),
    ("read pods", "GET /api/v1/namespaces/web/pods", False),
    ("read *", "GET /api/v1/nodes/n1", True),
    ("read *", "GET /api/v1/namespaces/web/pods", False),
    ("read nodes in web", "GET /api/v1/nodes", False),
    ("read nodes in *", "GET /api/v1/nodes", False),
    ("read nodes", "GET /api/v1/namespaces/web/nodes", False),
    # in *: every namespace and lists across them
    ("read pods in *", "GET /api/v1/pods", True),
    ("read pods in *", "GET /api/v1/namespaces/web/pods", True),
    ("read pods in web-*", "GET /api/v1/pods", False),
    ("read pods in w*", "GET /api/v1/namespaces/web/pods", True),
    ("read pods in api,w*", "GET /api/v1/namespaces/web/pods", True),
    # namespaces:web matches by name
    ("read namespaces:web", "GET /api/v1/namespaces/web", True),
    ("read namespaces:web", "GET /api/v1/namespaces/api", False),
    ("read namespaces:web", "GET /api/v1/namespaces", False),
    ("read namespaces", "GET /api/v1/namespaces", True),
    ("read namespaces in web", "GET /api/v1/namespaces/web", False),
    ("read namespaces", "GET /api/v1/namespaces/web/namespaces/api", False),
    ("get namespaces/status:web", "GET /api/v1/namespaces/web/status", True),
    # * : all kinds, no subresources, no hazards
    ("read * in web", "GET /api/v1/namespaces/web/configmaps/x", True),
    ("read * in web", "GET /apis/argoproj.io/v1/namespaces/web/rollouts", True),
    ("read * in web", "GET /api/v1/namespaces/web/pods/web-7c/log", False),
    ("read * in web", "GET /api/v1/namespaces/web/secrets/x", False),
    ("read * in web", "GET /apis/unknown.io/v1/namespaces/web/widgets", False),
    ("read widgets.unknown.io in web", "GET /apis/unknown.io/v1/namespaces/web/widgets", False),
    ("read *.argoproj.io in web", "GET /apis/argoproj.io/v1/namespaces/web/rollouts/x", True),
    ("read *.argoproj.io in web", "GET /api/v1/namespaces/web/pods", False),
    ("read *:web in web", "GET /api/v1/namespaces/web/services/web", True),
    ("read *:web in web", "GET /api/v1/namespaces/web/services/api", False),
    ("get secrets:web-tls in web", "GET /api/v1/namespaces/web/secrets/web-tls", True),
    ("get secrets:web-tls in web", "GET /api/v1/namespaces/web/secrets", False),
    ("* secrets in web", "GET /api/v1/namespaces/web/secrets", False),
    ("read secrets in web", "GET /api/v1/namespaces/web/secrets", True),
    ("* pods in web", "GET /api/v1/namespaces/web/pods/web-7c/exec?command=sh", False),
    # presets
    ("@view in web", "GET /api/v1/namespaces/web/pods", True),
    ("@view in web", "GET /api/v1/namespaces/web/events?fieldSelector=involvedObject.name%3Dx", True),
    ("@view in web", "GET /api/v1/namespaces/web/pods/web-7c/log", True),
    ("@view in web", "GET /api/v1/namespaces/web/secrets", False),
    ("@view in web", "GET /api/v1/namespaces/web/pods/web-7c/exec?command=sh", False),
    ("@view in web", "GET /api/v1/pods", False),
    ("@view in web", "GET /api/v1/nodes", False),
    ("@view", "GET /api/v1/nodes", True),
    ("@view in *", "GET /api/v1/pods", True),
    ("@debug in web", "GET /api/v1/namespaces/web/pods/web-7c/exec?command=sh", True),
    ("@debug in web", "GET /api/v1/namespaces/web/secrets/x", False),
    ("@debug in web", "POST /api/v1/namespaces/web/pods", False),
    ("@deploy in web", "APPLY /apis/apps/v1/namespaces/web/deployments/web", True),
    ("@deploy in web", "POST /api/v1/namespaces/web/configmaps", True),
    ("@deploy in web", "GET /api/v1/namespaces/web/pods", True),
    ("@deploy in web", "PATCH /apis/apps/v1/namespaces/web/deployments/web/scale", True),
    ("@deploy in web", "POST /api/v1/namespaces/web/secrets", False),
    ("@deploy in web", "POST /api/v1/namespaces/web/pods", False),
    ("@deploy in web", "GET /api/v1/namespaces/web/pods/web-7c/exec?command=sh", False),
    # paths
    ("get url:/metrics", "GET /metrics", True),
    ("get url:/metrics", "GET /metrics/cadvisor", False),
    ("get url:/metrics", "HEAD /metrics", False),
    ("get url:/metrics", "POST /metrics", False),
    ("get url:/*", "GET /metrics", False),
    ("get url:/m*", "GET /metrics", False),
    ("get url:/*", "GET /healthz", True),
    ("get url:/logs/*", "GET /logs/a", True),
    # guarded namespaces: verb, kind and namespace written out
    ("@deploy in *", "POST /apis/batch/v1/namespaces/kube-system/jobs", False),
    ("@deploy in kube-system", "POST /apis/batch/v1/namespaces/kube-system/jobs", False),
    ("@deploy in *", "PATCH /apis/apps/v1/namespaces/kube-system/deployments/coredns/scale", False),
    ("@deploy in *", "POST /apis/batch/v1/namespaces/web/jobs", True),
    ("@debug in *", "GET /api/v1/namespaces/kube-system/pods/x/exec?command=sh", False),
    ("@debug in *", "GET /api/v1/namespaces/kube-system/pods/x/log", True),
    ("* * in kube-system", "DELETE /api/v1/namespaces/kube-system/pods/x", False),
    ("* pods in kube-system", "DELETE /api/v1/namespaces/kube-system/pods/x", False),
    ("delete * in kube-system", "DELETE /api/v1/namespaces/kube-system/pods/x", False),
    ("delete pods in kube-*", "DELETE /api/v1/namespaces/kube-system/pods/x", False),
    ("delete pods in *", "DELETE /api/v1/namespaces/kube-system/pods/x", False),
    ("delete pods in kube-system", "DELETE /api/v1/namespaces/kube-system/pods/x", True),
    ("delete pods in *,kube-system", "DELETE /api/v1/namespaces/kube-system/pods/x", True),
    ("exec pods in kube-system", "GET /api/v1/namespaces/kube-system/pods/x/exec?command=sh", True),
    ("attach,port-forward pods in *", "GET /api/v1/namespaces/kube-public/pods/x/attach", False),
    ("attach,port-forward pods in *", "GET /api/v1/namespaces/kube-public/pods/x/portforward", False),
    ("get pods/proxy in *", "GET /api/v1/namespaces/kube-system/pods/x/proxy/", False),
    ("get pods/proxy in kube-system", "GET /api/v1/namespaces/kube-system/pods/x/proxy/", True),
    ("patch leases.coordination.k8s.io in *", "PATCH /apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1", False),
    ("patch namespaces", "PATCH /api/v1/namespaces/kube-system", False),
    ("patch namespaces:kube-*", "PATCH /api/v1/namespaces/kube-system", False),
    ("patch namespaces", "PATCH /api/v1/namespaces/web", True),
    ("patch namespaces:kube-system", "PATCH /api/v1/namespaces/kube-system", True),
    ("update namespaces/finalize", "PUT /api/v1/namespaces/kube-system/finalize", False),
    ("patch namespaces/status", "PATCH /api/v1/namespaces/kube-system/status", False),
    ("delete namespaces", "DELETE /api/v1/namespaces/kube-system", False),
    ("create pods in *", "POST /api/v1/pods", False),
    ("deletecollection pods in *", "DELETE /api/v1/pods", False),
    # containers
    ("exec pods:web-7c/app in web", "GET /api/v1/namespaces/web/pods/web-7c/exec?command=sh&container=app&stdin=true", True),
    ("exec pods:web-7c/app in web", "GET /api/v1/namespaces/web/pods/web-7c/exec?command=sh&container=side", False),
    ("exec pods:web-7c/app in web", "GET /api/v1/namespaces/web/pods/web-7c/exec?command=sh", False),
    ("exec pods:web-7c/app in web", "GET /api/v1/namespaces/web/pods/web-7c/exec?command=sh&container=", False),
    ("exec pods:web-7c/app in web", "GET /api/v1/namespaces/web/pods/web-7c", True),
    ("exec pods:web-7c/app in web", "POST /api/v1/namespaces/web/pods/web-7c/attach?container=app", False),
    ("exec pods:web-*/a* in web", "GET /api/v1/namespaces/web/pods/web-7c/exec?command=sh&container=app", True),
    ("exec pods:web-7c in web", "GET /api/v1/namespaces/web/pods/web-7c/exec?command=sh&container=side", True),
    ("attach pods:web-7c/app in web", "POST /api/v1/namespaces/web/pods/web-7c/attach?container=app", True),
    ("attach pods:web-7c/app in web", "POST /api/v1/namespaces/web/pods/web-7c/attach?container=side", False),
    ("get pods/log:web-7c/app in web", "GET /api/v1/namespaces/web/pods/web-7c/log?container=app", True),
    ("get pods/log:web-7c/app in web", "GET /api/v1/namespaces/web/pods/web-7c/log?container=side", False),
    ("get pods/log:web-7c/app in web", "GET /api/v1/namespaces/web/pods/web-7c/log", False),
    ("exec pods in web -- ls", "GET /api/v1/namespaces/web/pods/web-7c/exec?command=ls", True),
    ("exec pods in web -- ls", "GET /api/v1/namespaces/web/pods/web-7c/exec?command=ls&container=", True),
    ("exec pods in web -- ls", "GET /api/v1/namespaces/web/pods/web-7c/exec?command=ls&container=app", False),
    ("exec pods:*/app in web -- ls", "GET /api/v1/namespaces/web/pods/web-7c/exec?command=ls&container=app", True),
    ("exec pods:*/* in web -- ls", "GET /api/v1/namespaces/web/pods/web-7c/exec?command=ls&container=side", True),
    ("exec pods:*/* in web -- ls", "GET /api/v1/namespaces/web/pods/web-7c/exec?command=ls", True),
    ("get url:/logs/*", "GET /logs/a/b", False),
    ("read * in *", "GET /metrics", False),
])  # fmt: skip
def test_a_scope_allows_what_it_says(scope: str, line: str, allowed: bool) -> None:
    """The design's table, row by row, and what stands beside each row."""
    method, target = line.split()
    content = b"application/apply-patch+yaml" if method == "APPLY" else b"application/json"
    action = read(b"PATCH" if method == "APPLY" else method.encode(), target.encode(), content_type=content)
    assert allows(scope, action) is allowed


HAZARDS = [
    ("secrets", "get", "GET /api/v1/namespaces/web/secrets/x"),
    ("secrets", "create", "POST /api/v1/namespaces/web/secrets"),
    ("serviceaccounts/token", "create", "POST /api/v1/namespaces/web/serviceaccounts/x/token"),
    ("nodes/proxy", "get", "GET /api/v1/nodes/n1/proxy/run"),
    ("pods/proxy", "get", "GET /api/v1/namespaces/web/pods/x/proxy/"),
    ("services/proxy", "create", "POST /api/v1/namespaces/web/services/x/proxy/a"),
    ("pods/ephemeralcontainers", "patch", "PATCH /api/v1/namespaces/web/pods/x/ephemeralcontainers"),
    ("roles.rbac.authorization.k8s.io", "create", "POST /apis/rbac.authorization.k8s.io/v1/namespaces/web/roles"),
    ("rolebindings.rbac.authorization.k8s.io", "patch", "PATCH /apis/rbac.authorization.k8s.io/v1/namespaces/web/rolebindings/x"),
    ("clusterroles.rbac.authorization.k8s.io", "update", "PUT /apis/rbac.authorization.k8s.io/v1/clusterroles/x"),
    ("clusterrolebindings.rbac.authorization.k8s.io", "delete", "DELETE /apis/rbac.authorization.k8s.io/v1/clusterrolebindings/x"),
    ("certificatesigningrequests.certificates.k8s.io", "create", "POST /apis/certificates.k8s.io/v1/certificatesigningrequests"),
    ("certificatesigningrequests.certificates.k8s.io/approval", "update",
     "PUT /apis/certificates.k8s.io/v1/certificatesigningrequests/x/approval"),
    ("apiservices.apiregistration.k8s.io", "create", "POST /apis/apiregistration.k8s.io/v1/apiservices"),
    ("mutatingwebhookconfigurations.admissionregistration.k8s.io", "patch",
     "PATCH /apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/x"),
    ("validatingwebhookconfigurations.admissionregistration.k8s.io", "get",
     "GET /apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/x"),
    ("tokenreviews.authentication.k8s.io", "create", "POST /apis/authentication.k8s.io/v1/tokenreviews"),
    ("customresourcedefinitions.apiextensions.k8s.io", "patch", "PATCH /apis/apiextensions.k8s.io/v1/customresourcedefinitions/x.io"),
    ("podcertificaterequests.certificates.k8s.io", "create", "POST /apis/certificates.k8s.io/v1alpha1/namespaces/web/podcertificaterequests"),
    ("clustertrustbundles.certificates.k8s.io", "create", "POST /apis/certificates.k8s.io/v1beta1/clustertrustbundles"),
    ("nodes", "patch", "PATCH /api/v1/nodes/n1"),
    ("nodes/status", "patch", "PATCH /api/v1/nodes/n1/status"),
]


@pytest.mark.parametrize(("kind", "verb", "line"), HAZARDS)
def test_a_star_never_reaches_a_hazard(kind: str, verb: str, line: str) -> None:
    """Not by the kind, with every verb and everywhere; written out it is reached."""
    method, target = line.split()
    action = read(method.encode(), target.encode())
    where = " in web" if action.namespace else ""
    for star in (f"* *{where}", f"{verb} *{where}", f"* *.{action.group}{where}" if action.group else f"* *:*{where}", "* * in *", "@deploy in *"):
        assert not allows(star, action)
    assert allows(f"{'create,' if verb == 'update' else ''}{verb} {kind}{where}", action)


@pytest.mark.parametrize("kind", ["services", "endpoints", "rolebindings.rbac.authorization.k8s.io", "leases.coordination.k8s.io"])
def test_a_put_that_creates_needs_create_too(kind: str) -> None:
    """The API server asks for create of the gateway's credential, not of the agent (AllowCreateOnUpdate); of other kinds a PUT finds something or fails."""
    plural, _, group = kind.partition(".")
    target = f"/{f'apis/{group}' if group else 'api'}/v1/namespaces/web/{plural}/x".encode()
    action = read(b"PUT", target)
    assert not allows(f"update {kind} in web", action)
    assert allows(f"create,update {kind} in web", action)
    assert allows(f"update {kind}/status in web", read(b"PUT", target + b"/status"))
    assert allows("update deployments.apps in web", read(b"PUT", b"/apis/apps/v1/namespaces/web/deployments/x"))


@pytest.mark.parametrize("line", ["POST /api/v1/namespaces/kube-system/configmaps", "PATCH /api/v1/namespaces/kube-system/configmaps/aws-auth",
                                  "PUT /api/v1/namespaces/kube-system/configmaps/aws-auth", "DELETE /api/v1/namespaces/kube-system/configmaps/x"])
def test_who_is_who_on_EKS_must_be_written_out(line: str) -> None:  # noqa: N802
    """aws-auth maps IAM roles to users: by no preset, no star and no pattern; reading it is reading."""
    method, target = line.split()
    action = read(method.encode(), target.encode())
    for scope in ("@deploy in *", "@deploy in kube-system", "* * in kube-system", "* configmaps in kube-system", "create,update,patch,delete configmaps in *",
                  "create,update,patch,delete configmaps in kube-*"):  # fmt: skip
        assert not allows(scope, action), scope
    assert allows("create,update,patch,delete configmaps in kube-system", action)
    assert allows("@deploy in *", read(b"GET", b"/api/v1/namespaces/kube-system/configmaps/aws-auth"))
    assert allows("@deploy in web", read(b"PATCH", b"/api/v1/namespaces/web/configmaps/x", content_type=b"application/apply-patch+yaml"))
    assert hazard_of(action) is Hazard.ESCAPE
    assert scope_hazard(Scope.parse("update configmaps in kube-system")) is Hazard.ESCAPE
    assert scope_hazard(Scope.parse("@deploy in kube-system")) is not Hazard.ESCAPE


@pytest.mark.parametrize("line", [
    "POST /apis/rbac.authorization.k8s.io/v1/namespaces/web/rolebindings",
    "PATCH /apis/rbac.authorization.k8s.io/v1/clusterroles/x",
    "DELETE /api/v1/nodes/n1",
])  # fmt: skip
def test_the_verb_star_is_not_a_written_out_write(line: str) -> None:
    """RBAC writes and node writes want their verb, not only their kind; their reads are ordinary."""
    method, target = line.split()
    action = read(method.encode(), target.encode())
    where = " in web" if action.namespace else ""
    assert not allows(f"* {action.kind}{where}", action)
    assert allows(f"{action.verb} {action.kind}{where}", action)
    assert allows(f"* {action.kind}{where}", read(b"GET", target.encode()))
    assert allows(f"read *{where}", read(b"GET", target.encode()))


def test_a_container_that_is_the_default_one_counts_as_none_named() -> None:
    """The gateway looks it up: kubectl always names a container. A clause that names containers is not widened by it."""
    action = read(b"GET", POD + b"/exec?command=ls&container=app")
    assert not allows("exec pods in web -- ls", action)
    assert allows("exec pods in web -- ls", replace(action, default=True))
    assert not allows("exec pods:web-7c/side in web -- ls", replace(action, default=True))
    assert not allows("exec pods in web -- id", replace(action, default=True))


@given(scopes, actions())
def test_an_unknown_kind_is_denied(scope: Scope, action: Action) -> None:
    """Whatever the scope says: where it lives is not known."""
    assert scope.allows(replace(action, group="", resource="widgets"), CLUSTER) is None
    literal = Clause(VERBS, (Target("widgets"),), (action.namespace,) if action.namespace else ())
    assert Scope((literal,)).allows(replace(action, resource="widgets"), CLUSTER) is None


@given(scopes, actions())
def test_a_scope_allows_what_one_of_its_clauses_allows(scope: Scope, action: Action) -> None:
    """A union, and the clause it names is one that allows it (an apply may need two)."""
    clause = scope.allows(action, CLUSTER)
    alone = [each for each in scope.clauses if Scope((each,)).allows(action, CLUSTER)]
    if action.apply:
        assert clause is not None or not alone
    else:
        assert clause == (alone[0] if alone else None) or clause in alone
        assert (clause is None) is (not alone)


@settings(max_examples=examples(300))
@given(st.data(), pairs() | st.tuples(scopes, scopes), guards)
def test_narrower_is_sound(data: st.DataObject, pair: tuple[Scope, Scope], more: tuple[str, ...]) -> None:
    """If a is narrower than b, then b allows whatever a allows: in guarded namespaces, by presets and stars, in containers, whatever a rule guards besides."""
    a, b = pair
    action = data.draw(actions_of(a))
    event(f"narrower {narrower(a, b, more)}, allowed {a.allows(action, CLUSTER, more) is not None} and {b.allows(action, CLUSTER, more) is not None}")
    if narrower(a, b, more) and a.allows(action, CLUSTER, more):
        assert b.allows(action, CLUSTER, more)


@settings(max_examples=examples(300))
@given(st.data(), scopes, guards)
def test_what_is_written_in_a_guarded_namespace_is_written_out(data: st.DataObject, scope: Scope, more: tuple[str, ...]) -> None:
    """If a scope lets something be written there, a clause has the namespace as it is, the kind and the verb, and its hazards say ESCAPE."""
    action = replace(data.draw(actions_of(scope)), namespace=data.draw(st.sampled_from(("kube-system", "web", "x"))))
    clause = scope.allows(action, CLUSTER, more)
    if clause is not None and is_guarded(action, more):
        assert action.namespace in clause.namespaces
        assert not clause.preset
        assert clause.verbs != ("*",)
        assert any(target.plural == action.resource for target in clause.targets)
        assert Hazard.ESCAPE in clause_hazards(clause, more)
        assert hazard_of(action, more) is Hazard.ESCAPE


@given(scopes, scopes, guards, actions())
def test_a_rule_that_guards_more_allows_less(a: Scope, b: Scope, more: tuple[str, ...], action: Action) -> None:
    """Nothing is allowed because of it, and a kind of window that was within a rule is not within it by less."""
    if a.allows(action, CLUSTER, more):
        assert a.allows(action, CLUSTER)
    if narrower(a, b, ("*",)) and a.allows(action, CLUSTER, ("*",)):
        assert b.allows(action, CLUSTER, ("*",))


@given(scopes, scopes, actions())
def test_narrower_is_sound_for_parts(a: Scope, b: Scope, action: Action) -> None:
    """The same where containment is common: a clause of a union, and the whole."""
    whole = Scope((*a.clauses, *b.clauses))
    assert narrower(a, whole)
    assert narrower(b, whole)
    if narrower(whole, a) and whole.allows(action, CLUSTER):
        assert a.allows(action, CLUSTER)


@given(scopes)
def test_narrower_is_reflexive(scope: Scope) -> None:
    assert narrower(scope, scope)
    assert wider_clause(scope, scope) is None


@given(scopes, scopes, scopes)
def test_narrower_is_transitive(a: Scope, b: Scope, c: Scope) -> None:
    if narrower(a, b) and narrower(b, c):
        assert narrower(a, c)


@pytest.mark.parametrize(("a", "b"), [
    ("read pods in web", "read pods,pods/log in web"),
    ("get pods in web", "read pods in web"),
    ("get pods:web-1 in web", "get pods:web-* in web"),
    ("get pods:web-* in web", "get pods in web"),
    ("get pods in web", "get pods in web,api"),
    ("get pods in web-1", "get pods in web-*"),
    ("get pods in web,api", "get pods in *"),
    ("get pods in web,api", "get pods in web; get pods in api"),
    ("read pods in web", "@view in web"),
    ("get pods/log:web-1 in web", "@view in web"),
    ("@view in web", "@view in *"),
    ("@view in web", "@debug in web"),
    ("@view in web", "@deploy in web"),
    ("@debug in web", "read *,pods/log in web; exec pods in web"),
    ("exec pods:web-1 in web", "@debug in web"),
    ("exec pods in web -- ls", "exec pods in web"),
    ("exec pods in web -- ls -l", "exec pods in web -- ls *"),
    ("exec pods in web -- ls *", "exec pods in web -- ls ..."),
    ("get pods in web", "exec pods in web"),
    ("create pods/exec in web", "exec pods in web"),
    ("read rollouts.argoproj.io in web", "read *.argoproj.io in web"),
    ("read *.argoproj.io in web", "read * in web"),
    ("apply deployments.apps:web in web", "apply deployments.apps in web"),
    ("apply deployments.apps:web in web", "@deploy in web"),
    ("get secrets:x in web", "get secrets in web"),
    ("get secrets in web", "read secrets in web"),
    ("read roles.rbac.authorization.k8s.io in web", "read * in web"),
    ("* nodes", "* nodes"),
    ("read nodes", "* nodes"),
    ("get url:/logs/a", "get url:/logs/*"),
    ("read pods in web; get url:/metrics", "get url:/metrics; @view in web; read nodes"),
    ("apply configmaps in kube-system", "apply configmaps in kube-system,web"),
    ("apply configmaps in kube-system", "apply configmaps in *,kube-system"),
    ("apply configmaps in kube-*", "apply configmaps in *"),
    ("read configmaps in kube-system", "read configmaps in *"),
    ("exec pods:x in kube-system", "exec pods in kube-system"),
    ("@deploy in kube-system", "@deploy in *"),
    ("patch namespaces:kube-system", "patch namespaces:kube-system,namespaces:web"),
    ("read namespaces:kube-system", "read namespaces"),
    ("exec pods:web-0/app in web", "exec pods in web"),
    ("exec pods:web-0/app in web", "exec pods:web-*/app in web"),
    ("exec pods:web-0/app in web", "exec pods:web-0/* in web"),
    ("exec pods:web-0/app in web -- ls", "exec pods:web-0/a* in web -- ls"),
    ("exec pods:web-0 in web -- ls", "exec pods in web -- ls"),
    ("exec pods:web-0 in web -- ls", "exec pods:web-0/* in web -- ls"),
    ("exec pods:web-0 in web", "exec pods:web-0/* in web"),
    ("attach pods:web-0/app in web", "attach pods:web-0 in web"),
    ("get pods/log:web-0/app in web", "@view in web"),
    ("create pods/exec:web-0/app in web", "exec pods:web-0/app in web"),
])  # fmt: skip
def test_obvious_narrowings_are_proved(a: str, b: str) -> None:
    """Fewer verbs, kinds, names, namespaces, commands; presets for what they stand for; pieces from several clauses."""
    assert narrower(Scope.parse(a), Scope.parse(b))


@pytest.mark.parametrize(("a", "b"), [
    ("read pods,pods/log in web", "read pods in web"),
    ("read pods in web", "get pods in web"),
    ("get pods in *", "get pods in web"),
    ("get pods in *", "get pods in web-*"),
    ("get pods in web", "get pods"),
    ("get nodes", "get nodes in *"),
    ("get pods in web", "get pods:* in web"),
    ("get pods:* in web", "get pods:web-* in web"),
    ("exec pods in web", "exec pods in web -- ls"),
    ("exec pods in web", "create pods/exec in web"),
    ("exec pods in web -- ls ...", "exec pods in web -- ls *"),
    ("exec pods in web", "attach pods in web"),
    ("get secrets in web", "read * in web"),
    ("get secrets in web", "@view in web"),
    ("get secrets in web", "* secrets in web"),
    ("get pods/proxy in web", "* pods/proxy in web"),
    ("impersonate serviceaccounts in web", "impersonate * in web"),
    ("get * in web", "get *.apps in web"),
    ("get pods/log in web", "get * in web"),
    ("patch nodes", "* nodes"),
    ("create rolebindings.rbac.authorization.k8s.io in web", "* *.rbac.authorization.k8s.io in web"),
    ("@deploy in web", "@debug in web"),
    ("@view", "@view in *"),
    ("get url:/logs/*", "get url:/logs/a"),
    ("get url:/metrics", "read * in *"),
    ("impersonate serviceaccounts in web", "* serviceaccounts in web"),
    ("apply configmaps in kube-system", "apply configmaps in *"),
    ("apply configmaps in kube-system", "apply configmaps in kube-*"),
    ("apply configmaps in kube-system", "@deploy in kube-system"),
    ("create jobs.batch in kube-system", "* * in kube-system"),
    ("create jobs.batch in kube-system", "create *.batch in kube-system"),
    ("exec pods in kube-system", "exec pods in *"),
    ("exec pods in kube-system", "@debug in kube-system"),
    ("patch namespaces:kube-system", "patch namespaces"),
    ("delete namespaces:kube-public", "delete namespaces:kube-*"),
    ("get url:/metrics", "get url:/*"),
    ("exec pods in web", "exec pods:*/app in web"),
    ("exec pods:web-0 in web", "exec pods:web-0/app in web"),
    ("exec pods:web-0/* in web", "exec pods:web-0/app* in web"),
    ("exec pods:web-0 in web -- ls", "exec pods:web-0/app in web -- ls"),
    ("exec pods:web-0/app in web -- ls", "exec pods:web-0 in web -- ls"),
    ("exec pods:web-0/* in web -- ls", "exec pods:web-0 in web -- ls"),
    ("exec pods:web-0 in web", "exec pods:web-0 in web -- ls"),
    ("get pods/log:web-0 in web", "get pods/log:web-0/app in web"),
])  # fmt: skip
def test_what_is_wider_is_not_narrower(a: str, b: str) -> None:
    """And the clause that is wider is named."""
    assert not narrower(Scope.parse(a), Scope.parse(b))
    assert wider_clause(Scope.parse(a), Scope.parse(b)) in Scope.parse(a).clauses


def test_the_star_verb_is_the_eight_verbs() -> None:
    """And no stream, no bind, no impersonate."""
    assert all(allows("* services in web", Action(verb, "", "v1", "services", "", "web", "x")) for verb in VERBS)
    assert not allows("* services in web", Action("impersonate", "", "v1", "services", "", "web", "x"))
