"""Opens and closes the API: a Unix socket for people of this machine, TLS for everybody with a token."""

import asyncio
import socket
import ssl
from functools import partial
from pathlib import Path
from typing import Final

import uvicorn

from jitui.api.server.app import build
from jitui.api.server.callers import Authentication, Service
from jitui.api.server.peers import Guest, PeerProtocol, name_of
from jitui.api.server.sockets import bind_tcp, bind_unix
from jitui.auth.callers import Callers
from jitui.auth.standing import Current
from jitui.listeners.address import ListenAddress
from jitui.listeners.caps import Caps, at_api
from jitui.listeners.porch import Porch, Spawn, hang_up
from jitui.listeners.visitors import Visitors
from jitui.values.atwork import Told, unheard
from jitui.values.descriptors import share
from jitui.values.errors import ConfigurationError
from jitui.values.limits import Limits

DRAIN_S: Final = 2  # for answers that are under way when it closes
DEFAULT: Final = at_api(Limits(), share(4096, Limits().strangers).api)


class ApiListener:
    """The API, inside the gateway's loop. Bind it, open it and close it, each once."""

    def __init__(self, service: Service, callers: Callers, spawn: Spawn, *, desk: Caps = DEFAULT, tcp: Caps = DEFAULT,
                 at_work: Told = unheard) -> None:
        """`desk`, `tcp`: the limits of the Unix socket and of the TCP port; `at_work` is told of each caller they held back."""
        self._spawn = spawn
        self._closing = asyncio.Event()
        self._app = build(Authentication(service, callers), self._closing)
        self.desk, self.tcp = Visitors(desk, at_work), Visitors(tcp, at_work)
        self._bound: list[tuple[socket.socket, ssl.SSLContext | None]] = []
        self._servers: list[tuple[uvicorn.Server, Porch | None]] = []
        self._inside: tuple[uvicorn.Config, uvicorn.Server] | None = None  # of the connections that the gateway makes for guests
        self._path: Path | None = None
        self.port = 0  # the TCP port, once it is bound

    def bind(self, *, unix: Path | None = None, group: str = "", tcp: ListenAddress | None = None, tls: ssl.SSLContext | None = None) -> None:
        """Take the addresses; a client that connects waits until `open`. `group`: the Unix group that may use the socket, besides its owner. TCP needs `tls`.

        Raises ConflictError (port or socket taken), UnsafeError, ConfigurationError (no such address); close it then, too.
        """
        if tcp is not None and tls is None:
            raise ConfigurationError("the API listens on TCP with TLS only")
        if unix is not None:
            self._bound.append((bind_unix(unix, group), None))
            self._path = unix
        if tcp is not None:
            sock = bind_tcp(tcp)
            self.port = sock.getsockname()[1]
            self._bound.append((sock, tls))

    async def open(self) -> None:
        """Answer."""
        while self._bound:
            await self._serve(*self._bound.pop(0))

    async def admit(self, connection: socket.socket, caller: Current, label: str) -> asyncio.BaseTransport:
        """Answers on one end of a socket pair, for the process that has the other; every request on it is the caller's. `label`: where they come from,
        as approvers see it. Raises OSError: it is gone.
        """
        if self._inside is None:
            self._inside = await self._server(None)
        config, server = self._inside
        visitor = self.desk.arrive(label, asyncio.get_running_loop().time(), lambda: hang_up(connection))
        made = partial(PeerProtocol, config, server.server_state, server.lifespan.state, self.desk, visitor, Guest(caller, label))
        try:
            transport, _ = await asyncio.get_running_loop().connect_accepted_socket(made, connection)
        except OSError:
            self.desk.gone(visitor)
            raise
        return transport

    async def aclose(self) -> None:
        """End the streams, let answers go out, close the sockets."""
        self._closing.set()
        servers, self._servers = self._servers, []
        while self._bound:
            self._bound.pop()[0].close()
        try:
            for _, porch in servers:
                if porch is not None:
                    porch.close()
            await asyncio.gather(*(server.shutdown(sockets=[]) for server, _ in servers))
        finally:
            if self._path is not None:
                self._path.unlink(missing_ok=True)
                self._path = None

    async def _serve(self, sock: socket.socket, tls: ssl.SSLContext | None) -> None:
        visitors = self.tcp if tls is not None else self.desk
        porch = Porch(visitors, self._spawn, name_of, asks_owner=True)
        config, server = await self._server(porch)
        porch.open(sock, tls, partial(PeerProtocol, config, server.server_state, server.lifespan.state, visitors))

    async def _server(self, porch: Porch | None) -> tuple[uvicorn.Config, uvicorn.Server]:
        """A server without signals, logs, headers and sockets of its own: the porch admits the connections."""
        config = uvicorn.Config(self._app, http=PeerProtocol, ws="none", lifespan="off", log_config=None, log_level="critical", access_log=False,
                                proxy_headers=False, server_header=False, date_header=False, timeout_keep_alive=30, timeout_graceful_shutdown=DRAIN_S)
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        self._servers.append((server, porch))
        await server.startup(sockets=[])
        return config, server
