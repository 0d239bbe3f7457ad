"""Kubeconfig files for agents: one context, private, and never in the place of another's."""

import json
from base64 import b64encode
from pathlib import Path

import pytest
import yaml

from jitui.cli import kubeconfig
from jitui.values.errors import ConflictError

MADE = {"contexts": [{"name": "jitui-prod"}]}


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
