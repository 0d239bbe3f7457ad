"""Allow, or Deny with what is missing and the command that asks for it."""

import shlex
from collections.abc import Sequence

import pytest
from hypothesis import given, strategies as st

from jitui.policy.action import Action, Hazard
from jitui.policy.kube import read
from jitui.policy.policy import AROUND, Allow, Deny, ask_line, decide, is_around, is_discovery, suggest
from jitui.policy.scope import Kinds, Scope, narrower
from jitui.policy.streams import UPGRADES
from jitui.policy.terms import Grant, GrantState, Rule
from jitui.values.clock import ManualClock
from jitui.values.instant import Deadline
from jitui.values.span import parse as seconds
from tests.policy.made import actions, scopes
from tests.policy.world import CLUSTER, NOW, grant, rule

NS = "/api/v1/namespaces/web"
EXEC = f"GET {NS}/pods/web-7c/exec?command=sh"


def of(line: str) -> Action:
    method, target = line.split()
    content = b"application/apply-patch+yaml" if method == "APPLY" else b""
    return read(b"PATCH" if method == "APPLY" else method.encode(), target.encode(), content_type=content)


def verdict(line: str, *grants: Grant, under: Rule | None, kinds: Kinds = CLUSTER) -> Allow | Deny:
    return decide(of(line), agent="agent-x", connection="prod", rule=under, grants=grants, now=NOW, kinds=kinds)


def denied(line: str, *grants: Grant, under: Rule | None) -> Deny:
    found = verdict(line, *grants, under=under)
    assert isinstance(found, Deny)
    assert found.code == 403
    return found


def test_a_covered_action_passes_under_its_grant() -> None:
    """With the clause and the hazard that go on record."""
    one = grant("read nodes; exec pods:web-* in web")
    assert verdict(EXEC, one, under=rule("@view in web; exec pods in web; read nodes")) == Allow(one, "exec pods:web-* in web", Hazard.EXEC)


@pytest.mark.parametrize("bad", [
    grant(state=GrantState.EXPIRED), grant(state=GrantState.REVOKED), grant(state=GrantState.RELEASED),
    grant(deadline=Deadline.after(NOW, 0)), grant(deadline=Deadline.after(NOW, -1)), grant(deadline=None),
    grant(state=GrantState.WAITING, use_by=Deadline.after(NOW, 0)),
])  # fmt: skip
def test_no_live_grant_no_byte(bad: Grant) -> None:
    """At the deadline's microsecond it is over, whoever still holds the value."""
    assert isinstance(verdict(f"GET {NS}/pods", grant(), under=rule()), Allow)
    assert denied(f"GET {NS}/pods", bad, under=rule()).why == "agent-x has no live window on prod"


def test_the_grant_alone_is_not_enough() -> None:
    """The rule as loaded now must allow it too; asking again would not help, so no command is offered."""
    found = denied(f"GET {NS}/pods", grant("read pods in web"), under=rule("read services in web"))
    assert found.sentence == "list pods in web: window g-7 covers it, but the rule for agent-x on prod now allows only read services in web"


def test_the_rule_alone_is_not_enough() -> None:
    assert isinstance(verdict(f"GET {NS}/pods", grant("read services in web"), under=rule("@view in web")), Deny)


def test_a_waiting_grant_covers() -> None:
    """Its first allowed action starts it."""
    one = grant(state=GrantState.WAITING, deadline=None, use_by=Deadline.after(NOW, 1))
    assert verdict(f"GET {NS}/pods", one, under=rule()) == Allow(one, "read pods in web", Hazard.READ)


def ending(ident: int, left_us: int) -> Grant:
    return grant(ident=ident, deadline=Deadline.after(NOW, left_us))


@pytest.mark.parametrize(("grants", "taken"), [
    ([ending(1, 10), ending(2, 30), ending(3, 20)], 2),
    ([ending(2, 30), ending(1, 10)], 2),
    ([ending(1, 10), grant("read services in web", ident=2, deadline=Deadline.after(NOW, 99))], 1),
    ([grant(ident=1, state=GrantState.WAITING, deadline=None, use_by=Deadline.after(NOW, 99)), ending(2, 10)], 2),
])  # fmt: skip
def test_of_two_that_cover_it_is_the_one_that_ends_last(grants: Sequence[Grant], taken: int) -> None:
    """And one that has not started is left alone while another covers."""
    found = verdict(f"GET {NS}/pods", *grants, under=rule("@view in web"))
    assert isinstance(found, Allow)
    assert found.grant.id == taken


