"""The gateway's side of the process that builds the index."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from jitui.store import Files
from jitui.store.index import process
from jitui.store.index.reader import Query, Reader
from tests.store.index.shelf import build, find, printed, recorded


async def test_it_is_started_and_an_index_that_broke_is_begun_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its words come to the log; when the gateway ends it, it is gone."""
    place = await recorded(tmp_path / "state", printed(b"words\r\n"))
    (place / "index.db").write_bytes(b"no database" * 1000)
    (place / "index.db").chmod(0o600)
    heard: list[str] = []
    keeping = asyncio.create_task(process.keep(Files(place), heard.append, first_s=0, again_s=0.1))
    async with asyncio.timeout(90):
        while not find(place, "words").hits:  # noqa: ASYNC110 - another process makes them
            await asyncio.sleep(0.1)
    assert "begun again" in heard[0]
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    assert not _running(place)


def _running(place: Path) -> bool:
    """Whether a process of this folder is there."""
    words = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    return any(str(place).encode() in each and b"indexer" in each for each in words)


async def test_a_process_that_finds_it_broken_leaves_it_to_the_gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may not delete files; its exit code says so."""
    place = await recorded(tmp_path / "state", printed(b"words\r\n"))
    build(place)
    codes = iter([process.BROKEN, 1])
    heard: list[str] = []

    async def once(*_: object) -> int:
        return next(codes, 0)

    monkeypatch.setattr(process, "_once", once)
    keeping = asyncio.create_task(process.keep(Files(place), heard.append, first_s=0, again_s=0.01))
    await asyncio.sleep(0.2)
    keeping.cancel()
    assert not (place / "index.db").exists()
    assert heard == ["the process that builds the index ended (1); it is started again in 0 s"]


async def test_without_confinement_no_index_is_left_and_searches_say_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An old one would be served for ever, and nobody would go on with it."""
    place = await recorded(tmp_path / "state", printed(b"words\r\n"))
    build(place)
    assert find(place, "words").hits

    async def once(_: Path, tell: Callable[[str], None]) -> int:
        tell("no index is built: no Landlock")
        return process.UNCONFINED

    monkeypatch.setattr(process, "_once", once)
    files, heard = Files(place), list[str]()
    async with asyncio.timeout(30):
        await process.keep(files, heard.append, first_s=0)
    found = Reader(files).find(Query(text="words"), lambda _: True)
    assert (found.hits, found.notes, heard, (place / "index.db").exists()) == ([], heard, ["no index is built: no Landlock"], False)
