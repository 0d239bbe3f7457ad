"""Exec and attach over SPDY/3.1, frame by frame, as measured at a real API server and kubelet."""

import json
import os
from collections.abc import Sequence

import pytest

from jitui.demo.cluster import EmbeddedCluster
from jitui.demo.cluster.programs import PIECE
from jitui.protocol import spdy
from jitui.protocol.spdy import Frame, Kind
from tests.demo.cluster.spdyclient import V4, Spdy, text_of

SH = "command=sh&command=-c&command="


def told(frames: Sequence[Frame]) -> list[tuple[str, int, bool]]:
    return [(frame.kind.name, frame.stream or frame.value, frame.fin) for frame in frames]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_end_of_an_exec(alone: EmbeddedCluster, method: str) -> None:
    """Empty DATA with FIN on stdout and stderr, the Status without FIN, RST_STREAM for the rest, GOAWAY."""
    async with Spdy(alone, f"web/exec?{SH}cat;exit+7&stdin=true&stdout=true&stderr=true", method=method) as client:
        assert client.status == 101
        error, stdin, stdout, stderr = [await client.open(streamtype=name) for name in ("error", "stdin", "stdout", "stderr")]
        client.write(spdy.data(stdin, b"hello\n"))
        first = await client.read()
        assert (first.stream, first.payload) == (stdout, b"hello\n")
        client.write(spdy.data(stdin, b"", fin=True))
        frames = await client.until_goaway()
    assert told(frames) == [("DATA", stdout, True), ("DATA", stderr, True), ("DATA", error, False),
                            ("RST_STREAM", error, False), ("RST_STREAM", stdin, False), ("GOAWAY", stderr, False)]
    assert {frame.value for frame in frames if frame.kind is Kind.RST_STREAM} == {spdy.CANCEL}
    status = json.loads(frames[2].payload)
    assert (status["reason"], status["details"]["causes"][0]["message"]) == ("NonZeroExitCode", "7")


async def test_a_command_that_is_not_there(alone: EmbeddedCluster) -> None:
    """No output ends: the Status, RST_STREAM for every stream, GOAWAY."""
    async with Spdy(alone, "web/exec?command=nope&stdout=true&stderr=true") as client:
        streams = [await client.open(streamtype=name) for name in ("error", "stdout", "stderr")]
        frames = await client.until_goaway()
    assert told(frames) == [("DATA", streams[0], False), *(("RST_STREAM", stream, False) for stream in streams), ("GOAWAY", streams[-1], False)]
    assert '"nope": executable file not found in $PATH' in json.loads(frames[0].payload)["message"]


async def test_a_terminal(alone: EmbeddedCluster) -> None:
    """No stderr stream, a resize stream; sizes may come in pieces or several at once."""
    async with Spdy(alone, f"web/exec?{SH}read+go;stty+size&stdin=true&stdout=true&tty=true") as client:
        _, stdin, stdout, resize = [await client.open(streamtype=name) for name in ("error", "stdin", "stdout", "resize")]
        client.write(spdy.data(resize, b'{"Width":80,"Height":24}\n{"Width":132,') + spdy.data(resize, b'"Height":40}\n'))
        client.write(spdy.data(stdin, b"go\r"))
        assert b"40 132" in text_of(await client.until_goaway(), stdout)


async def test_much_of_it(alone: EmbeddedCluster) -> None:
    """5 MB through and back in frames of at most 32 KiB; a client that does not read holds the writer up, and nothing is lost."""
    body = os.urandom(5_000_000)
    async with Spdy(alone, "web/exec?command=jitui-flood&command=5000001&stdout=true") as client:
        _, stdout = [await client.open(streamtype=name) for name in ("error", "stdout")]
        frames = await client.until_goaway()
        assert len(text_of(frames, stdout)) == 5_000_001
        assert max(len(frame.payload) for frame in frames) <= PIECE
    async with Spdy(alone, "web/exec?command=jitui-sink&stdin=true&stdout=true") as client:
        _, stdin, stdout = [await client.open(streamtype=name) for name in ("error", "stdin", "stdout")]
        client.write(spdy.data(stdin, body, fin=True))
        await client.drain()
        assert text_of(await client.until_goaway(), stdout) == b"5000000\n"


async def test_pings_come_back(alone: EmbeddedCluster) -> None:
    """Those of the client, odd ones; an even one would be an echo, and echoes have no echo."""
    async with Spdy(alone, "chatty/attach?stdout=true") as client:
        for name in ("error", "stdout"):
            await client.open(streamtype=name)
        client.write(spdy.ping(2) + spdy.ping(7))
        while (frame := await client.read()).kind is Kind.DATA:
            pass
        assert frame.raw == spdy.ping(7)


async def test_attach_ends_nothing(alone: EmbeddedCluster) -> None:
    """The main process says what its log says; a client comes, goes, and comes again to a later line."""
    numbers = []
    for _ in range(2):
        async with Spdy(alone, "chatty/attach?stdout=true&stderr=true") as client:
            stdout = [await client.open(streamtype=name) for name in ("error", "stdout", "stderr")][1]
            frame = await client.read()
            assert frame.stream == stdout
            numbers.append(int(frame.payload.split()[1]))
    assert numbers[0] < numbers[1]


@pytest.mark.parametrize(("offers", "spoken"), [
    (("v5.channel.k8s.io", V4, "v3.channel.k8s.io"), V4), ((f"v9.channel.k8s.io, {V4}",), V4), (("v3.channel.k8s.io", "channel.k8s.io"), "")])
async def test_the_protocol_is_v4(alone: EmbeddedCluster, offers: Sequence[str], spoken: str) -> None:
    """Whatever else is offered, as from the API server; without it 403 and what would be accepted."""
    async with Spdy(alone, "web/exec?command=ls&stdout=true", offers=offers) as client:
        lines = client.head.split("\r\n")
        assert client.status == (101 if spoken else 403)
        if spoken:
            assert lines[1:-2] == ["Connection: Upgrade", "Upgrade: SPDY/3.1", f"X-Stream-Protocol-Version: {spoken}"]
        else:
            assert f"X-Accepted-Stream-Protocol-Versions: {V4}" in lines


async def test_no_streams_at_all_are_refused_before_the_upgrade(alone: EmbeddedCluster) -> None:
    """Over SPDY it is an HTTP answer (over WebSocket a Status behind the 101)."""
    async with Spdy(alone, "web/exec?command=ls") as client:
        assert client.status == 400


async def test_what_is_not_spdy_ends_the_connection(alone: EmbeddedCluster) -> None:
    """At once, also while the streams are being opened."""
    for opened in (0, 2):
        async with Spdy(alone, "chatty/attach?stdout=true") as client:
            for name in ("error", "stdout")[:opened]:
                await client.open(streamtype=name)
            client.write(b"GET / HTTP/1.1\r\n\r\n")
            with pytest.raises(EOFError):
                await client.until_goaway()
