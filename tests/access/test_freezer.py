"""Freezing: at once, for what is open and what opens later; the flag is on record, and every end goes through it."""

import asyncio
from pathlib import Path

import pytest

from jitui.clusters.pool import Connection, Pool
from jitui.policy.grant import Event
from jitui.protocol import websocket
from jitui.proxy.ends import Why
from jitui.proxy.live import Session, Window
from jitui.proxy.outlet import WINDOW
from jitui.proxy.turns import WIDE, WIDE_AT_ONCE
from jitui.recording.frame import Channel, Frame
from jitui.values.errors import ConflictError
from tests.access.test_windows import LIST, WATCH, _open
from tests.fakes.house import House, Kubectl, house, rule
from tests.proxy.test_relay import Pod, connected, last_words


def only(home: House) -> Window:
    (window,) = home.broker.windows.live.values()
    return window


async def opened(home: House) -> Session:
    session = await _open(home, WATCH)
    assert isinstance(session, Session)
    return session


async def test_a_frozen_window_holds_every_session_of_it_at_once(tmp_path: Path) -> None:
    """Without an await: when the call returns, all stand still, and the fact follows."""
    async with house(tmp_path) as home:
        await home.window()
        sessions = [await opened(home) for _ in range(3)]
        frost = home.broker.freezer.freeze(only(home), by="ana")
        assert [session.frozen_by for session in sessions] == ["ana"] * 3
        assert (frost.windows, frost.streams, only(home).grant.frozen_by) == (("g-1",), 3, "ana")
        (fact,) = await home.facts("grant.frozen")
        assert (fact.who, fact.subject, fact.what) == ("ana", "g-1", {"by": "ana", "streams": 3, "identity": "agent-x", "connection": "prod"})
        with pytest.raises(ConflictError, match="g-1 was already frozen by ana; thaw or revoke it"):
            home.broker.freezer.freeze(only(home), by="bo")


async def test_what_opens_in_a_frozen_window_starts_frozen(tmp_path: Path) -> None:
    """Also a session whose opening was being written when it was frozen."""
    async with house(tmp_path) as home:
        await home.window()
        opening = asyncio.ensure_future(_open(home))
        await asyncio.sleep(0)
        home.broker.freezer.freeze(only(home), by="ana")
        await opening
        await _open(home, LIST)
        assert [session.frozen_by for session in home.broker.windows.sessions.values()] == ["ana", "ana"]


async def test_thaw_delivers_in_order_and_says_how_much(tmp_path: Path) -> None:
    """Both directions of an exec, recorded while they were held; the clock ran on."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl, pod = await connected(home)
        home.broker.freezer.freeze(only(home), by="ana")
        (session,) = home.broker.windows.sessions.values()
        said = [b"%03d\n" % at for at in range(100)]
        for line in said:
            pod.line.message(1, line)
        kubectl.type(b"id\n")
        await home.until(lambda: session.held >= 403)
        assert pod.typed == []
        home.clock.advance(60)
        frost = home.broker.freezer.thaw(only(home), by="bo")
        assert frost.held == session.bytes_in + session.bytes_out - _heads(await home.frames(session.id))
        got = b""
        while len(got) < 400:
            frame = await kubectl.frame()
            assert frame is not None
            got += frame.payload[1:] if frame.opcode == websocket.BINARY else b""
        assert got == b"".join(said)
        await home.until(lambda: pod.typed == [b"\0id\n"])
        (fact,) = await home.facts("grant.thawed")
        assert (fact.who, fact.what["held"], fact.what["streams"]) == ("bo", frost.held, 1)
        assert session.held == 0
        with pytest.raises(ConflictError, match="g-1 is not frozen; nothing to thaw"):
            home.broker.freezer.thaw(only(home), by="bo")
        deadline = only(home).grant.deadline
        assert deadline is not None
        assert deadline.remaining_us(home.clock.now()) == 540_000_000


def _heads(frames: list[Frame]) -> int:
    """Bytes of what passed before the freeze: the upgrade's request and its answer."""
    return sum(len(frame.body) for frame in frames if frame.channel in {Channel.REQUEST, Channel.RESPONSE})


