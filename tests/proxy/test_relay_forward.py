"""Port-forward through the real listener: a conn for each forwarded connection, what its record has, and what is kept of it afterwards."""

import asyncio
from pathlib import Path

from jitui.protocol import spdy
from jitui.protocol.spdy import Kind
from jitui.proxy.live import Session
from jitui.recording.frame import Channel
from tests.fakes.house import House, house, rule
from tests.proxy.spdypeers import Client, Pod, connection, forward
from tests.support.soak import soak

RULES = (rule(scope="port-forward pods in web"),)


async def finished(home: House, client: Client, pod: Pod, data: int, text: bytes = b"") -> None:
    """One request and its answer over an open connection, and both its ends."""
    client.send(spdy.data(data, b"GET") + spdy.data(data, b"", fin=True))
    await home.until(lambda: pod.got[-1].stream == data and pod.got[-1].fin)
    pod.say(spdy.data(data, b"OK") + spdy.data(data, b"", fin=True) + spdy.data(data - 2, text, fin=True))
    while True:
        frame = await client.frame()
        assert frame is not None
        if frame.stream == data - 2 and frame.fin:
            return


async def stuck(session: Session) -> None:
    """Until nothing more goes to the cluster: its sockets are full, and so is the window."""
    before = -1
    while session.handed_in != before:
        before = session.handed_in
        await asyncio.sleep(0.4)


async def test_each_connection_is_a_conn(tmp_path: Path) -> None:
    """Both directions and the text of the error stream, under its own number; at the end nothing is missing."""
    async with house(tmp_path, rules=RULES) as home:
        await home.window()
        client, pod = await forward(home)
        first, second = await connection(client, 0), await connection(client, 1)
        await finished(home, client, pod, second, b"broken")
        await finished(home, client, pod, first)
        client.send(spdy.goaway(0))
        await client.rest()
        (ended,) = await home.facts("session.ended")
        assert (ended.what["why"], ended.what["conns"]) == ("client-closed", [])
        beside = {Channel.MARK, Channel.REQUEST, Channel.RESPONSE}
        said = [(frame.conn, frame.channel, frame.body) for frame in await home.frames(1) if frame.channel not in beside]
        assert said == [(2, Channel.FORWARD_IN, b"GET"), (2, Channel.FORWARD_OUT, b"OK"), (2, Channel.FORWARD_ERROR, b"broken"),
                        (1, Channel.FORWARD_IN, b"GET"), (1, Channel.FORWARD_OUT, b"OK")]  # fmt: skip


async def test_many_short_connections_leave_nothing(tmp_path: Path) -> None:
    """Neither in the session's book-keeping nor in the relay's."""
    async with house(tmp_path, rules=RULES) as home:
        await home.window()
        client, pod = await forward(home)
        (session,) = home.broker.windows.sessions.values()
        (leg,) = session._legs
        for at in range(soak(200, 1000)):
            await finished(home, client, pod, await connection(client, at))
            assert len(session.deliveries.flows) <= 3
        await home.until(lambda: set(session.deliveries.flows) == {0})
        assert (leg._substreams, leg._over_substreams) == ({}, set())  # type: ignore[attr-defined]


async def test_a_connection_that_ends_before_its_last_bytes_are_out_is_closed_with_them(tmp_path: Path) -> None:
    """The cluster resets it while what the client sent waits for a cluster that does not read."""
    async with house(tmp_path, rules=RULES) as home:
        await home.window()
        client, pod = await forward(home)
        (session,) = home.broker.windows.sessions.values()
        data = await connection(client, 0)
        pod.line.writer.transport.pause_reading()  # type: ignore[attr-defined]
        for _ in range(1000):
            client.send(spdy.data(data, b"x" * 32768))
        await stuck(session)
        pod.say(spdy.reset(data) + spdy.data(data - 2, b"broken", fin=True))
        while (frame := await client.frame()) is not None and frame.stream != data - 2:
            pass
        assert 1 in session.deliveries.flows
        pod.line.writer.transport.resume_reading()  # type: ignore[attr-defined]
        await home.until(lambda: set(session.deliveries.flows) == {0}, 20)
        await finished(home, client, pod, await connection(client, 1))


async def test_last_words_reach_every_open_connection(tmp_path: Path) -> None:
    """The text and FIN on its error stream, then GOAWAY, but not at once: kubectl would lose the text."""
    async with house(tmp_path, rules=RULES) as home:
        await home.window()
        client, pod = await forward(home)
        data = await connection(client, 0)
        (session,) = home.broker.windows.sessions.values()
        loop = asyncio.get_running_loop()
        home.broker.windows.kill(session, by="ana", reason="enough")
        client.send(spdy.data(data, b"late"))
        error, end = await client.frame(), await client.frame()
        began = loop.time()
        away = await client.frame()
        assert error is not None
        assert end is not None
        assert away is not None
        assert (error.stream, error.payload, error.fin) == (data - 2, b"jitui: killed by ana: enough", True)
        assert (end.stream, end.payload, end.fin) == (data, b"", True)
        assert (away.kind, loop.time() - began > 0.03) == (Kind.GOAWAY, True)
        await asyncio.wait_for(pod.over.wait(), 1.5)
        assert b"late" not in pod.typed
        (ended,) = await home.facts("session.ended")
        assert (ended.what["why"], ended.what["may_run_on"]) == ("killed", 0)
        assert [(frame.conn, frame.body) for frame in await home.frames(1) if frame.channel is Channel.GATEWAY] == [(1, b"jitui: killed by ana: enough")]