# --- around a request ---

SELF = "/apis/authorization.k8s.io/v1/selfsubject"


@pytest.mark.parametrize(("line", "around"), [
    (f"POST {SELF}accessreviews", True), (f"POST {SELF}rulesreviews", True), (f"GET {SELF}accessreviews", False),
    ("POST /apis/authentication.k8s.io/v1/selfsubjectreviews", True), ("POST /apis/authentication.k8s.io/v1beta1/selfsubjectreviews", True),
    ("POST /apis/authentication.k8s.io/v1/tokenreviews", False), ("POST /apis/authorization.k8s.io/v1/subjectaccessreviews", False),
    (f"POST {SELF}accessreviews/x", False), ("POST /apis/authorization.k8s.io/v1/namespaces/web/selfsubjectaccessreviews", False),
    ("POST /apis/evil.io/v1/selfsubjectaccessreviews", False),
    ("GET /openapi/v2", True), ("GET /openapi/v3", True), ("GET /openapi/v3/apis/apps/v1?hash=A", True), ("GET /openapi/v4", False),
    ("GET /openapi/v3/api/v1", True), ("GET /openapi/v3/apis/apps", True), ("GET /openapi/v3/apis/apps/v1/x", False), ("GET /openapi/v3/version", True),
    ("GET /openapi/v3/", True), ("HEAD /openapi/v2", True), ("OPTIONS /healthz", True), ("HEAD /metrics", False), ("GET /openapi/v3/logs", False),
    ("GET /openapi/v2/x", False), ("POST /openapi/v2", False), ("GET /openapi", False),
    ("GET /healthz", True), ("GET /livez/ping", True), ("GET /readyz", True), ("GET /healthzz", False), ("POST /healthz", False),
    ("GET /metrics", False), ("GET /logs", False), ("GET /version", False), (f"GET {NS}/pods", False),
])  # fmt: skip
def test_what_kubectl_asks_around_a_request_passes_under_any_live_grant(line: str, around: bool) -> None:
    """Own rights, OpenAPI, health; nothing that shows an object, and nothing without a grant."""
    assert is_around(of(line)) is around
    one = grant("get services:none in nowhere")
    found = verdict(line, one, under=rule("get services:none in nowhere"))
    assert found == Allow(one, AROUND, Hazard.READ) if around else isinstance(found, Deny)
    assert isinstance(verdict(line, under=rule()), Deny)
    assert isinstance(verdict(line, one, under=None), Deny)


@pytest.mark.parametrize(("line", "discovery"), [
    ("GET /version", True), ("GET /api", True), ("GET /apis", True), ("GET /api/v1", True), ("GET /apis/apps/v1", True),
    ("GET /apis/metrics.k8s.io/v1beta1", True), ("GET /apis/apps", True), ("GET /apis/apps/v1/", True), ("GET /api/", True), ("GET /version/", True),
    ("GET /api/v2", True), ("HEAD /version", True), ("OPTIONS /apis/", True), ("POST /api", True), ("GET /version/x", False),
    ("GET /apis/apps/v1/deployments", False), ("GET /healthz", False), ("GET /openapi/v3", False), ("GET /", False),
])  # fmt: skip
def test_discovery_is_what_the_listener_answers(line: str, discovery: bool) -> None:
    """Exact depth, with or without a slash at the end, whatever the method."""
    assert is_discovery(of(line)) is discovery


# --- denials ---


