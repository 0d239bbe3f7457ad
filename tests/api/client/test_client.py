"""The operations of a gateway in another process are the same operations."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import assert_type

import pytest

from jitui.api.client import Client
from jitui.api.operations import Operations
from jitui.api.views import LiveChunk, RequestView, SessionView
from jitui.policy.action import Action
from jitui.values.errors import ConflictError, InvalidError, NotFoundError, RefusedError, UnavailableError
from jitui.values.said import Said
from tests.fakes.desk import PUBLIC, FakeDesk, FakeGateway, Somebody, action_view, grant_view, request_view, session_view
from tests.fakes.gateway import AGENT, ANA, Address


def desks(gateway: Address) -> tuple[Operations, Operations]:
    """Both sides keep the same table (mypy reads this)."""
    return FakeDesk(gateway.house, AGENT, "", "", False), Client("unix:/nowhere")


async def types(client: Client) -> None:
    """The client's methods have the types of the table (mypy reads this)."""
    assert_type(await client.approve("r-1", digest="d", duration_s=60), RequestView)
    assert_type(await client.sessions(live=True), Sequence[SessionView])
    assert_type(client.watch("s-1"), AsyncIterator[LiveChunk])
    await client.approve("r-1", duration_s="1h")  # type: ignore[arg-type]
    await client.deny("r-1")  # type: ignore[call-arg]


async def test_views_arrive_as_they_were(gateway: Address, local: Client, ana: Client) -> None:
    """Every view survives the way, with text of others still Said."""
    house = gateway.house
    house.requests["r-1"] = request_view("r-1", "agent-a", "prod", 600, reason=Said("[@click=x]\x1b[2J\u202e"), automatic=True)
    house.grants["g-1"] = grant_view("g-1", "agent-a", "prod", last=Said("\x00"), why=Said("why"))
    house.grants["g-2"] = grant_view("g-2", "agent-a", "prod", frozen_by="ana", held=12)
    house.sessions["s-1"] = session_view("s-1", frozen_by="ana", held=12, argv=(Said("sh"), Said("-c"), Said("\x1b]0;x\x07")))
    house.actions.append(action_view(code=None, name=Said("web\n")))
    await house.record("s-1", "stdout", bytes(range(256)))
    await house.happen("grant.started", "ana", "g-1", deadline={"wall_us": 1}, approved_by=["ana"])
    assert list(await local.requests()) == [house.requests["r-1"]] == [await local.request("r-1")]
    assert list(await local.grants()) == [house.grants["g-1"], house.grants["g-2"]] == [await local.grant("g-1"), await local.grant("g-2")]
    assert list(await local.sessions(live=True, grant="g-1")) == [house.sessions["s-1"]] == [await local.session("s-1")]
    assert list(await local.actions(grant="g-1")) == house.actions
    assert list(await local.frames("s-1")) == house.frames["s-1"]
    assert list(await local.facts()) == house.facts
    assert await local.status() == await FakeDesk(house, ANA, "", "", False).status()
    assert (await ana.hello()) == await FakeDesk(house, ANA, "", "", False).hello()


async def test_the_story(gateway: Address, local: Client, agent: Client, ana: Client) -> None:
    """Ask, approve less, see the window, give it back, over TLS and the socket."""
    asked = await agent.ask("prod", duration_s=1200, reason="why", scope="read pods in web", identity="agent-a", approval="required")
    assert (asked.state, asked.reason) == ("pending", Said("why"))
    granted = await ana.approve(asked.id, digest=asked.digest, duration_s=600, reason="ok")
    assert (granted.grant, granted.duration_s, granted.decided_by) == ("g-1", 600, "ana")
    assert [view.id for view in await agent.grants()] == ["g-1"]
    assert (await agent.release("g-1")).said == "g-1 released: 1 stream closed in 2.5 ms"
    assert (await agent.ask("prod", reason="")).duration_s == 1800
    assert (await agent.withdraw("r-2")).state == "withdrawn"
    assert [call[1] for call in gateway.house.calls if call[0] in {"ask", "approve", "release"}] == ["agent-a", "ana", "agent-a", "agent-a"]
    gateway.house.sessions["s-1"] = session_view("s-1")
    assert (await ana.freeze("g-1")).windows == ("g-1",)
    assert (await ana.thaw("s-1")).frozen_by == ""
    assert (await ana.freeze("s-1")).said == "s-1 frozen: 1 held"
    assert (await ana.thaw("all")).windows == ("g-1",)
    with pytest.raises(InvalidError, match='"17" is no window, no session and not all; those look like g-17, s-204, all'):
        await ana.freeze("17")
    assert (await ana.kill("s-1", reason="x")).may_run_on == ("web-7c",)
    gateway.house.grants["g-1"] = replace(gateway.house.grants["g-1"], state="active")
    assert (await ana.revoke("g-1", reason="x")).streams == 1
    assert (await ana.verify("s-1")) == []


