"""A gateway as a process of its own: the folders before it, and the words where it does not start."""

import stat
from pathlib import Path

import pytest

from jitui.api.client import Client
from jitui.cli import launch
from jitui.values.errors import ConflictError, UnavailableError, UnsafeError
from tests.fakes.gateway import serving


def nobody(folder: Path) -> Client:
    return Client(f"unix:{folder}/none.sock")


def test_folders_are_private_and_stay_as_they_are(tmp_path: Path) -> None:
    """Made for us alone; one that is there already keeps its mode."""
    made, kept = tmp_path / "data", tmp_path / "run"
    kept.mkdir(mode=0o750)
    launch.folders(made, kept / "desk.sock")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (made, kept)] == [0o700, 0o750]


def test_a_folder_that_can_not_be_made(tmp_path: Path) -> None:
    """It is named, with the system's reason and the option that chooses another."""
    tmp_path.joinpath("file").touch()
    with pytest.raises(UnavailableError, match=rf"^folder {tmp_path}/file/data can't be made: Not a directory; choose another with --data-dir$"):
        launch.folders(tmp_path / "file/data", tmp_path / "desk.sock")


async def test_only_one_gateway_answers_at_a_place(tmp_path: Path) -> None:
    """Where one answers another is refused, with the command that ends it; where none does nothing is said."""
    async with serving(tmp_path) as address:
        with pytest.raises(ConflictError, match=r"^a gateway answers at /x/desk.sock already; use it, end it with: jitui stop"):
            await launch.only(lambda: Client(f"unix:{address.socket}"), Path("/x/desk.sock"))
    await launch.only(lambda: nobody(tmp_path), Path("/x/desk.sock"))


async def test_the_last_line_of_a_gateway_that_does_not_start(tmp_path: Path) -> None:
    """It becomes the error, without the name of the program; all it said stays in the log, which is private."""
    with pytest.raises(UnavailableError) as caught:
        await launch.launch(["--no-such-option"], tmp_path, lambda: nobody(tmp_path))
    log = tmp_path / launch.LOG
    assert str(caught.value) == log.read_text().splitlines()[-1].removeprefix("jitui: ")
    assert "no-such-option" in str(caught.value)
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


async def test_a_log_that_is_not_ours_alone_is_left(tmp_path: Path) -> None:
    """Neither a link nor a second name is written through, and nothing is started."""
    precious, log = tmp_path / "precious", tmp_path / launch.LOG
    precious.write_text("kept")
    log.symlink_to(precious)
    with pytest.raises(UnavailableError, match="can't write"):
        await launch.launch([], tmp_path, lambda: nobody(tmp_path))
    log.unlink()
    log.hardlink_to(precious)
    with pytest.raises(UnsafeError, match="not an ordinary file of ours alone"):
        await launch.launch([], tmp_path, lambda: nobody(tmp_path))
    assert precious.read_text() == "kept"