@pytest.mark.parametrize("how", ["deadline", "revoke", "kill"])
async def test_every_end_goes_through_a_freeze(tmp_path: Path, how: str) -> None:
    """The client gets its words; what was held is dropped, and marked as not delivered; nothing is frozen any more."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl, pod = await connected(home)
        window = only(home)
        home.broker.freezer.freeze(window, by="ana")
        (session,) = home.broker.windows.sessions.values()
        pod.line.message(1, b"secret")
        await home.until(lambda: session.held == 6)
        handed = session.handed_out
        if how == "deadline":
            home.clock.advance(600)
            home.tick()
        elif how == "revoke":
            home.broker.windows.end(window, Event.REVOKE, by="ana", why="enough")
        else:
            home.broker.windows.kill(session, by="ana", reason="enough")
        words = await last_words(kubectl)
        assert {"deadline": "ended at", "revoke": "was revoked by ana: enough", "kill": "killed by ana: enough"}[how] in words
        await home.until(lambda: not home.broker.windows.sessions)
        (ended,) = await home.facts("session.ended")
        assert (ended.what["why"], ended.what["delivered_out"] - handed) == ({"deadline": "expired", "revoke": "revoked", "kill": "killed"}[how],
                                                                              ended.what["bytes_out"] - handed - 6)  # fmt: skip
        assert ended.what["conns"] != []
        assert window.grant.frozen_by == ("ana" if how == "kill" else "")


async def test_it_survives_the_gateway(tmp_path: Path) -> None:
    """The flag is on record: after a restart the window is frozen, and what opens in it too; a thaw is remembered as well."""
    async with house(tmp_path) as home:
        await home.window()
        home.broker.freezer.freeze(only(home), by="ana")
        clock, token = home.clock, home.token
    async with house(tmp_path, clock=clock, agent=False) as home:
        home.token = token
        assert only(home).grant.frozen_by == "ana"
        assert (await opened(home)).frozen_by == "ana"
        home.broker.freezer.thaw(only(home), by="ana")
    async with house(tmp_path, clock=clock, agent=False) as home:
        assert only(home).grant.frozen_by == ""
        assert (await opened(home)).frozen_by == ""


async def test_one_session_alone(tmp_path: Path) -> None:
    """Its window goes on, and so do its other sessions; a second freeze and a second thaw conflict and say what is so."""
    async with house(tmp_path) as home:
        await home.window()
        one, other = await opened(home), await opened(home)
        freezer = home.broker.freezer
        freezer.freeze_session(one, by="ana")
        assert (one.frozen_by, other.frozen_by, only(home).grant.frozen_by) == ("ana", "", "")
        with pytest.raises(ConflictError, match="s-1 was already frozen by ana; thaw or kill it"):
            freezer.freeze_session(one, by="bo")
        freezer.thaw_session(one, by="bo")
        assert one.frozen_by == ""
        with pytest.raises(ConflictError, match="s-1 is not frozen; nothing to thaw"):
            freezer.thaw_session(one, by="bo")
        facts = [(str(fact.kind), fact.who, fact.subject) for fact in await home.facts() if "session.fro" in fact.kind or "session.tha" in fact.kind]
        assert facts == [("session.frozen", "ana", "s-1"), ("session.thawed", "bo", "s-1")]
        home.broker.windows.over(one, home.broker.windows._end_of(only(home), Why.KILLED))
        with pytest.raises(ConflictError, match="s-1 is ending already"):
            freezer.freeze_session(one, by="ana")


async def test_a_frozen_window_is_thawed_whole(tmp_path: Path) -> None:
    """No session of it alone: where FROZEN stands nothing passes. Thawing it thaws also what was frozen alone before."""
    async with house(tmp_path) as home:
        await home.window()
        one, other = await opened(home), await opened(home)
        freezer = home.broker.freezer
        freezer.freeze_session(one, by="bo")
        freezer.freeze(only(home), by="ana")
        for session in (one, other):
            with pytest.raises(ConflictError, match=f"{session.label} was already frozen by ana with its window g-1; thaw or revoke g-1"):
                freezer.freeze_session(session, by="bo")
            with pytest.raises(ConflictError, match=f"{session.label} is frozen with its window g-1, by ana; a window is thawed whole: jitui thaw g-1"):
                freezer.thaw_session(session, by="bo")
        assert (one.frozen_by, other.frozen_by) == ("bo", "ana")
        assert freezer.thaw(only(home), by="ana").streams == 2
        assert (one.frozen_by, other.frozen_by) == ("", "")


async def test_a_window_with_one_frozen_session_can_be_thawed(tmp_path: Path) -> None:
    """Its flag was not set; what was frozen in it goes on."""
    async with house(tmp_path) as home:
        await home.window()
        session = await opened(home)
        home.broker.freezer.freeze_session(session, by="ana")
        assert home.broker.freezer.thaw(only(home), by="ana").streams == 1
        assert session.frozen_by == ""
        assert await home.facts("grant.thawed") == []


async def test_all(tmp_path: Path) -> None:
    """Every active window, those already frozen left as they are; one that waits for its first use is named; a later one is not frozen."""
    rules = (rule(), rule("agent-y"), rule("agent-z", on_first_use=True))
    async with house(tmp_path, rules=rules) as home:
        for name in ("agent-y", "agent-z"):
            await home.agent(name)
        await home.window()
        session = await opened(home)
        for name in ("agent-y", "agent-z"):
            await home.window(agent=name)
        freezer, live = home.broker.freezer, home.broker.windows.live
        freezer.freeze(live[2], by="bo")
        frost = freezer.freeze_all(by="ana")
        assert (frost.windows, frost.streams, frost.skipped) == (("g-1",), 1, ("g-3",))
        assert [live[ident].grant.frozen_by for ident in (1, 2, 3)] == ["ana", "bo", ""]
        with pytest.raises(ConflictError, match="g-3 is waiting, which freeze does not move"):
            freezer.freeze(live[3], by="ana")
        await home.window()
        assert live[4].grant.frozen_by == ""
        freezer.freeze_session(await home.broker.windows.open_session(live[4].grant, WATCH, peer="", command_group=""), by="ana")
        frost = freezer.thaw_all(by="ana")
        assert (frost.windows, frost.streams) == (("g-1", "g-2", "g-4"), 2)
        assert {one.frozen_by for one in home.broker.windows.sessions.values()} == {session.frozen_by} == {""}
        assert freezer.thaw_all(by="ana").windows == ()


async def test_a_call_in_a_frozen_window_waits_and_is_answered_once_it_is_thawed(tmp_path: Path) -> None:
    """The cluster hears nothing of it before."""
    async with house(tmp_path) as home:
        await home.window()
        home.broker.freezer.freeze(only(home), by="ana")
        kubectl = await home.dial()
        call = asyncio.ensure_future(kubectl.ask("GET", "/api/v1/namespaces/web/pods"))
        await home.until(lambda: [session.held > 0 for session in home.broker.windows.sessions.values()] == [True])
        await asyncio.sleep(0.2)
        assert (call.done(), home.cluster.asked) == (False, [])
        home.broker.freezer.thaw(only(home), by="ana")
        async with asyncio.timeout(30):
            assert (await call)[0] == 200
        assert (await kubectl.ask("GET", "/api/v1/namespaces/web/pods"))[0] == 200
        assert home.troubles == []


async def test_a_call_that_just_came_when_the_window_froze_waits_no_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was judged and is being put on record: the cluster heard nothing of it, and after the same time it is told the same."""
    monkeypatch.setattr("jitui.proxy.exchange.THAWS_WITHIN", 0.3)
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        kubectl.send(kubectl.head("GET", "/api/v1/namespaces/web/pods"))
        while not any(session._legs for session in home.broker.windows.sessions.values()):  # noqa: ASYNC110 - it is the loop's turns that are looked at
            await asyncio.sleep(0)
        home.broker.freezer.freeze(only(home), by="ana")
        async with asyncio.timeout(30):
            code, _, said = await kubectl.answer()
        assert (code, b"g-1 is frozen by ana; try again once it is thawed" in said) == (503, True)
        assert home.cluster.asked == []


