"""Plain requests, followed logs and watches when their window ends."""

import asyncio
import json
from pathlib import Path

from jitui.policy.grant import Event
from jitui.proxy.outlet import WINDOW
from tests.fakes.house import House, Kubectl, house
from tests.fakes.upstream import Asked, Line

PODS = "/api/v1/namespaces/web/pods"
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def streaming(home: House, path: str, kind: bytes = b"application/json") -> tuple[Kubectl, Line]:
    lines: list[Line] = []

    async def hold(asked: Asked) -> None:
        asked.line.say(STREAM % kind)
        lines.append(asked.line)
        await asked.line.reader.read()

    home.cluster.answerer = hold
    kubectl = await home.dial()
    kubectl.send(kubectl.head("GET", path))
    assert b"200 OK" in await kubectl.reader.readuntil(b"\r\n\r\n")
    return kubectl, lines[0]


def revoke(home: House) -> None:
    (window,) = home.broker.windows.live.values()
    home.broker.windows.end(window, Event.REVOKE, by="ana", why="enough")


async def test_a_watch_ends_with_an_event_on_a_whole_boundary(tmp_path: Path) -> None:
    """Half an event is held back; then an ERROR event, and a clean end."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl, line = await streaming(home, f"{PODS}?watch=true")
        line.say(chunk(b'{"type":"ADDED","object":{}}\n{"type":"MODI'))
        first = await kubectl.reader.readuntil(b"}\n\r\n")
        assert first.endswith(chunk(b'{"type":"ADDED","object":{}}\n'))
        revoke(home)
        rest = await kubectl.gone()
        assert rest.endswith(b"0\r\n\r\n")
        event = json.loads(rest.split(b"\r\n")[1])
        assert event["type"] == "ERROR"
        assert (event["object"]["code"], "revoked by ana: enough" in event["object"]["message"]) == (403, True)
        assert b"MODI" not in b"".join(frame.body for frame in await home.frames(1))
        await home.until(lambda: not home.cluster.open_lines)


async def test_a_followed_log_ends_with_a_line_and_no_terminator(tmp_path: Path) -> None:
    """On a line of its own, also behind half a line; then the connection is closed without the last chunk: kubectl exits 1."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl, line = await streaming(home, f"{PODS}/a/log?follow=true", b"text/plain")
        line.say(chunk(b"one\ntw"))
        await kubectl.reader.readuntil(b"tw\r\n")
        revoke(home)
        rest = await kubectl.gone()
        assert b"\r\n\n[jitui] access window" in rest
        assert not rest.endswith(b"0\r\n\r\n")
        (ended,) = await home.facts("session.ended")
        assert (ended.what["why"], ended.what["conns"]) == ("revoked", [])


async def test_a_log_that_stood_at_a_line_gets_no_empty_one(tmp_path: Path) -> None:
    """The words follow the newline that is there."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl, line = await streaming(home, f"{PODS}/a/log?follow=true", b"text/plain")
        line.say(chunk(b"one\n"))
        await kubectl.reader.readuntil(b"one\n\r\n")
        revoke(home)
        assert b"\r\n[jitui] access window" in await kubectl.gone()


async def test_a_stream_of_the_cluster_that_ends_ends_its_session(tmp_path: Path) -> None:
    """By itself, as cluster-closed; a lost one as upstream-lost, with an event behind what came that says so."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl, line = await streaming(home, f"{PODS}?watch=true")
        line.say(chunk(b"{}\n") + b"0\r\n\r\n")
        assert (await kubectl.reader.readuntil(b"0\r\n\r\n")).endswith(b"0\r\n\r\n")
        kubectl, line = await streaming(home, f"{PODS}?watch=true")
        line.say(chunk(b'{"n":1}\n'))
        line.hang_up()
        rest = await kubectl.gone()
        assert rest.index(b'{"n":1}') < rest.index(b'"message":"jitui: the cluster closed the connection","reason":"ServiceUnavailable","code":502')
        assert rest.endswith(b"0\r\n\r\n")
        kubectl, line = await streaming(home, f"{PODS}/a/log?follow=true", b"text/plain")
        line.say(chunk(b"half a li"))
        line.hang_up()
        rest = await kubectl.gone()
        assert b"half a li\r\n" in rest
        assert b"\n[jitui] the cluster closed the connection\n" in rest
        assert not rest.endswith(b"0\r\n\r\n")
        await home.until(lambda: not home.broker.windows.sessions)
        assert [fact.what["why"] for fact in await home.facts("session.ended")] == ["cluster-closed", "upstream-lost", "upstream-lost"]


