"""One connection of the configuration, whole: its upstream, its pool, its copy of discovery."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from jitui.clusters.discovery import Discovery
from jitui.clusters.pool import Pool
from jitui.clusters.port import Upstream

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

    def occupied(self, live: bool) -> None:
        """Somebody has a window here, or nobody has any more: then the cluster is left alone."""
        self.pool.rest(not live)
        self.discovery.occupy(live)