async def test_clerk(gateway: Address, local: Client) -> None:
    """The house itself."""
    made = await local.identity_add("agent-b", roles=["agent"], owner="bo")
    assert (made.identity.owner, made.token[:3]) == ("bo", "jt_")
    assert made.token not in repr(made)
    assert [identity.name for identity in await local.identities()] == ["agent-b"]
    assert (await local.identity_rotate("agent-b")).token != made.token
    (key,) = await local.identity_key_add("agent-b", ssh_keys=PUBLIC)
    assert ((key.type, str(key.comment)), list(await local.identity_keys("agent-b"))) == (("ssh-ed25519", "spare"), [key])
    assert [one.revoked != "" for one in await local.identity_key_revoke("agent-b", fingerprint=key.fingerprint, reason="x")] == [True]
    assert (await local.identity_disable("agent-b", reason="x")).disabled
    assert (await local.lockdown(True, reason="x")).lockdown
    assert await local.reload() == "nothing changed"
    said = await local.explain("prod", Action("get", resource="pods", namespace="web"), identity="agent-b")
    assert (said.identity, said.why) == ("agent-b", "no window for get pods")
    await local.stop()
    assert gateway.house.stopped.is_set()


async def test_errors_are_what_they_were(gateway: Address, local: Client, agent: Client, ana: Client) -> None:
    """The class and the sentence of the desk's error, on this side."""
    gateway.house.requests["r-1"] = request_view("r-1", "agent-a", "prod", 600)
    with pytest.raises(RefusedError, match=r"^agent-a may not approve$"):
        await agent.approve("r-1")
    with pytest.raises(ConflictError, match=r"^r-1 changed since you saw it$"):
        await ana.approve("r-1", digest="old")
    for odd in ("../\x1bx", "", ".", "r-1/approve", "r-1?x"):
        with pytest.raises(NotFoundError, match=r'^nothing is called "[^\x1b]*": ids are like r-41'):
            await local.request(odd)
    with pytest.raises(InvalidError, match=r"^limit: "):
        await local.facts(limit=100_000)
    with pytest.raises(NotFoundError, match=r"^no session s-9$"):
        async for _ in local.watch("s-9"):
            pass


async def test_events(gateway: Address, local: Client) -> None:
    """Facts from a seq on, then as they happen, until the gateway closes."""
    await gateway.house.happen("viewed", "ana", "s-1")
    seen = []
    async for fact in local.events(since=0):
        seen.append(fact)
        if len(seen) == 3:
            await gateway.listener.aclose()
        else:
            await gateway.house.happen("viewed", "bo", "s-1")
    assert seen == gateway.house.facts[:3]


async def test_watch(gateway: Address, ana: Client) -> None:
    """Frames of a live session, then its end."""
    gateway.house.sessions["s-1"] = session_view("s-1")
    await gateway.house.record("s-1", "stdout", b"x")
    kinds = []
    async for chunk in ana.watch("s-1"):
        kinds.append(chunk.kind)
        if chunk.kind == "frame":
            assert chunk.frame == gateway.house.frames["s-1"][0]
            await ana.kill("s-1", reason="x")
    assert kinds == ["frame", "end"]


async def test_leaving_a_stream_closes_it(gateway: Address, local: Client) -> None:
    """A consumer that stops is gone at the gateway too."""
    await gateway.house.happen("viewed", "ana", "s-1")
    events = local.events(since=0)
    await anext(aiter(events))
    await events.aclose()  # type: ignore[attr-defined]
    for _ in range(2000):
        if not gateway.house.listeners:
            break
        await asyncio.sleep(0.01)
    assert gateway.house.listeners == 0


async def test_another_major_version(gateway: Address, local: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says which side to update."""
    real = FakeDesk.hello
    for theirs, side in ((2, "here"), (0, "on the gateway's side")):
        async def hello(self: FakeDesk, api: int = theirs) -> object:
            return replace(await real(self), api=api)

        monkeypatch.setattr(FakeDesk, "hello", hello)
        with pytest.raises(UnavailableError, match=rf"speaks API {theirs}, this jitui speaks 1; update jitui {side}$"):
            await local.hello()


def test_the_fake_is_shared() -> None:
    """Desks of one gateway share what they see (a fake that did not would prove nothing)."""
    house = FakeGateway()
    assert house.bind(Somebody(AGENT), "", False).house is house.bind(Somebody(ANA), "", False).house
