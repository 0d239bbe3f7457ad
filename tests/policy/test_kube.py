"""Request lines become actions as the API server reads them, and what could be read in two ways is refused."""

import re
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import pytest
from hypothesis import given, settings, strategies as st

from jitui.policy.action import Action
from jitui.policy.kube import describe, read
from jitui.policy.streams import upgrade_of
from jitui.values.errors import InvalidError
from tests.support.compiled import examples

GET, HEAD, POST, PUT, PATCH, DELETE = b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE"
NS = b"/api/v1/namespaces/web"
APPS = b"/apis/apps/v1/namespaces/web"


def short(action: Action) -> tuple[str, ...]:
    return action.verb, action.group, action.version, action.resource, action.subresource, action.namespace, action.name


@pytest.mark.parametrize(("method", "target", "expected"), [
    # 1 and 2: fewer parts than a resource has
    (GET, b"/", ("get", "/")),
    (GET, b"/version", ("get", "/version")),
    (GET, b"/healthz/etcd", ("get", "/healthz/etcd")),
    (GET, b"/api", ("get", "/api")),
    (GET, b"/api/", ("get", "/api/")),
    (GET, b"/api/v1", ("get", "/api/v1")),
    (GET, b"/apis", ("get", "/apis")),
    (GET, b"/apis/apps", ("get", "/apis/apps")),
    (GET, b"/apis/apps/v1", ("get", "/apis/apps/v1")),
    (GET, b"/apis/apps/v1/", ("get", "/apis/apps/v1/")),
    (HEAD, b"/metrics", ("head", "/metrics")),
    (b"OPTIONS", b"/metrics", ("options", "/metrics")),
    (b"OPTIONS", NS + b"/pods", ("options", "", "v1", "pods", "", "web", "")),
    (b"OPTIONS", NS + b"/services/x/proxy/", ("get", "", "v1", "services", "proxy", "web", "x")),
    (POST, b"/metrics", ("post", "/metrics")),
    (DELETE, b"/logs/x", ("delete", "/logs/x")),
    (GET, b"/openapi/v3/apis/apps/v1?hash=A1%2F", ("get", "/openapi/v3/apis/apps/v1")),
    (GET, b"/apiss/v1/pods/x", ("get", "/apiss/v1/pods/x")),
    (GET, b"/API/v1/pods", ("get", "/API/v1/pods")),
    (GET, b"/m%C3%A9trics", ("get", "/m\N{LATIN SMALL LETTER E WITH ACUTE}trics")),
    # 3: the verb by the method
    (GET, NS + b"/pods/x", ("get", "", "v1", "pods", "", "web", "x")),
    (HEAD, NS + b"/pods/x", ("get", "", "v1", "pods", "", "web", "x")),
    (POST, NS + b"/pods", ("create", "", "v1", "pods", "", "web", "")),
    (PUT, NS + b"/pods/x", ("update", "", "v1", "pods", "", "web", "x")),
    (PATCH, NS + b"/pods/x", ("patch", "", "v1", "pods", "", "web", "x")),
    (DELETE, NS + b"/pods/x", ("delete", "", "v1", "pods", "", "web", "x")),
    (POST, NS + b"/pods/x/eviction", ("create", "", "v1", "pods", "eviction", "web", "x")),
    (PATCH, APPS + b"/deployments/x", ("patch", "apps", "v1", "deployments", "", "web", "x")),
    (PATCH, APPS + b"/deployments/x/scale", ("patch", "apps", "v1", "deployments", "scale", "web", "x")),
    (GET, b"/apis/apps/v1/deployments", ("list", "apps", "v1", "deployments", "", "", "")),
    (GET, b"/apis/metrics.k8s.io/v1beta1/nodes", ("list", "metrics.k8s.io", "v1beta1", "nodes", "", "", "")),
    # 4: namespaces
    (GET, b"/api/v1/namespaces", ("list", "", "v1", "namespaces", "", "", "")),
    (POST, b"/api/v1/namespaces", ("create", "", "v1", "namespaces", "", "", "")),
    (GET, b"/api/v1/namespaces/web", ("get", "", "v1", "namespaces", "", "web", "web")),
    (DELETE, b"/api/v1/namespaces/web", ("delete", "", "v1", "namespaces", "", "web", "web")),
    (GET, b"/api/v1/namespaces/web/", ("get", "", "v1", "namespaces", "", "web", "web")),
    (GET, b"/api/v1/namespaces/web/status", ("get", "", "v1", "namespaces", "status", "web", "web")),
    (PUT, b"/api/v1/namespaces/web/finalize", ("update", "", "v1", "namespaces", "finalize", "web", "web")),
    (GET, b"/api/v1/namespaces/web/pods", ("list", "", "v1", "pods", "", "web", "")),
    (GET, b"/api/v1/namespaces/web/pods/", ("list", "", "v1", "pods", "", "web", "")),
    (GET, b"/api/v1/namespaces/web/namespaces/api", ("get", "", "v1", "namespaces", "", "web", "api")),
    (GET, b"/api/v1/namespaces/status/pods", ("list", "", "v1", "pods", "", "status", "")),
    (GET, b"/apis/x.io/v1/namespaces/web", ("get", "x.io", "v1", "namespaces", "", "web", "web")),
    (GET, b"/api/v1/nodes/n1", ("get", "", "v1", "nodes", "", "", "n1")),
    (GET, b"/api/v1/pods", ("list", "", "v1", "pods", "", "", "")),
    (GET, b"/api/v1/pods/x", ("get", "", "v1", "pods", "", "", "x")),
    # 5: what follows the subresource is not read
    (GET, NS + b"/pods/x/log", ("get", "", "v1", "pods", "log", "web", "x")),
    (GET, NS + b"/pods/x/proxy/a/b", ("get", "", "v1", "pods", "proxy", "web", "x")),
    (POST, NS + b"/services/x:80/proxy/api/v1/secrets", ("create", "", "v1", "services", "proxy", "web", "x:80")),
    (GET, b"/api/v1/nodes/n1/proxy/exec/a/b/c?command=sh&command=x", ("get", "", "v1", "nodes", "proxy", "", "n1")),
    (GET, NS + b"/services/x/proxy/a%2Fb//c%25?watch=1&watch=0", ("get", "", "v1", "services", "proxy", "web", "x")),
    (GET, NS + b"/services/web%3A8080/proxy/a%2Fb", ("get", "", "v1", "services", "proxy", "web", "web:8080")),
    (GET, NS + b'/services/x/proxy/[a]{b}|"c";d^`<e>?f', ("get", "", "v1", "services", "proxy", "web", "x")),
    (GET, NS + b"/serviceaccounts/x/token/y", ("get", "", "v1", "serviceaccounts", "token", "web", "x")),
    (GET, b"/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node", ("get", "rbac.authorization.k8s.io", "v1", "clusterroles", "", "", "system:node")),
    (GET, b"/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode", ("get", "rbac.authorization.k8s.io", "v1", "clusterroles", "", "", "system:node")),
    # 6: list, watch, and the one name of a field selector
    (GET, NS + b"/pods", ("list", "", "v1", "pods", "", "web", "")),
    (HEAD, NS + b"/pods", ("list", "", "v1", "pods", "", "web", "")),
    (GET, NS + b"/pods?limit=500", ("list", "", "v1", "pods", "", "web", "")),
    (GET, NS + b"/pods?watch=true", ("watch", "", "v1", "pods", "", "web", "")),
    (HEAD, NS + b"/pods?watch=true", ("watch", "", "v1", "pods", "", "web", "")),
    (GET, NS + b"/pods?watch=1", ("watch", "", "v1", "pods", "", "web", "")),
    (GET, NS + b"/pods?watch=", ("watch", "", "v1", "pods", "", "web", "")),
    (GET, NS + b"/pods?watch", ("watch", "", "v1", "pods", "", "web", "")),
    (GET, NS + b"/pods?watch=no", ("watch", "", "v1", "pods", "", "web", "")),
    (GET, NS + b"/pods?watch=+false", ("watch", "", "v1", "pods", "", "web", "")),
    (GET, NS + b"/pods?w%61tch=true", ("watch", "", "v1", "pods", "", "web", "")),
    (GET, NS + b"/pods?watch=0", ("list", "", "v1", "pods", "", "web", "")),
    (GET, NS + b"/pods?watch=false", ("list", "", "v1", "pods", "", "web", "")),
    (GET, NS + b"/pods?watch=FaLsE", ("list", "", "v1", "pods", "", "web", "")),
    (GET, NS + b"/pods?watch=f%61lse", ("list", "", "v1", "pods", "", "web", "")),
    (GET, NS + b"/pods?Watch=true", ("list", "", "v1", "pods", "", "web", "")),
    (GET, NS + b"/pods??watch=true", ("list", "", "v1", "pods", "", "web", "")),
    (GET, NS + b"/pods?&&watch=true&", ("watch", "", "v1", "pods", "", "web", "")),
    (GET, NS + b"/pods?=watch", ("list", "", "v1", "pods", "", "web", "")),
    (GET, NS + b"/pods?watch=0&watch=1", ("list", "", "v1", "pods", "", "web", "")),
    (GET, NS + b"/pods?w%61tch=1&watch=0", ("watch", "", "v1", "pods", "", "web", "")),
    (GET, NS + b"/pods?watch=1;limit=1", ("list", "", "v1", "pods", "", "web", "")),
    (GET, NS + b"/pods?a;b&watch=1&;", ("watch", "", "v1", "pods", "", "web", "")),
    (GET, NS + b'/pods?a[]={b}|"c"&watch', ("watch", "", "v1", "pods", "", "web", "")),
    (GET, NS + b"/pods?fieldSelector=metadata.name%3Dx&fieldSelector=metadata.name%3Dy", ("list", "", "v1", "pods", "", "web", "x")),
    (GET, NS + b"/pods?fieldSelector=metadata.name%3Dx&limit=1&limit=x", ("list", "", "v1", "pods", "", "web", "x")),
    (GET, NS + b"/pods?", ("list", "", "v1", "pods", "", "web", "")),
    (GET, NS + b"/pods/x?watch=true", ("get", "", "v1", "pods", "", "web", "x")),
    (GET, NS + b"/pods?sendInitialEvents=true&watch=true", ("watch", "", "v1", "pods", "", "web", "")),
    (GET, NS + b"/pods?fieldSelector=metadata.name%3Dx", ("list", "", "v1", "pods", "", "web", "x")),
    (GET, NS + b"/pods?fieldSelector=metadata.name=x", ("list", "", "v1", "pods", "", "web", "x")),
    (GET, NS + b"/pods?fieldSelector=metadata.name%3D%3Dx", ("list", "", "v1", "pods", "", "web", "x")),
    (GET, NS + b"/pods?watch=1&fieldSelector=metadata.name%3Dx&limit=5&timeoutSeconds=30", ("watch", "", "v1", "pods", "", "web", "x")),
    (GET, NS + b"/pods?fieldSelector=status.phase%3DRunning%2Cmetadata.name%3Dx", ("list", "", "v1", "pods", "", "web", "x")),
    (GET, NS + b"/pods?fieldSelector=metadata.name%3Dx,metadata.name%3Dx", ("list", "", "v1", "pods", "", "web", "x")),
    (GET, NS + b"/pods?fieldSelector=metadata.name!=x", ("list", "", "v1", "pods", "", "web", "")),
    (GET, NS + b"/pods?fieldSelector=metadata.namespace%3Dx", ("list", "", "v1", "pods", "", "web", "")),
    (GET, NS + b"/pods?fieldSelector=involvedObject.name%3Dx", ("list", "", "v1", "pods", "", "web", "")),
    (GET, NS + b"/pods?fieldSelector=metadata.name%3D", ("list", "", "v1", "pods", "", "web", "")),
    (GET, NS + b"/pods?fieldSelector=", ("list", "", "v1", "pods", "", "web", "")),
    (GET, NS + b"/pods?fieldSelector=metadata.name%3Da%2Fb", ("list", "", "v1", "pods", "", "web", "")),
    (GET, NS + b"/pods?fieldSelector=metadata.name%3D..", ("list", "", "v1", "pods", "", "web", "")),
    (GET, NS + b"/pods?fieldSelector=metadata.name%3Da%25b", ("list", "", "v1", "pods", "", "web", "")),
    (GET, NS + b"/pods?labelSelector=metadata.name%3Dx", ("list", "", "v1", "pods", "", "web", "")),
    (GET, NS + b"/pods/y?fieldSelector=metadata.name%3Dx", ("get", "", "v1", "pods", "", "web", "y")),
    # 7: deletecollection, whatever it selects
    (DELETE, NS + b"/pods", ("deletecollection", "", "v1", "pods", "", "web", "")),
    (DELETE, NS + b"/pods?fieldSelector=metadata.name%3Dx", ("deletecollection", "", "v1", "pods", "", "web", "")),
    # streams are create whatever the method
    (GET, NS + b"/pods/x/exec?command=ls", ("create", "", "v1", "pods", "exec", "web", "x")),
    (POST, NS + b"/pods/x/exec?command=ls", ("create", "", "v1", "pods", "exec", "web", "x")),
    (GET, NS + b"/pods/x/attach", ("create", "", "v1", "pods", "attach", "web", "x")),
    (POST, NS + b"/pods/x/portforward", ("create", "", "v1", "pods", "portforward", "web", "x")),
    (GET, b"/apis/x.io/v1/namespaces/web/pods/x/exec", ("get", "x.io", "v1", "pods", "exec", "web", "x")),
    (GET, NS + b"/services/x/exec", ("get", "", "v1", "services", "exec", "web", "x")),
    (GET, NS + b"/p%6Fds/x/ex%65c", ("create", "", "v1", "pods", "exec", "web", "x")),
])  # fmt: skip
def test_a_request_is_what_the_api_server_takes_it_for(method: bytes, target: bytes, expected: tuple[str, ...]) -> None:
    """RequestInfo, rule by rule (requestinfo.go)."""
    action = read(method, target)
    assert (short(action) if action.resource else (action.verb, action.path)) == expected


