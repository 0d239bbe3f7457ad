"""Discovery of a cluster, told to one agent from the gateway's own copy: no window, no byte to the cluster.

To an agent with a live window an old copy is asked for again first: kubectl looks here once, when it does not know a kind, and that kind may be
a second old. To everybody else it goes out as it is.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from jitui.clusters.discovery import Answer, Discovery
from jitui.values.errors import UpstreamError

__all__ = ["Answer", "Copies"]

NEWER_WITHIN: Final = 2.0  # seconds that a client waits for a newer copy before it gets the old one


class Copies:
    """The copies of one cluster, for one request."""

    def __init__(self, discovery: Discovery, may: Callable[[], bool]) -> None:
        """`may`: whether the cluster may be asked for the request's agent, now."""
        self._discovery, self.may = discovery, may

    def now(self, path: str, accept: bytes, etag: bytes) -> Answer | None:
        """The copy, if it can be told at once. None: await `newest`, or, if it `may` not be asked for, there is none."""
        if (refusal := self._discovery.unacceptable(path, accept)) is not None and not self.is_nothing(path):
            return refusal
        if not self.may():
            return self._discovery.kept(path, accept, etag)
        found = self._discovery.answer(path, accept, etag)
        return found if found is not None and self._discovery.is_new(path, accept) else None

    async def newest(self, path: str, accept: bytes, etag: bytes) -> Answer | None:
        """The copy, asked for again if it is old; None: nothing is served there. Raises UpstreamError if there is none and the cluster is silent."""
        old = self._discovery.answer(path, accept, etag)
        try:
            async with asyncio.timeout(NEWER_WITHIN if old is not None else None):
                return await self._discovery.fetch(path, accept, etag)
        except TimeoutError:
            return old

    def is_nothing(self, path: str) -> bool:
        """Whether the copies say that nothing is served there."""
        return self._discovery.is_nothing(path)

    def is_group(self, path: str) -> bool:
        """Whether a path is not below a group that nobody knows."""
        return self._discovery.is_group(path)

    @property
    def silence(self) -> UpstreamError | None:
        """Why nothing at all is known of the cluster; None once it was reached."""
        return self._discovery.silence

    async def look(self, group: str, resource: str) -> bool | None:
        """Whether a kind lives in namespaces, asked of the cluster once more if it `may` be; None: no such kind is known. Raises nothing."""
        return await self._discovery.look(group, resource, self.may)
