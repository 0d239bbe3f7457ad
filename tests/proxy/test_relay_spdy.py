"""Exec over SPDY through the real listener: what passes, what is on record, and the exact bytes of every end."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from jitui.clusters.dial import cut
from jitui.policy.grant import Event
from jitui.protocol import spdy
from jitui.protocol.spdy import Frame, Kind
from jitui.protocol.spdy_command import READ
from jitui.proxy.live import Session
from jitui.recording.frame import Channel
from tests.fakes.house import House, house
from tests.proxy.spdypeers import COMMAND, IDS, Client, Pod, command

SUCCESS = b'{"metadata":{},"status":"Success"}'
FAILURE = b'{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"3"}]}}'


def message(frames: list[Frame]) -> str:
    """The message that kubectl would print; checks that the frames are exactly the last words: Status, ends of output, GOAWAY."""
    frames = [frame for frame in frames if frame.kind is not Kind.SYN_REPLY]
    *words, away = frames
    assert away.kind is Kind.GOAWAY
    assert [(frame.stream, frame.fin) for frame in words] == [(IDS["error"], True), (IDS["stdout"], True), (IDS["stderr"], True)]
    assert [frame.payload for frame in words[1:]] == [b"", b""]
    said = json.loads(words[0].payload)
    assert said["status"] == "Failure"
    return str(said["message"])


def revoked(home: House, _: Session) -> None:
    (window,) = home.broker.windows.live.values()
    home.broker.windows.end(window, Event.REVOKE, by="ana", why="enough")


def killed(home: House, session: Session) -> None:
    home.broker.windows.kill(session, by="ana", reason="enough")


def late(home: House, _: Session) -> None:
    home.clock.advance(600)
    home.tick()


async def only(home: House) -> Session:
    (session,) = home.broker.windows.sessions.values()
    return session


async def test_a_command_runs_and_ends(tmp_path: Path) -> None:
    """As the API server ends it; what is typed across its end is dropped, and the exit stays one."""
    async with house(tmp_path) as home:
        await home.window()
        client, pod = await command(home)
        client.send(spdy.data(IDS["stdin"], b"id\n"))
        await home.until(lambda: pod.typed == b"id\n")
        pod.say(spdy.data(IDS["stdout"], b"uid=0\n") + spdy.data(IDS["stdout"], b"", fin=True) + spdy.data(IDS["error"], SUCCESS)
                + spdy.reset(IDS["error"]) + spdy.reset(IDS["stdin"]))  # fmt: skip
        client.send(spdy.data(IDS["stdin"], b"exit\n"))
        await asyncio.sleep(0.05)
        client.send(spdy.data(IDS["stdin"], b"late\n"))
        await asyncio.sleep(0.05)
        pod.say(spdy.goaway(7))
        got = await client.rest()
        assert [frame.raw for frame in got] == [
            spdy.data(IDS["stdout"], b"uid=0\n"), spdy.data(IDS["stdout"], b"", fin=True), spdy.data(IDS["error"], SUCCESS), spdy.reset(IDS["error"]),
            spdy.reset(IDS["stdin"]), spdy.goaway(7)]  # fmt: skip
        (ended,) = await home.facts("session.ended")
        assert (ended.what["why"], ended.what["may_run_on"], ended.what["conns"]) == ("exit", 0, [])
        record = await home.frames(1)
        assert b"".join(frame.body for frame in record if frame.channel is Channel.STDIN) == pod.typed
        assert b"late\n" not in pod.typed
        assert [frame.body for frame in record if frame.channel in {Channel.STDOUT, Channel.ERROR}] == [b"uid=0\n", SUCCESS]


@pytest.mark.parametrize(("end", "why", "says"), [
    (late, "expired", "ended at"), (revoked, "revoked", "revoked by ana: enough"), (killed, "killed", "killed by ana: enough")])  # fmt: skip
async def test_an_end(tmp_path: Path, end: Callable[[House, Session], None], why: str, says: str) -> None:
    """Mute at once, the exact last words, the cluster's connection aborted, and on record what was said."""
    async with house(tmp_path) as home:
        await home.window()
        client, pod = await command(home)
        session = await only(home)
        end(home, session)
        client.send(spdy.data(IDS["stdin"], b"rm -rf /"))
        pod.say(spdy.data(IDS["stdout"], b"secret"))
        assert says in message(await client.rest())
        await asyncio.wait_for(pod.over.wait(), 1.5)
        assert pod.typed == b""
        (ended,) = await home.facts("session.ended")
        assert (ended.what["why"], ended.what["may_run_on"]) == (why, 1)
        record = await home.frames(1)
        assert b"rm -rf /" not in b"".join(frame.body for frame in record)
        assert says in [frame.body.decode() for frame in record if frame.channel is Channel.GATEWAY][-1]