@pytest.mark.parametrize(("method", "target", "says"), [
    (b"CONNECT", b"host:443", "method CONNECT"),
    (b"TRACE", b"/", "method TRACE"),
    (b"get", b"/api/v1/pods", "method get"),
    (b"WATCH", b"/api/v1/pods", "method WATCH"),
    (b"", b"/api/v1/pods", "method "),
    (GET, b"", "not a path"),
    (GET, b"*", "not a path"),
    (GET, b"api/v1/pods", "not a path"),
    (GET, b"http://h/api/v1/pods", "not a path"),
    (GET, b"host:443", "not a path"),
    (GET, b"?watch=1", "not a path"),
    (GET, b"//api/v1/pods", "empty segment"),
    (GET, b"/api//v1/pods", "empty segment"),
    (GET, NS + b"/pods//x", "empty segment"),
    (GET, NS + b"/pods//", "empty segment"),
    (GET, NS + b"/pods/x%2Flog", "%2F in the path"),
    (GET, NS + b"/pods/x%2flog", "%2f in the path"),
    (GET, NS + b"/pods/x%5clog", "%5c in the path"),
    (GET, NS + b"/pods/x\\log", "must be percent-encoded"),
    (GET, NS + b"/pods/x%00", "%00 in the path"),
    (GET, NS + b"/pods/x%252Flog", "%25 in the path"),
    (GET, NS + b"/pods/%0a", "a control character"),
    (GET, NS + b"/pods/%7F", "a control character"),
    (GET, NS + b"/pods/%C2%85", "a control character"),
    (GET, NS + b"/pods/.", "a dot segment"),
    (GET, NS + b"/pods/../secrets", "a dot segment"),
    (GET, NS + b"/pods/%2e%2e/secrets", "a dot segment"),
    (GET, NS + b"/pods/%2E./secrets", "a dot segment"),
    (GET, b"/./api/v1/pods", "a dot segment"),
    (GET, b"/version/..", "a dot segment"),
    (GET, NS + b"/pods/x%", "starts no escape"),
    (GET, NS + b"/pods/x%2", "starts no escape"),
    (GET, NS + b"/pods/x%zz", "starts no escape"),
    (GET, NS + b"/pods/%FF", "not UTF-8"),
    (GET, NS + b"/pods/%C0%AF", "not UTF-8"),
    (GET, NS + b"/pods/\xc3\xa9", "must be percent-encoded"),
    (GET, NS + b"/pods/a b", "must be percent-encoded"),
    (GET, NS + b"/pods/a\tb", "must be percent-encoded"),
    (GET, NS + b"/pods;x=1", "must be percent-encoded"),
    (GET, NS + b"/pods#x", "or a fragment"),
    (GET, NS + b"/pods?watch=1#x", "or a fragment"),
    (GET, NS + b"/pods?a b", "must be percent-encoded"),
    (GET, NS + b"/pods?a=\xff", "must be percent-encoded"),
    (GET, b"/api/v1/watch/pods", "old /watch/ prefix"),
    (GET, b"/api/v1/watch", "old /watch/ prefix"),
    (GET, b"/api/v1/watch/namespaces/web/pods", "old /watch/ prefix"),
    (GET, b"/apis/apps/v1/watch/deployments", "old /watch/ prefix"),
    (GET, b"/api/v1/w%61tch/pods", "old /watch/ prefix"),
    (GET, b"/api/v1/proxy/namespaces/web/services/x", "old /proxy/ prefix"),
    (GET, NS + b"/pods?watch=%zz", "starts no escape"),
    (GET, NS + b"/pods?wat%ch=1", "starts no escape"),
    (GET, NS + b"/pods?watch=%00", "%00 in the query"),
    (GET, NS + b"/pods/x/exec?command=%FF", "not UTF-8"),
    (GET, NS + b"/pods?watch=fal%C5%BFe", "neither true nor false"),
    (GET, NS + b"/pods?fieldSelector=metadata.name%3Dx,metadata.name%3Dy", "two objects"),
    (GET, NS + b"/pods?fieldSelector=metadata.name%3D,metadata.name%3Dy", "two objects"),
    (GET, NS + b"/pods?fieldSelector=a%3Db%5C,metadata.name%3Dx", "a backslash"),
    (GET, NS + b"/pods?fieldSelector=metadata.name%3D%3D%3Dx", "a second ="),
    (GET, NS + b"/pods?fieldSelector=metadata.name", "a term without ="),
    (GET, NS + b"/pods?fieldSelector=metadata.name%3Dx&limit=ten", "limit is not a number"),
    (GET, NS + b"/pods?fieldSelector=metadata.name%3Dx&limit=", "limit is not a number"),
    (GET, NS + b"/pods?fieldSelector=metadata.name%3Dx&timeoutSeconds=1e3", "timeoutSeconds is not a number"),
    (GET, NS + b"/services/x/proxy/../../secrets", "a dot segment"),
    (GET, NS + b"/services/x/proxy/..%2F..%2Fsecrets", "a dot segment"),
    (GET, NS + b"/services/x/proxy/a%5Cb", "%5C in the path"),
    (GET, NS + b"/services/x/proxy/%00", "%00 in the path"),
    (GET, NS + b"/services/x%2Fproxy/a%2Fb", "%2F in the path"),
    (GET, NS + b"/services/x%2Fy/proxy/a%2Fb", "%2F in the path"),
    (GET, NS + b"/services/x%252Fy/proxy/a", "%25 in the path"),
    (GET, NS + b"/services/x/proxy/a#b", "or a fragment"),
    (GET, NS + b"/services/x/proxy/a\\b", "must be percent-encoded"),
    (GET, NS + b"/configmaps/x/proxy/a%2Fb", "%2F in the path"),
    (GET, b"/apis/apps/v1/namespaces/web/pods/x/proxy/a%2Fb", "%2F in the path"),
    (GET, NS + b"//services/x/proxy/a", "empty segment"),
])  # fmt: skip
def test_what_can_be_read_in_two_ways_is_refused(method: bytes, target: bytes, says: str) -> None:
    """One sentence: what, and what to send instead; an InvalidError is a 400."""
    with pytest.raises(InvalidError, match=r"request refused: .+; .+") as error:
        read(method, target)
    assert says in str(error.value)
    assert error.value.code == 400