async def test_a_call_whose_connection_is_being_made_when_the_window_freezes_is_told_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is on record, and was to be sent: still the cluster heard nothing of it."""
    monkeypatch.setattr("jitui.proxy.exchange.THAWS_WITHIN", 0.3)
    dialling, go_on = asyncio.Event(), asyncio.Event()
    connect = Pool.connect

    async def slowly(pool: Pool, *, stream: bool = False) -> Connection:
        dialling.set()
        await go_on.wait()
        return await connect(pool, stream=stream)

    async with house(tmp_path) as home:
        await home.window()
        monkeypatch.setattr(Pool, "connect", slowly)
        kubectl = await home.dial()
        kubectl.send(kubectl.head("GET", "/api/v1/namespaces/web/pods"))
        await asyncio.wait_for(dialling.wait(), 30)
        home.broker.freezer.freeze(only(home), by="ana")
        go_on.set()
        async with asyncio.timeout(30):
            code, _, said = await kubectl.answer()
        assert (code, b"g-1 is frozen by ana; try again once it is thawed" in said) == (503, True)
        home.broker.freezer.thaw(only(home), by="ana")
        await asyncio.sleep(0.2)
        assert home.cluster.asked == []


@pytest.mark.parametrize("kind", ["request", "exec"])
async def test_a_connection_that_is_made_while_the_window_is_frozen_is_closed_when_the_window_ends(tmp_path: Path, kind: str) -> None:
    """It waited for the thaw; the revoke closes it, and the cluster was sent nothing on it."""
    async with house(tmp_path) as home:
        await home.window()
        home.cluster.slow = asyncio.Event()
        kubectl = await home.dial()
        call = asyncio.ensure_future(kubectl.exec() if kind == "exec" else kubectl.ask("GET", "/api/v1/namespaces/web/pods"))
        await home.until(lambda: any(session.bytes_in for session in home.broker.windows.sessions.values()))
        await asyncio.sleep(0.05)
        home.broker.freezer.freeze(only(home), by="ana")
        home.cluster.slow.set()
        await home.until(lambda: home.cluster.open_lines == 1)
        home.broker.windows.end(only(home), Event.REVOKE, by="ana", why="enough")
        await asyncio.wait_for(call, 5)
        await home.until(lambda: home.cluster.open_lines == 0)
        assert home.cluster.got == b""


async def test_an_exec_in_a_frozen_window_is_told_by_whom_it_is_frozen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cluster was never asked; a thaw in time lets it begin."""
    monkeypatch.setattr("jitui.proxy.upgrade.ANSWER_WITHIN", 1.0)
    async with house(tmp_path) as home:
        await home.window()
        home.broker.freezer.freeze(only(home), by="ana")
        kubectl = await home.dial()
        async with asyncio.timeout(30):
            assert await kubectl.exec() == 503
        assert b"jitui: g-1 is frozen by ana; try again once it is thawed" in kubectl.refusal
        assert home.cluster.asked == []
        await home.until(lambda: not home.broker.windows.sessions)
        (ended,) = await home.facts("session.ended")
        assert (ended.what["why"], ended.what["by"], ended.what["delivered_in"]) == ("frozen", "gateway", 0)
        later = asyncio.get_running_loop().call_later(0.3, lambda: home.broker.freezer.thaw(only(home), by="ana"))
        kubectl, pod = await connected(home)
        assert later.when() < asyncio.get_running_loop().time()
        pod.line.message(1, b"hi")
        frame = await kubectl.frame()
        assert frame is not None
        assert frame.payload == b"\1hi"


