"""One connection of the configuration: the cluster is left alone while nobody has a window."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from jitui.clusters.discovery import Discovery
from jitui.clusters.pool import Pool
from jitui.clusters.way import Way
from jitui.values.clock import ManualClock
from tests.clusters.authority import Authority, Pair
from tests.clusters.peer import listen, ok
from tests.clusters.test_discovery import Server
from tests.clusters.test_pool import Direct, ask


def never(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    raise AssertionError(work)


def way_to(url: str, authority: Authority, clock: ManualClock) -> Way:
    upstream = Direct(url, authority.pem)
    pool = Pool(upstream)
    return Way("prod", upstream, pool, Discovery(upstream, pool, clock, every_s=3600), never)


async def test_connections_are_kept_only_while_somebody_has_a_window(authority: Authority, server: Pair, tmp_path: Path, clock: ManualClock) -> None:
    """Those that are idle close with the last window, one that is in use when it is given back; with the next window they are kept again."""
    async with listen(lambda _: ok(), server, tmp_path) as peer:
        way = way_to(peer.url, authority, clock)
        way.occupied(live=True)
        idle, used = await way.pool.connect(), await way.pool.connect()
        await ask(idle)
        assert way.pool.take() is idle
        await ask(idle)
        way.occupied(live=False)
        assert [each.usable for each in (idle, used)] == [False, True]
        await ask(used)
        assert not used.usable
        assert way.pool.take() is None
        way.occupied(live=True)
        kept = await way.pool.connect()
        await ask(kept)
        assert way.pool.take() is kept
        kept.abort()
        way.pool.close()


async def test_the_first_window_asks_for_news_at_once(authority: Authority, server: Pair, tmp_path: Path, clock: ManualClock) -> None:
    """Without one an idle gateway asks nothing once it knows the cluster's kinds; a second window changes nothing."""
    async with listen(Server(), server, tmp_path) as peer:
        way = way_to(peer.url, authority, clock)
        running = asyncio.ensure_future(way.discovery.run())
        try:
            async with asyncio.timeout(10):
                while not way.discovery.served.kinds:  # noqa: ASYNC110 - what changes has no event
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)
            asked = len(peer.asked)
            clock.advance(60)
            await asyncio.sleep(0.05)
            assert len(peer.asked) == asked
            way.occupied(live=True)
            async with asyncio.timeout(10):
                while len(peer.asked) == asked:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)
            asked = len(peer.asked)
            clock.advance(60)
            way.occupied(live=True)
            await asyncio.sleep(0.05)
            assert len(peer.asked) == asked
        finally:
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            way.pool.close()