@pytest.mark.parametrize(("target", "facts"), [
    (NS + b"/pods/x/exec?command=sh&command=-c&command=ls+-l%20%26%26+a%2Bb&container=app&stdin=true&stdout=true&tty=true",
     {"argv": ("sh", "-c", "ls -l && a+b"), "container": "app", "stdin": True, "tty": True}),
    (NS + b"/pods/x/exec?command=&command=a%3Bb%0A", {"argv": ("", "a;b\n"), "stdin": False, "tty": False}),
    (NS + b"/pods/x/exec?stdin=&tty", {"argv": (), "stdin": True, "tty": True}),
    (NS + b"/pods/x/exec?stdin=0&tty=False", {"stdin": False, "tty": False}),
    (NS + b"/pods/x/exec?stdin=0&stdin=1&container=a&container=b&command={x}&command=a;b", {"stdin": False, "container": "a", "argv": ("{x}",)}),
    (NS + b"/pods/x/attach?container=app&stdin=true&command=x", {"argv": (), "container": "app", "stdin": True}),
    (NS + b"/pods/x/log?follow=true&container=app&stdin=1", {"follow": True, "container": "app", "stdin": False}),
    (NS + b"/pods/x/log", {"follow": False, "container": ""}),
    (NS + b"/pods/x?command=sh&stdin=1", {"argv": (), "stdin": False}),
])  # fmt: skip
def test_a_stream_says_what_it_runs(target: bytes, facts: dict[str, Any]) -> None:
    """argv in order, container, stdin, tty, follow, as the API server converts them."""
    action = read(GET, target)
    assert {key: getattr(action, key) for key in facts} == facts


