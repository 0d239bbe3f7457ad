"""Discovery is told from a copy; the cluster is asked only for an agent who may have it asked."""

import asyncio
from pathlib import Path

import pytest

from jitui.clusters.accept import JSON
from jitui.proxy import copies as module
from jitui.proxy.copies import Copies
from jitui.values.errors import UpstreamError
from tests.fakes.house import house
from tests.fakes.upstream import Asked

VERSION = b'{"gitVersion":"v1.34.4"}'


async def test_without_a_window_nothing_is_asked(tmp_path: Path) -> None:
    """What there is no copy of is not told; what there is goes out however old it is."""
    async with house(tmp_path) as home:
        copies = Copies(home.way.discovery, lambda: False)
        assert copies.now("/version", JSON, b"") is None
        assert home.cluster.lines == []
        await home.way.discovery.fetch("/version", JSON)
        home.clock.advance(100_000)
        assert copies.now("/version", JSON, b"") is not None
        assert len(home.cluster.asked) == 1


async def test_with_one_an_old_copy_is_not_told_at_once(tmp_path: Path) -> None:
    """It is asked for again first; a new one is told as it is."""
    async with house(tmp_path) as home:
        copies = Copies(home.way.discovery, lambda: True)
        assert copies.now("/version", JSON, b"") is None
        assert await copies.newest("/version", JSON, b"") is not None
        assert copies.now("/version", JSON, b"") is not None
        home.clock.advance(10)
        assert copies.now("/version", JSON, b"") is None
        assert len(home.cluster.asked) == 1


async def test_who_waits_for_a_newer_copy_gets_the_old_one_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster that does not answer holds nobody up for longer; without an old copy its silence is the answer."""
    monkeypatch.setattr(module, "NEWER_WITHIN", 0.1)
    async with house(tmp_path) as home:
        copies = Copies(home.way.discovery, lambda: True)

        async def say(asked: Asked) -> None:
            asked.line.answer(VERSION)

        async def nothing(asked: Asked) -> None:
            await asked.line.reader.read()

        home.cluster.answerer = say
        old = await copies.newest("/version", JSON, b"")
        home.cluster.answerer = nothing
        home.clock.advance(10)
        async with asyncio.timeout(30):
            assert await copies.newest("/version", JSON, b"") == old
        home.cluster.port = 1
        with pytest.raises(UpstreamError):
            await copies.newest("/api", JSON, b"")
