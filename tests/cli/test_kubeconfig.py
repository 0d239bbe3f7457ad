"""Kubeconfig files for agents: one context, private, and never in the place of another's."""

import json
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from jitui.api.views import Hello
from jitui.cli import kubeconfig
from jitui.values.errors import ConflictError

MADE = {"contexts": [{"name": "jitui-prod"}]}


def test_the_server_is_the_connections_own_address() -> None:
    """Of an older gateway, which has none, the path of the shared one."""
    hello = Hello(version="1", api=1, gateway_id="g", you="bot", roles=("agent",), rights=(), solo=False, connections=("prod",), kube="https://gw:8443",
                  kube_connections={"prod": "https://[::1]:8445"})
    assert kubeconfig.document(hello, "prod", {})["clusters"][0]["cluster"] == {"server": "https://[::1]:8445"}
    old = replace(hello, kube_connections={})
    assert kubeconfig.document(old, "prod", {})["clusters"][0]["cluster"] == {"server": "https://gw:8443/c/prod"}


def test_a_command_is_lent_a_kubeconfig_only_if_it_can_use_it() -> None:
    """Not without a token, not a person, not beside its own."""
    hello = Hello(version="1", api=1, gateway_id="g", you="bot", roles=("agent",), rights=(), solo=False, connections=("prod",), kube="https://gw:8443")
    for who, token, env in ((hello, "", {}), (replace(hello, roles=("approver",)), "jt_x", {}), (hello, "jt_x", {"KUBECONFIG": "/x"})):
        with kubeconfig.lent(who, "prod", token, env) as given:
            assert given == env


def test_a_file_of_ours_is_replaced_and_private(tmp_path: Path) -> None:
    """0600, whatever stood there before of ours."""
    path = tmp_path / "agent.kubeconfig"
    for _ in range(2):
        kubeconfig.write(path, MADE)
    assert (yaml.safe_load(path.read_text()), path.stat().st_mode & 0o777) == (MADE, 0o600)


@pytest.mark.parametrize("text", [
    b"contexts: [{name: prod}]", b"not: a kubeconfig", b"\x00", b"", b"\xff", b"[" * 9000, b"contexts: jitui-x", b"contexts: {name: jitui-x}",
    b"contexts: [[]]", b"contexts: [jitui-x]",
    b"a: 2020-13-45", b"a: " + b"9" * 5000, b"contexts: [{name: jitui-x}]\nclusters: [{name: prod}]", b"contexts: [{name: jitui-x}]\nusers: 7", b"a: &a [*a]",
    b"contexts: [{name: jitui-x}, {}]",
    b"contexts: [{name: jitui-x}]\ncontexts: [{name: prod}]", b"contexts: [{name: jitui-x}]\n---\ncontexts: []",
])
def test_a_file_of_somebody_elses_stays(tmp_path: Path, text: bytes) -> None:
    """Whatever is in it: one line says so, and nothing is written."""
    path = tmp_path / "config"
    path.write_bytes(text)
    with pytest.raises(ConflictError, match=rf"^{path} .*another file"):
        kubeconfig.write(path, MADE)
    assert path.read_bytes() == text


@pytest.mark.parametrize(("info", "found"), [
    (json.dumps({"spec": {"cluster": {"certificate-authority-data": b64encode(b"PEM").decode()}}}), "PEM"), ("{}", ""), ("not json", ""),
    ('{"spec":null}', ""),
])  # fmt: skip
def test_the_pinned_authority_is_what_kubectl_tells_its_plugin(info: str, found: str) -> None:
    """Nothing, where it tells nothing."""
    assert kubeconfig.pinned({"KUBERNETES_EXEC_INFO": info}) == found


def test_the_plugin_is_never_interactive() -> None:
    """kubectl would wait for a terminal that an agent does not have."""
    assert kubeconfig.plugin(["credential"])["exec"]["interactiveMode"] == "Never"
