"""Listens for kubectl at one shared port and at those of single connections, and knows every open client."""

import asyncio
import socket
import ssl
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Final

from jitui.access import Broker
from jitui.auth.callers import Callers
from jitui.listeners.address import ListenAddress
from jitui.listeners.caps import Caps, at_kube
from jitui.listeners.kube.client import Again, Begin, KubeClient
from jitui.listeners.kube.names import HostNames
from jitui.listeners.kube.pipeline import Pipeline
from jitui.listeners.kube.ports import BACKLOG, Ports
from jitui.listeners.kube.request import Rooms
from jitui.listeners.kube.tries import Tries
from jitui.listeners.porch import SHUTDOWN_S, Porch, address_of
from jitui.listeners.turnstile import Turnstile
from jitui.listeners.visitors import Visitors
from jitui.proxy.entry import Proxy
from jitui.values.descriptors import share
from jitui.values.errors import UnavailableError
from jitui.values.limits import Limits

AT_ONCE: Final = 8  # requests that begin in one turn of the loop: a few milliseconds of it
DEFAULT: Final = at_kube(Limits(), share(4096, Limits().strangers))


class KubeListener:
    """The Kubernetes listener of one gateway."""

    def __init__(self, broker: Broker, callers: Callers, proxy: Proxy, own_uid: int, caps: Caps = DEFAULT, names: HostNames | None = None) -> None:
        """`own_uid`: the Unix user that the gateway runs as. `names`: the host names by which the shared port tells connections apart."""
        self.turnstile = Turnstile(AT_ONCE)
        self.visitors = Visitors(caps, broker.pressure.at_work)
        self.clients: set[KubeClient] = set()
        self.pipeline = Pipeline(Rooms(broker, callers, Tries()), proxy, self.visitors, own_uid, names)
        self.begin: Begin = self.pipeline.begin
        self.again: Again = self.pipeline.again
        self.malformed = 0  # requests that could not be read
        self.places: dict[str, tuple[str, int]] = {}  # public host and port of each connection with a port of its own; the shared ones by ""
        self._bound: dict[str, socket.socket] = {}  # until they are open
        self._shared: ListenAddress
        self._known_as: Sequence[str]
        self._streams = proxy.streams
        self._porch = Porch(self.visitors, proxy.spawn, address_of, asks_owner=bool(proxy.isolated))

    @property
    def port(self) -> int:
        """The shared one."""
        return self.places[""][1]

    def bind(self, shared: ListenAddress, names: Sequence[str] = ()) -> None:
        """Take the shared address; a client that connects waits until `open`. `names`: of this machine, for clients.

        Raises UnavailableError if the port is taken; close it then, too.
        """
        try:
            sock = shared.listen(BACKLOG)
        except OSError as error:
            said = error.strerror or str(error)
            raise UnavailableError(f"port {shared.port} on {shared.host} can't be opened for the Kubernetes listener ({said}); "
                                   "set another as listen.kube") from None
        self._shared, self._known_as = shared, names
        self._take("", sock, shared)

    def bind_own(self, own: Mapping[str, ListenAddress | None], ports: Ports, but: Collection[int] = ()) -> None:
        """Take the ports of single connections, at the addresses that are set, else behind the shared one, which is taken already.

        `but`: ports that are not given to them. Raises UnavailableError if one is taken.
        """
        taken = {*but, *(asked.port for asked in own.values() if asked is not None)}
        for name in sorted(own, key=lambda each: own[each] is None and not ports.remembered(each)):  # those that are given a port come last
            self._take(name, ports.open(name, own[name], self._shared, taken), own[name] or self._shared)

    def _take(self, connection: str, sock: socket.socket, address: ListenAddress) -> None:
        self._bound[connection] = sock
        self.places[connection] = address.public(self._known_as), sock.getsockname()[1]

    async def open(self, context: ssl.SSLContext) -> None:
        """Let clients in."""
        while self._bound:
            connection, sock = self._bound.popitem()
            self._porch.open(sock, context, partial(KubeClient, self, connection=connection))

    async def aclose(self) -> None:
        """Stop listening, then close what is still open; who was told last words has two seconds to read them."""
        while self._bound:
            self._bound.popitem()[1].close()
        self._porch.close()
        loop = asyncio.get_running_loop()
        give_up = loop.time() + SHUTDOWN_S
        for client in list(self.clients):
            client.close()
        while (self.clients or self._streams.open) and loop.time() < give_up:  # noqa: ASYNC110 - what changes has no event
            await asyncio.sleep(0.01)
        for client in list(self.clients):
            client.abort()
