"""The socket for the people of one Unix group: who of them is who, their uid says as ever.

The kernel lets in who is in the group; nobody is let in for it, and whoever the configuration does not name is told so.
"""

import grp
import os
import stat
from pathlib import Path
from typing import Final

from jitui.values.errors import ConfigurationError, UnsafeError

OURS: Final = frozenset({"desk.sock", "ready.json"})  # what a folder of the socket's own may hold
FOLDER: Final = 0o750
SOCKET: Final = 0o660


def gid_of(name: str) -> int:
    """Raises ConfigurationError if there is no such group, or the gateway's user can't give files to it."""
    try:
        gid = grp.getgrnam(name).gr_gid
    except KeyError:
        raise ConfigurationError(f"listen.socket_group: no group {name} on this machine; make it with: groupadd {name}") from None
    if os.geteuid() and gid not in {os.getegid(), *os.getgroups()}:
        raise ConfigurationError(f"listen.socket_group: the gateway's user (uid {os.geteuid()}) is not in the group {name}; "
                                 "add it, and start the gateway from a new login")
    return gid


def open_folder(folder: Path, gid: int, name: str) -> None:
    """Let the group reach what is in the socket's folder, and nobody else more than before. Raises UnsafeError.

    A folder that holds other things is not opened, and one that others may write is not used: they could put a socket of theirs in its place.
    """
    try:
        _reachable(folder, gid, name)
        found = folder.stat()
        mode = stat.S_IMODE(found.st_mode)
        if mode & 0o022:
            raise UnsafeError(f"folder {folder} can be written by others (mode {mode:04o}), who could put a socket of theirs there; "
                              "name one of its own with --socket, as /run/jitui/desk.sock")
        if mode & 0o001 or (mode & 0o010 and found.st_gid == gid):
            return
        if found.st_uid != os.geteuid() or {path.name for path in folder.iterdir()} - OURS:
            raise UnsafeError(f"folder {folder} is closed to the group {name}, and not the socket's alone; "
                              "name one of its own with --socket, as /run/jitui/desk.sock")
        os.chown(folder, -1, gid)
        folder.chmod(FOLDER)
    except OSError as error:
        raise UnsafeError(f"folder {folder} can't be given to the group {name}: {error.strerror}; name another with --socket") from None


def _reachable(folder: Path, gid: int, name: str) -> None:
    """Whether the group gets to the folder at all, and nobody could put another in its place. Raises UnsafeError, OSError."""
    for above in folder.resolve().parents:
        found = above.stat()
        if not (found.st_mode & 0o001 or (found.st_mode & 0o010 and found.st_gid == gid)):
            raise UnsafeError(f"folder {above} is closed to the group {name}, so nobody of it reaches {folder}; "
                              "name another place with --socket, as /run/jitui/desk.sock")
        if found.st_mode & 0o022 and not found.st_mode & stat.S_ISVTX:
            raise UnsafeError(f"folder {above} can be written by others, who could put a folder of theirs in the place of {folder}; "
                              "name another place with --socket, as /run/jitui/desk.sock")


def give(path: Path, gid: int, name: str) -> None:
    """A socket that nobody can connect to yet becomes the group's too. Raises UnsafeError."""
    try:
        os.chown(path, -1, gid, follow_symlinks=False)
        path.chmod(SOCKET)
    except OSError as error:
        raise UnsafeError(f"socket {path} can't be given to the group {name}: {error.strerror}") from None
