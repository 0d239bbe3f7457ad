"""Files for our eyes alone, in places that another user may have prepared."""

import os
import stat
from pathlib import Path

import pytest

from jitui.values.errors import UnsafeError
from jitui.values.private_file import create_private, readers, remove_own, start_private, writable_by_all, write_private

NOBODY = 65534  # the uid of another user


def test_a_file_is_written_whole_and_private(tmp_path: Path) -> None:
    """Mode 0600, or what is asked; missing folders are made; nothing else is left behind."""
    write_private(tmp_path / "new" / "token", b"t\n")
    write_private(tmp_path / "ca.crt", b"c\n", mode=0o644)
    assert (tmp_path / "new" / "token").read_bytes() == b"t\n"
    assert stat.S_IMODE((tmp_path / "new" / "token").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "ca.crt").stat().st_mode) == 0o644
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["token"]


def test_a_link_of_our_own_is_followed(tmp_path: Path) -> None:
    """Whoever keeps a kubeconfig elsewhere and links to it goes on doing so."""
    (tmp_path / "there").write_text("old")
    (tmp_path / "link").symlink_to("there")
    write_private(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there").read_text() == "new"


def test_what_is_no_ordinary_file_is_never_replaced(tmp_path: Path) -> None:
    """Neither /dev/null nor a folder, nor links in a circle."""
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    for path, why in ((Path("/dev/null"), "no ordinary file"), (tmp_path, "no ordinary file"), (tmp_path / "one", "in a circle")):
        with pytest.raises(UnsafeError, match=why):
            write_private(path, b"x")


@pytest.mark.root
def test_the_link_of_another_user_is_refused(tmp_path: Path) -> None:
    """In a folder such as /tmp: what it leads to stays as it is."""
    tmp_path.chmod(0o1777)
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "out").symlink_to(victim)
    os.chown(tmp_path / "out", NOBODY, NOBODY, follow_symlinks=False)
    with pytest.raises(UnsafeError, match=f"a link that uid {NOBODY} made"):
        write_private(tmp_path / "out", b"token")
    with pytest.raises(FileExistsError):
        create_private(tmp_path / "out")
    with pytest.raises(OSError, match=r"symbolic link|ermission denied"):
        start_private(tmp_path / "out")
    remove_own(tmp_path / "out")
    assert victim.read_text() == "precious"
    assert (tmp_path / "out").is_symlink()


@pytest.mark.root
def test_a_file_that_another_made_ready_is_not_written_to(tmp_path: Path) -> None:
    """The name of the draft can't be guessed, so nobody holds the file open that the secret is written to."""
    tmp_path.chmod(0o1777)
    ready = [tmp_path / name for name in (".out.part", "out.part", f".out.{os.getpid()}")]
    for path in ready:
        path.write_text("waits")
        os.chown(path, NOBODY, NOBODY)
    write_private(tmp_path / "out", b"token")
    assert [path.read_text() for path in ready] == ["waits"] * 3
    assert ((tmp_path / "out").stat().st_uid, (tmp_path / "out").read_text()) == (os.geteuid(), "token")


@pytest.mark.root
def test_the_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    """Its owner may exchange every file in it."""
    os.chown(tmp_path, NOBODY, NOBODY)
    with pytest.raises(UnsafeError, match=f"belongs to uid {NOBODY}"):
        write_private(tmp_path / "out", b"token")
    with pytest.raises(UnsafeError, match=f"belongs to uid {NOBODY}"):
        create_private(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_everybody_may_write_is_refused(tmp_path: Path) -> None:
    """Unless it is sticky, as /tmp is."""
    tmp_path.chmod(0o777)
    with pytest.raises(UnsafeError, match="may be written by everybody"):
        write_private(tmp_path / "out", b"token")
    tmp_path.chmod(0o1777)
    write_private(tmp_path / "out", b"token")


@pytest.mark.root
def test_a_log_is_started_in_a_file_of_our_own(tmp_path: Path) -> None:
    """Made or cut to nothing; another user's file, and one with a second name, are refused and keep what is in them."""
    os.close(start_private(tmp_path / "log"))
    (tmp_path / "log").write_text("old")
    os.close(start_private(tmp_path / "log"))
    assert (tmp_path / "log").read_text() == ""
    (tmp_path / "second").write_text("kept")
    os.link(tmp_path / "second", tmp_path / "hard")
    (tmp_path / "theirs").write_text("kept")
    os.chown(tmp_path / "theirs", NOBODY, NOBODY)
    for name in ("hard", "theirs"):
        with pytest.raises(UnsafeError, match="not an ordinary file of ours alone"):
            start_private(tmp_path / name)
        assert (tmp_path / name).read_text() == "kept"


def test_who_may_read_a_file(tmp_path: Path) -> None:
    """A folder on the way that shuts others out counts; pytest's own folder is 0700, so one that is open is made in /tmp."""
    secret = tmp_path / "secret"
    secret.write_text("s")
    secret.chmod(0o644)
    assert readers(secret) == ""
    assert not writable_by_all(secret)
    open_folder = Path("/tmp") / f"jitui-{os.getpid()}-{tmp_path.name}"
    open_folder.mkdir()
    try:
        open_folder.chmod(0o755)
        shown = open_folder / "secret"
        shown.write_text("s")
        found = []
        for mode in (0o600, 0o640, 0o644, 0o606):
            shown.chmod(mode)
            found.append((readers(shown), writable_by_all(shown)))
        assert found == [("", False), ("its group", False), ("everybody", False), ("everybody", True)]
        shown.chmod(0o600)
        open_folder.chmod(0o777)
        assert writable_by_all(shown)
    finally:
        for path in open_folder.iterdir():
            path.unlink()
        open_folder.rmdir()
