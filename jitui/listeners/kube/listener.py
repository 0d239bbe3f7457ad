"""Listens for kubectl, and knows every open client."""

import asyncio
import socket
import ssl
from typing import Final

from jitui.access import Broker
from jitui.auth.callers import Callers
from jitui.listeners.caps import Caps, at_kube
from jitui.listeners.kube.client import Begin, KubeClient
from jitui.listeners.kube.pipeline import Pipeline
from jitui.listeners.kube.request import Rooms
from jitui.listeners.kube.tries import Tries
from jitui.listeners.porch import SHUTDOWN_S, Porch, address_of
from jitui.listeners.turnstile import Turnstile
from jitui.listeners.visitors import Visitors
from jitui.proxy.entry import Proxy
from jitui.values.descriptors import share
from jitui.values.errors import UnavailableError
from jitui.values.limits import Limits

BACKLOG: Final = 1024
AT_ONCE: Final = 8  # requests that begin in one turn of the loop: a few milliseconds of it
DEFAULT: Final = at_kube(Limits(), share(4096, Limits().strangers))


class KubeListener:
    """The Kubernetes listener of one gateway."""

    def __init__(self, broker: Broker, callers: Callers, proxy: Proxy, own_uid: int, caps: Caps = DEFAULT) -> None:
        """`own_uid`: the Unix user that the gateway runs as."""
        self.turnstile = Turnstile(AT_ONCE)
        self.visitors = Visitors(caps, broker.pressure.at_work)
        self.clients: set[KubeClient] = set()
        self.pipeline = Pipeline(Rooms(broker, callers, Tries()), proxy, self.visitors, own_uid)
        self.begin: Begin = self.pipeline.begin
        self.malformed = 0  # requests that could not be read
        self.port = 0
        self._streams = proxy.streams
        self._bound: socket.socket | None = None  # until it is open
        self._porch = Porch(self.visitors, proxy.spawn, address_of, asks_owner=bool(proxy.isolated))

    def bind(self, host: str, port: int) -> None:
        """Take the address; who connects waits until `open`. Raises UnavailableError if the port is taken."""
        try:
            self._bound = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=BACKLOG)
        except OSError as error:
            said = error.strerror or str(error)
            raise UnavailableError(f"port {port} on {host} can't be opened for the Kubernetes listener ({said}); set another as listen.kube") from None
        self.port = self._bound.getsockname()[1]

    async def open(self, context: ssl.SSLContext) -> None:
        """Let clients in."""
        assert self._bound is not None
        bound, self._bound = self._bound, None
        self._porch.open(bound, context, lambda visitor: KubeClient(self, visitor))

    async def aclose(self) -> None:
        """Stop listening, then close what is still open; who was told last words has two seconds to read them."""
        if self._bound is not None:
            self._bound.close()
        self._porch.close()
        loop = asyncio.get_running_loop()
        give_up = loop.time() + SHUTDOWN_S
        for client in list(self.clients):
            client.close()
        while (self.clients or self._streams.open) and loop.time() < give_up:  # noqa: ASYNC110 - what changes has no event
            await asyncio.sleep(0.01)
        for client in list(self.clients):
            client.abort()