@pytest.mark.parametrize(("how", "says", "why"), [
    (lambda pod: pod.line.hang_up(), "the cluster closed the connection", "upstream-lost"),
    (lambda pod: pod.say(spdy.goaway(7)), "the cluster closed the connection", "upstream-lost"),
    (lambda pod: pod.say(spdy.reset(IDS["error"])), "the cluster closed the connection", "upstream-lost"),
    (lambda pod: pod.say(spdy.data(IDS["error"], b"", fin=True)), "the cluster closed the connection", "upstream-lost"),
    (lambda pod: pod.say(spdy.data(99, b"x")), "can't be decoded", "undecodable"),
    (lambda pod: pod.say(b"\xff" * 8), "can't be decoded", "undecodable"),
])  # fmt: skip
async def test_a_cluster_that_leaves_or_lies(tmp_path: Path, how: Callable[[Pod], None], says: str, why: str) -> None:
    """kubectl would exit 0: it gets a Failure."""
    async with house(tmp_path) as home:
        await home.window()
        client, pod = await command(home)
        how(pod)
        assert says in message(await client.rest())
        (ended,) = await home.facts("session.ended")
        assert ended.what["why"] == why


@pytest.mark.parametrize("garbage", [b"\xff" * 8, spdy.data(IDS["stdout"], b"x")])
async def test_a_client_that_can_not_be_read_is_told(tmp_path: Path, garbage: bytes) -> None:
    """Whatever else it goes on to send, it gets its words; nothing of it reached the cluster."""
    async with house(tmp_path) as home:
        await home.window()
        client, pod = await command(home)
        client.send(garbage)
        for _ in range(20):
            client.send(b"\xff" * 100_000)
        assert "can't be decoded" in message(await client.rest())
        assert pod.typed == b""


async def test_a_recorder_that_fails_ends_the_stream(tmp_path: Path) -> None:
    """Nothing passes, and the words say so."""
    async with house(tmp_path) as home:
        await home.window()
        client, pod = await command(home)
        tapes = home.store._tapes
        tapes.db.execute("alter table frames rename to elsewhere")
        try:
            client.send(spdy.data(IDS["stdin"], b"second"))
            assert "can't be recorded" in message(await client.rest())
        finally:
            tapes.db.execute("alter table elsewhere rename to frames")
        assert pod.typed == b""
        await home.until(lambda: home.store.recording_error is None)


