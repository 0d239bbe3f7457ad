"""The scope grammar: what it reads, and how it says what is wrong."""

import re

import pytest
from hypothesis import given, strategies as st

from jitui.policy.clause import Clause, Target
from jitui.policy.grammar import LIMIT, PIECES, parse
from jitui.policy.pattern import Wild
from jitui.policy.scope import Scope
from jitui.values.errors import InvalidError
from tests.policy.made import scopes


@given(scopes)
def test_a_scope_reads_back_as_it_was(scope: Scope) -> None:
    """parse(str(scope)) is the scope."""
    assert Scope.parse(str(scope)) == scope


@given(scopes)
def test_the_canonical_text_is_canonical(scope: Scope) -> None:
    """Printing what was read from it changes nothing."""
    assert str(Scope.parse(str(scope))) == str(scope)


TEXT = [*"readgtpodsexcinwb*:/.,;- '\"\\@$&\n\0éX", "read ", "pods", " in ", "url:/", " -- ", "exec pods", "web", "..."]


@given(st.lists(st.sampled_from(TEXT), max_size=20).map("".join))
def test_garbage_is_refused_or_read(text: str) -> None:
    """Nothing but InvalidError ever comes out, with a position inside the text; what is read reads back."""
    try:
        scope = Scope.parse(text)
    except InvalidError as error:
        found = re.search(r", position (\d+):", str(error))
        assert found is not None
        assert 1 <= int(found[1]) <= len(text) + 1
    else:
        assert Scope.parse(str(scope)) == scope


READ = ("get", "list", "watch")


@pytest.mark.parametrize(("text", "clauses"), [
    ("read pods,pods/log in web", [Clause(READ, (Target("pods"), Target("pods", "", "log")), ("web",))]),
    ("exec pods:web-* in web", [Clause(("exec",), (Target("pods", name="web-*"),), ("web",))]),
    ("exec pods:db-0 in data -- pg_isready -h *",
     [Clause(("exec",), (Target("pods", name="db-0"),), ("data",), ("pg_isready", "-h", Wild.ONE))]),
    ("apply deployments.apps:web in web", [Clause(("get", "create", "patch"), (Target("deployments", "apps", "", "web"),), ("web",))]),
    ("read nodes", [Clause(READ, (Target("nodes"),))]),
    ("read * in web", [Clause(READ, (Target("*"),), ("web",))]),
    ("get secrets:web-tls in web", [Clause(("get",), (Target("secrets", name="web-tls"),), ("web",))]),
    ("read *.argoproj.io in argo-*", [Clause(READ, (Target("*", "argoproj.io"),), ("argo-*",))]),
    ("@debug in web; delete pods:web-* in web",
     [Clause(preset="@debug", namespaces=("web",)), Clause(("delete",), (Target("pods", name="web-*"),), ("web",))]),
    ("get url:/metrics", [Clause(("get",), paths=("/metrics",))]),
    ("get url:/logs/*,url:/", [Clause(("get",), paths=("/logs/*", "/"))]),
    ("get pods/log:web-0 in web", [Clause(("get",), (Target("pods", "", "log", "web-0"),), ("web",))]),
    ("get clusterroles.rbac.authorization.k8s.io:system:node",
     [Clause(("get",), (Target("clusterroles", "rbac.authorization.k8s.io", "", "system:node"),))]),
    ("port-forward,attach pods in web", [Clause(("attach", "port-forward"), (Target("pods"),), ("web",))]),
    ("exec pods in a -- '*' \"x y\" a\\ b '' ...", [Clause(("exec",), (Target("pods"),), ("a",), ("*", "x y", "a b", "", Wild.REST))]),
    ("exec pods in a -- sh -c 'a; b'; read nodes",
     [Clause(("exec",), (Target("pods"),), ("a",), ("sh", "-c", "a; b")), Clause(READ, (Target("nodes"),))]),
    ("read nodes;read nodes", [Clause(READ, (Target("nodes"),))]),
    ("read\npods\tin web", [Clause(READ, (Target("pods"),), ("web",))]),
    ("read namespaces:web", [Clause(READ, (Target("namespaces", name="web"),))]),
    ("exec pods:web-0/app in web", [Clause(("exec",), (Target("pods", name="web-0", container="app"),), ("web",))]),
    ("exec,attach pods:web-*/app-*,pods:db-0 in web",
     [Clause(("exec", "attach"), (Target("pods", name="web-*", container="app-*"), Target("pods", name="db-0")), ("web",))]),
    ("exec pods:web-0/app in web -- id", [Clause(("exec",), (Target("pods", name="web-0", container="app"),), ("web",), ("id",))]),
    ("get pods/log:web-0/app in web", [Clause(("get",), (Target("pods", "", "log", "web-0", "app"),), ("web",))]),
    ("create pods/exec:*/** in web", [Clause(("create",), (Target("pods", "", "exec", "*", "*"),), ("web",))]),
    ("apply configmaps in web,*,kube-*,kube-system", [Clause(("get", "create", "patch"), (Target("configmaps"),), ("*", "web", "kube-system"))]),
    ("bind clusterroles.rbac.authorization.k8s.io:view", [Clause(("bind",), (Target("clusterroles", "rbac.authorization.k8s.io", "", "view"),))]),
])  # fmt: skip
def test_what_is_written_is_read(text: str, clauses: list[Clause]) -> None:
    """Every row of the design's table, and the corners."""
    assert list(parse(text)) == clauses