@pytest.mark.parametrize(("line", "scope", "ruled", "sentence"), [
    ("GET /api/v1/pods", "read pods in web", "read pods in *",
     ('pods in all namespaces: window g-7 covers read pods in web; use -n web, or: '
     'jitui request prod --duration 30m --reason "..." --scope "read pods in *"')),
    ("GET /api/v1/pods", "read pods in web", "read pods in web",
     "pods in all namespaces: no rule allows it; the rule for agent-x on prod allows read pods in web; use -n web"),
    (EXEC, "read pods in web", "@debug in web",
     ('exec pods/web-7c in web: window g-7 covers read pods in web; ask: '
     'jitui request prod --duration 30m --reason "..." --scope "exec pods:web-7c in web"')),
    (EXEC, "read pods in web", "read pods in web; exec pods in web -- ls",
     "exec pods/web-7c in web: no rule allows it; the rule for agent-x on prod allows read pods in web; exec pods in web -- ls"),
    (f"GET {NS}/pods/web-7c/exec?command=ls", "read pods in web", "read pods in web; exec pods in web -- ls",
     ('exec pods/web-7c in web: window g-7 covers read pods in web; ask: '
     'jitui request prod --duration 30m --reason "..." --scope "exec pods in web -- ls"')),
    (f"GET {NS}/pods/web-7c/exec?command=ls&stdin=1&tty=1", "exec pods in web -- ls", "exec pods in web -- ls",
     "exec pods/web-7c in web: no rule allows it; the rule for agent-x on prod allows exec pods in web -- ls; leave out -i and -t"),
    (f"GET {NS}/secrets/db", "@view in web", "@view in web",
     ("get secrets/db in web gives passwords, keys and tokens as they are, which stay good after the window ends: no * and no preset reaches it, and "
      "the rule for agent-x on prod does not write it out; to allow it, whoever writes the rule adds: read secrets:db in web")),
    (f"GET {NS}/secrets/db", "@view in web", "@view in web; get secrets in web",
     ('get secrets/db in web: window g-7 covers @view in web; ask: '
     'jitui request prod --duration 30m --reason "..." --scope "get secrets:db in web"')),
    ("GET /apis/certificates.k8s.io/v1/certificatesigningrequests", "read *", "read *",
     ("list certificatesigningrequests.certificates.k8s.io: no * and no preset reaches it, and the rule for agent-x on prod does not write it out; "
      "to allow it, whoever writes the rule adds: read certificatesigningrequests.certificates.k8s.io")),
    ("GET /api/v1/nodes", "read pods in web", "read pods in web; read nodes",
     'list nodes: window g-7 covers read pods in web; ask: jitui request prod --duration 30m --reason "..." --scope "read nodes"'),
    (f"GET {NS}/pods/x", "get services in web", "get pods in web",
     ('get pods/x in web: window g-7 covers get services in web; ask: '
     'jitui request prod --duration 30m --reason "..." --scope "get pods:x in web"')),
    ("POST /apis/apps/v1/namespaces/web/deployments", "apply deployments.apps:web in web", "apply deployments.apps:web in web",
     ("create deployments.apps in web: no rule allows it; the rule for agent-x on prod allows apply deployments.apps:web in web; "
     "use kubectl apply --server-side, which names the object in its request line")),
    ("APPLY /apis/apps/v1/namespaces/web/deployments/web", "patch deployments.apps in web", "@deploy in web",
     ('apply deployments.apps/web in web: window g-7 covers patch deployments.apps in web; ask: '
     'jitui request prod --duration 30m --reason "..." --scope "apply deployments.apps:web in web"')),
    ("APPLY /apis/apps/v1/namespaces/web/deployments/web", "read pods in web", "patch deployments.apps in web; create deployments.apps in web",
     'apply deployments.apps/web in web: window g-7 covers read pods in web; ask: jitui request prod --duration 30m --reason "..."'),
    ("GET /metrics", "read pods in web", "read pods in web; get url:/metrics",
     'get /metrics: window g-7 covers read pods in web; ask: jitui request prod --duration 30m --reason "..." --scope "get url:/metrics"'),
    ("GET /metrics", "get url:/m*", "get url:/m*",
     ("get /metrics gives what the server says of its inside: counts, settings and names from every namespace: no * and no preset reaches it, and "
      "the rule for agent-x on prod does not write it out; to allow it, whoever writes the rule adds: get url:/metrics")),
    ("POST /apis/batch/v1/namespaces/kube-system/jobs", "@deploy in *", "@deploy in *",
     ("create jobs.batch in kube-system gives a way to the rights of the cluster's own programs, whose service accounts are in kube-system: "
      "no * and no preset reaches it, and the rule for agent-x on prod does not write it out; to allow it, whoever writes the rule adds: "
      "create jobs.batch in kube-system")),
    ("PATCH /api/v1/namespaces/kube-system", "patch namespaces", "patch namespaces",
     ("patch namespaces/kube-system gives a say over what holds a namespace's pods back: Pod Security, network and admission policies all go by its labels: "
      "no * and no preset reaches it, and the rule for agent-x on prod does not write it out; to allow it, whoever writes the rule adds: "
      "patch namespaces:kube-system")),
    ("POST /api/v1/pods", "create pods in *", "create pods in *",
     ("create pods in all namespaces: no rule allows it; the rule for agent-x on prod allows create pods in *; "
      "name a namespace: a write across all of them would reach the cluster's own programs too")),
    (f"GET {NS}/pods/web-0/exec?command=id&container=side", "exec pods in web -- id", "exec pods in web -- id",
     ("exec pods/web-0 in web: no rule allows it; the rule for agent-x on prod allows exec pods in web -- id; "
      "a command clause that names no container is for the pod's default one alone: leave -c out")),
    (f"GET {NS}/pods/web-0/exec?command=id&container=side", "exec pods:web-0/app in web", "exec pods:*/app in web",
     "exec pods/web-0 in web: no rule allows it; the rule for agent-x on prod allows exec pods:*/app in web; use -c app"),
    (f"GET {NS}/pods/web-0/exec?command=id&container=app", "read pods in web", "exec pods:*/app in web",
     ('exec pods/web-0 in web: window g-7 covers read pods in web; ask: '
      'jitui request prod --duration 30m --reason "..." --scope "exec pods:web-0/app in web"')),
    (f"GET {NS}/pods/web-0/log?container=app", "read pods in web", "get pods/log:*/app in web",
     ('get pods/web-0/log in web: window g-7 covers read pods in web; ask: '
      'jitui request prod --duration 30m --reason "..." --scope "get pods/log:web-0/app in web"')),
    ("GET /apis/x.io/v1/namespaces/web/widgets", "read * in web", "read * in web",
     "list widgets.x.io in web: prod has no kind widgets in the group x.io; look at: kubectl api-resources"),
    (f"GET {NS}/services/x", "read pods:web in web", "read *:* in web",
     ('get services/x in web: window g-7 covers read pods:web in web; ask: '
     'jitui request prod --duration 30m --reason "..." --scope "read services:x in web"')),
])  # fmt: skip
def test_a_denial_says_what_is_missing_and_how_to_ask(line: str, scope: str, ruled: str, sentence: str) -> None:
    """In the client's words, with a command to be copied; where no rule allows it, it says that instead."""
    assert denied(line, grant(scope), under=rule(ruled)).sentence == sentence