@pytest.mark.parametrize(("method", "content", "apply"), [
    (PATCH, b"application/apply-patch+yaml", True),
    (PATCH, b"application/apply-patch+cbor", True),
    (PATCH, b"Application/Apply-Patch+YAML; charset=utf-8", True),
    (PATCH, b"application/json-patch+json, application/apply-patch+yaml", True),
    (PATCH, b"application/strategic-merge-patch+json", False),
    (PATCH, b"", False),
    (POST, b"application/apply-patch+yaml", False),
])  # fmt: skip
def test_a_server_side_apply_is_known_by_its_content_type(method: bytes, content: bytes, apply: bool) -> None:
    """A content type that could be taken for an apply's counts as one: it needs create, too."""
    assert read(method, APPS + b"/deployments/x", content_type=content).apply is apply


def test_a_dry_run_is_the_write_it_is() -> None:
    """It is noted, nothing more."""
    action = read(PATCH, APPS + b"/deployments/x?dryRun=All")
    assert (action.verb, action.dry_run) == ("patch", True)
    assert not read(GET, APPS + b"/deployments?dryRun=All").dry_run


@pytest.mark.parametrize(("method", "target", "words"), [
    (GET, NS + b"/pods/web-7c/exec?command=sh", "exec pods/web-7c in web"),
    (POST, NS + b"/pods/web-7c/portforward", "port-forward pods/web-7c in web"),
    (GET, NS + b"/pods", "list pods in web"),
    (GET, b"/api/v1/pods", "list pods in all namespaces"),
    (GET, NS + b"/pods/x/log", "get pods/x/log in web"),
    (PATCH, APPS + b"/deployments/x/scale", "patch deployments.apps/x/scale in web"),
    (GET, b"/api/v1/namespaces/web", "get namespaces/web"),
    (GET, b"/metrics", "get /metrics"),
])  # fmt: skip
def test_an_action_has_words(method: bytes, target: bytes, words: str) -> None:
    """As denials and screens say it."""
    assert describe(read(method, target), everywhere=True) == words