@pytest.mark.parametrize(("text", "position", "says"), [
    ("", 1, "a clause is missing; write for instance: read pods in web, or a preset: @view"),
    ("read pods in web;", 18, "a clause is missing"),
    ("; read nodes", 1, "a clause is missing"),
    ("reed pods in web", 1, "reed is no verb; did you mean read?"),
    ("get,liist pods in web", 5, "liist is no verb; did you mean list?"),
    ("READ pods", 1, "READ is no verb; did you mean read?"),
    ("portforward pods in web", 1, "did you mean port-forward?"),
    ("logs pods in web", 1, "did you mean get pods/log?"),
    ("zzz pods", 1, "verbs are get list watch"),
    ("get,* pods in web", 5, "* beside other verbs"),
    ("get,,list pods", 1, "a comma with nothing beside it"),
    ("read", 5, "what read may be done to is missing"),
    ("read in web", 6, "what read may be done to is missing"),
    ("read pods web", 11, "web where in or the end was expected"),
    ("read pods in", 13, "a namespace is missing after in"),
    ("read pods in web api", 18, "api after the namespaces"),
    ("read pods in Web", 14, "Web is no namespace"),
    ("read pods in a,,b", 14, "a comma with nothing"),
    ("read pods in we_b", 14, "we_b is no namespace"),
    ("read Pods in web", 6, "Pods is no plural of a kind"),
    ("read pod in web", 6, "pod is not the plural of a kind; write pods"),
    ("read deploy in web", 6, "write deployments.apps"),
    ("read deployments in web", 6, "deployments is in no core group; write deployments.apps"),
    ("read pods. in web", 10, ". is no API group"),
    ("read pods.* in web", 10, ".* is no API group"),
    ("read pods/* in web", 10, "/* is no subresource"),
    ("read */log in web", 6, "* never reaches subresources; write the kinds out, for instance pods/log"),
    ("get pods/web-7c in web", 9, "pods have no subresource web-7c; a name is written pods:web-7c"),
    ("get pods: in web", 9, ": is no name"),
    ("get pods:a/log in web", 9, ":a/log is no name"),
    ("get pods:web-0/app in web", 9, ":web-0/app is no name; a subresource comes first: pods/log:web-0; a container is for exec and attach pods"),
    ("exec,delete pods:web-0/app in web", 17, "alone in their clause"),
    ("port-forward pods:web-0/app in web", 18, "a container is for exec and attach pods"),
    ("get deployments.apps:web/app in web", 21, ":web/app is no name"),
    ("exec pods:web-0/ in web", 10, "/ is no container; small letters"),
    ("exec pods:web-0/App in web", 10, "/App is no container"),
    ("exec pods:web-0/a/b in web", 10, "/a/b is no container"),
    ("exec pods:/app in web", 10, ":/app is no name"),
    ("get po*s in web", 5, "is no plural"),
    ("exec pods/exec in web", 6, "exec is for pods, not for pods/exec; write exec pods"),
    ("exec * in web", 6, "exec is for pods, not for *"),
    ("attach deployments.apps in web", 8, "attach is for pods"),
    ("@viw in web", 1, "@viw is no preset; there are @view"),
    ("@view web", 7, "web where in"),
    ("@view in web -- ls", 19, "a preset takes no command"),
    ("get pods in web -- ls", 22, "a command after -- is for exec alone"),
    ("get,exec pods in web -- ls", 27, "is for exec alone"),
    ("exec pods in web --", 20, "a command is missing after --"),
    ("exec pods in web -- a ... b", 23, "... before the end of a command"),
    ("exec pods in web -- a*", 21, "a*: a * is one whole word"),
    ("exec pods in web -- a|b", 22, "an unquoted |; put the word in single quotes"),
    ("exec pods in web -- $HOME", 21, "an unquoted $"),
    ("exec pods in web -- 'a", 21, "a quote that is not closed"),
    ('exec pods in web -- "a', 21, "a quote that is not closed"),
    ('exec pods in web -- "$x"', 22, "$ in double quotes"),
    ("exec pods in web -- a\\", 22, "a backslash at the end"),
    ("list url:/metrics", 1, "only get is possible there"),
    ("get url:/metrics in web", 18, "a path takes nothing after it"),
    ("get url:metrics", 5, "url:metrics is no path"),
    ("get url:/a*b", 5, "is no path"),
    ("get url:/a/../b", 5, "is no path"),
    ("get url:/a//b", 5, "is no path"),
    ("get url:/a,pods", 12, "pods is no path"),
    ("get pods,url:/a", 13, "is no name"),
    ("read nodes; reed pods", 13, "reed is no verb"),
    ("read po\0ds", 8, "a NUL character"),
])  # fmt: skip
def test_an_error_names_the_position_and_a_way_out(text: str, position: int, says: str) -> None:
    """One sentence: the text, the position in it from 1, what is wrong, what to write."""
    with pytest.raises(InvalidError) as error:
        parse(text)
    assert f", position {position}: " in str(error.value)
    assert says in str(error.value)


