"""The agent at work, in a house of its own; a person here approves by the command line."""

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jitui.demo.house import AGENT, House, find_kubectl
from tests.support.processes import until


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    with tempfile.TemporaryDirectory(prefix="jt-", dir="/tmp") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr("tempfile.tempdir", None)
        with House(12) as made:
            yield made


def of(house: House, *args: str) -> list[Any]:
    return house.jitui(*args, "--json").jsons


def test_it_asks_works_and_asks_again(house: House) -> None:
    """It asks with a reason; approved, it looks, follows a log and types in a shell until the window ends; then it wants the next."""
    house.work()
    (asked,) = until(lambda: of(house, "requests"), "request")
    assert (asked["identity"], asked["duration_s"], asked["state"]) == (AGENT, 12, "pending")
    assert house.jitui("approve", asked["id"]).code == 0

    def kinds() -> set[str]:
        return {one["kind"] for one in of(house, "sessions")}

    until(lambda: {"api", "exec", "logs"} <= kinds(), "exec and logs")
    (again,) = until(lambda: of(house, "requests"), "next request")
    assert again["id"] != asked["id"]
    ended = [one for one in of(house, "sessions") if one["kind"] == "exec"]
    assert {one["ended_why"] for one in ended} == {"expired"}
    typed = b"".join(house.jitui("frames", one["id"], "--raw", "--channel", "stdin").out for one in ended)
    assert b"\r" in typed
    assert house.jitui("verify").code == 0


def test_a_denied_agent_stays_away(house: House) -> None:
    """It says so in its log, and does not ask again at once."""
    house.work()
    (asked,) = until(lambda: of(house, "requests"), "request")
    assert house.jitui("deny", asked["id"], "--reason", "not today").code == 0
    log = house.folder / "agent.log"
    until(lambda: "not today" in log.read_text(), "refusal in its log")
    assert of(house, "requests") == []


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
