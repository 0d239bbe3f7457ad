"""The ports of connections: each has one of its own, and keeps it for good.

A kubeconfig names the port, and kubectl keeps what it knows of a cluster under it. So a port that a connection once had is given to no other, also when the
connection is gone.
"""

import errno
import json
import socket
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from jitui.listeners.address import ListenAddress
from jitui.values.errors import ConfigurationError, UnavailableError
from jitui.values.private_file import write_private

BACKLOG: Final = 1024
HIGHEST: Final = 65535
TRIES: Final = 100  # ports of the kernel's choice, each of which another connection may once have had


class Ports:
    """The ports that connections have, or once had, in a file of the state folder: a JSON object of port and connection, the newest of each last."""

    def __init__(self, path: Path) -> None:
        """Raises ConfigurationError for a file that can't be read: without it connections would move."""
        self._path = path
        self._old = self._of = read(path)

    def remembered(self, connection: str) -> int:
        """The connection's newest port; 0 if it never had one."""
        return next((port for port, name in reversed(self._of.items()) if name == connection), 0)

    def open(self, connection: str, asked: ListenAddress | None, shared: ListenAddress, but: Collection[int] = ()) -> socket.socket:
        """A listening socket for a connection: where `asked` says, or else at its port, or else at the next free one behind the listener's `shared` address.

        `but`: ports that are meant for something else, and not given. Raises UnavailableError.
        """
        where, known = asked or shared, self.remembered(connection)
        another = f"another as connections.{connection}.listen"
        if asked is not None and (owner := self._of.get(asked.port, connection)) != connection:
            raise UnavailableError(f"port {asked.port} is {owner}'s: kubeconfigs of its agents name it, and would reach {connection} there; set {another}")
        if asked is not None and asked.port:
            sock = _listen(connection, asked, f"set {another}")
        elif known and where.port:
            sock = _listen(connection, ListenAddress(where.host, known), f"its agents' kubeconfigs name it: free it, or set {another} and write them anew")
        else:
            sock = self._next(connection, where, [known] if known else [], but)
        port = sock.getsockname()[1]
        self._of = {**{at: name for at, name in self._of.items() if at != port}, port: connection}
        return sock

    def keep(self) -> None:
        """Writes down what is new. Raises UnsafeError."""
        if self._of != self._old:
            write_private(self._path, f"{json.dumps(self._of)}\n".encode())
            self._old = self._of

    def _next(self, connection: str, where: ListenAddress, first: Sequence[int], but: Collection[int]) -> socket.socket:
        """At the `first` ports, as any other would do as well, then at one that nobody had."""
        nobodys = (port for port in range(where.port + 1, HIGHEST + 1) if port not in self._of and port not in but)
        for port in (*first, *(nobodys if where.port else [0] * TRIES)):
            try:
                sock = _listen(connection, ListenAddress(where.host, port), f"set another as connections.{connection}.listen")
            except TakenError:
                continue
            if port or sock.getsockname()[1] not in self._of:
                return sock
            sock.close()
        raise UnavailableError(f"no port behind {where} is free for connection {connection}; set one as connections.{connection}.listen")


class TakenError(UnavailableError):
    """Something else listens at a port."""


def read(path: Path) -> dict[int, str]:
    """The file's content; nothing if there is none. Raises ConfigurationError."""
    try:
        found = {int(port): name for port, name in json.loads(path.read_bytes()).items()}
        if all(0 < port <= HIGHEST and isinstance(name, str) for port, name in found.items()):
            return found
        why = "a port or a name in it is none"
    except FileNotFoundError:
        return {}
    except OSError as error:
        why = error.strerror or str(error)
    except (ValueError, AttributeError):
        why = "it is not an object of ports and connections"
    raise ConfigurationError(f"{path}, which holds the ports of connections, can't be read ({why}); restore it, or delete it and give the agents "
                             "new kubeconfigs")


def _listen(connection: str, where: ListenAddress, advice: str) -> socket.socket:
    try:
        return where.listen(BACKLOG)
    except OSError as error:
        kind = TakenError if error.errno == errno.EADDRINUSE else UnavailableError
        raise kind(f"port {where.port} on {where.host} can't be opened for connection {connection} ({error.strerror or error}); {advice}") from None