def test_a_list_says_which_clause_is_wrong() -> None:
    """In YAML a scope is a list of clauses."""
    with pytest.raises(InvalidError, match=r'scope, clause 2 "reed nodes", position 1'):
        Scope.parse(["read pods in web", "reed nodes"])


def test_a_list_and_a_text_mean_the_same() -> None:
    assert Scope.parse(["read pods in web", "read nodes"]) == Scope.parse("read pods in web; read nodes")


def test_a_scope_without_a_clause_never_means_everything() -> None:
    """The error names the presets."""
    with pytest.raises(InvalidError, match=r"it never means everything.*@view.*@debug.*@deploy"):
        Scope.parse([])


def test_a_scope_is_bounded() -> None:
    with pytest.raises(InvalidError, match=f"{LIMIT} at most"):
        parse("read pods in " + "a" * LIMIT)


def test_a_scope_has_a_bounded_number_of_pieces() -> None:
    """Verbs times resources times namespaces: an agent's scope must not hold the gateway up."""
    names = ",".join(f"pods:{number}" for number in range(50))
    where = ",".join(f"n{number}" for number in range(50))
    with pytest.raises(InvalidError, match=f"scope with 2500 combinations of verb, resource and namespace, {PIECES} at most; use wildcards"):
        parse(f"get {names} in {where}")
