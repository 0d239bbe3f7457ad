"""Exec streams through the real listener: what passes, when it stops, and what the client is told."""

import asyncio
import json
from pathlib import Path
from typing import cast

import pytest

from jitui.api.views import LiveChunk
from jitui.clusters.dial import cut
from jitui.policy.grant import Event
from jitui.protocol import websocket
from jitui.proxy.ends import Why
from jitui.proxy.outlet import WINDOW
from jitui.proxy.turns import WIDE
from tests.fakes.house import ANA, House, Kubectl, house
from tests.fakes.upstream import Asked, Line, plainly

SUCCESS = b'{"metadata":{},"status":"Success"}'
EXIT_3 = b'{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"3"}]}}'
CLOSE = b"\x03\xe8"  # 1000


class Pod:
    """The cluster's side of one exec: messages it got, and a line to speak on."""

    def __init__(self, home: House) -> None:
        self.typed: list[bytes] = []  # payloads: channel and bytes
        self.control: list[websocket.Frame] = []
        self.line: Line
        self.open = asyncio.Event()
        self.over = asyncio.Event()
        self.reading = asyncio.Event()
        self.reading.set()
        home.cluster.answerer = self.serve

    async def serve(self, asked: Asked) -> None:
        self.line = asked.line
        asked.line.switch(asked)
        self.open.set()
        decoder = websocket.Decoder(masked=True, limit=1 << 24)
        try:
            while True:
                await self.reading.wait()
                data = await asked.line.reader.read(1 << 16)
                if not data:
                    return
                for frame in decoder.feed(data):
                    (self.typed if frame.opcode == websocket.BINARY else self.control).append(frame.payload if frame.opcode == 2 else frame)  # type: ignore[arg-type]
        except ConnectionError:
            pass
        finally:
            self.over.set()


async def connected(home: House, *argv: str, query: str = "&stdin=true") -> tuple[Kubectl, Pod]:
    pod = Pod(home)
    kubectl = await home.dial()
    assert await kubectl.exec("web-1", *argv, query=query) == 101
    await pod.open.wait()
    return kubectl, pod


async def last_words(kubectl: Kubectl) -> str:
    """The message that kubectl would print; what precedes the Status is checked to be nothing but output."""
    async with asyncio.timeout(30):
        frames = await kubectl.rest()
    status, close = [frame for frame in frames if frame.opcode != websocket.PONG][-2:]
    assert status.payload[:1] == b"\3"
    assert (close.opcode, close.payload) == (websocket.CLOSE, CLOSE)
    said = json.loads(status.payload[1:])
    assert said["status"] == "Failure"
    assert (said["details"]["causes"], said["reason"] != "NonZeroExitCode") == ([{"reason": "ExitCode", "message": "1"}], True)
    return str(said["message"])


async def test_a_command_runs_and_ends(tmp_path: Path) -> None:
    """Bytes both ways, the Status, the close: as they came, on record, and nothing may go on."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl, pod = await connected(home)
        kubectl.type(b"id\n")
        await home.until(lambda: pod.typed == [b"\0id\n"])
        pod.line.message(1, b"uid=0\n")
        pod.line.message(3, SUCCESS)
        pod.line.say(websocket.encode(websocket.CLOSE, CLOSE))
        assert [frame.payload for frame in await kubectl.rest()] == [b"\1uid=0\n", b"\3" + SUCCESS, CLOSE]
        (ended,) = await home.facts("session.ended")
        assert (ended.what["why"], ended.what["may_run_on"], ended.what["conns"]) == ("exit", 0, [])
        assert [(f.channel.label, f.body) for f in await home.frames(1)][2:] == [
            ("stdin", b"id\n"), ("stdout", b"uid=0\n"), ("error", SUCCESS), ("mark", b'{"close":"cluster","code":1000}')]  # fmt: skip
        await home.until(lambda: not home.cluster.open_lines)
        assert home.broker.windows.sessions == {}


async def test_the_reason_of_a_close_is_on_record_and_goes_no_further(tmp_path: Path) -> None:
    """Of either side: the other gets the code alone."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl, pod = await connected(home)
        kubectl.send(websocket.encode(websocket.CLOSE, websocket.close(1001, 'it\'s "me" \x1b[31m \u20ac'), mask=True))
        await home.until(lambda: [frame.payload for frame in pod.control] == [b"\x03\xe9"])
        await asyncio.wait_for(pod.over.wait(), 3)
        kubectl, pod = await connected(home)
        pod.line.message(3, SUCCESS)
        pod.line.say(websocket.encode(websocket.CLOSE, websocket.close(1000, "of the cluster")))
        assert [frame.payload for frame in await kubectl.rest()] == [b"\3" + SUCCESS, CLOSE]
        await home.facts("session.ended")
        marks = [json.loads(frame.body) for session in (1, 2) for frame in await home.frames(session) if frame.channel.label == "mark"]
        assert marks == [{"close": "client", "code": 1001, "reason": 'it\'s "me" \x1b[31m \u20ac'},
                         {"close": "cluster", "code": 1000, "reason": "of the cluster"}]  # fmt: skip


