"""One connection of the configuration, whole: its upstream, its pool, its copy of discovery; and the way to it under one grant."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from jitui.clusters.discovery import Discovery
from jitui.clusters.pool import Connection, Pool
from jitui.clusters.port import Headers, Upstream
from jitui.policy.terms import Grant

Spawn = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]


@dataclass(frozen=True, slots=True)
class Way:
    """A cluster behind the gateway."""

    name: str
    upstream: Upstream
    pool: Pool
    discovery: Discovery
    spawn: Spawn
    isolated: bool = False  # isolation: required

    @property
    def host(self) -> bytes:
        return self.upstream.host

    def occupied(self, live: bool) -> None:
        """Somebody has a window here, or nobody has any more: then the cluster is left alone."""
        self.pool.rest(not live)
        self.discovery.occupy(live)

    def under(self, grant: Grant) -> "GrantWay":
        return GrantWay(self, grant)


@dataclass(frozen=True, slots=True)
class GrantWay:
    """The way to a cluster with one grant's credential."""

    way: Way
    grant: Grant

    @property
    def prefix(self) -> bytes:
        return self.way.upstream.prefix

    def idle(self) -> tuple[Connection, Headers] | None:
        credential = self.way.upstream.ready(self.grant)
        if credential is None:
            return None
        connection = self.way.pool.take()
        return None if connection is None else (connection, credential)

    async def connection(self, *, fresh: bool = False) -> tuple[Connection, Headers]:
        """A connection and the credential's headers; `fresh`: never a kept one. Raises UpstreamError."""
        credential = await self.way.upstream.authorization(self.grant)
        kept = None if fresh else self.way.pool.take()
        return kept or await self.way.pool.connect(), credential

    async def renew(self, stale: Headers) -> bool:
        return await self.way.upstream.renew(self.grant, stale)

    def spawn(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.way.spawn(work)