@pytest.mark.parametrize("stands", range(4))
async def test_an_end_while_the_streams_are_opened(tmp_path: Path, stands: int) -> None:
    """kubectl waits 30 s for an answer to a SYN_STREAM: it gets all of them, the Status and the end of output, whatever the cluster said."""
    async with house(tmp_path) as home:
        await home.window()
        client, pod = await command(home, COMMAND[:stands])
        pod.answers = 0
        client.syn(IDS[COMMAND[stands]], ((b"streamtype", COMMAND[stands].encode()),))
        await home.until(lambda: len(pod.got) == stands + 1)
        began = asyncio.get_running_loop().time()
        killed(home, await only(home))
        got: list[Frame] = []
        for at in range(stands, 4):
            if at > stands:
                client.syn(IDS[COMMAND[at]], ((b"streamtype", COMMAND[at].encode()),))
            while not (got and (got[-1].kind, got[-1].stream) == (Kind.SYN_REPLY, IDS[COMMAND[at]])):
                frame = await client.frame()
                assert frame is not None
                got.append(frame)
        got += await client.rest()
        assert "enough" in json.loads(next(frame.payload for frame in got if frame.payload))["message"]
        assert {frame.stream for frame in got if frame.fin} == {IDS["error"], IDS["stdout"], IDS["stderr"]}
        assert got[-1].kind is Kind.GOAWAY
        assert asyncio.get_running_loop().time() - began < 1
        assert len(pod.got) == stands + 1  # nothing of it went on


async def gone_after(home: House, client: Client, session: Session) -> float:
    (leg,) = session._legs
    began = asyncio.get_running_loop().time()
    killed(home, session)
    await home.until(lambda: leg.client.gone, 4)  # type: ignore[attr-defined]
    client.kubectl.close()
    return asyncio.get_running_loop().time() - began


@pytest.mark.parametrize("reads", [True, False])
async def test_a_client_that_stays_is_gone_after_two_seconds(tmp_path: Path, reads: bool) -> None:
    """Whether it never closes, or never reads; the cluster went at once."""
    async with house(tmp_path) as home:
        await home.window()
        client, pod = await command(home)
        session = await only(home)
        if not reads:
            client.kubectl.writer.transport.pause_reading()  # type: ignore[attr-defined]
            for _ in range(400):
                pod.say(spdy.data(IDS["stdout"], b"x" * 32768))
            (leg,) = session._legs
            await home.until(lambda: leg.client.outlet.queued > 0)  # type: ignore[attr-defined]
        assert 1.5 < await gone_after(home, client, session) < 15
        assert pod.over.is_set()


async def test_a_client_that_was_held_back_can_leave(tmp_path: Path) -> None:
    """Its goodbye is heard behind all that the cluster did not take, so its connection is closed before the two seconds are over."""
    async with house(tmp_path) as home:
        await home.window()
        client, pod = await command(home)
        pod.line.writer.transport.pause_reading()  # type: ignore[attr-defined]
        session = await only(home)
        (leg,) = session._legs
        for _ in range(1000):
            client.send(spdy.data(IDS["stdin"], b"x" * 32768))
        before = -1
        while session.handed_in != before:  # until its sockets are full
            before = session.handed_in
            await asyncio.sleep(0.4)
        assert leg.client.paused  # type: ignore[attr-defined]
        began = asyncio.get_running_loop().time()
        killed(home, session)
        assert "enough" in message(await client.rest())
        await home.until(lambda: leg.client.gone, 4)  # type: ignore[attr-defined]
        assert asyncio.get_running_loop().time() - began < 1.5


@pytest.mark.parametrize("how", ["lost", "killed"])
async def test_the_goodbye_waits_until_the_status_is_read(tmp_path: Path, how: str) -> None:
    """spdystream may drop what it has not given to its reader when GOAWAY comes, and kubectl exits 0: so the gateway's own comes later."""
    async with house(tmp_path) as home:
        await home.window()
        client, pod = await command(home)
        session = await only(home)
        pod.say(spdy.data(IDS["error"], FAILURE))
        if how == "lost":
            pod.line.writer.close()
        frame = await client.frame()
        assert frame is not None
        began = asyncio.get_running_loop().time()
        if how == "killed":
            killed(home, session)
        *ends, away = await client.rest()
        assert asyncio.get_running_loop().time() - began > READ / 2
        assert (frame.payload, away.kind) == (FAILURE, Kind.GOAWAY)
        assert [(end.stream, end.payload, end.fin) for end in ends] == [(IDS["stdout"], b"", True), (IDS["stderr"], b"", True)]
        (ended,) = await home.facts("session.ended")
        assert ended.what["why"] == ("exit" if how == "lost" else "killed")