@pytest.mark.parametrize(("line", "ruled", "sentence"), [
    (f"GET {NS}/pods", "read pods in web", 'agent-x has no live window on prod; ask: jitui request prod --duration 30m --reason "..."'),
    ("GET /openapi/v3", "read pods in web", 'agent-x has no live window on prod; ask: jitui request prod --duration 30m --reason "..."'),
    ("GET /apis/x.io/v1/widgets", "read pods in web", 'agent-x has no live window on prod; ask: jitui request prod --duration 30m --reason "..."'),
    (f"GET {NS}/secrets/db", "read pods in web",
     ("get secrets/db in web gives passwords, keys and tokens as they are, which stay good after the window ends: no * and no preset reaches it, and "
      "the rule for agent-x on prod does not write it out, and agent-x has no live window on prod; "
      "to allow it, whoever writes the rule adds: read secrets:db in web")),
    (f"GET {NS}/services/db", "read pods in web",
     "get services/db in web: no rule allows it, and agent-x has no live window on prod; the rule for agent-x on prod allows read pods in web"),
    ("GET /api/v1/pods", "read pods in web",
     ("pods in all namespaces: no rule allows it, and agent-x has no live window on prod; the rule for agent-x on prod allows read pods in web; "
     'use -n web, and ask: jitui request prod --duration 30m --reason "..."')),
])  # fmt: skip
def test_without_a_window_the_denial_says_so(line: str, ruled: str, sentence: str) -> None:
    """A window is offered only where it would help."""
    assert denied(line, under=rule(ruled)).sentence == sentence


def test_without_a_rule_the_denial_says_so() -> None:
    """Whatever else there is."""
    assert denied(f"GET {NS}/pods", grant(), under=None).sentence == "no rule lets agent-x on prod; an admin adds one under rules: in the configuration"


def test_a_long_scope_is_cut_in_a_denial() -> None:
    """A Status is one line."""
    long = "; ".join(f"read pods:web-{number} in web" for number in range(99))
    assert len(denied(f"GET {NS}/services/db", grant(long), under=rule(long)).sentence) < 400


@given(scopes, scopes, actions())
def test_nothing_passes_that_grant_and_rule_do_not_both_allow(granted: Scope, ruled: Scope, action: Action) -> None:
    """And everything passes that both allow."""
    one = Grant(7, 41, "agent-x", "prod", granted, 1800, NOW, deadline=Deadline.after(NOW, 1))
    found = decide(action, agent="agent-x", connection="prod", rule=Rule("agent-x", "prod", 1800, ruled), grants=[one], now=NOW, kinds=CLUSTER)
    both = bool(granted.allows(action, CLUSTER) and ruled.allows(action, CLUSTER))
    assert isinstance(found, Allow) is (both or is_around(action))