async def test_a_client_that_leaves_ends_its_stream(tmp_path: Path) -> None:
    """And its connection to the cluster."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl, _ = await streaming(home, f"{PODS}?watch=true")
        kubectl.close()
        await home.until(lambda: not home.broker.windows.sessions and not home.cluster.open_lines)
        assert [fact.what["why"] for fact in await home.facts("session.ended")] == ["client-closed"]


async def test_an_answer_in_a_slow_clients_queue_does_not_outlive_the_window(tmp_path: Path) -> None:
    """The cluster is done, the client is not: at the deadline the rest is dropped, not drained; and not all of it was taken in at once."""
    async with house(tmp_path) as home:
        await home.window()
        size = 32 << 20

        async def answer(asked: Asked) -> None:
            asked.line.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            for _ in range(size >> 16):
                asked.line.say(b"x" * (1 << 16))
                await asked.line.writer.drain()

        home.cluster.answerer = answer
        kubectl = await home.dial()
        kubectl.rests()
        kubectl.send(kubectl.head("GET", PODS))
        await home.until(lambda: home.listener.clients)
        (client,) = home.listener.clients
        await home.until(lambda: client.outlet.queued > 0)
        await asyncio.sleep(0.2)
        assert client.outlet.queued <= 3 * WINDOW
        session = home.broker.windows.sessions[1]
        before = session.handed_out
        revoke(home)
        kubectl.writer.transport.resume_reading()  # type: ignore[attr-defined]
        await kubectl.gone()
        assert session.handed_out < before  # what the socket held is thrown away, and was not delivered
        await home.until(lambda: not home.broker.windows.sessions)
        (ended,) = await home.facts("session.ended")
        (conn,) = ended.what["conns"]
        assert conn["out"] > conn["out_handed"]


async def test_a_request_that_waits_for_its_connection_is_not_sent_after_the_deadline(tmp_path: Path) -> None:
    """It is on record, it did not pass, and the client is told why."""
    async with house(tmp_path) as home:
        await home.window()
        home.cluster.slow = asyncio.Event()
        kubectl = await home.dial()
        kubectl.send(kubectl.head("POST", PODS, "Content-Length: 2") + b"{}")
        await home.until(lambda: home.broker.windows.sessions)
        await asyncio.sleep(0.05)
        home.clock.advance(600)
        home.cluster.slow.set()
        code, _, body = await kubectl.answer()
        assert (code, b"ended at" in body) == (403, True)
        assert home.cluster.got == b""
        (ended,) = await home.facts("session.ended")
        assert ended.what["delivered_in"] == 0
        assert b'{"outcome":"unknown"}' not in [frame.body for frame in await home.frames(1)]


async def test_a_write_in_flight_at_the_end_is_unknown(tmp_path: Path) -> None:
    """It was sent, and no answer came: the connection is cut, the record says so."""
    async with house(tmp_path) as home:
        await home.window()

        async def hold(asked: Asked) -> None:
            await asked.body()
            await asked.line.reader.read()

        home.cluster.answerer = hold
        kubectl = await home.dial()
        kubectl.send(kubectl.head("POST", PODS, "Content-Length: 2") + b"{}")
        await home.until(lambda: home.cluster.got.endswith(b"{}"))
        revoke(home)
        assert (await kubectl.answer())[0] == 403
        await home.until(lambda: not home.cluster.open_lines)
        assert b'{"outcome":"unknown"}' in [frame.body for frame in await home.frames(1)]
        await home.until(home.files.actions)
        assert [row.code for row in await asyncio.to_thread(home.files.actions)] == [None]


async def test_a_log_that_the_cluster_broke_off_does_not_outlive_its_window(tmp_path: Path) -> None:
    """Its client is slow: until it has taken all that came, the window may end it, and what it has not is dropped."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl, line = await streaming(home, f"{PODS}/a/log?follow=true", b"text/plain")
        kubectl.rests()
        for _ in range(300):
            line.say(chunk(b"x" * 32767 + b"\n"))
        (client,) = home.listener.clients
        await home.until(lambda: client.outlet.queued)
        line.hang_up()
        await asyncio.sleep(0.3)
        (window,) = home.broker.windows.live.values()
        assert [session.kind for session in window.sessions.values()] == ["logs"]
        home.broker.windows.end(window, Event.REVOKE, by="ana", why="enough")
        assert client.outlet.queued < 1000, "its words, and nothing else"
        kubectl.writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert b"was revoked by ana: enough" in await kubectl.gone()
        (ended,) = await home.facts("session.ended")
        assert ended.what["why"] == "revoked"