async def test_at_the_deadline_nothing_passes_in_either_direction(tmp_path: Path) -> None:
    """The words come, the cluster's side is closed in the same pass, and what was typed or said after is nowhere."""
    async with house(tmp_path) as home:
        grant = await home.window()
        kubectl, pod = await connected(home)
        kubectl.type(b"first\n")
        await home.until(lambda: pod.typed)
        home.clock.advance(600)  # timers and tick have not noticed
        kubectl.type(b"rm -rf /data")
        words = await last_words(kubectl)
        assert grant.label in words
        assert "ended at" in words
        await asyncio.wait_for(pod.over.wait(), 1.5)
        assert pod.typed == [b"\0first\n"]
        (ended,) = await home.facts("session.ended")
        assert (ended.what["why"], ended.what["may_run_on"]) == ("expired", 1)
        assert b"rm -rf /data" not in b"".join(frame.body for frame in await home.frames(1))


@pytest.mark.parametrize("direction", ["in", "out"])
async def test_what_was_recorded_before_the_deadline_and_not_forwarded_stays(tmp_path: Path, direction: str) -> None:
    """The commit is done, the clock says it is over: the frame is on record, and the closing fact says it was not delivered."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl, pod = await connected(home)
        pod.line.message(1, b"")
        assert await kubectl.frame()
        session = home.broker.windows.sessions[1]

        def late(frame: object) -> None:
            home.clock.advance(600)  # between the commit and the forwarding

        session.taps.append(late)
        if direction == "in":
            kubectl.type(b"typed")
        else:
            pod.line.message(1, b"said")
        words = await last_words(kubectl)
        assert "ended at" in words
        body = b"typed" if direction == "in" else b"said"
        assert body in [frame.body for frame in await home.frames(1)]
        (ended,) = await home.facts("session.ended")
        (conn,) = ended.what["conns"]
        assert conn[direction] - conn[f"{direction}_handed"] == len(body)
        assert pod.typed == []


async def test_a_suspend_ends_what_was_queued(tmp_path: Path) -> None:
    """Bytes that wait in front of a client that does not read are dropped, also if its socket drains before any timer runs."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl, pod = await connected(home)
        kubectl.writer.transport.pause_reading()  # type: ignore[attr-defined]
        for _ in range(1000):
            pod.line.message(1, b"x" * 32768)
        session = home.broker.windows.sessions[1]
        (leg,) = session._legs
        await home.until(lambda: leg.client.outlet.queued > 0)  # type: ignore[attr-defined]
        before = session.handed_out
        home.clock.advance(600)
        kubectl.writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert "ended at" in await last_words(kubectl)
        assert session.handed_out - before < 4096  # the words