async def test_a_flood_stops_at_that_instant_and_is_held_within_bounds(tmp_path: Path) -> None:
    """Ten streams at full speed: nothing is handed to a socket any more, and no leg holds more than its window and one read."""
    async with house(tmp_path) as home:
        await home.window()
        streams = [await connected(home) for _ in range(10)]

        async def flood(pod: Pod) -> None:
            while True:
                pod.line.message(1, b"x" * 16_000)
                await pod.line.writer.drain()

        async def read(kubectl: Kubectl) -> None:
            while await kubectl.reader.read(1 << 16):
                pass

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for kubectl, pod in streams for work in (flood(pod), read(kubectl))]
            sessions = list(home.broker.windows.sessions.values())
            await home.until(lambda: all(session.handed_out > 100_000 for session in sessions))
            home.broker.freezer.freeze(only(home), by="ana")
            handed = [session.handed_out for session in sessions]
            await home.until(lambda: all(session.held > WINDOW // 2 for session in sessions))
            await asyncio.sleep(0.5)
            held = [session.held for session in sessions]
            assert sum(each > 2 * WINDOW + 16_003 for each in held) <= WIDE_AT_ONCE
            assert max(held) <= WIDE + WINDOW + 16_003  # one read of a TLS connection is 256 KiB, and a frame that it completes
            await asyncio.sleep(0.5)
            assert [session.held for session in sessions] == held
            assert [session.handed_out for session in sessions] == handed
            home.broker.freezer.thaw(only(home), by="ana")
            await home.until(lambda: all(session.handed_out > before + WINDOW for session, before in zip(sessions, handed, strict=True)))
            for task in tasks:
                task.cancel()


async def test_one_that_fails_does_not_keep_the_others(tmp_path: Path) -> None:
    """Freezing is for trouble: a leg that is broken stands still as far as it can, and every other session does too."""

    class Broken:
        action = None

        def freeze(self, on: bool) -> None:
            raise RuntimeError(on)

        def cut(self, end: object) -> None:
            raise RuntimeError(end)

    async with house(tmp_path) as home:
        await home.window()
        broken, other = await opened(home), await opened(home)
        broken.open_conn(Broken())
        home.broker.freezer.freeze(only(home), by="ana")
        assert (broken.frozen_by, other.frozen_by) == ("ana", "ana")
        home.broker.freezer.thaw(only(home), by="ana")
        assert (broken.frozen_by, other.frozen_by) == ("", "")
        assert [trouble["message"] for trouble in home.troubles] == ["s-1 could not be frozen or thawed as a whole"] * 2
