"""The screens' own gateway."""

import asyncio
import os
import re
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from jitui.cli import screen
from jitui.cli.reach import Reach
from jitui.values.errors import ConfigurationError, UnavailableError
from tests.cli.conftest import jitui

SMALL = "listen: {kube: '127.0.0.1:0', api: '127.0.0.1:0'}\nconnections: {}\n"


@pytest.fixture
def there(homes: Path) -> Iterator[Reach]:
    """A place where nothing runs yet."""
    (homes / "config_home" / "jitui").mkdir(parents=True)
    folder = homes / "data"
    yield Reach(f"unix:{folder}/desk.sock", "", "", folder, named=False)
    if (holder := folder / "lock").is_file() and (pid := holder.read_text().strip()).isdigit():
        with pytest.raises(ProcessLookupError):  # it was stopped
            os.kill(int(pid), signal.SIGKILL)


def configure(homes: Path, text: str) -> None:
    (homes / "config_home" / "jitui" / "config.yaml").write_text(text)


async def test_a_gateway_is_started_where_none_answers(there: Reach, homes: Path) -> None:
    """It answers at once, outlives who started it, is found again, and `jitui stop` ends it."""
    configure(homes, SMALL)
    await screen._answering(there)
    await screen._answering(there)
    stopped = await asyncio.to_thread(jitui, "--data-dir", str(there.data_dir), "stop")
    assert (stopped.code, stopped.out) == (0, "stopped; live windows go on when it starts again, until their deadline\n")
    await asyncio.to_thread(os.waitpid, -1, 0)


async def test_a_gateway_that_does_not_start(there: Reach, homes: Path) -> None:
    """The person reads the gateway's own error."""
    configure(homes, SMALL + "colour: red\n")
    with pytest.raises(UnavailableError, match=r"^/.*config.yaml:3: colour: unknown key$"):
        await screen._answering(there)


async def test_a_gateway_that_was_named_is_not_replaced(there: Reach) -> None:
    """Somebody else's gateway that is down is said, nothing is started in its place."""
    with pytest.raises(UnavailableError, match=r"^no gateway running"):
        await screen._answering(Reach(there.gateway, "", "", None, named=True))
    with pytest.raises(ConfigurationError, match=r"no gateway running and no configuration at /.*config.yaml"):
        await screen._answering(there)


def test_serve_in_the_background(homes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It returns once the gateway answers, in a home where nothing is yet: the folders on the way are nobody else's. A second one is refused."""
    for name in ("XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name)
    file, state = homes / "jitui.yaml", homes / ".local" / "state" / "jitui"
    file.write_text(SMALL)
    try:
        done = jitui("serve", "--config", str(file), "--background")
        assert (done.code, done.out) == (0, "")
        assert re.fullmatch(rf"jitui: the gateway runs \(pid \d+\), what it says is in {state}/serve.log; end it with: jitui stop\n", done.err)
        assert jitui("requests").code == 0
        assert {stat.S_IMODE(folder.stat().st_mode) for folder in (state, state / "run")} == {0o700}
        again = jitui("serve", "--config", str(file), "--background")
        assert (again.code, again.err[:60]) == (1, f"jitui: a gateway answers at {state}/run/desk.sock already"[:60])
    finally:
        assert jitui("stop").code == 0
        os.waitpid(-1, 0)


def test_serve_in_the_background_that_does_not_start(homes: Path) -> None:
    """The person reads the gateway's own error."""
    file = homes / "jitui.yaml"
    file.write_text(SMALL + "colour: red\n")
    done = jitui("serve", "--config", str(file), "--background")
    assert (done.code, done.err) == (1, f"jitui: {file}:3: colour: unknown key\n")


def test_folders_where_none_can_be(homes: Path) -> None:
    """One line that says where, and the way out."""
    (homes / "file").write_text("")
    done = jitui("serve", "--config", "x.yaml", "--data-dir", str(homes / "file" / "data"))
    assert (done.code, done.err) == (1, f"jitui: folder {homes}/file/data can't be made: Not a directory; choose another with --data-dir\n")
