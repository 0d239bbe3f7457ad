"""The connection of a muted command, and nonces in live ones."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from jitui.protocol import channels, spdy, websocket
from jitui.protocol.spdy_command import SpdyCommand
from jitui.protocol.speech import Unit, WebSocketCommand
from jitui.proxy.drain import KEPT, Drain
from jitui.proxy.dye import nonce
from jitui.recording.facts import ProcessTold
from jitui.recording.frame import Channel
from tests.fakes.house import ANA, House, house
from tests.proxy.test_relay import EXIT_3, connected, last_words

WORDS = nonce("5a5a")


class Wanting:
    """Stands where processes are ended, and wants every command's connection to be drained."""

    def __init__(self, home: House) -> None:
        self.drains: list[Drain] = []
        home.proxy.places = home.broker.windows.aftermath = self  # type: ignore[assignment]

    async def begin(self, session: Any, connection: str, action: Any) -> None:
        assert (connection, action.namespace) == ("prod", "web")
        session.drain = Drain(wanted=True)
        self.drains.append(session.drain)

    async def settle(self, *_: object) -> list[ProcessTold]:
        while any(drain.open for drain in self.drains):  # noqa: ASYNC110 - the test closes them, or their time does
            await asyncio.sleep(0.01)
        return []


async def test_a_muted_connection_is_read_and_goes_to_nobody(tmp_path: Path) -> None:
    """The client has its words at once. Output, Status and pings of the cluster are taken; nothing is sent to it but pongs, and no end of input."""
    async with house(tmp_path) as home:
        wanting = Wanting(home)
        await home.window()
        kubectl, pod = await connected(home)
        kubectl.type(b"touch /tmp/x")
        await home.until(lambda: pod.typed)
        (session,) = [each for each in home.broker.windows.sessions.values() if each.kind == "exec"]
        home.broker.windows.kill(session, by="ana", reason="enough")
        assert "enough" in await last_words(kubectl)
        (drain,) = wanting.drains
        assert drain.open
        pod.line.message(1, b"late output")
        pod.line.say(websocket.encode(websocket.PING, b"p"))
        await home.until(lambda: [(frame.opcode, frame.payload) for frame in pod.control] == [(websocket.PONG, b"p")])
        assert not pod.over.is_set()
        drain.dye({WORDS})
        pod.line.message(2, b"x" + WORDS[:5])
        pod.line.message(2, WORDS[5:] + b"y")
        await home.until(lambda: drain.seen == {WORDS})
        pod.line.message(3, EXIT_3)
        await home.until(lambda: drain.exited is not None)
        assert (drain.exited.code if drain.exited else None) == 3
        drain.close()
        await asyncio.wait_for(pod.over.wait(), 30)
        assert pod.typed == [b"\0touch /tmp/x"]
        await home.facts("session.ended")
        await home.until(lambda: not home.broker.windows.sessions)
        drained = [frame.body for frame in await home.frames(session.id) if frame.channel is Channel.DRAINED]
        assert b"".join(drained) == b"late outputx" + WORDS + b"y" + EXIT_3


async def test_nobody_keeps_a_muted_connection_for_longer_than_two_seconds(tmp_path: Path) -> None:
    """Also if nobody closes it; of a flood the beginning is on record, and how much there was."""
    async with house(tmp_path) as home:
        wanting = Wanting(home)
        await home.window()
        kubectl, pod = await connected(home)
        desk = home.desk(ANA)
        started = asyncio.get_running_loop().time()
        (view,) = [view for view in await desk.sessions(live=True) if view.kind == "exec"]
        home.broker.windows.kill(home.broker.windows.session(int(view.id[2:])), by="ana", reason="enough")
        await last_words(kubectl)
        for _ in range(20):
            pod.line.message(1, b"x" * 32_000)
        await asyncio.wait_for(pod.over.wait(), 3)
        assert 1.5 < asyncio.get_running_loop().time() - started < 2.6
        assert not wanting.drains[0].open
        await home.until(lambda: not home.broker.windows.sessions)
        await home.facts("session.ended")
        frames = await home.frames(int(view.id[2:]))
        assert sum(len(frame.body) for frame in frames if frame.channel is Channel.DRAINED) == KEPT
        assert KEPT < json.loads(frames[-1].body)["drained"] <= 640_000


async def test_nonces_are_cut_out_of_a_live_stream(tmp_path: Path) -> None:
    """Client and record have the stream without them; what was held back goes on once none is awaited."""
    async with house(tmp_path) as home:
        wanting = Wanting(home)
        await home.window()
        kubectl, pod = await connected(home)
        (drain,) = wanting.drains
        drain.dye({WORDS})
        for piece in (b"a" + WORDS[:3], WORDS[3:] + b"b", WORDS, b"c\x1b"):
            pod.line.message(1, piece)
        await home.until(lambda: drain.seen == {WORDS} and drain.cutters[Channel.STDOUT].seen == [WORDS, WORDS])
        drain.undye({WORDS})
        pod.line.message(1, b"d" + WORDS)  # nobody awaits it any more
        said = b""
        while not said.endswith(WORDS):
            frame = await asyncio.wait_for(kubectl.frame(), 30)
            assert frame is not None
            said += frame.payload[1:]
        assert said == b"abc\x1bd" + WORDS
        recorded = b"".join(frame.body for frame in await home.frames(1) if frame.channel is Channel.STDOUT)
        assert recorded == said


@pytest.mark.parametrize("base64", [False, True])
def test_a_message_with_other_bytes_is_one_of_its_dialect(base64: bool) -> None:
    """Over WebSocket, in both forms."""
    dialect = channels.Dialect("v4", base64=base64)
    speech = WebSocketCommand(dialect, channels.EVERY)
    (unit,) = speech.read(dialect.message(2, b"abc"), client=False)
    assert speech.reworded(unit, b"x") == Unit(dialect.message(2, b"x"), ((0, Channel.STDERR, b"x"),))


def test_a_data_frame_with_other_bytes_keeps_its_end() -> None:
    """Over SPDY: the end of the stream stays, unless it is a further frame."""
    speech = SpdyCommand(channels.EVERY)
    ends = Unit(spdy.data(5, b"abc", fin=True), ((0, Channel.STDOUT, b"abc"), (0, Channel.MARK, b"m")), ends=5)
    assert speech.reworded(ends, b"x") == Unit(spdy.data(5, b"x", fin=True), ((0, Channel.STDOUT, b"x"), (0, Channel.MARK, b"m")), ends=5)
    assert speech.reworded(ends, b"").raw == spdy.data(5, b"", fin=True)
    assert speech.reworded(ends, b"x", alone=True) == Unit(spdy.data(5, b"x"), ((0, Channel.STDOUT, b"x"),))
