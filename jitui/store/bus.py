"""Publish after commit. Subscribers are bounded; one that falls behind is told to reread the store, it never stalls a stream."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager

from jitui.recording.facts import Fact


class Gap:
    """A subscriber missed facts, as too many were published at once. It rereads them from the last seq it has."""


class Subscription:
    """One subscriber's bounded queue."""

    def __init__(self, limit: int) -> None:
        self._queue: asyncio.Queue[Fact | Gap | None] = asyncio.Queue(limit + 1)
        self._limit = limit
        self._lost = False

    def offer(self, fact: Fact) -> None:
        if self._lost:
            return
        if self._queue.qsize() >= self._limit:
            self._lost = True
            self._queue.put_nowait(Gap())
            return
        self._queue.put_nowait(fact)

    def close(self) -> None:
        while self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[Fact | Gap]:
        while (item := await self._queue.get()) is not None:
            if isinstance(item, Gap):
                self._lost = False
            yield item


class Bus:
    """Facts to whoever listens, in the order of their commits."""

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()
        self._hearers: list[Callable[[Fact], None]] = []
        self.closed = asyncio.Event()

    def hear(self, hearer: Callable[[Fact], None]) -> None:
        """Call `hearer` with every fact, on the loop, as long as the bus lives. It must return at once and never raise."""
        self._hearers.append(hearer)

    def publish(self, facts: Iterable[Fact]) -> None:
        for fact in facts:
            for hearer in self._hearers:
                hearer(fact)
            for subscription in self._subscriptions:
                subscription.offer(fact)

    @contextmanager
    def subscribe(self, limit: int = 1024) -> Iterator[Subscription]:
        subscription = Subscription(limit)
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    def close(self) -> None:
        """End every subscription: the gateway stops."""
        self.closed.set()
        for subscription in self._subscriptions:
            subscription.close()
