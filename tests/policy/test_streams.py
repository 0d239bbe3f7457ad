"""The table of stream kinds, walked row by row: whatever reads a row knows each of them."""

import ast
from pathlib import Path

import pytest

import jitui
from jitui.policy import builtin, rbac, table
from jitui.policy.action import Action
from jitui.policy.hazard import hazard_at, hazard_of
from jitui.policy.kube import describe, read
from jitui.policy.policy import suggest
from jitui.policy.scope import Scope
from jitui.policy.streams import (
    API,
    ATTACH,
    BY_SESSION,
    OF_PODS,
    PORT_FORWARD,
    PRINT,
    ROWS,
    UPGRADE_VERBS,
    UPGRADED,
    UPGRADES,
    StreamKind,
    of_action,
    upgrade_of,
)
from jitui.recording.frame import NAMES
from jitui.values.errors import InvalidError
from tests.policy.world import CLUSTER

EACH = pytest.mark.parametrize("kind", ROWS, ids=lambda kind: kind.session)
EACH_UPGRADE = pytest.mark.parametrize("kind", UPGRADES.values(), ids=lambda kind: kind.session)


def begun(kind: StreamKind) -> Action:
    """The action of a request that begins a stream of this kind."""
    if not kind.subresource:
        return read(b"GET", b"/api/v1/namespaces/web/pods?watch=true")
    query = b"" if kind.upgrade else b"?follow=true"
    return read(b"POST" if kind.upgrade else b"GET", f"/api/v1/namespaces/web/pods/web-0/{kind.subresource}".encode() + query)


def test_no_two_rows_share_a_name() -> None:
    """What looks a row up by its session, its subresource or its verb finds that row."""
    assert len(BY_SESSION) == len(ROWS)
    assert API not in BY_SESSION
    assert list(OF_PODS.values()) == [kind for kind in ROWS if kind.subresource]
    assert list(UPGRADE_VERBS.values()) == list(UPGRADES.values()) == [kind for kind in ROWS if kind.upgrade]


@EACH
def test_a_request_of_each_kind_begins_a_stream_of_that_kind(kind: StreamKind) -> None:
    """The request line alone says which."""
    assert of_action(begun(kind)) is kind
    assert hazard_of(begun(kind)) is kind.hazard


@EACH_UPGRADE
@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_an_upgrade_is_one_action_whatever_its_method(kind: StreamKind, method: bytes) -> None:
    """A WebSocket is a GET and SPDY a POST, and both begin the same stream."""
    action = read(method, f"/api/v1/namespaces/web/pods/web-0/{kind.subresource}?command=ls&stdin=true".encode())
    assert action.verb == "create"
    assert action.argv == (("ls",) if kind.argv else ())
    assert upgrade_of(action) is of_action(action) is kind
    assert describe(action) == f"{kind.verb} pods/web-0 in web"


@pytest.mark.parametrize("target", [
    b"/api/v1/namespaces/web/pods", b"/api/v1/namespaces/web/pods/web-0", b"/api/v1/namespaces/web/pods/web-0/log", b"/version",
    b"/apis/example.io/v1/namespaces/web/pods/web-0/exec", b"/api/v1/namespaces/web/services/web/attach",
])  # fmt: skip
def test_all_else_is_a_plain_request(target: bytes) -> None:
    """Also a log that is not followed, and another group's kind by the same name."""
    assert of_action(read(b"GET", target)) is None
    assert upgrade_of(read(b"GET", target)) is None


@EACH
def test_what_its_two_sides_say_has_channels_on_the_tape(kind: StreamKind) -> None:
    """Each label is a channel of a frame."""
    assert kind.channels
    assert set(kind.channels) <= NAMES.keys()


@EACH_UPGRADE
def test_a_scope_grants_each_upgrade_by_its_verb(kind: StreamKind) -> None:
    """The verb reads back as itself, covers the stream, and is what a denial proposes; RBAC needs both methods of the subresource."""
    scope = Scope.parse(f"{kind.verb} pods in web")
    assert str(scope) == f"{kind.verb} pods in web"
    assert scope.allows(begun(kind), CLUSTER) is not None
    assert suggest(begun(kind), CLUSTER) == f"{kind.verb} pods:web-0 in web"
    needs = {(need.resource, need.verb) for need in rbac.needs([scope], builtin.KINDS)}
    assert needs == {("pods", "get"), (f"pods/{kind.subresource}", "create"), (f"pods/{kind.subresource}", "get")}


@EACH_UPGRADE
def test_the_table_of_hazards_has_each_upgrade(kind: StreamKind) -> None:
    """Whatever the verb on its subresource."""
    assert {hazard_at(verb, "", "pods", kind.subresource) for verb in table.ANY} == {kind.hazard}


@EACH
def test_a_container_is_named_where_the_row_says_so(kind: StreamKind) -> None:
    """Behind the name of the pod, with the subresource written out."""
    text = f"create,get pods/{kind.subresource}:web-0/app in web" if kind.subresource else "watch pods:web-0/app in web"
    try:
        Scope.parse(text)
    except InvalidError:
        assert not kind.contained
    else:
        assert kind.contained


def test_the_screens_know_output_and_upgrades() -> None:
    """A followed log is output without an upgrade, a port-forward an upgrade without output."""
    assert {"exec", "attach", "logs"} == PRINT
    assert {"exec", "attach", "port-forward"} == UPGRADED
    assert [kind.session for kind in ROWS if kind.leaves_process] == ["exec"]


def test_no_other_module_names_a_kind() -> None:
    """A kind is written once: whatever compares a word of its row with a literal would have to be found again for the next kind.

    Of the words only those that mean nothing else are looked for. The demo's cluster is another program, which speaks the protocol by itself.
    """
    words = {word for kind in (ATTACH, PORT_FORWARD) for word in (kind.session, kind.verb, kind.subresource)}
    root = Path(jitui.__file__).parent
    found = [
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py") if path.relative_to(root).parts[0] != "demo"
        for text in [path.read_text()] if any(word in text for word in words)
        for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant) and node.value in words
    ]  # fmt: skip
    assert set(found) == {"policy/streams.py"}
