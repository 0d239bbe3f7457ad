"""Live sessions as a viewer sees them."""

import asyncio
import gzip
import random
from base64 import b64decode
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from jitui.api.service import sessions
from jitui.api.service.live import BEFORE
from jitui.api.service.views import BRIEF
from jitui.api.views import ActionView, SessionView
from jitui.recording.frame import Channel, Frame
from jitui.recording.masking.session import Masks, Shown
from tests.api.service.conftest import OPERATOR
from tests.fakes.house import house
from tests.fakes.upstream import Asked
from tests.proxy.test_relay import connected


async def test_who_begins_to_watch_sees_the_newest_bytes(tmp_path: Path) -> None:
    """64 KiB of them, though what came before is one long frame."""
    async with house(tmp_path) as home:
        await home.window()
        _, pod = await connected(home)
        pod.line.message(1, b"a" * 100_000)
        pod.line.message(2, b"$ ")
        session = home.broker.windows.sessions[1]
        await home.until(lambda: session.bytes_out > 100_000 and home.store.recorded(1) == session.frames)
        shown = []
        async for chunk in home.desk(OPERATOR).watch("s-1"):
            assert chunk.frame is not None
            shown.append((chunk.frame.channel, b64decode(chunk.frame.data_b64)))
            if shown[-1] == ("stderr", b"$ "):
                break
        assert shown == [("stdout", b"a" * (BEFORE - 2)), ("stderr", b"$ ")]


async def test_lists_that_are_fetched_again_and_again_carry_the_beginning_of_a_command(tmp_path: Path) -> None:
    """Of a script in an argument; the one session has all of it, and so has the list that is asked for in full."""
    async with house(tmp_path) as home:
        await home.window()
        script = "x" * 3000
        kubectl, _ = await connected(home, "sh", "-c", script)
        await home.store.commit([])
        desk = home.desk(OPERATOR)
        brief: list[SessionView | ActionView] = [*await desk.sessions(brief=True), *await desk.actions(brief=True)]
        whole: list[SessionView | ActionView] = [await desk.session("s-1"), *await desk.sessions(), *await desk.actions()]
        assert [[str(word) for word in view.argv[:2]] for view in brief] == [["sh", "-c"]] * 2
        assert {len(view.argv[2].raw) for view in brief} == {BRIEF - len("sh -c ") + 1}
        assert {view.argv[2].raw for view in whole} == {script}
        kubectl.close()


async def test_compressed_frames_are_opened_for_a_viewer_a_part_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that reads slowly, or comes late, makes the gateway hold no more of them than a page has: in the end it has seen every byte that it should."""
    room, pods = 100_000, "/api/v1/namespaces/web/pods"
    monkeypatch.setattr(sessions, "ROOM", room)
    opened: list[list[int]] = []
    whole = Masks.frames

    def counted(masks: Masks, given: Sequence[Frame], *, room: int = 0) -> list[Shown]:
        found = whole(masks, given, room=room)
        opened.append([len(each.frame.body) for each in found if each.frame.channel is Channel.RESPONSE_BODY])
        return found

    monkeypatch.setattr(Masks, "frames", counted)
    chance = random.Random(5)
    listed = b"".join(b"%08x %b\n" % (chance.getrandbits(32), b"as in all of the others, over and over again" * 20) for _ in range(1000))
    packed = gzip.compress(listed)

    async with asyncio.timeout(30), house(tmp_path) as home:

        def more_than(frames: int) -> bool:
            return home.store.recorded(1) > frames

        async def answer(asked: Asked) -> None:
            """In many frames: a piece that comes while the one before waits for the record would be of its frame."""
            asked.line.say(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed))
            for at in range(0, len(packed), 500):
                recorded = home.store.recorded(1)
                asked.line.say(packed[at : at + 500])
                await home.until(partial(more_than, recorded))

        await home.window()
        kubectl = await home.dial()
        await kubectl.ask("GET", pods)
        home.cluster.answerer = answer
        slow = home.desk(OPERATOR).watch("s-1")
        await anext(slow)
        assert (await kubectl.ask("GET", pods, "Accept-Encoding: gzip"))[2] == packed
        assert len([frame for frame in await home.frames(1) if frame.channel is Channel.RESPONSE_BODY]) > 20
        seen = b""
        async for chunk in slow:
            if chunk.frame is not None and chunk.frame.channel == "response-body":
                seen += chunk.frame.body
            if seen.endswith(listed):
                break
        late = b""
        async for chunk in home.desk(OPERATOR).watch("s-1"):
            assert chunk.frame is not None
            late += chunk.frame.body
            if listed.endswith(late[-1000:]):
                break
    assert 0 < len(late) <= BEFORE
    assert sum(map(len, opened)) > 40
    assert all(sum(sizes[:-1]) <= room for sizes in opened)
