"""Files that only their owner may read, written safely where another user may have prepared the place.

In a shared folder such as /tmp another user can put a symbolic link, or a file, at the name that is to be written. So a link of another user is
never followed, a new file first gets a name that can't be guessed and must not exist, and a folder that another user owns or may rename in is
refused (open(2): O_EXCL, O_NOFOLLOW; sticky(7)).
"""

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from jitui.values.errors import UnsafeError


def write_private(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Writes a file whole or not at all; it is on disk when this returns. `mode` is its final mode; until then it is 0600.

    Missing folders are made with mode 0700. A link of our own (or root's) at `path` is followed, another user's refused. Raises UnsafeError, in one line.
    """
    try:
        path = place(path)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with folder(path.parent) as where:
            _write(where, path.name, data, mode)
    except OSError as error:
        raise UnsafeError(f"{path} can't be written: {error.strerror or error}") from None


def create_private(path: Path) -> int:
    """A new empty file, mode 0600, as a descriptor to write to. Raises FileExistsError, UnsafeError for a folder that others own, OSError."""
    with folder(path.parent) as where:
        return os.open(path.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=where)


def start_private(path: Path) -> int:
    """A descriptor to write a log to: a file of our own, made (0600) or cut to nothing. Raises UnsafeError for another's file, OSError."""
    with folder(path.parent) as where:
        opened = os.open(path.name, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=where)
    found = os.fstat(opened)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_nlink != 1:
        os.close(opened)
        raise UnsafeError(f"{path} is not an ordinary file of ours alone (its owner is uid {found.st_uid}); remove it, or choose another folder")
    os.ftruncate(opened, 0)
    return opened


def remove_own(path: Path) -> None:
    """Removes a file that we wrote. Another user's file or link under that name stays."""
    with contextlib.suppress(OSError):
        found = path.lstat()
        if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid():
            path.unlink()


def place(path: Path) -> Path:
    """The target of `path`: itself, or the end of links that are ours or root's. Raises UnsafeError for another user's link, and for a special file."""
    for _ in range(40):  # as many links as the kernel follows
        try:
            found = path.lstat()
        except FileNotFoundError:
            return path
        if stat.S_ISREG(found.st_mode):
            return path
        if not stat.S_ISLNK(found.st_mode):
            raise UnsafeError(f"{path} is no ordinary file; name another, or leave --output out to print it")
        if found.st_uid not in {os.geteuid(), 0}:
            raise UnsafeError(f"{path} is a link that uid {found.st_uid} made; remove it, or name a file in a folder of your own")
        path = path.parent / path.readlink()
    raise UnsafeError(f"{path} is a link that leads in a circle; name another file")


def readers(path: Path) -> str:
    """The other users who may read or change a file: "everybody", "its group", or "". A parent folder that shuts them out counts."""
    try:
        file, *folders = _modes(path)
    except OSError:
        return ""
    if file & 0o006 and all(mode & 0o001 for mode in folders):
        return "everybody"
    return "its group" if file & 0o060 and all(mode & 0o011 for mode in folders) else ""


def writable_by_all(path: Path) -> bool:
    """Whether everybody may change a file, or replace it."""
    try:
        file, *folders = _modes(path)
    except OSError:
        return False
    if not all(mode & 0o001 for mode in folders):
        return False
    return bool(file & 0o002 or any(mode & 0o002 and not mode & stat.S_ISVTX for mode in folders))


@contextlib.contextmanager
def folder(path: Path) -> Iterator[int]:
    """A descriptor of a folder in which no other user can replace our files. Raises UnsafeError, OSError."""
    where = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        found = os.fstat(where)
        if found.st_uid not in {os.geteuid(), 0}:
            raise UnsafeError(f"folder {path} belongs to uid {found.st_uid}, who could exchange what is written there; name a file in a folder of your own")
        if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
            raise UnsafeError(f"folder {path} may be written by everybody (mode {stat.S_IMODE(found.st_mode):04o}); mend it with: chmod o-w {path}")
        yield where
    finally:
        os.close(where)


def _modes(path: Path) -> list[int]:
    """The modes of a file and of its parent folders. Raises OSError."""
    return [found.stat().st_mode for found in (path, *path.resolve().parents)]


def _write(where: int, name: str, data: bytes, mode: int) -> None:
    part = f".{name}.{secrets.token_hex(8)}"
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=where)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), mode)
        os.rename(part, name, src_dir_fd=where, dst_dir_fd=where)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(part, dir_fd=where)
        raise
    os.fsync(where)