def test_a_cluster_scoped_action_has_no_namespaces_in_its_words() -> None:
    assert describe(read(GET, b"/api/v1/nodes")) == "list nodes"
    assert describe(read(PATCH, APPS + b"/deployments/x", content_type=b"application/apply-patch+yaml")) == "apply deployments.apps/x in web"


@pytest.mark.parametrize(("target", "may"), [
    (NS + b"/pods/x/exec", True), (NS + b"/pods/x/attach", True), (NS + b"/pods/x/portforward", True), (NS + b"/pods/x/log", False),
    (NS + b"/pods/x/proxy/a", False), (b"/api/v1/pods/x/exec", False), (b"/apis/x.io/v1/namespaces/web/pods/x/exec", False),
    (NS + b"/services/x/exec", False), (b"/metrics", False),
])  # fmt: skip
def test_only_three_subresources_of_a_pod_may_upgrade(target: bytes, may: bool) -> None:
    """exec, attach and portforward, of one pod in a namespace."""
    assert (upgrade_of(read(GET, target)) is not None) is may


# --- An independent reading: Go's net/url and requestinfo.go, written from their text and sharing nothing with kube.py ---


def go_unescape(text: str, *, plus: bool) -> str | None:
    out = bytearray()
    at = 0
    while at < len(text):
        if text[at] == "%":
            if not re.fullmatch("[0-9a-fA-F]{2}", text[at + 1 : at + 3]):
                return None
            out.append(int(text[at + 1 : at + 3], 16))
            at += 3
        else:
            out += b" " if plus and text[at] == "+" else text[at].encode("latin-1")
            at += 1
    return out.decode("utf-8", "surrogateescape")


