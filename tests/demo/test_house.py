"""The house keeps the demo's files and environment apart from this machine's, and finds a kubectl."""

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from jitui.demo.house import House, find_kubectl


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    with tempfile.TemporaryDirectory(prefix="jt-", dir="/tmp") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr("tempfile.tempdir", None)
        with House(12) as made:
            yield made


def test_its_folder_is_private_and_so_is_its_environment(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """0700; nothing of this machine's credentials reaches the demo's programs, and tokens stand in files of 0600."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-for-demos")
    monkeypatch.setenv("KUBECONFIG", "/not/for/demos")
    assert house.folder.stat().st_mode & 0o777 == 0o700
    for agent in (False, True):
        environment = house.environment(agent=agent)
        assert "not-for-demos" not in json.dumps(environment)
        assert environment.get("KUBECONFIG") in {None, str(house.folder / "agent.kubeconfig")}
    for name in ("agent.token", "agent.kubeconfig", "cluster/kubeconfig"):
        assert (house.folder / name).stat().st_mode & 0o777 == 0o600


def test_without_kubectl_there_is_a_small_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program in PATH that is no kubectl, or an old one, is not taken."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_kubectl()[-1] == "jitui.demo.client"
    for said in ("not json", '{"clientVersion": {"gitVersion": "v1.27.1", "minor": "27"}}'):
        (tmp_path / "kubectl").write_text(f"#!/bin/sh\necho '{said}'\n")
        os.chmod(tmp_path / "kubectl", 0o755)  # noqa: PTH101
        assert find_kubectl()[-1] == "jitui.demo.client"
    (tmp_path / "kubectl").write_text("#!/bin/sh\necho '{\"clientVersion\": {\"gitVersion\": \"v1.31.0\", \"minor\": \"31\"}}'\n")
    assert find_kubectl() == (str(tmp_path / "kubectl"),)
