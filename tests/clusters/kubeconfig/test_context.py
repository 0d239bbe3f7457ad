"""The files of a kubeconfig, read and checked."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from jitui.clusters.kubeconfig.context import read_context
from jitui.clusters.kubeconfig.plugin import API_VERSIONS
from jitui.values.errors import ConfigurationError

EXEC = {"apiVersion": API_VERSIONS[0], "command": "./plugin", "interactiveMode": "Never"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "has no current-context"), ("[]", "is not a map with the fields of a kubeconfig"), ("a: [", "not YAML"), ("just text", "is not a map"),
        ("clusters: 7", "clusters is not a list"),
        ("contexts: [{name: x}]\ncurrent-context: x", "context x has no cluster at all; it has: none"), ("clusters: []", "has no current-context"),
        ("current-context: z\ncontexts: [{name: a}, {name: b}]", "has no context z; it has: a, b"),
        ("contexts: [{name: x, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: https://h}}]\ncurrent-context: x", "has no user u"),
    ],
)  # fmt: skip
def test_files_that_are_no_kubeconfig(tmp_path: Path, text: str, why: str) -> None:
    """Whatever is in the file, it is one line that says what was looked for and what was found."""
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=f"^kubeconfig {path}.*{why}") as error:
        read_context(path, "")
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Missing and unreadable are told apart."""
    with pytest.raises(ConfigurationError, match=f"kubeconfig {tmp_path}/none does not exist"):
        read_context(tmp_path / "none", "")
    with pytest.raises(ConfigurationError, match=f"kubeconfig {tmp_path} can't be read: Is a directory"):
        read_context(tmp_path, "")


def test_several_files_as_in_KUBECONFIG(tmp_path: Path) -> None:  # noqa: N802 - the variable's name
    """The first to name an entry wins, and paths are relative to the file they stand in."""
    for name, token in (("one", "t-1"), ("two", "t-2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "token").write_text(token)
        document = {
            "contexts": [{"name": name, "context": {"cluster": "c", "user": name}}],
            "clusters": [{"name": "c", "cluster": {"server": f"https://{name}"}}],
            "users": [{"name": name, "user": {"tokenFile": "token"}}],
        }  # fmt: skip
        (tmp_path / name / "config").write_text(yaml.safe_dump(document))
    context = read_context([tmp_path / "one" / "config", tmp_path / "none", tmp_path / "two" / "config"], "two")
    assert (context.address.host, context.token_file) == ("one", tmp_path / "two" / "token")


def test_a_credential_in_the_reach_of_others_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kubeconfig with a token, a token file and a client key that others may read: each is named, with how to mend it."""
    monkeypatch.setattr("jitui.clusters.kubeconfig.context.readers", lambda path: "everybody" if path.stat().st_mode & 0o004 else "")
    (tmp_path / "token").write_text("t")
    users: dict[str, dict[str, Any]] = {"inline": {"token": "t"}, "file": {"tokenFile": "token"}, "plugin": {"exec": EXEC}}
    found = {}
    for name, user in users.items():
        path = tmp_path / name
        path.write_text(json.dumps({
            "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}], "users": [{"name": "u", "user": user}],
            "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        }))  # fmt: skip
        path.chmod(0o644)
        (tmp_path / "token").chmod(0o640)
        closed = read_context(path, "").exposed
        (tmp_path / "token").chmod(0o644)
        found[name] = (closed, read_context(path, "").exposed)
    inline = (f"{tmp_path}/inline may be read or changed by everybody (mode 0644), who then needs no window; mend it with: chmod 600 {tmp_path}/inline",)
    beside = (f"{tmp_path}/token may be read or changed by everybody (mode 0644), who then needs no window; mend it with: chmod 600 {tmp_path}/token",)
    assert found == {"inline": (inline, inline), "file": ((), beside), "plugin": ((), ())}