def go_query(raw: str) -> dict[str, list[str]]:
    """url.URL.Query(): pairs with a semicolon or a bad escape are dropped in silence."""
    values: dict[str, list[str]] = {}
    for pair in raw.split("&"):
        if ";" in pair or pair == "":
            continue
        key, _, value = pair.partition("=")
        name, text = go_unescape(key, plus=True), go_unescape(value, plus=True)
        if name is not None and text is not None:
            values.setdefault(name, []).append(text)
    return values


def go_field_name(selector: str) -> str:
    """fields.ParseSelector, then RequiresExactMatch("metadata.name"), then IsValidPathSegmentName."""
    found = []
    terms, current, escaped = [], "", False
    for char in selector:
        if escaped:
            escaped, current = False, current + char
        elif char == "\\":
            escaped, current = True, current + char
        elif char == ",":
            terms.append(current)
            current = ""
        else:
            current += char
    for term in filter(None, [*terms, current]):
        match = re.match(r"(?s)(.*?)(!=|==|=)(.*)", term)
        if match is None or re.search(r"(?<!\\)[=,]", match[3]):
            return ""  # an error: no selector at all
        if match[2] != "!=" and match[1] == "metadata.name":
            found.append(match[3])
    name = found[0] if found else ""
    return "" if name in {".", ".."} or "/" in name or "%" in name else name