@given(scopes, actions())
def test_the_command_of_a_denial_asks_for_what_it_needs(ruled: Scope, action: Action) -> None:
    """Copied into a shell, it asks for a window that the rule allows and that would let the action pass."""
    under = Rule("agent-x", "prod", 1800, ruled)
    other = Grant(7, 41, "agent-x", "prod", Scope.parse("get services:none in nowhere"), 1800, NOW, deadline=Deadline.after(NOW, 1))
    for grants in ([], [other]):
        found = decide(action, agent="agent-x", connection="prod", rule=under, grants=grants, now=NOW, kinds=CLUSTER)
        if isinstance(found, Deny) and ruled.allows(action, CLUSTER):
            words = shlex.split(found.how[found.how.index("jitui request") :])
            assert words[:3] == ["jitui", "request", "prod"]
            assert seconds(words[words.index("--duration") + 1]) == under.duration_s
            wanted = Scope.parse(words[words.index("--scope") + 1]) if "--scope" in words else ruled
            assert narrower(wanted, ruled)
            assert wanted.allows(action, CLUSTER)


@pytest.mark.parametrize(("line", "clause"), [
    (f"GET {NS}/pods", "read pods in web"),
    (f"GET {NS}/pods/web-7c", "read pods:web-7c in web"),
    (f"GET {NS}/pods?watch=1&fieldSelector=metadata.name%3Dx", "read pods:x in web"),
    (f"GET {NS}/pods/web-7c/log", "get pods/log:web-7c in web"),
    (EXEC, "exec pods:web-7c in web"),
    (f"POST {NS}/pods/web-7c/portforward", "port-forward pods:web-7c in web"),
    ("PATCH /apis/apps/v1/namespaces/web/deployments/web", "patch deployments.apps:web in web"),
    ("APPLY /apis/apps/v1/namespaces/web/deployments/web", "apply deployments.apps:web in web"),
    ("PATCH /apis/apps/v1/namespaces/web/deployments/web/scale", "patch deployments.apps/scale:web in web"),
    (f"DELETE {NS}/pods", "deletecollection pods in web"),
    ("GET /api/v1/pods", "read pods in *"),
    ("GET /api/v1/nodes", "read nodes"),
    ("GET /api/v1/namespaces/web", "read namespaces:web"),
    ("GET /metrics", "get url:/metrics"),
    ("POST /metrics", ""),
    ("GET /x%20y", ""),
    (f"GET {NS}/pods/a,secrets", ""),
    (f"GET {NS}/pods/a%20in%20b", ""),
    (f"GET {NS}/pods/*", ""),
    ("GET /api/v1/namespaces/*/pods", ""),
    (f"GET {NS}/pods/x%3By/exec", ""),
])  # fmt: skip
def test_a_suggestion_is_the_clause_that_would_cover_it(line: str, clause: str) -> None:
    """Canonical, and never more than it: a name that reads as something else gives none."""
    assert suggest(of(line), CLUSTER) == clause


def test_a_suggestion_without_kinds_takes_no_namespace_as_none() -> None:
    assert suggest(of("GET /api/v1/nodes")) == "read nodes"


@given(actions())
def test_a_suggestion_covers(action: Action) -> None:
    """Where there is one, the kind is known, and the request is at home where it was sent (streams: see the table above)."""
    clause = suggest(action, CLUSTER)
    namespaced = CLUSTER.namespaced(action.group, action.resource)
    if clause and namespaced is not None and bool(action.namespace) <= namespaced and action.subresource not in UPGRADES:
        assert Scope.parse(clause).allows(action, CLUSTER)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_the_command_is_safe_to_paste(scope: str) -> None:
    """Whatever stands in the scope, a shell hands it over as one word."""
    assert shlex.split(ask_line("prod", rule(), scope or "x"))[-1] == (scope or "x")


def test_the_present_is_an_argument() -> None:
    """The same values an hour later give another answer; nothing in between was read from a clock."""
    time = ManualClock()
    grants = [grant()]
    assert isinstance(verdict(f"GET {NS}/pods", *grants, under=rule()), Allow)
    time.advance(1800)
    later = decide(of(f"GET {NS}/pods"), agent="agent-x", connection="prod", rule=rule(), grants=grants, now=time.now(), kinds=CLUSTER)
    assert isinstance(later, Deny)
