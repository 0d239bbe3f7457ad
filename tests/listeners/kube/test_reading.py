"""The same head again on the same connection: read once, and answered each time as if it were read anew."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from jitui.listeners.kube.client import KubeClient
from jitui.policy import kube, policy
from jitui.policy.grant import Event
from jitui.policy.terms import Role
from jitui.protocol import http
from jitui.proxy.brief import Brief
from jitui.proxy.port import Handler
from jitui.values.errors import UnrecordableError
from tests.fakes.house import ADMIN, AGENT, House, house, rule
from tests.fakes.upstream import Asked

PODS = "/api/v1/namespaces/web/pods"
Change: TypeAlias = Callable[[House], Coroutine[Any, Any, None]]
MEANWHILE: dict[str, tuple[Change, int, bytes]] = {}


class Flat:
    """A cluster without namespaces."""

    def namespaced(self, group: str, resource: str) -> bool | None:
        return False


def meanwhile(code: int, words: bytes) -> Callable[[Change], Change]:
    """A change between two equal requests, and the answer to the second."""

    def keep(change: Change) -> Change:
        MEANWHILE[change.__name__] = (change, code, words)
        return change

    return keep


@meanwhile(200, b"PodList")
async def nothing(_: House) -> None: ...


@meanwhile(401, b"was revoked")
async def its_token_is_revoked(home: House) -> None:
    await home.broker.rotate(AGENT, by=ADMIN)


@meanwhile(401, b"expired")
async def its_token_expires(home: House) -> None:
    home.clock.advance(400 * 86400)


@meanwhile(401, b"is disabled here")
async def the_agent_is_disabled(home: House) -> None:
    home.broker.roster.directory.put(replace(home.broker.roster.agent(AGENT), disabled=True))


@meanwhile(403, b"jitui request prod")
async def the_window_is_revoked(home: House) -> None:
    (window,) = home.broker.windows.live.values()
    home.broker.windows.end(window, Event.REVOKE, by="ana", why="enough")


@meanwhile(403, b"jitui request prod")
async def the_windows_time_is_over(home: House) -> None:
    home.clock.advance(600)


@meanwhile(403, b"no rule lets")
async def the_rule_is_gone(home: House) -> None:
    home.broker.requests.rules = {}


@meanwhile(403, b"now allows only")
async def the_rule_is_narrower(home: House) -> None:
    home.broker.requests.rules = {(AGENT, "prod"): rule(scope="get configmaps in web")}


@meanwhile(200, b"PodList")
async def another_window_is_granted(home: House) -> None:
    await home.window("get pods in web", 60)


@meanwhile(403, b"jitui request prod")
async def another_window_takes_its_place(home: House) -> None:
    await the_window_is_revoked(home)
    await home.window("get pods:web-7 in web", 60)


@meanwhile(403, b"no rule allows it")
async def its_kind_lives_in_no_namespace_any_more(home: House) -> None:
    home.broker.kinds = {"prod": Flat()}


@meanwhile(403, b"jitui request prod")
async def the_window_is_frozen_thawed_and_over(home: House) -> None:
    (window,) = home.broker.windows.live.values()
    home.broker.freezer.freeze(window, by="ana")
    home.broker.freezer.thaw(window, by="ana")
    home.clock.advance(600)


@meanwhile(429, b"makes more than 1 requests a second")
async def the_agent_may_ask_less_often(home: House) -> None:
    await asyncio.sleep(0.1)  # until the tokens of those asked before are earned
    home.limit(rate=1, burst=1)
    assert (await (await home.dial()).ask("GET", PODS))[0] == 200


@meanwhile(503, b"this can't be recorded, so it does not pass (no room)")
async def nothing_can_be_recorded(home: House) -> None:
    home.store._journal.recording_error = UnrecordableError("no room")


@meanwhile(200, b"at elsewhere")
async def the_cluster_is_elsewhere(home: House) -> None:
    async def elsewhere(asked: Asked) -> None:
        asked.line.answer(f"PodList at {asked.get('host')}".encode())

    home.cluster.host, home.cluster.answerer = b"elsewhere", elsewhere


@meanwhile(200, b"PodList")
async def its_session_is_killed(home: House) -> None:
    (session,) = home.broker.windows.sessions.values()
    home.broker.windows.kill(session, by="ana", reason="enough")


@meanwhile(503, b"too little room")
async def its_session_is_killed_and_none_may_be_opened(home: House) -> None:
    await its_session_is_killed(home)
    home.broker.windows.full = "too little room"


@meanwhile(403, b"jitui request prod")
async def lockdown_came_and_went(home: House) -> None:
    await home.broker.lockdown(True, by=ADMIN, reason="drill")
    await home.broker.lockdown(False, by=ADMIN, reason="over")


@meanwhile(403, b"is a person here")
async def the_agent_is_a_person_now(home: House) -> None:
    home.broker.roster.directory.put(replace(home.broker.roster.agent(AGENT), roles=frozenset({Role.APPROVER})))


@meanwhile(200, b"by Bearer second")
async def the_credential_is_another(home: House) -> None:
    async def who(asked: Asked) -> None:
        asked.line.answer(f"by {asked.get('authorization')}".encode())

    home.cluster.tokens, home.cluster.answerer = [b"second"], who


@meanwhile(200, b"by Bearer second")
async def the_credential_is_refused(home: House) -> None:
    async def who(asked: Asked) -> None:
        good = asked.get("authorization") == "Bearer second"
        asked.line.answer(f"by {asked.get('authorization')}".encode(), "200 OK" if good else "401 Unauthorized")

    home.cluster.tokens, home.cluster.answerer = [b"first", b"second"], who


@meanwhile(403, b"requires isolation, and this agent runs as")
async def isolation_is_required(home: House) -> None:
    home.proxy.isolated = frozenset({"prod"})
    for client in home.listener.clients:
        client.visitor.uid = os.geteuid()
    home.listener._porch._asks_owner = True


@meanwhile(503, b"the gateway is stopping")
async def the_gateway_stops(home: House) -> None:
    home.broker.windows.stopping = True


@pytest.mark.parametrize("change", MEANWHILE)
async def test_a_change_counts_for_the_next_equal_request(tmp_path: Path, change: str) -> None:
    """The second of two equal requests is answered as the first of a new connection is, whatever happened in between."""
    happens, code, words = MEANWHILE[change]
    async with house(tmp_path) as home:
        await home.window()
        kept = await home.dial()
        assert [(await kept.ask("GET", PODS))[0] for _ in range(3)] == [200] * 3
        await happens(home)
        got, _, body = await kept.ask("GET", PODS)
        fresh, _, anew = await (await home.dial()).ask("GET", PODS)
        assert (got, body) == (fresh, anew)
        assert got == code
        assert words in body


async def test_an_equal_request_takes_no_step_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request behind the first goes on at once where all stands; one with a body, and one that expects to be told to go on, take every step."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        begun = 0
        begin = home.listener.begin

        def count(client: KubeClient, head: http.RequestHead) -> Handler:
            nonlocal begun
            begun += 1
            return begin(client, head)

        monkeypatch.setattr(home.listener, "begin", count)
        for more, times in ((), 1), (("X-One: more",), 1), (("Content-Length: 2",), 3), (("Expect: 100-continue", "Content-Length: 0"), 3):
            begun = 0
            for _ in range(3):
                kubectl.send(kubectl.head("GET", PODS, *more) + (b"{}" if "Content-Length: 2" in more else b""))
                if more[:1] == ("Expect: 100-continue",):
                    assert b" 100 " in await kubectl.reader.readuntil(b"\r\n\r\n")
                assert (await kubectl.answer())[0] == 200
            assert begun == times, more
        kubectl.send(3 * kubectl.head("GET", PODS))  # in one read
        assert [(await kubectl.answer())[0] for _ in range(3)] == [200] * 3
        assert [frame.seq for frame in await home.frames(1)] == [*range(3 * 12 + 9 + 3)]


@pytest.mark.interpreted
async def test_equal_heads_are_read_and_judged_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of equal requests the first is read and judged. A head that differs in one byte is read by itself."""
    read, judged = kube.read, policy.decide
    counts = {"read": 0, "judged": 0}

    def reading(*args: Any, **more: Any) -> Any:
        counts["read"] += 1
        return read(*args, **more)

    def judging(*args: Any, **more: Any) -> Any:
        counts["judged"] += 1
        return judged(*args, **more)

    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        await kubectl.ask("GET", PODS)
        monkeypatch.setattr(kube, "read", reading)
        monkeypatch.setattr(policy, "decide", judging)
        for _ in range(100):
            assert (await kubectl.ask("GET", PODS))[0] == 200
        assert (counts["read"], counts["judged"]) == (0, 0)
        assert (await kubectl.ask("GET", PODS, "X-One: more"))[0] == 200
        assert (await kubectl.ask("GET", PODS))[0] == 200
        assert counts["read"] == 2


