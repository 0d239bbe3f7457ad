"""The archive over bare files."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from jitui.api.operations import Archive
from jitui.cli import source
from jitui.cli.shelf import Shelf
from jitui.policy.action import Action
from jitui.policy.terms import Identity, Role
from jitui.tui.rendered import Rendered
from jitui.values.errors import InvalidError, NotFoundError
from tests.fakes.house import AGENT, House, house
from tests.proxy.test_relay import connected
from tests.proxy.test_rest import SAID

TOKEN = "jt_0123abcd_" + "AbC1" * 10 + "xyz"
AUDITOR = Identity("aud", frozenset({Role.AUDITOR, Role.UNMASK}))


@asynccontextmanager
async def recorded(folder: Path) -> AsyncIterator[House]:
    """A command that printed a token and was cut off with output on its way, and a denial."""
    async with house(folder) as home:
        await home.window()
        kubectl, pod = await connected(home)
        pod.line.message(1, f"$ echo {TOKEN}\r\n".encode())
        session = home.broker.windows.sessions[1]
        await home.until(lambda: session.bytes_out)
        kubectl.rests()
        for _ in range(300):
            pod.line.message(1, SAID)
        await home.until(lambda: session.bytes_out > 1 << 20)
        await home.desk(Identity("oli", frozenset({Role.OPERATOR}))).kill("s-1", reason="enough")
        home.broker.notes.denied(AGENT, "prod", Action("get", resource="pods", namespace="x", name="p"), "no", grant=1)
        async with asyncio.timeout(10):
            while not await home.facts("session.ended"):  # noqa: ASYNC110 - it comes within two seconds, once it is known what was delivered
                await asyncio.sleep(0.01)
        await home.store.commit([])
        yield home


async def every_frame(archive: Archive, *, unmask: bool, limit: int = 50) -> list[Any]:
    found: list[Any] = []
    while page := await archive.frames("s-1", after=found[-1].seq if found else -1, limit=limit, unmask=unmask):
        found += page
    return found


READS: Sequence[Callable[[Archive], Awaitable[object]]] = (
    lambda archive: archive.session("s-1"),
    lambda archive: every_frame(archive, unmask=False),
    lambda archive: every_frame(archive, unmask=True),
    lambda archive: archive.frames("s-1", after=20, limit=7),
    lambda archive: archive.actions(),
    lambda archive: archive.actions(grant="g-1", limit=1),
    lambda archive: archive.facts(after=3, limit=4),
    lambda archive: archive.verify("s-1"),
    lambda archive: archive.verify(),
)


async def test_files_say_what_the_gateway_says(tmp_path: Path) -> None:
    """Session, frames masked and not, actions, facts and proof: from the folder of a live gateway, and from the gateway itself."""
    async with recorded(tmp_path) as home, aclosing(Shelf(home.files.place)) as bare:
        desk = home.desk(AUDITOR)
        seen = [await read(desk) for read in READS]
        assert [await read(bare) for read in READS[:-1]] == seen[:-1]
        masked, unmasked = await every_frame(bare, unmask=False), await every_frame(bare, unmask=True)
        assert {view.delivered for view in masked} == {view.delivered for view in unmasked} == {True, False}
        assert TOKEN.encode() in b"".join(view.body for view in unmasked)
        assert TOKEN.encode() not in b"".join(view.body for view in masked)
        assert all(proof.consistent for proof in await bare.verify())


async def test_an_exported_file_says_the_same_frames(tmp_path: Path) -> None:
    """And its one session is found by itself."""
    async with recorded(tmp_path) as home:
        home.files.export(1, tmp_path / "s-1.jitui")
        async with source.shelf(tmp_path / "s-1.jitui") as bare, source.shelf(home.files.place) as whole:
            assert await bare.only_session() == "s-1"
            for unmask in (False, True):
                assert await every_frame(bare, unmask=unmask, limit=3) == await every_frame(whole, unmask=unmask)
            assert await bare.frames("s-1", after=5) == await whole.frames("s-1", after=5)
            assert await bare.session("s-1") == await whole.session("s-1")


async def test_what_is_not_there(tmp_path: Path) -> None:
    """No folder, no such session, and what is no id: one line each."""
    with pytest.raises(NotFoundError, match="no recordings in"):
        Shelf(tmp_path / "nowhere")
    async with recorded(tmp_path) as home, aclosing(Shelf(home.files.place)) as bare:
        for read in (bare.session("s-9"), bare.frames("s-9"), bare.verify("s-9")):
            with pytest.raises(NotFoundError, match="no session s-9"):
                await read
        for wrong in (bare.session("g-1"), bare.frames("g-1"), bare.verify("r-1"), bare.actions(grant="s-1")):
            with pytest.raises(InvalidError, match="is not the id of a"):
                await wrong


@pytest.mark.parametrize("name", ["shell", "cut-at-the-deadline"])
async def test_the_sample_recordings_replay_and_verify(name: str) -> None:
    """In pages of any size, and from any frame on."""
    async with source.shelf(Path(__file__).parents[2] / "recordings" / f"{name}.jitui") as bare:
        ident = await bare.only_session()
        whole = await bare.frames(ident)
        assert [view.seq for view in whole] == list(range((await bare.session(ident)).frames))
        for after in range(-1, len(whole) - 1, 7):
            assert list(await bare.frames(ident, after=after, limit=7, unmask=True)) == [*whole[after + 1 : after + 8]]
            assert [view.seq for view in await bare.frames(ident, after=after)] == [view.seq for view in whole[after + 1 :]]
        assert any(text.split() for text in Rendered(await bare.session(ident)).feed(whole))
        assert [proof.consistent for proof in await bare.verify()] == [True, True]
