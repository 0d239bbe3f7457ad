"""Where a command reads what was recorded."""

import sys
from pathlib import Path

import click
import pytest

from jitui.api.client import Client
from jitui.cli import source
from jitui.cli.shelf import Shelf
from jitui.cli.source import archive, folder, held
from jitui.values.errors import InvalidError, NotFoundError, UnavailableError
from tests.fakes.gateway import serving

RECORDING = Path(__file__).parents[2] / "recordings/shell.jitui"


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> click.Context:
    """A command in a home of its own, in which nothing is."""
    for name in ("JITUI_GATEWAY", "JITUI_TOKEN", "JITUI_CA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    return click.Context(click.Command("x"), obj={})


async def test_a_file_has_its_one_session(command: click.Context) -> None:
    """It is read without any gateway."""
    with command:
        async with archive(str(RECORDING)) as (found, ident):
            assert isinstance(found, Shelf)
            assert (await found.session(ident)).id == ident


async def test_a_gateway_that_answers_is_asked(command: click.Context, tmp_path: Path) -> None:
    """And none of its files is opened; what it does not know is its word."""
    async with serving(tmp_path) as address:
        command.obj = {"gateway": f"unix:{address.socket}"}
        with command:
            async with archive("") as (found, ident):
                assert (type(found), ident) == (Client, "")
            with pytest.raises(NotFoundError, match="s-9"):
                await held("s-9")


async def test_without_a_gateway_its_files_are_read(command: click.Context, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Those of its folder, and that is said; of one elsewhere there are none."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/ledger.db").touch()
    command.obj = {"gateway": f"unix:{tmp_path / 'data/desk.sock'}"}
    with command:
        assert folder() == tmp_path / "data"
        with pytest.raises((NotFoundError, InvalidError)):
            await held("s-1")
        assert "; read from " in capsys.readouterr().err
        command.obj = {"gateway": "https://127.0.0.1:1"}
        with pytest.raises(UnavailableError):
            await held("s-1")


def test_the_files_readers_are_imported_for_files_alone() -> None:
    """A command that asks a gateway is quick."""
    assert source.__name__ in sys.modules
    assert not hasattr(source, "Shelf")