async def test_a_command_that_ends_while_more_is_typed_has_its_exit(tmp_path: Path) -> None:
    """The cluster says the exit, leaves its input unread and resets the connection; what is typed behind that fails, and all that came before is passed on."""
    async with house(tmp_path) as home:
        await home.window()
        client, pod = await command(home)
        pod.reading.clear()
        (leg,) = (await only(home))._legs
        client.kubectl.writer.transport.pause_reading()  # type: ignore[attr-defined]
        said = 0
        while not leg.cluster.paused:  # type: ignore[attr-defined]
            pod.say(spdy.data(IDS["stdout"], b"x" * 32768))
            said += 1
            await asyncio.sleep(0.002)
        pod.say(spdy.data(IDS["error"], FAILURE))
        await asyncio.sleep(0.1)
        cut(cast("asyncio.Transport", pod.line.writer.transport))
        for _ in range(3):
            client.send(spdy.data(IDS["stdin"], b"y" * 100))
            await asyncio.sleep(0.05)
        client.kubectl.writer.transport.resume_reading()  # type: ignore[attr-defined]
        frames = await client.rest()
        assert sum(len(frame.payload) for frame in frames if frame.kind is Kind.DATA and frame.stream == IDS["stdout"]) == said * 32768
        assert [frame.payload for frame in frames if frame.kind is Kind.DATA and frame.stream == IDS["error"] and frame.payload] == [FAILURE]
        (ended,) = await home.facts("session.ended")
        assert ended.what["why"] == "exit"


async def test_no_second_status_behind_the_first(tmp_path: Path) -> None:
    """The client has the command's Status, and what comes behind that is held as the end comes: that is all that is left to say."""
    async with house(tmp_path) as home:
        await home.window()
        client, pod = await command(home)
        session = await only(home)
        pod.say(spdy.data(IDS["error"], SUCCESS[:9]))
        pod.say(spdy.data(IDS["error"], SUCCESS[9:]))
        got = b""
        while got != SUCCESS:
            frame = await client.frame()
            assert frame is not None
            got += frame.payload
        session.freeze("ana")
        pod.say(spdy.reset(IDS["error"]) + spdy.reset(IDS["stdin"]))
        (leg,) = session._legs
        await home.until(lambda: leg.cluster.held)  # type: ignore[attr-defined]
        killed(home, session)
        assert b"".join([frame.payload for frame in await client.rest()]) == b""


async def test_a_frozen_command(tmp_path: Path) -> None:
    """Nothing passes, pings are answered; thawed, all of it goes on in order; killed while frozen, it is dropped and counted."""
    async with house(tmp_path) as home:
        await home.window()
        client, pod = await command(home)
        session = await only(home)
        session.freeze("ana")
        for number in range(5):
            client.send(spdy.data(IDS["stdin"], b"%d" % number))
            pod.say(spdy.data(IDS["stdout"], b"%d" % number))
        await home.until(lambda: session.held == 10)
        client.send(spdy.ping(1))
        frame = await client.frame()
        assert frame is not None
        assert frame.raw == spdy.ping(1)
        assert pod.typed == b""
        session.thaw()
        got = b""
        while len(got) < 5:
            frame = await client.frame()
            assert frame is not None
            got += frame.payload
        assert got == b"01234"
        await home.until(lambda: pod.typed == b"01234")
        session.freeze("ana")
        client.send(spdy.data(IDS["stdin"], b"never"))
        pod.say(spdy.data(IDS["error"], SUCCESS) + spdy.reset(IDS["error"]))  # nor this
        await home.until(lambda: session.held > 5 + len(SUCCESS))
        killed(home, session)
        assert "enough" in message(await client.rest())
        (ended,) = await home.facts("session.ended")
        (conn,) = ended.what["conns"]
        assert conn["in"] - conn["in_handed"] == 5
        assert pod.typed == b"01234"