async def test_memory_is_bounded_with_a_slow_reader_both_ways(tmp_path: Path) -> None:
    """WIDE and one read a direction; then TCP pushes back, and nothing is lost when the reader goes on."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl, pod = await connected(home)
        pod.reading.clear()
        kubectl.writer.transport.pause_reading()  # type: ignore[attr-defined]
        chunk = bytes(range(256)) * 128

        async def shout() -> None:
            for _ in range(600):
                pod.line.message(1, chunk)
                await pod.line.writer.drain()

        async def type_on() -> None:
            for _ in range(600):
                kubectl.type(chunk)
                await kubectl.writer.drain()

        async with asyncio.TaskGroup() as group:
            group.create_task(shout())
            group.create_task(type_on())
            session = home.broker.windows.sessions[1]
            (leg,) = session._legs
            await home.until(lambda: leg.client.paused and leg.cluster.paused)  # type: ignore[attr-defined]
            await asyncio.sleep(0.3)
            for side in (leg.client, leg.cluster):  # type: ignore[attr-defined]
                assert side.held <= WIDE + 2 * WINDOW
            pod.reading.set()
            kubectl.writer.transport.resume_reading()  # type: ignore[attr-defined]
            got = 0
            async with asyncio.timeout(30):
                while got < 600 * len(chunk):
                    frame = await kubectl.frame()
                    assert frame is not None
                    if frame.opcode == websocket.BINARY:
                        assert frame.payload[1:] == chunk
                        got += len(chunk)
        await home.until(lambda: len(pod.typed) == 600)
        assert set(pod.typed) == {b"\0" + chunk}


async def test_pings_are_hop_by_hop(tmp_path: Path) -> None:
    """Each side's pings are answered by the gateway, neither passed on nor recorded; a flood of them holds no memory."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl, pod = await connected(home)
        kubectl.send(websocket.encode(websocket.PING, b"mine", mask=True))
        frame = await kubectl.frame()
        assert frame is not None
        assert (frame.opcode, frame.payload) == (websocket.PONG, b"mine")
        pod.line.say(websocket.encode(websocket.PING, b"theirs"))
        await home.until(lambda: [f.payload for f in pod.control] == [b"theirs"])
        (leg,) = home.broker.windows.sessions[1]._legs
        kubectl.rests()
        for _ in range(600):
            pod.line.message(1, b"x" * 32768)
        outlet, queued = leg.client.outlet, -1  # type: ignore[attr-defined]
        while not leg.cluster.paused or queued != outlet.queued:  # type: ignore[attr-defined]
            queued = outlet.queued
            await asyncio.sleep(0.5)
        kubectl.send(websocket.encode(websocket.PING, b"x" * 100, mask=True) * 5000)
        await home.until(lambda: outlet._urgent)
        await asyncio.sleep(0.3)
        assert (outlet.queued <= queued, len(outlet._urgent)) == (True, 1)
        assert len(pod.control) == 1


async def test_a_client_that_is_held_back_gets_pongs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own pings are stuck behind its data; kubectl gives up after 61 s without a pong."""
    monkeypatch.setattr("jitui.proxy.relay.ALIVE_EVERY", 0.05)
    async with house(tmp_path) as home:
        await home.window()
        kubectl, pod = await connected(home)
        pod.reading.clear()
        (leg,) = home.broker.windows.sessions[1]._legs
        for _ in range(1000):
            kubectl.type(b"x" * 32768)
        await home.until(lambda: leg.client.paused)  # type: ignore[attr-defined]
        frame = await asyncio.wait_for(kubectl.frame(), 30)
        assert frame is not None
        assert (frame.opcode, frame.payload) == (websocket.PONG, b"")
        kubectl.close()


@pytest.mark.parametrize("how", ["reset", "close"])
async def test_an_upstream_that_is_lost_is_a_failure(tmp_path: Path, how: str) -> None:
    """Without a Status kubectl would exit 0: it gets a Failure Status and close 1000."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl, pod = await connected(home)
        pod.line.message(1, b"half")
        frame = await kubectl.frame()
        assert frame is not None
        if how == "reset":
            pod.line.hang_up()
        else:
            pod.line.say(websocket.encode(websocket.CLOSE, CLOSE))
        assert "the cluster closed the connection" in await last_words(kubectl)
        (ended,) = await home.facts("session.ended")
        assert (ended.what["why"], ended.what["may_run_on"]) == ("upstream-lost", 1)


