"""The addresses of the API: a Unix socket for the people of this machine, perhaps for those of one group, and a TCP port.

The kernel decides who may connect. The peer's uid or a token says who they are to the gateway; someone whom the configuration does not name is told so.
"""

import errno
import grp
import os
import socket
import stat
from pathlib import Path
from typing import Final

from jitui.listeners.address import ListenAddress
from jitui.values.errors import ConfigurationError, ConflictError, UnsafeError

PATH_LIMIT: Final = 107  # bytes of a Unix socket's path (unix(7))
BACKLOG: Final = 256
OURS: Final = frozenset({"desk.sock", "ready.json"})  # the only files in a folder that is for the socket alone
FOLDER: Final = 0o750
SOCKET: Final = 0o660


def bind_unix(path: Path, group: str = "") -> socket.socket:
    """A Unix socket only its owner (and `group`) can connect to, in the place of one that nobody answers any more.

    Raises ConflictError, UnsafeError, ConfigurationError (no such group).
    """
    if len(os.fsencode(path)) > PATH_LIMIT:
        raise UnsafeError(f"socket path {path} is longer than the {PATH_LIMIT} bytes a Unix socket may have; use a shorter --data-dir or XDG_RUNTIME_DIR")
    gid = gid_of(group) if group else -1
    if group:
        open_folder(path.parent, gid, group)
    _clear(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        sock.bind(os.fspath(path))
    except OSError as error:
        sock.close()
        raise UnsafeError(f"can't make the socket {path}: {error.strerror}") from None
    finally:
        os.umask(before)
    if group:
        try:
            give(path, gid, group)
        except UnsafeError:
            sock.close()
            path.unlink(missing_ok=True)
            raise
    sock.listen(BACKLOG)
    return sock


def _clear(path: Path) -> None:
    """Remove a socket that a gateway left behind; leave alone one that answers, and anything that is no socket."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise UnsafeError(f"{path} is there and is no socket; move it away")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise UnsafeError(f"socket {path} is there and can't be asked who owns it: {error.strerror or error}") from None
        else:
            raise ConflictError(f"another gateway answers at {path}; stop it with: jitui --gateway unix:{path} stop")


def bind_tcp(address: ListenAddress) -> socket.socket:
    """A listening TCP socket. Raises ConflictError, ConfigurationError."""
    try:
        return address.listen(BACKLOG)
    except socket.gaierror:
        raise ConfigurationError(f"listen.api: {address.host} is no address of this machine") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConflictError(f"port {address.port} on {address.host} is taken; set another one as listen.api in the configuration") from None
        raise ConfigurationError(f"can't listen on {address}: {error.strerror}") from None


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
    """Open the socket's folder to the group, and to nobody else. Raises UnsafeError.

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
    """Checks that the group reaches the folder, and that others can't put another folder in its place. Raises UnsafeError, OSError."""
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
