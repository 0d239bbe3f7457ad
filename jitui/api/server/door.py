"""Opens and closes the sockets of the API: a Unix socket for people of this machine, TLS for everybody with a token."""

import asyncio
import errno
import os
import socket
import ssl
import stat
from functools import partial
from pathlib import Path
from typing import Final

import uvicorn
from fastapi import FastAPI
from starlette.types import Message, Scope

from jitui.api.server.app import build
from jitui.api.server.group import gid_of, give, open_folder
from jitui.api.server.peers import Peer, PeerProtocol, name_of
from jitui.api.server.seat import Counter, Reception
from jitui.auth.callers import Callers
from jitui.listeners.caps import Caps, at_api
from jitui.listeners.porch import Porch, Spawn
from jitui.listeners.visitors import Visitors
from jitui.values.atwork import Told, unheard
from jitui.values.descriptors import share
from jitui.values.errors import ConfigurationError, ConflictError, UnsafeError
from jitui.values.limits import Limits

PATH_LIMIT: Final = 107  # bytes of a Unix socket's path (unix(7))
DRAIN_S: Final = 2  # for answers that are under way when it closes
BACKLOG: Final = 256
DEFAULT: Final = at_api(Limits(), share(4096, Limits().strangers).api)


class ApiDoor:
    """The API, inside the gateway's loop. Bind it, open it and close it, each once."""

    def __init__(self, counter: Counter, callers: Callers, spawn: Spawn, *, desk: Caps = DEFAULT, tcp: Caps = DEFAULT,
                 at_work: Told = unheard) -> None:
        """`desk`, `tcp`: how many the Unix socket and the TCP port let in; `at_work` is told whom they did not."""
        self._reception = Reception(counter, callers)
        self._spawn = spawn
        self._closing = asyncio.Event()
        self._app = build(self._reception, self._closing)
        self.desk, self.tcp = Visitors(desk, at_work), Visitors(tcp, at_work)
        self._bound: list[tuple[socket.socket, ssl.SSLContext | None]] = []
        self._servers: list[tuple[uvicorn.Server, Porch]] = []
        self._path: Path | None = None
        self.host, self.port = "", 0  # of the TLS door, once it is bound

    @property
    def refused(self) -> int:
        """Requests of nobody, since the start."""
        return self._reception.refused

    def bind(self, *, unix: Path | None = None, group: str = "", tcp: tuple[str, int] | None = None, tls: ssl.SSLContext | None = None) -> None:
        """Take the addresses; who connects waits until `open`. `group`: whose people may use the Unix socket, besides its owner. TCP needs `tls`.

        Raises ConflictError (port or socket taken), UnsafeError, ConfigurationError (no such address); close it then, too.
        """
        if tcp is not None and tls is None:
            raise ConfigurationError("the API listens on TCP with TLS only")
        if unix is not None:
            self._bound.append((bind_unix(unix, group), None))
            self._path = unix
        if tcp is not None:
            sock = bind_tcp(*tcp)
            self.host, self.port = sock.getsockname()[:2]
            self._bound.append((sock, tls))

    async def open(self) -> None:
        """Answer."""
        await warm(self._app)
        while self._bound:
            await self._serve(*self._bound.pop(0))

    async def aclose(self) -> None:
        """End the streams, let answers go out, close the sockets."""
        self._closing.set()
        servers, self._servers = self._servers, []
        while self._bound:
            self._bound.pop()[0].close()
        try:
            for _, porch in servers:
                porch.close()
            await asyncio.gather(*(server.shutdown(sockets=[]) for server, _ in servers))
        finally:
            if self._path is not None:
                self._path.unlink(missing_ok=True)
                self._path = None

    async def _serve(self, sock: socket.socket, tls: ssl.SSLContext | None) -> None:
        """A server without signals, logs, headers and sockets of its own: who comes in is the porch's to say."""
        config = uvicorn.Config(self._app, http=PeerProtocol, ws="none", lifespan="off", log_config=None, log_level="critical", access_log=False,
                                proxy_headers=False, server_header=False, date_header=False, timeout_keep_alive=30, timeout_graceful_shutdown=DRAIN_S)
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[])
        visitors = self.tcp if tls is not None else self.desk
        porch = Porch(visitors, self._spawn, name_of, asks_owner=True)
        self._servers.append((server, porch))
        porch.open(sock, tls, partial(PeerProtocol, config, server.server_state, server.lifespan.state, visitors))


async def warm(app: FastAPI) -> None:
    """Have the models of all routes built, which the first request would else wait for, and everybody's streams with it: half a second of the loop."""
    scope: Scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http", "path": "/", "raw_path": b"/",
             "root_path": "", "query_string": b"", "headers": [], "client": None, "server": None, "state": {"peer": Peer(None, None, None)}}

    async def nothing() -> Message:
        return {"type": "http.disconnect"}

    async def away(message: Message) -> None:
        """The answer is nobody's."""

    await app(scope, nothing, away)


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


def bind_tcp(host: str, port: int) -> socket.socket:
    """A listening TCP socket; port 0 takes a free one. Raises ConflictError, ConfigurationError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except socket.gaierror:
        raise ConfigurationError(f"listen.api: {host} is no address of this machine") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConflictError(f"port {port} on {host} is taken; set another one as listen.api in the configuration") from None
        raise ConfigurationError(f"can't listen on {host}:{port}: {error.strerror}") from None
