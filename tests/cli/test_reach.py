"""The options and the environment name the gateway, the caller and the files."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from jitui.cli.reach import Reach, reach, reaching
from jitui.values.errors import UnknownCallerError


@pytest.fixture(autouse=True)
def nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of this machine's, and folders of the test's own."""
    for name in ("JITUI_GATEWAY", "JITUI_TOKEN", "JITUI_CA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))


def reached(*args: str) -> Reach:
    found: list[Reach] = []

    @click.group()
    @click.option("--gateway")
    @click.pass_context
    def root(context: click.Context, /, **given: str | None) -> None:
        context.ensure_object(dict).update({key: value for key, value in given.items() if value})

    @root.command()
    @reaching
    def look(as_json: bool) -> None:
        found.append(reach())

    done = CliRunner().invoke(root, [*args])
    assert done.exit_code == 0, done.output
    return found[0]


def test_an_option_counts_before_and_after_the_command_and_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JITUI_GATEWAY", "unix:/from/environment")
    assert reached("look").gateway == "unix:/from/environment"
    assert reached("--gateway", "unix:/a", "look").gateway == "unix:/a"
    assert reached("look", "--gateway", "unix:/b").gateway == "unix:/b"
    assert reached("look").named


def test_without_a_word_it_is_the_users_own_socket(tmp_path: Path) -> None:
    """In the data folder if that is named: two gateways never meet."""
    assert reached("look").gateway == f"unix:{tmp_path / 'run' / 'jitui' / 'desk.sock'}"
    assert reached("look", "--data-dir", str(tmp_path)).gateway.startswith(f"unix:{tmp_path}/")


def test_a_token_that_can_not_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnknownCallerError):
        _ = reached("look", "--token-file", str(tmp_path / "nowhere")).token