async def test_the_body_is_each_requests_own(tmp_path: Path) -> None:
    """Two writes with equal heads are two writes, each on record with its own body."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        for body in (b'{"kind":"Pod","a":1}', b'{"kind":"Pod","a":2}', b'{"kind":"Pod","a":3}'):
            assert (await kubectl.ask("POST", PODS, "Content-Type: application/json", body=body))[0] == 200
        recorded = [frame.body for frame in await home.frames(1) if frame.channel.label == "request-body"]
        assert recorded == [b'{"kind":"Pod","a":1}', b'{"kind":"Pod","a":2}', b'{"kind":"Pod","a":3}']
        assert [asked.get("audit-id") for asked in home.cluster.asked] == ["jitui-test-1-0", "jitui-test-1-1", "jitui-test-1-2"]


async def test_equal_requests_share_one_object_until_something_changes(tmp_path: Path) -> None:
    """From the second on they go the short way in one object; any step that has to be taken again ends that, and so does anything unusual."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()

        async def ask() -> Brief | None:
            assert (await kubectl.ask("GET", PODS))[0] == 200
            (client,) = home.listener.clients
            assert client.reading is not None
            return client.reading.brief

        assert await ask() is None
        first = await ask()
        assert first is not None
        assert [await ask() for _ in range(3)] == [first] * 3
        assert (first._credential, first._head, first._wire) == ((), b"", b""), "while it rests it keeps nothing of what passed"
        home.broker.requests.rules = {(AGENT, "prod"): rule()}
        assert await ask() is None
        second = await ask()
        assert second not in {None, first}
        for line in home.cluster.lines:
            line.hang_up()
        await home.until(lambda: not len(home.pool))
        assert await ask() is second, "it became an exchange, which dialled"
        assert second is not None
        assert second._credential == ()
        third = await ask()
        assert third not in {None, first, second}
        assert await ask() is third
        (session,) = home.broker.windows.sessions.values()
        assert [flow for flow in session.deliveries.flows.values() if not flow.whole] == []
        await home.store.commit([])
        await home.until(lambda: len(home.files.actions()) == 10)
        assert sorted(row.conn for row in home.files.actions()) == [*range(10)]
        assert {row.audit_id for row in home.files.actions()} == {f"jitui-test-{session.id}-{conn}" for conn in range(10)}
