"""What an exchange needs of its two sides: the connection it came in on, and the way to the cluster."""

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from jitui.clusters.pool import Connection
from jitui.clusters.port import Headers
from jitui.proxy.outlet import Outlet


class Client(Protocol):
    """The connection an exchange came in on."""

    @property
    def outlet(self) -> Outlet: ...

    def answer(self, code: int, body: bytes, *, close: bool = False) -> None:
        """A whole answer of the gateway's own: a Status."""

    def finished(self, *, keep: bool) -> None:
        """The exchange is over: take the next request, or close once all is written."""

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def abort(self) -> None: ...


class Cluster(Protocol):
    """The way to the cluster for one grant: pooled connections and the credential."""

    @property
    def prefix(self) -> bytes: ...

    def idle(self) -> tuple[Connection, Headers] | None:
        """A kept connection and the credential's headers, if both are at hand."""

    async def connection(self, *, fresh: bool = False) -> tuple[Connection, Headers]:
        """The same, waited for; `fresh`: never a kept one. Raises UpstreamError."""

    async def renew(self, stale: Headers) -> bool:
        """The cluster said 401 to `stale`; True if one more try is worth it."""

    def spawn(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a coroutine function under the gateway's task group."""