async def test_an_end_behind_the_status_says_nothing_more(tmp_path: Path) -> None:
    """The client has the output and the exit code; the window ends before the cluster's close: that is all that is left to say."""
    async with house(tmp_path) as home:
        grant = await home.window()
        kubectl, pod = await connected(home)
        pod.line.message(1, b"uid=0\n")
        pod.line.message(3, EXIT_3)
        assert [frame.payload for _ in range(2) if (frame := await kubectl.frame())] == [b"\1uid=0\n", b"\3" + EXIT_3]
        home.broker.windows.end(home.broker.windows.window(grant.id), Event.REVOKE, by="ana", why="enough")
        assert [frame.payload for frame in await kubectl.rest()] == [CLOSE]


async def test_a_status_and_a_drop_is_an_exit(tmp_path: Path) -> None:
    """The close frame that the cluster did not send is the gateway's."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl, pod = await connected(home)
        pod.line.message(3, SUCCESS)
        pod.line.writer.close()
        assert [frame.payload for frame in await kubectl.rest()] == [b"\3" + SUCCESS, CLOSE]


async def test_a_command_that_ends_while_more_is_typed_has_its_exit(tmp_path: Path) -> None:
    """The cluster says the exit, leaves its input unread and resets the connection; what is typed behind that fails, and all that came before is passed on."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl, pod = await connected(home)
        pod.reading.clear()
        (leg,) = home.broker.windows.sessions[1]._legs
        kubectl.writer.transport.pause_reading()  # type: ignore[attr-defined]
        said = 0
        while not leg.cluster.paused:  # type: ignore[attr-defined]
            pod.line.message(1, b"x" * 32768)
            said += 1
            await asyncio.sleep(0.002)
        pod.line.message(3, EXIT_3)
        await asyncio.sleep(0.1)
        cut(cast("asyncio.Transport", pod.line.writer.transport))
        for _ in range(3):
            kubectl.type(b"y" * 100)
            await asyncio.sleep(0.05)
        kubectl.writer.transport.resume_reading()  # type: ignore[attr-defined]
        *out, status, close = [frame.payload for frame in await kubectl.rest()]
        assert (sum(len(frame) - 1 for frame in out), status, close) == (said * 32768, b"\3" + EXIT_3, CLOSE)
        (ended,) = await home.facts("session.ended")
        assert ended.what["why"] == "exit"


async def test_a_client_that_does_not_drain_is_aborted(tmp_path: Path) -> None:
    """Two seconds after its last words, whatever it holds open; the cluster's side went at once."""
    async with house(tmp_path) as home:
        grant = await home.window()
        kubectl, pod = await connected(home)
        kubectl.writer.transport.pause_reading()  # type: ignore[attr-defined]
        for _ in range(400):
            pod.line.message(1, b"x" * 32768)
        (leg,) = home.broker.windows.sessions[1]._legs
        await home.until(lambda: leg.client.outlet.queued > 0)  # type: ignore[attr-defined]
        loop = asyncio.get_running_loop()
        began = loop.time()
        home.broker.windows.end(home.broker.windows.live[grant.id], Event.REVOKE, by="ana", why="enough")
        await asyncio.wait_for(pod.over.wait(), 1.5)
        await home.until(lambda: leg.client.gone)  # type: ignore[attr-defined]
        assert 1.5 < loop.time() - began < 15


async def test_what_was_typed_before_a_close_still_arrives(tmp_path: Path) -> None:
    """A client that types much and closes: within the window all of it goes to a slow cluster."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl, pod = await connected(home)
        pod.reading.clear()
        for _ in range(40):
            kubectl.type(b"y" * 32768)
        kubectl.send(websocket.encode(websocket.CLOSE, CLOSE, mask=True))
        await asyncio.sleep(0.3)
        pod.reading.set()
        await asyncio.wait_for(pod.over.wait(), 3)
        assert sum(len(typed) - 1 for typed in pod.typed) == 40 * 32768
        (ended,) = await home.facts("session.ended")
        assert (ended.what["why"], ended.what["may_run_on"], ended.what["conns"]) == ("client-closed", 1, [])


async def test_a_recorder_that_fails_ends_the_stream(tmp_path: Path) -> None:
    """Nothing passes, the words say so, and people can still decide."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl, pod = await connected(home)
        kubectl.type(b"first")
        await home.until(lambda: pod.typed)
        tapes = home.store._tapes
        tapes.db.execute("alter table frames rename to elsewhere")
        try:
            kubectl.type(b"second")
            assert "can't be recorded" in await last_words(kubectl)
            assert pod.typed == [b"\0first"]
            other = await home.dial()
            code, _, body = await other.ask("GET", "/api/v1/namespaces/web/pods")
            assert (code, b"recorded" in body) == (503, True)
            grant = await home.window("read pods in web")
            assert grant.live
        finally:
            tapes.db.execute("alter table elsewhere rename to frames")
        await home.until(lambda: home.store.recording_error is None)
        home.cluster.answerer = plainly
        assert (await (await home.dial()).ask("GET", "/api/v1/namespaces/web/pods"))[0] == 200
        assert home.troubles == []


