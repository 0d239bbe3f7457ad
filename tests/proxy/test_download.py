"""The answer of a plain request on its way to the client: what is on record is what was handed, but for the framing of its last hop."""

import asyncio
import gzip
import json
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

import pytest

from jitui.api.views import FrameView
from jitui.policy.terms import Identity, Role
from jitui.recording.frame import Channel
from tests.fakes.house import house, rule
from tests.fakes.upstream import Asked
from tests.recording.masking.forms import SECRETS, leaks, secret

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


VALUE = b"correct horse battery staple, all of it"
AUDITOR = Identity("otto", frozenset({Role.AUDITOR, Role.UNMASK, Role.OPERATOR}))


@pytest.mark.parametrize(("sent", "asked_for"), [
    ("Accept-Encoding: gzip", "gzip"), ("Accept-Encoding: br, GZIP;q=0.8", "gzip"), ("Accept-Encoding: gzip;q=0, identity", ""),
    ("Accept-Encoding: br, zstd", ""), ("Accept: */*", ""),
])  # fmt: skip
async def test_a_compressed_list_of_secrets(tmp_path: Path, sent: str, asked_for: str) -> None:
    """A client that takes gzip gets the answer as the cluster compressed it, byte for byte. It is on record so, once; and who looks at the record, live or
    later, sees it opened, with its secrets masked like those of a plain answer, or unmasked.
    """
    listed = json.dumps({"kind": "SecretList", "items": [secret({"pw": VALUE})] * 50}).encode()
    crossed, coding = (gzip.compress(listed, mtime=0), ("Content-Encoding: gzip",)) if asked_for else (listed, ())
    async with house(tmp_path, rules=(rule(scope="read secrets,pods in web"),)) as home:
        await home.window()

        async def answer(asked: Asked) -> None:
            if asked.target == SECRETS:
                assert asked.get("accept-encoding") == asked_for
                asked.line.answer(crossed, "200 OK", *coding)
            else:
                asked.line.answer(b"{}")

        home.cluster.answerer = answer
        kubectl = await home.dial()
        await kubectl.ask("GET", PODS)
        live: list[FrameView] = []

        async def look() -> None:
            async for chunk in home.desk(AUDITOR).watch("s-1"):
                live.extend(filter(None, (chunk.frame,)))

        looking = asyncio.ensure_future(look())
        await home.until(lambda: said(live))
        code, headers, body = await kubectl.ask("GET", SECRETS, sent)
        assert (code, headers.get("content-encoding", ""), body) == (200, asked_for, crossed)
        assert [frame.body for frame in await home.frames(1) if frame.channel is Channel.RESPONSE_BODY] == [b"{}", crossed]
        assert said(await home.desk(AUDITOR).frames("s-1", unmask=True)) == b"{}" + listed
        await home.until(lambda: len(said(live)) > len(listed))
        looking.cancel()
        for masked in (said(live), said(await home.desk(AUDITOR).frames("s-1"))):
            assert len(masked) == len(b"{}" + listed)
            assert b'"name": "db"' in masked
            assert not leaks(masked, [VALUE, b64encode(VALUE).rstrip(b"=")])


def said(frames: Sequence[FrameView]) -> bytes:
    """The bodies of answers."""
    return b"".join(frame.body for frame in frames if frame.channel == "response-body")


@pytest.mark.parametrize("path", [f"{PODS}?watch=1", f"{PODS}/a/log?follow=true", "/openapi/v3"])
async def test_streams_are_not_compressed(tmp_path: Path, path: str) -> None:
    """Their events and lines are read on the way, and the links of an index."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        assert (await kubectl.ask("GET", path, "Accept-Encoding: gzip"))[0] == 200
        assert home.cluster.asked[-1].get("accept-encoding") == ""
