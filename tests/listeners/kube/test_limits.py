"""No caller of the Kubernetes listener can take all connections, streams, requests or memory."""

import asyncio
import json
import socket
import ssl
import time
import tracemalloc
from functools import partial
from pathlib import Path

import pytest

from jitui.listeners.kube.listener import AT_ONCE
from jitui.proxy.live import Session
from tests.fakes.house import AGENT, House, Kubectl, house
from tests.fakes.upstream import Asked

PODS = "/api/v1/namespaces/web/pods"
WATCH = f"{PODS}?watch=true"


async def endless(asked: Asked) -> None:
    """A watch that has begun, or a list."""
    if "watch" not in asked.target:
        asked.line.answer()
        return
    asked.line.say(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{}\n\n\r\n")
    await asked.line.closed.wait()


async def watching(home: House) -> Kubectl:
    kubectl = await home.dial()
    kubectl.send(kubectl.head("GET", WATCH))
    await asyncio.wait_for(kubectl.reader.readuntil(b"{}\n\n\r\n"), 30)
    return kubectl


def live(home: House) -> list[Session]:
    return [session for session in home.broker.windows.sessions.values() if session.kind != "api"]


async def test_streams_of_a_window_have_an_end(tmp_path: Path) -> None:
    """One too many is told which limit, whose, and what to do; 429 without Retry-After, so that kubectl shows it at once. The others go on."""
    async with house(tmp_path) as home:
        home.limit(streams_per_grant=2)
        home.cluster.answerer = endless
        grant = await home.window()
        first, second = await watching(home), await watching(home)
        third = await home.dial()
        code, headers, body = await third.ask("GET", WATCH)
        assert (code, headers["content-type"]) == (429, "text/plain; charset=utf-8")
        assert body.decode() == (f"jitui: {AGENT} has 2 streams open in {grant.label}, as many as limits.streams_per_grant allows; end one of them, or ask "
                                 "whoever runs this gateway for more")
        assert "retry-after" not in headers
        assert await third.exec() == 429
        assert json.loads(third.refusal)["reason"] == "TooManyRequests"
        assert (await third.ask("GET", PODS))[0] == 200  # a plain request is none
        assert len(live(home)) == 2
        first.close()
        await home.until(lambda: len(live(home)) == 1)
        third.close()
        await watching(home)
        assert [(one.limit, one.who, one.times) for one in home.broker.pressure.now] == [("streams_per_grant", AGENT, 2)]
        second.close()


async def test_strangers_of_all_ports_count_together(tmp_path: Path) -> None:
    """The oldest makes room, wherever it came in; and an agent's connections are one sum too."""
    async with house(tmp_path) as home:
        home.limit(strangers=2, per_address=2, per_agent=2)
        strangers = [await home.dial(own=own) for own in (False, True, True)]
        assert await strangers[0].gone() == b""
        assert len(home.listener.visitors.strangers) == 2
        known = []
        for own in (False, True, False):
            known.append(await home.dial(own=own))
            assert (await known[-1].ask("GET", PODS))[0] == 403
        assert await known[0].gone() == b""
        assert home.listener.visitors.agents == 2


async def test_streams_that_are_being_opened_count(tmp_path: Path) -> None:
    """All at once, before one of them is on record: as many get in as may."""
    async with house(tmp_path) as home:
        home.limit(streams_per_grant=3)
        home.cluster.answerer = endless
        await home.window()
        kubectls = [await home.dial() for _ in range(8)]
        for kubectl in kubectls:
            kubectl.send(kubectl.head("GET", WATCH))
        heads = [await asyncio.wait_for(kubectl.reader.readuntil(b"\r\n\r\n"), 30) for kubectl in kubectls]
        assert sorted(head[9:12] for head in heads) == [b"200"] * 3 + [b"429"] * 5
        assert len(live(home)) == 3


async def test_an_upgraded_stream_counts_until_both_sides_are_closed(tmp_path: Path) -> None:
    """A refused upgrade does not; nor does one whose client has left."""
    async with house(tmp_path) as home:
        home.limit(streams_per_grant=1)
        await home.window()

        async def refuse(asked: Asked) -> None:
            asked.line.answer(b"{}", "403 Forbidden")

        async def switch(asked: Asked) -> None:
            asked.line.switch(asked)
            await asked.line.closed.wait()

        home.cluster.answerer = refuse
        assert await (await home.dial()).exec() == 403
        home.cluster.answerer = switch
        await home.until(lambda: not live(home))
        one, two = await home.dial(), await home.dial()
        assert [await one.exec(), await two.exec()] == [101, 429]
        one.close()
        await home.until(lambda: not home.proxy.streams.open)
        assert await (await home.dial()).exec() == 101


async def test_requests_a_second(tmp_path: Path) -> None:
    """429 with Retry-After and words, for this agent alone; who does not heed it gets ten answers a second on a connection, not thousands."""
    async with house(tmp_path) as home:
        home.limit(rate=1, burst=5)
        await home.window()
        other = await home.agent("agent-y")
        kubectl = await home.dial()
        assert [(await kubectl.ask("GET", PODS))[0] for _ in range(5)] == [200] * 5
        code, headers, body = await kubectl.ask("GET", PODS)
        assert (code, headers["retry-after"], json.loads(body)["details"]["retryAfterSeconds"]) == (429, "1", 1)
        assert json.loads(body)["message"].startswith(f"jitui: {AGENT} makes more than 1 requests a second (limits.requests_per_second); try again in 1 s")
        begun = time.monotonic()
        kubectl.send(kubectl.head("GET", PODS) * 3)
        assert [(await kubectl.answer())[0] for _ in range(3)] == [429] * 3
        assert time.monotonic() - begun > 0.25
        assert (await (await home.dial(other)).ask("GET", PODS))[0] == 403
        assert len(home.cluster.asked) == 5


async def test_strangers_never_keep_an_agent_out(tmp_path: Path) -> None:
    """260 connections that say nothing: all but 20 are closed, the agent's watch goes on, and its next connection is served."""
    async with house(tmp_path) as home:
        home.limit(strangers=20, per_address=20)
        home.cluster.answerer = endless
        await home.window()
        watch = await watching(home)
        idle = await home.dial()
        assert (await idle.ask("GET", PODS))[0] == 200
        strangers = [await asyncio.to_thread(socket.create_connection, ("127.0.0.1", home.listener.port)) for _ in range(260)]
        await home.until(lambda: home.broker.pressure.now and home.broker.pressure.now[0].times >= 240)
        assert len(home.listener.visitors.strangers) <= 20
        assert (await (await home.dial()).ask("GET", PODS))[0] == 200
        assert (await idle.ask("GET", PODS))[0] == 200
        assert len(live(home)) == 1
        home.cluster.lines[0].say(b"4\r\n{}\n\n\r\n")
        assert await asyncio.wait_for(watch.reader.readuntil(b"{}\n\n\r\n"), 30)
        await home.until(lambda: sum(_closed(stranger) for stranger in strangers) >= 240)
        for stranger in strangers:
            stranger.close()


def _closed(sock: socket.socket) -> bool:
    sock.setblocking(False)
    try:
        return sock.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


async def test_a_handshake_and_a_first_request_must_come_in_time(tmp_path: Path) -> None:
    """Nothing said, half a handshake, a handshake and nothing, half a head, and refused requests without end: all are closed in about a second."""
    async with house(tmp_path) as home:
        home.limit(handshake_s=1, first_s=1)
        silent, half = await asyncio.open_connection("127.0.0.1", home.listener.port), await asyncio.open_connection("127.0.0.1", home.listener.port)
        half[1].write(b"\x16\x03\x01\x02\x00\x01\x00")
        quiet, partial, refused = await home.dial(), await home.dial(), await home.dial("jt_00000000_" + "x" * 43)
        partial.send(b"GET /c/prod/api HTTP/1.1\r\nHost: gw\r\n")

        async def again() -> None:
            for _ in range(50):
                assert (await refused.ask("GET", PODS))[0] == 401
                await asyncio.sleep(0.05)

        begun = time.monotonic()
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await again()
        for reader in (silent[0], half[0], quiet.reader, partial.reader):
            assert await asyncio.wait_for(reader.read(), 30) == b""
        assert 0.5 < time.monotonic() - begun < 15
        assert not home.listener.visitors.strangers
        assert not home.listener.clients


async def test_heads_that_are_never_whole_hold_a_bounded_amount(tmp_path: Path) -> None:
    """Ten heads of almost a mebibyte each, of which four fit: the oldest are closed, the newest stays and can be finished."""
    async with house(tmp_path) as home:
        home.limit(heads=4 << 20)
        await home.window()
        long = "A" * 1_000_000
        kubectls: list[Kubectl] = []
        for _ in range(10):
            kubectls.append(newest := await home.dial())
            newest.send(newest.head("GET", f"/api/v1/namespaces/web/pods/web-1/exec?stdout=true&command=echo&command={long}")[:-2])
            await newest.writer.drain()
            await home.until(lambda: home.listener.clients and all(client.parser.holding > 1_000_000 for client in home.listener.clients))
        await home.until(lambda: [one.times for one in home.broker.pressure.now] == [6] and len(home.listener.clients) == 4)
        assert sum(client.parser.holding for client in home.listener.clients) <= 4 << 20
        newest.send(b"\r\n")
        assert (await newest.answer())[0] == 400  # whole, and no upgrade
        assert [one.limit for one in home.broker.pressure.now] == ["heads"]


@pytest.mark.parametrize(("token", "method", "code"), [("wrong", "POST", 401), (None, "POST", 403), (None, "OPTIONS", 405)])
async def test_whole_heads_of_refused_requests_are_not_held(tmp_path: Path, token: str | None, method: str, code: int) -> None:
    """Twenty heads of a mebibyte, of strangers or of an agent without a window, whose bodies never come: nothing of them is kept until then."""
    async with house(tmp_path) as home:
        home.limit(refusals=1000)
        tracemalloc.start()
        try:
            kubectls = [await home.dial(token) for _ in range(20)]
            before = tracemalloc.get_traced_memory()[0]
            for kubectl in kubectls:
                long = "A" * 500_000
                kubectl.send(kubectl.head(method, f"/api/v1/namespaces/web/pods?x={long}", f"X-Long: {long}", "Content-Length: 9"))
                await kubectl.writer.drain()
            del long
            await home.until(lambda: sum(client.current is not None for client in home.listener.clients) == 20, 20)
            assert tracemalloc.get_traced_memory()[0] - before < 4 << 20
        finally:
            tracemalloc.stop()
        kubectls[0].send(b"123456789")
        assert (await kubectls[0].answer())[0] == code


async def test_a_head_that_begins_on_a_kept_connection_must_be_finished_in_time(tmp_path: Path) -> None:
    """Not after the 300 s for which an agent's connection may rest."""
    async with house(tmp_path) as home:
        home.limit(first_s=1)
        await home.window()
        kubectl = await home.dial()
        assert (await kubectl.ask("GET", PODS))[0] == 200
        await asyncio.sleep(1.2)
        assert (await kubectl.ask("GET", PODS))[0] == 200
        kubectl.send(b"GET /c/prod/api HTTP/1.1\r\n")
        assert await kubectl.gone(3) == b""


async def test_an_agent_at_its_own_connections(tmp_path: Path) -> None:
    """One that rests makes room; with all in use the new one is told so, and closed."""
    async with house(tmp_path) as home:
        home.limit(per_agent=3)
        home.cluster.answerer = endless
        await home.window()
        streams = [await watching(home), await watching(home)]
        idle = await home.dial()
        assert (await idle.ask("GET", PODS))[0] == 200
        streams.append(await watching(home))
        assert await idle.gone() == b""
        one_more = await home.dial()
        code, headers, body = await one_more.ask("GET", PODS)
        assert (code, headers["retry-after"], headers["connection"]) == (429, "1", "close")
        assert b"has 3 connections open here, as many as limits.connections_per_agent" in body
        assert await one_more.gone() == b""
        assert len(live(home)) == 3


async def test_no_plain_speech(tmp_path: Path) -> None:
    """A connection without TLS is closed at once, and counts as a stranger no longer."""
    async with house(tmp_path) as home:
        reader, writer = await asyncio.open_connection("127.0.0.1", home.listener.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await asyncio.wait_for(reader.read(), 30)
        await home.until(lambda: not home.listener.visitors.strangers)
        with pytest.raises(ssl.SSLError):
            await asyncio.open_connection("127.0.0.1", home.listener.port, ssl=ssl.create_default_context(), server_hostname="localhost")
        await home.until(lambda: not home.listener.visitors.strangers)
        assert home.failed == []
        assert home.troubles == []


async def test_what_comes_at_once_is_answered_in_turns(tmp_path: Path) -> None:
    """A thousand denied requests in one piece, on each of three connections: the loop comes round a hundred times and more meanwhile, all are answered."""
    async with house(tmp_path) as home:
        home.limit(rate=100_000, burst=100_000)
        kubectls = [await home.dial() for _ in range(3)]
        turns, over = 0, False

        async def count() -> None:
            nonlocal turns
            while not over:
                await asyncio.sleep(0)
                turns += 1

        async def answered(kubectl: Kubectl) -> None:
            for _ in range(300):
                assert (await kubectl.answer())[0] == 403

        counting = asyncio.create_task(count())
        for kubectl in kubectls:
            kubectl.send(kubectl.head("GET", PODS) * 300)
        await asyncio.gather(*(answered(kubectl) for kubectl in kubectls))
        over = True
        await counting
        assert turns > 900 / AT_ONCE
        assert not any(client.inlet.waits for client in home.listener.clients)


async def test_one_line_of_many_requests_holds_no_other_up(tmp_path: Path) -> None:
    """Requests wait in the order in which they came: who sends one is answered before the hundredth of who sends many at once."""
    async with house(tmp_path) as home:
        home.limit(rate=100_000, burst=100_000)
        many, one = await home.dial(), await home.dial()
        many.send(many.head("GET", PODS) * 400)
        await many.answer()
        assert (await one.ask("GET", PODS))[0] == 403
        (client,) = [client for client in home.listener.clients if client.parser.holding]
        assert client.parser.holding > len(many.head("GET", PODS)) * 100
        for _ in range(399):
            assert (await many.answer())[0] == 403


async def test_requests_that_are_broken_off_are_no_endless_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that asks and leaves, again and again, makes one small fact after the other; a call in an older session ends well meanwhile."""
    monkeypatch.setattr("jitui.proxy.live.UNFINISHED", 5)
    async with house(tmp_path) as home:
        let_go = asyncio.Event()

        async def silent(asked: Asked) -> None:
            if "limit" in asked.target:
                await let_go.wait()
                asked.line.answer()
            else:
                await asked.line.closed.wait()

        def begun() -> int:
            return sum(session.next_conn for session in home.broker.windows.sessions.values())

        def more(than: int) -> bool:
            return begun() > than

        home.cluster.answerer = silent
        grant = await home.window()
        slow = await home.dial()
        slow.send(slow.head("GET", f"{PODS}?limit=1"))
        await home.until(lambda: home.broker.windows.sessions)
        first = next(iter(home.broker.windows.sessions.values()))
        await asyncio.sleep(0.1)  # the slow one was handed on
        with monkeypatch.context() as busy:
            busy.setattr("jitui.proxy.live.Session.handed", lambda *_: None)  # what follows leaves before it is handed on
            for _ in range(30):
                kubectl = await home.dial()
                conns = begun()
                kubectl.send(kubectl.head("GET", PODS))
                await home.until(partial(more, conns))
                kubectl.close()
                await asyncio.sleep(0.02)  # its end is heard before the next one begins
        let_go.set()
        assert (await asyncio.wait_for(slow.reader.readuntil(b"\r\n\r\n"), 30)).startswith(b"HTTP/1.1 200 ")
        await home.until(lambda: first.gone)
        ended = await home.facts("session.ended")
        assert len(ended) >= 2
        assert max(len(fact.what["conns"]) for fact in ended) <= 5
        assert not home.broker.windows.live[grant.id].closed


async def test_who_says_nothing_makes_room_before_who_shakes_hands(tmp_path: Path) -> None:
    """However many silent connections come from the same address, a client that has begun is not closed for them."""
    async with house(tmp_path) as home:
        home.limit(strangers=8, per_address=8)
        slow = await home.dial()
        silent = [socket.create_connection(("127.0.0.1", home.listener.port)) for _ in range(20)]
        await home.until(lambda: len(home.listener.visitors.strangers) == 8 and home.broker.pressure.now)
        await asyncio.sleep(0.1)
        assert (await slow.ask("GET", PODS))[0] == 403
        for one in silent:
            one.close()
