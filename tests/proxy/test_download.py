"""The answer of a plain request on its way to the client: what is on record is what was handed, but for the framing of its last hop."""

from pathlib import Path

import pytest

from jitui.recording.frame import Channel
from tests.fakes.house import house
from tests.fakes.upstream import Asked

PODS = "/api/v1/namespaces/web/pods"


@pytest.mark.parametrize(("answer", "method", "framing"), [
    (b"HTTP/1.1 200 OK\r\nX-One: 1\r\nContent-Length: 2\r\n\r\n{}", "GET", b"Content-Length: 2\r\n"),
    (b"HTTP/1.1 200 OK\r\nX-One: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "GET", b"Transfer-Encoding: chunked\r\n"),
    (b"HTTP/1.1 200 OK\r\nX-One: 1\r\nContent-Length: 2\r\n\r\n", "HEAD", b"Content-Length: 2\r\n"),
    (b"HTTP/1.1 200 OK\r\nX-One: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "HEAD", b""),
    (b"HTTP/1.1 304 Not Modified\r\nX-One: 1\r\nContent-Length: 9\r\n\r\n", "GET", b""),
    (b"HTTP/1.1 204 No Content\r\nX-One: 1\r\n\r\n", "GET", b""),
])  # fmt: skip
@pytest.mark.parametrize("close", [False, True])
async def test_the_head_on_record_is_the_clients_without_framing(tmp_path: Path, answer: bytes, method: str, framing: bytes, close: bool) -> None:
    """Length, chunks and the close belong to each hop, and are said behind all other headers."""
    async with house(tmp_path) as home:
        await home.window()

        async def answerer(asked: Asked) -> None:
            asked.line.say(answer)

        home.cluster.answerer = answerer
        kubectl = await home.dial()
        kubectl.send(kubectl.head(method, PODS, *(("Connection: close",) if close else ())))
        head = await kubectl.reader.readuntil(b"\r\n\r\n")
        await home.until(home.files.actions)
        (recorded,) = [frame.body for frame in await home.frames(1) if frame.channel is Channel.RESPONSE]
        assert recorded.endswith(b"X-One: 1\r\n\r\n")
        assert head == recorded[:-2] + framing + (b"Connection: close\r\n" if close else b"") + b"\r\n"


async def test_an_answer_and_its_body_are_counted_once(tmp_path: Path) -> None:
    """The row of the request has the bytes of the answer, its head among them; all of them were handed on."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        await kubectl.ask("POST", PODS, body=b"x" * 1000)
        await home.until(home.files.actions)
        (row,) = home.files.actions()
        frames = await home.frames(1)
        size = {channel: sum(len(frame.body) for frame in frames if frame.channel is channel) for channel in Channel}
        assert (row.bytes_in, row.bytes_out) == (1000, size[Channel.RESPONSE] + size[Channel.RESPONSE_BODY])
        (session,) = home.broker.windows.sessions.values()
        assert (session.bytes_in, session.bytes_out) == (session.handed_in, session.handed_out)
        assert session.deliveries.flows == {}
