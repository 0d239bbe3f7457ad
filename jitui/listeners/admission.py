"""Admits a caller, whatever the protocol: the gateway is not stopping, the caller is an agent within its limits, and it may come to that connection."""

import asyncio

from jitui.access import Broker
from jitui.auth.peer import Unseen
from jitui.listeners.visitors import Visitor, Visitors
from jitui.policy.terms import Identity
from jitui.proxy.entry import Proxy
from jitui.values.errors import NotFoundError, RefusedError, UnavailableError


class Admission:
    """The part of a listener that asks who comes from where, and to which connection; what is asked there is judged behind it."""

    def __init__(self, broker: Broker, proxy: Proxy, visitors: Visitors, own_uid: int) -> None:
        """`own_uid`: the Unix user that the gateway runs as."""
        self.unauthenticated = 0  # attempts that nobody known made: a counter, never rows
        self._broker, self._proxy, self._visitors, self._own_uid = broker, proxy, visitors, own_uid

    def open(self) -> None:
        """Raises UnavailableError while the gateway stops."""
        if self._broker.windows.stopping:
            raise UnavailableError("the gateway is stopping; try again when it is back")

    def unknown(self, visitor: Visitor, now: float) -> None:
        """Counts an attempt that nobody known made. Raises TooManyError if its address makes too many of them."""
        self.unauthenticated += 1
        self._visitors.unknown(visitor, now)
        self._visitors.refused(visitor, now)

    def agent(self, visitor: Visitor, who: Identity, now: float, listener: str) -> None:
        """Counts one request of an agent. Raises RefusedError for a person, and TooManyError. `listener`: its name, for the words."""
        if not who.is_agent:
            self.unknown(visitor, now)
            raise RefusedError(f"{who.name} is a person here; the {listener} is for agents, whose windows people grant")
        self._visitors.take(self._visitors.known(visitor, who.name, agent=True), now)

    def again(self, visitor: Visitor, who: Identity) -> bool:
        """Counts one more request of the agent whose connection it is, as `agent` does; False if it is not, or too many: then nothing is counted."""
        owner = visitor.owner
        return owner is not None and owner.agent and owner.name == who.name and owner.bucket.take(asyncio.get_running_loop().time())

    def connection(self, visitor: Visitor, who: Identity, name: str) -> None:
        """Raises NotFoundError if there is no such connection, and RefusedError if it requires isolation and its agent's client has none."""
        proxy = self._proxy
        if name not in proxy.connections:
            known = sorted(each for each in proxy.connections if (who.name, each) in self._broker.requests.rules)
            raise NotFoundError(f"no connection {name} here; yours: {', '.join(known) or 'none'}")
        if name in proxy.isolated:
            self._isolated(visitor, name)

    def _isolated(self, visitor: Visitor, name: str) -> None:
        if visitor.uid in {None, Unseen.CLOSING}:
            raise RefusedError(f"{name} requires isolation, and the kernel does not show which Unix user this client runs as; connect again")
        if visitor.uid == self._own_uid:
            raise RefusedError(f"{name} requires isolation, and this agent runs as the gateway's own Unix user: it could bypass jitui here")
