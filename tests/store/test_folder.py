"""The state folder: private, local, held by one gateway, with a reserve."""

import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jitui.store import folder as module
from jitui.store.folder import Folder, file_system, tape_numbers
from jitui.values.errors import ConflictError, UnsafeError

HOLDER = """
import sys, time
from pathlib import Path
from jitui.store.folder import Folder
Folder(Path(sys.argv[1])).take()
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    made = Folder(tmp_path / "state", reserve_bytes=1 << 20)
    yield made
    made.close()


def test_it_is_made_private(folder: Folder, tmp_path: Path) -> None:
    """All of it, with its parents, at the first start."""
    folder.take()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder.root, folder.tapes, folder.keys, folder.root / "lock")] == [0o700, 0o700, 0o700, 0o600]


@pytest.mark.parametrize(("name", "mode", "said"), [
    ("", 0o755, "folder {} is open to others (mode 0755, 0700 needed); mend it with: chmod 700 {}"),
    ("keys", 0o710, "folder {} is open to others (mode 0710, 0700 needed); mend it with: chmod 700 {}"),
    ("tapes", 0o500, "folder {} is not writable (mode 0500, 0700 needed); mend it with: chmod 700 {}"),
    ("ledger.db", 0o644, "file {} is open to others (mode 0644, 0600 needed); mend it with: chmod 600 {}"),
    ("tapes/000001.db-wal", 0o604, "file {} is open to others (mode 0604, 0600 needed); mend it with: chmod 600 {}"),
    ("keys/ledger.ed25519", 0o400, "file {} is not writable (mode 0400, 0600 needed); mend it with: chmod 600 {}"),
])
def test_wider_modes_are_refused(folder: Folder, name: str, mode: int, said: str) -> None:
    """With the chmod that mends it; done, the folder is taken."""
    folder.take()
    folder.close()
    path = folder.root / name
    if not path.exists():
        path.touch(0o600)
    before = stat.S_IMODE(path.stat().st_mode)
    path.chmod(mode)
    with pytest.raises(UnsafeError) as refused:
        folder.take()
    assert str(refused.value) == said.format(path, path)
    path.chmod(before)
    folder.take()


def test_another_process_holds_it(folder: Folder) -> None:
    """Its pid is in the message; when it dies, however, the folder is free."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(folder.root)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(ConflictError, match=rf"another gateway \(pid {holder.pid}\) holds {folder.root}"):
            folder.take()
        holder.kill()
    folder.take()


def test_network_file_systems_are_refused(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit there proves nothing."""
    monkeypatch.setattr(module, "file_system", lambda path: "nfs4")
    with pytest.raises(UnsafeError, match=r"is on a network file system \(nfs4\), where a commit proves nothing"):
        folder.take()


def test_file_system() -> None:
    """As the kernel lists the mounts; the deepest one counts."""
    assert (file_system(Path("/proc/self")), file_system(Path("/proc/self/does/not/exist"))) == ("proc", "proc")
    assert file_system(Path("/")) not in {"", "proc"}


def test_a_place_that_can_t_be_a_folder(tmp_path: Path) -> None:
    """A file is in the way."""
    tmp_path.joinpath("file").touch()
    with pytest.raises(UnsafeError, match="can't be made: Not a directory; choose another with --data-dir"):
        Folder(tmp_path / "file/state").take()


def test_the_reserve(folder: Folder) -> None:
    """Held in full, given up once, held again."""
    folder.take()
    assert folder.hold_reserve()
    assert folder.reserve.stat().st_blocks * 512 >= 1 << 20
    assert [folder.give_up_reserve(), folder.give_up_reserve()] == [True, False]
    assert folder.reserve.stat().st_blocks == 0
    assert folder.hold_reserve()
    assert folder.hold_reserve()
    folder.reserve.unlink()
    assert folder.give_up_reserve() is False


def test_a_reserve_that_finds_no_room(tmp_path: Path) -> None:
    """Nothing is taken of what little there is."""
    folder = Folder(tmp_path / "state", reserve_bytes=1 << 60)
    folder.take()
    before = folder.free_bytes()
    assert folder.hold_reserve() is False
    assert (before > 0, folder.reserve.exists()) == (True, False)
    folder.close()


def test_tape_numbers(tmp_path: Path) -> None:
    """Only tapes, in order; a draft of one is none."""
    for name in ("000010.db", "000002.db", "000002.db-wal", "000011.part", "notes.db"):
        tmp_path.joinpath(name).touch()
    assert tape_numbers(tmp_path) == [2, 10]