def go_read(method: str, target: str) -> tuple[str, ...]:
    raw_path, _, raw_query = target.partition("?")
    path = go_unescape(raw_path, plus=False)
    assert path is not None
    query = go_query(raw_query)
    parts = path.strip("/").split("/") if path.strip("/") else []
    if len(parts) < 3 or parts[0] not in {"api", "apis"}:
        return method.lower(), path
    group, rest = "", parts[1:]
    if parts[0] == "apis":
        if len(rest) < 3:
            return method.lower(), path
        group, rest = rest[0], rest[1:]
    version, rest = rest[0], rest[1:]
    verb = {"POST": "create", "GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}[method]
    assert rest[0] not in {"watch", "proxy"}
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in {"status", "finalize"}:
            rest = rest[2:]
    resource = rest[0]
    name = rest[1] if len(rest) > 1 else ""
    subresource = rest[2] if len(rest) > 2 else ""
    if not name and verb == "get":
        watch = query.get("watch")
        verb = "list" if not watch or watch[0] == "0" or watch[0].casefold() == "false" else "watch"
        if all(re.fullmatch(r"[+-]?\d+", value[0]) for key, value in query.items() if key in {"limit", "timeoutSeconds"}):
            name = go_field_name(query.get("fieldSelector", [""])[0])
    if not name and verb == "delete":
        verb = "deletecollection"
    if (group, resource) == ("", "pods") and subresource in {"exec", "attach", "portforward"}:
        verb = "create"  # the gateway's own rule: one action whatever the method
    return verb, group, version, resource, subresource, namespace, name


segment = st.sampled_from([
    "api", "apis", "v1", "apps", "namespaces", "web", "pods", "secrets", "x", "exec", "log", "proxy", "status", "finalize", "watch", "services",
    "", ".", "..", "%2e", "%2E%2E", "%2F", "%2f", "a%2Fb", "%5C", "%00", "%25", "%252F", "p%6fds", "%C3%A9", "%FF", "%", "%4", "a;b", "a+b", "a:b",
    "\\", "#", "a b", "@", "~", "*",
])  # fmt: skip
start = st.sampled_from(["", "/api/v1", "/apis/apps/v1", "/api/v1/namespaces/web", "/api/v1/namespaces/web/pods", "/api/v1/namespaces/web/services/x/proxy"])
key = st.sampled_from(["watch", "w%61tch", "Watch", "fieldSelector", "labelSelector", "limit", "command", "stdin", "", "a", "%zz", "watch%3D", "+watch"])
value = st.sampled_from([
    "", "true", "1", "0", "false", "FALSE", "fal%C5%BFe", "%66alse", "metadata.name%3Dx", "metadata.name=x", "metadata.name%3D%3Dx", "metadata.name!=x",
    "a%3Db%2Cmetadata.name%3Dx", "a%3Db%5C%2Cmetadata.name%3Dx", "metadata.name%3Dx,metadata.name%3Dy", "metadata.name%3Da%2Fb", "metadata.name",
    "x;watch=1", "5", "five", "%", "a+b", "a=b=c", "%2B", "metadata.name%3D+x",
])  # fmt: skip
pair = st.builds(lambda name, sign, text: f"{name}{sign}{text}", key, st.sampled_from(["=", "=", "=", ""]), value)
query = st.lists(pair, max_size=4).map("&".join)
targets = st.builds(
    lambda first, more, tail, mark, rest: first + "".join("/" + each for each in more) + tail + mark + (rest if mark else ""),
    start, st.lists(segment, max_size=5), st.sampled_from(["", "", "", "/"]), st.sampled_from(["", "?", "?"]), query,
)  # fmt: skip


@settings(max_examples=examples(600))
@given(st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]), targets)
def test_what_is_accepted_means_the_same_upstream(method: str, target: str) -> None:
    """The bytes that go upstream, read as Go reads them, give the action that was judged."""
    try:
        action = read(method.encode(), target.encode("latin-1"))
    except InvalidError:
        return
    assert (short(action) if action.resource else (action.verb, action.path)) == go_read(method, target)