async def test_a_kill_says_what_may_go_on(tmp_path: Path) -> None:
    """Two commands in one pod are two processes; an attach started none. Nobody says that a process was killed."""
    async with house(tmp_path) as home:
        grant = await home.window()
        first, _ = await connected(home)
        second, _ = await connected(home)
        desk = home.desk(ANA)
        killed = await desk.kill("s-1", reason="enough")
        assert killed.said.endswith("; 1 process may still run in web/web-1, and nothing tells which")
        assert "enough" in await last_words(first)
        third, _ = await connected(home)
        ended = await desk.revoke(grant.label, reason="enough")
        assert ended.streams == 2
        assert ended.said.endswith("; 2 processes may still run in web/web-1, and nothing tells which")
        assert "killed" not in ended.said + killed.said
        for kubectl in (second, third):
            assert "revoked by ana: enough" in await last_words(kubectl)


async def test_a_live_viewer_misses_nothing(tmp_path: Path) -> None:
    """It sees the past, the present and the end; a frame that is committed while the past is read is not lost."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl, pod = await connected(home)
        pod.line.message(1, b"one")
        assert await kubectl.frame()
        seen: list[LiveChunk] = []

        async def look() -> None:
            seen.extend([chunk async for chunk in home.desk(ANA).watch("s-1")])

        async with asyncio.TaskGroup() as group:
            group.create_task(look())
            for number in range(50):
                pod.line.message(1, b"%d" % number)
                await asyncio.sleep(0.002)
            await home.until(lambda: home.broker.windows.sessions[1].frames >= 53)
            home.broker.windows.kill(home.broker.windows.sessions[1], by="ana", reason="x")
        seqs = [chunk.frame.seq for chunk in seen if chunk.frame]
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
        assert (seen[-1].kind, seen[-1].why) == ("end", f"{Why.KILLED} by ana")




async def test_a_recorder_that_hangs_does_not_hold_up_the_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that neither writes nor fails: the client is told within a quarter of a second all the same."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl, pod = await connected(home)
        pod.line.message(1, b"here")
        assert (await kubectl.frame()) is not None
        (session,) = [one for one in home.broker.windows.sessions.values() if one.kind == "exec"]
        monkeypatch.setattr(session.recorder, "journal", Hung())
        began = asyncio.get_running_loop().time()
        home.broker.windows.kill(session, by="ana", reason="enough")
        assert "killed by ana: enough" in await last_words(kubectl)
        assert asyncio.get_running_loop().time() - began < 1


@pytest.mark.parametrize("politely", [True, False])
async def test_a_client_that_leaves_a_frozen_stream_ends_it(tmp_path: Path, politely: bool) -> None:
    """Nobody waits for the thaw any more: what it typed meanwhile is on record, and goes nowhere."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl, pod = await connected(home)
        kubectl.type(b"first")
        await home.until(lambda: pod.typed)
        (session,) = [one for one in home.broker.windows.sessions.values() if one.kind == "exec"]
        session.freeze("ana")
        kubectl.type(b"second")
        await home.until(lambda: session.held)
        if politely:
            kubectl.close()
        kubectl.writer.close()
        await home.until(lambda: not home.broker.windows.sessions)
        assert pod.typed == [b"\0first"]
        (ended,) = await home.facts("session.ended")
        assert (ended.what["why"], ended.what["may_run_on"], ended.what["conns"][0]["in"] - ended.what["conns"][0]["in_handed"]) == ("client-closed", 1, 6)


class Hung:
    """A journal whose commits never come back."""

    def put_all(self, frames: object, done: object) -> None:
        pass
