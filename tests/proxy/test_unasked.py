"""Streams that the request line did not ask for, through the real listener: their session ends with words, and nothing of them reaches the cluster."""

import json
from pathlib import Path

import pytest

from jitui.protocol import spdy
from jitui.protocol.spdy import Kind
from jitui.recording.frame import Channel
from tests.fakes.house import House, house, rule
from tests.fakes.upstream import Asked
from tests.proxy.spdypeers import Pod, dialled

RULES = (rule(scope="exec pods:web-1 in web -- tee /tmp/x; attach,port-forward pods in web"),)
TEE = "command=tee&command=/tmp/x&"


async def undecodable(home: House) -> None:
    (ended,) = await home.facts("session.ended")
    assert ended.what["why"] == "undecodable"
    assert b"rm -rf" not in home.cluster.got
    assert not [frame for frame in await home.frames(1) if frame.channel in {Channel.STDIN, Channel.RESIZE, Channel.FORWARD_IN}]


@pytest.mark.parametrize(("subresource", "query", "opened"), [
    ("exec", TEE + "stdout=1&stderr=1", ("error", "stdin", "stdout")),  # three, as the kubelet counts them
    ("exec", TEE + "stdout=1&stderr=1", ("error", "stdout", "stderr", "stdin")),
    ("exec", TEE + "stdout=1&stderr=1&stdin=0", ("stdin",)),
    ("exec", TEE + "stdout=1&stderr=1", ("error", "resize", "stdout")),
    ("attach", "stdout=1&stderr=1", ("error", "stdin", "stdout")),
    ("attach", "stdin=1&stdout=1", ("error", "stdin", "resize")),
])  # fmt: skip
async def test_over_spdy(tmp_path: Path, subresource: str, query: str, opened: tuple[str, ...]) -> None:
    """Behind each stream comes what would be typed; the client is answered on all of them, and told."""
    async with house(tmp_path, rules=RULES) as home:
        await home.window()
        pod = Pod(home, "v4.channel.k8s.io")
        client = await dialled(home, subresource, pod.version, f"?{query}")
        await pod.open.wait()
        for at, name in enumerate(opened):
            client.send(client.encoder.syn_stream(2 * at + 1, ((b"streamtype", name.encode()),)))
        for at, name in enumerate(opened):
            if name in {"stdin", "resize"}:
                client.send(spdy.data(2 * at + 1, b"rm -rf /\n"))
        got = await client.rest()
        assert {frame.stream for frame in got if frame.kind is Kind.SYN_REPLY} >= {2 * at + 1 for at, name in enumerate(opened) if name in {"stdin", "resize"}}
        if "error" in opened:
            said = next(json.loads(frame.payload) for frame in got if frame.payload)
            assert "which its request line does not ask for" in said["message"]
        await undecodable(home)
        unasked = {"stdin", "resize"} if "stdin=1" not in query else {"resize"}
        assert not [frame for frame in pod.got if frame.headers and frame.headers[0][1].decode() in unasked]


@pytest.mark.parametrize("version", ["v4.channel.k8s.io", "v5.channel.k8s.io"])
@pytest.mark.parametrize(("channel", "body"), [(0, b"rm -rf /\n"), (4, b'{"Width":80,"Height":24}'), (255, b"\0")])
async def test_over_a_websocket(tmp_path: Path, version: str, channel: int, body: bytes) -> None:
    """stdin, a size, the end of stdin: on each protocol that is carried."""
    async with house(tmp_path, rules=RULES) as home:
        await home.window()

        async def switch(asked: Asked) -> None:
            asked.line.switch(asked, version)
            await asked.line.reader.read()

        home.cluster.answerer = switch
        kubectl = await home.dial()
        assert await kubectl.exec("web-1", "tee", "/tmp/x", protocol=version, query="") == 101
        sent = len(home.cluster.got)
        kubectl.type(body, channel)
        frames = await kubectl.rest()
        assert b"can't be decoded" in frames[-2].payload
        await undecodable(home)
        assert len(home.cluster.got) == sent


async def test_a_port_that_the_request_line_does_not_name(tmp_path: Path) -> None:
    """Where it names some."""
    async with house(tmp_path, rules=RULES) as home:
        await home.window()
        pod = Pod(home, "portforward.k8s.io")
        client = await dialled(home, "portforward", pod.version, "?ports=80")
        await pod.open.wait()
        for at, kind in enumerate((b"error", b"data")):
            client.syn(2 * at + 1, ((b"streamtype", kind), (b"port", b"22"), (b"requestid", b"0")))
        client.send(spdy.data(3, b"rm -rf /"))
        await client.rest()
        await undecodable(home)
        assert pod.got == []