@settings(max_examples=examples(300))
@given(st.sampled_from([GET, POST]), st.binary(max_size=60) | st.binary(max_size=30).map(lambda tail: NS + b"/pods" + tail))
def test_any_bytes_are_read_or_refused(method: bytes, target: bytes) -> None:
    """Nothing but InvalidError comes out, and what is accepted is plain ASCII without control characters."""
    try:
        action = read(method, target)
    except InvalidError:
        return
    assert re.fullmatch(rb"[!-~]+", target)
    assert (short(action) if action.resource else (action.verb, action.path)) == go_read(method.decode(), target.decode("ascii"))


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), max_size=4))
def test_a_command_is_judged_word_by_word_as_it_runs(argv: list[str]) -> None:
    """However it is encoded: what kubectl's url.Values.Encode writes is read back exactly."""
    def encoded(word: str) -> str:
        return "".join(chr(byte) if chr(byte).isalnum() and byte < 128 else "+" if byte == 32 else f"%{byte:02X}" for byte in word.encode())

    target = NS + b"/pods/x/exec?" + "&".join(f"command={encoded(word)}" for word in argv).encode()
    assert read(GET, target).argv == tuple(argv)
    assert go_query(target.decode().partition("?")[2]).get("command", []) == argv


def test_a_long_query_takes_no_time() -> None:
    """Ten thousand times the same key is one pass over it."""
    assert len(read(GET, NS + b"/pods/x/exec?" + b"&".join([b"command=a"] * 10_000)).argv) == 10_000


@pytest.mark.parametrize("filler", [b"&", b"&x", b"&x=1", b"&;", b"&%78"])
def test_a_query_of_which_some_servers_read_nothing_is_refused(filler: bytes) -> None:
    """Go's net/url counts the pairs, empty ones too, and of more than ten thousand reads none: then a list of all would be judged as one of one object."""
    one = NS + b"/secrets?fieldSelector=metadata.name%3Da"
    assert read(GET, one + filler * 9_999).name == "a"
    with pytest.raises(InvalidError, match="more than 10000 parameters"):
        read(GET, one + filler * 10_000)


escapes = st.binary(min_size=1, max_size=1).map(lambda byte: f"%{byte[0]:02x}") | st.characters(codec="utf-8", exclude_characters="\0").map(quote)


@given(st.lists(escapes | st.sampled_from("!=$_az09"), max_size=12).map("".join))
def test_escapes_are_read_as_urllib_reads_them(word: str) -> None:
    """Whatever stands between them; what is not UTF-8 or holds a NUL is refused."""
    target = NS + b"/pods/x/exec?command=" + word.encode()
    expected = unquote_to_bytes(word)
    try:
        text = expected.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        with pytest.raises(InvalidError):
            read(POST, target)
    else:
        assert read(POST, target).argv == (text,)
