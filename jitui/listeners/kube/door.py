"""Listens for kubectl; knows every open client; says who may knock at all."""

import asyncio
import re
import socket
import ssl
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from jitui.access import Broker
from jitui.auth.callers import Caller, Callers
from jitui.auth.peer import Unseen
from jitui.clusters.way import Way
from jitui.listeners.caps import Caps, at_kube
from jitui.listeners.kube.admission import Admission
from jitui.listeners.kube.client import KubeClient
from jitui.listeners.kube.tries import Tries
from jitui.listeners.porch import SHUTDOWN_S, Porch, address_of
from jitui.listeners.turnstile import Turnstile
from jitui.listeners.visitors import Visitor, Visitors
from jitui.protocol import headers, http
from jitui.proxy.relay import Relay
from jitui.proxy.turns import Turns
from jitui.values.descriptors import share
from jitui.values.errors import JituiError, NotFoundError, RefusedError, UnavailableError, UnknownCallerError
from jitui.values.limits import Limits

TARGET: Final = re.compile(rb"/c/([a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?)(/.*|\?.*|)", re.DOTALL)
BACKLOG: Final = 1024
AT_ONCE: Final = 8  # requests that begin in one turn of the loop: a few milliseconds of it
DEFAULT: Final = at_kube(Limits(), share(4096, Limits().strangers))


class KubeDoor:
    """The Kubernetes door of one gateway."""

    def __init__(
        self, broker: Broker, callers: Callers, ways: Mapping[str, Way], spawn: Callable[[Callable[[], Coroutine[Any, Any, None]]], None], own_uid: int,
        caps: Caps = DEFAULT,
    ) -> None:  # fmt: skip
        self.broker, self.callers, self.ways, self.spawn = broker, callers, ways, spawn
        self.turnstile = Turnstile(AT_ONCE)
        self.visitors = Visitors(caps, broker.pressure.at_work)
        self.clients: set[KubeClient] = set()
        self.streams: set[Relay] = set()  # until both their sides are closed
        self.turns = Turns()  # of all streams
        self.tries = Tries()
        self.unauthenticated = 0  # attempts without a good token: a counter, never rows
        self.malformed = 0
        self.port = 0
        self._own_uid = own_uid
        self._bound: socket.socket | None = None  # until it is open
        self._porch = Porch(self.visitors, spawn, address_of, asks_owner=any(way.isolated for way in ways.values()))

    def bind(self, host: str, port: int) -> None:
        """Take the address; who connects waits until `open`. Raises UnavailableError if the port is taken."""
        try:
            self._bound = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=BACKLOG)
        except OSError as error:
            said = error.strerror or str(error)
            raise UnavailableError(f"port {port} on {host} can't be opened for the Kubernetes door ({said}); set another as listen.kube") from None
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
        while (self.clients or self.streams) and loop.time() < give_up:  # noqa: ASYNC110 - what changes has no event
            await asyncio.sleep(0.01)
        for client in list(self.clients):
            client.abort()

    def relayed(self, relay: Relay, visitor: Visitor) -> None:
        """Both sides of a stream are closed."""
        self.streams.discard(relay)
        self.visitors.gone(visitor)

    def admit(self, head: http.RequestHead, client: KubeClient) -> Admission:
        """Raises UnknownCallerError, TooManyError, RefusedError, NotFoundError."""
        if self.broker.windows.stopping:
            raise UnavailableError("the gateway is stopping; try again when it is back")
        visitor, now = client.visitor, asyncio.get_running_loop().time()
        token = headers.credentials(head)
        if token is None:
            self._unknown(visitor, now)
            raise UnknownCallerError("no token in the request; a kubeconfig with one is written by: jitui kubeconfig CONNECTION")
        try:
            caller = self.callers.by_token(token.decode("latin-1"))
        except JituiError:
            self._unknown(visitor, now)
            raise
        if not caller.who.is_agent:
            self._unknown(visitor, now)
            raise RefusedError(f"{caller.who.name} is a person here; the Kubernetes door is for agents, whose windows people grant")
        self.visitors.take(self.visitors.known(visitor, caller.who.name, agent=True), now)
        match = TARGET.fullmatch(head.target)
        if match is None:
            raise NotFoundError("the server URL of a kubeconfig ends in /c/CONNECTION here; write one with: jitui kubeconfig CONNECTION")
        name = match[1].decode()
        way = self.ways.get(name)
        if way is None:
            known = sorted(each for each in self.ways if (caller.who.name, each) in self.broker.requests.rules)
            raise NotFoundError(f"no connection {name} here; yours: {', '.join(known) or 'none'}")
        if way.isolated:
            self._isolated(name, visitor)
        return Admission(caller.who, caller.token, name, match[2] or b"/", way, client.peer)

    def stands(self, admission: Admission) -> None:
        """Of a request that waited: raises UnknownCallerError if its token or its identity has ended since it came."""
        _ = self.callers.standing(Caller(admission.who, admission.token)).who

    def _unknown(self, visitor: Visitor, now: float) -> None:
        """A request that nobody known made."""
        self.unauthenticated += 1
        self.visitors.unknown(visitor, now)
        self.visitors.refused(visitor, now)

    def _isolated(self, name: str, visitor: Visitor) -> None:
        if visitor.uid in {None, Unseen.CLOSING}:
            raise RefusedError(f"{name} requires isolation, and the kernel does not show which Unix user this client runs as; connect again")
        if visitor.uid == self._own_uid:
            raise RefusedError(f"{name} requires isolation, and this agent runs as the gateway's own Unix user: it could bypass jitui here")
