"""A rule that narrows, and every end of a window, while something is being opened or is half sent: nothing of it comes to the cluster afterwards."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from jitui.access.requests import Ask
from jitui.policy.grant import Event
from jitui.proxy.live import Session
from jitui.recording.frame import TO_UPSTREAM, Channel
from jitui.values.errors import RefusedError
from tests.fakes.house import ADMIN, AGENT, ANA, House, Kubectl, house, rule
from tests.fakes.upstream import Asked

PODS = "/api/v1/namespaces/web/pods"
UPGRADE = ("Upgrade: SPDY/3.1", "Connection: Upgrade", "X-Stream-Protocol-Version: v4.channel.k8s.io", "X-Stream-Protocol-Version: portforward.k8s.io")
WIDE = rule(scope="@debug in web; port-forward,attach pods in web; create,patch,delete pods in web")
NARROW = rule(scope="get pods in web")
OPENED: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "exec": ("POST", f"{PODS}/web-1/exec?stdout=1&command=id", UPGRADE), "attach": ("POST", f"{PODS}/web-1/attach?stdout=1", UPGRADE),
    "port-forward": ("POST", f"{PODS}/web-1/portforward", UPGRADE), "watch": ("GET", f"{PODS}?watch=1", ()),
    "logs": ("GET", f"{PODS}/web-1/log?follow=1", ()), "a plain request": ("DELETE", f"{PODS}/web-1", ()),
}  # fmt: skip


async def narrowed(home: House) -> None:
    await home.broker.reload({(AGENT, "prod"): NARROW}, home.broker.roster.people, "digest")


async def gone(home: House) -> None:
    await home.broker.reload({}, home.broker.roster.people, "digest")


async def disabled(home: House) -> None:
    await home.broker.disable(AGENT, by=ADMIN, reason="no")


async def locked(home: House) -> None:
    await home.broker.lockdown(True, by=ADMIN, reason="no")


def ending(event: Event) -> Callable[[House], Awaitable[None]]:
    async def end(home: House) -> None:
        for window in list(home.broker.windows.live.values()):
            home.broker.windows.end(window, event, by="ana", why="no")

    return end


async def late(home: House) -> None:
    home.clock.advance(600)  # no timer fires


CHANGES = {"narrowed": narrowed, "rule gone": gone, "disabled": disabled, "lockdown": locked, "revoked": ending(Event.REVOKE),
           "released": ending(Event.RELEASE), "late": late}  # fmt: skip
BOTH = pytest.mark.parametrize("change", CHANGES)


class Held:
    """The ledger, whose next commits wait until `let`."""

    def __init__(self, home: House) -> None:
        self.waiting, self.let, self.first = 0, asyncio.Event(), asyncio.Event()  # `first` lets one of them go
        self._commit = home.store.commit
        home.store.commit = self.commit  # type: ignore[method-assign, assignment]

    def go(self) -> None:
        """All of them, and those to come."""
        self.first.set()
        self.let.set()

    async def commit(self, *args: object, **more: object) -> object:
        self.waiting += 1
        await (self.first if self.waiting == 1 else self.let).wait()
        return await self._commit(*args, **more)  # type: ignore[arg-type]


@asynccontextmanager
async def changing(home: House, change: str) -> AsyncIterator[None]:
    """The change is under way, and on record once the block ends."""
    going = asyncio.ensure_future(CHANGES[change](home))
    await asyncio.sleep(0.02)
    yield
    await going


@BOTH
async def test_what_is_being_opened(tmp_path: Path, change: str) -> None:
    """Each opening is being written, and the journal is slow: it is judged again once that is on record, and ends for the same reason."""
    async with house(tmp_path, rules=(WIDE,)) as home:
        await home.window()
        held = Held(home)
        asking = [asyncio.ensure_future((await home.dial()).ask(method, path, *headers)) for method, path, headers in OPENED.values()]
        await home.until(lambda: held.waiting == len(OPENED))
        async with changing(home, change):
            held.go()
            answers = dict(zip(OPENED, await asyncio.wait_for(asyncio.gather(*asking), 30), strict=True))
        assert {what: code for what, (code, _, _) in answers.items()} == dict.fromkeys(OPENED, 403)
        assert home.cluster.got == b""
        await home.until(lambda: not [session for session in home.broker.windows.sessions.values() if session.kind != "api"])
        why = {"narrowed": "rule-changed", "rule gone": "rule-changed", "late": "expired"}.get(change, change)
        assert {fact.what["why"] for fact in await home.facts("session.ended")} == {why}
        assert len(await home.facts("session.opened")) == len(OPENED)
        assert home.failed == []


async def half_sent(home: House, kubectl: Kubectl) -> None:
    """A PATCH whose head and half its body are with the cluster."""
    kubectl.send(kubectl.head("PATCH", f"{PODS}/web-1", "Content-Type: application/merge-patch+json", "Content-Length: 20") + b'{"half":')
    await home.until(lambda: home.cluster.got.endswith(b'{"half":'))


@BOTH
async def test_what_is_half_sent(tmp_path: Path, change: str) -> None:
    """The rest of it never gets there: the cluster's connection is closed, the client is told why, and what became of it is on record as unknown."""
    async with house(tmp_path, rules=(WIDE,)) as home:
        await home.window()
        kubectl = await home.dial()
        await half_sent(home, kubectl)
        async with changing(home, change):
            if change == "late":
                kubectl.send(b"true")
            code, headers, body = await asyncio.wait_for(kubectl.answer(), 30)
            kubectl.send(b'true,"x":1}')
        assert (code, headers["connection"]) == (403, "close"), body
        await home.until(lambda: not home.cluster.open_lines)
        assert b"true" not in home.cluster.got
        await home.until(home.files.actions)
        (row,) = await asyncio.to_thread(home.files.actions)
        assert row.code is None
        assert b'{"outcome":"unknown"}' in [frame.body for frame in await home.frames(1)]


async def test_what_is_still_allowed_goes_on(tmp_path: Path) -> None:
    """Of the running requests of one session only those end that the new rule does not allow; a session that ends right behind it ends whole."""
    async with house(tmp_path, rules=(WIDE,)) as home:
        await home.window()
        answer = asyncio.Event()

        async def slow(asked: Asked) -> None:
            if asked.method == "GET":
                await answer.wait()
                asked.line.answer(b'{"kind":"Pod"}')
            else:
                await asked.body()

        home.cluster.answerer = slow
        kept = await home.dial()
        kept.send(kept.head("GET", f"{PODS}/web-1"))
        await home.until(lambda: home.cluster.asked)
        patching = await home.dial()
        await half_sent(home, patching)
        (session,) = home.broker.windows.sessions.values()
        await narrowed(home)
        assert (await patching.answer())[0] == 403
        assert (session.muted, session.label, len(session._legs), len(session.deliveries.flows)) == (False, "s-1", 1, 1)
        answer.set()
        assert (await kept.answer())[0] == 200
        assert (await kept.ask("GET", f"{PODS}/web-1"))[0] == 200
        assert (await kept.ask("PATCH", f"{PODS}/web-1", body=b"{}"))[0] == 403
        (window,) = home.broker.windows.live.values()
        async with asyncio.timeout(1.5):  # nobody speaks any more
            await home.broker.windows.end(window, Event.REVOKE, by="ana", why="no")()
        (ended,) = await home.facts("session.ended")
        assert ended.what["conns"] == []  # all that is on record of them was handed on


async def test_a_rule_holds_from_the_instant_it_is_read(tmp_path: Path) -> None:
    """Whatever is being decided or written meanwhile: the ledger is held up, and what it forbids has ended."""
    async with house(tmp_path, rules=(WIDE,)) as home:
        await home.window()
        kubectl = await home.dial()
        await half_sent(home, kubectl)
        held = Held(home)
        deciding = asyncio.ensure_future(home.window("get pods in web", agent=AGENT))
        await home.until(lambda: held.waiting)
        reloading = asyncio.ensure_future(narrowed(home))
        assert (await asyncio.wait_for(kubectl.answer(), 30))[0] == 403
        assert (await (await home.dial()).ask("DELETE", f"{PODS}/web-1"))[0] == 403
        assert not reloading.done()
        held.go()
        await asyncio.gather(deciding, reloading)


async def test_nothing_is_granted_to_who_is_being_disabled(tmp_path: Path) -> None:
    """Its windows have ended, and that it is disabled is being written, slowly: neither what is approved now nor what was being written opens another."""
    async with house(tmp_path, rules=(WIDE,)) as home:
        grant = await home.window()
        who = home.broker.roster.agent(AGENT)
        asked = await home.broker.requests.ask(who, Ask("prod", 600, "because", "", "", "", same_user=False))
        held = Held(home)
        approving = asyncio.ensure_future(home.broker.requests.approve(ANA, asked.id, agent=who, digest="", duration_s=0, scope="", reason=""))
        await home.until(lambda: held.waiting)
        disabling = asyncio.ensure_future(disabled(home))
        await home.until(lambda: held.waiting >= 2)
        assert home.broker.windows.live == {}
        held.first.set()
        await approving
        assert not disabling.done()
        assert home.broker.windows.live == {}
        held.go()
        await disabling
        assert {fact.subject for fact in await home.facts("grant.ended")} == {grant.label, "g-2"}
        with pytest.raises(RefusedError, match="was disabled"):
            await home.broker.requests.ask(who, Ask("prod", 600, "again", "", "", "", same_user=False))


async def test_a_grant_whose_rule_went_while_it_was_written_opens_no_window(tmp_path: Path) -> None:
    """It is on record, and ended for that reason."""
    async with house(tmp_path, rules=(rule(scope="read pods in web", automatic=True),)) as home:
        held = Held(home)
        granting = asyncio.ensure_future(home.broker.requests.ask(home.broker.roster.agent(AGENT), Ask("prod", 600, "because", "", "", "", same_user=False)))
        await home.until(lambda: held.waiting)
        reloading = asyncio.ensure_future(gone(home))
        await asyncio.sleep(0)
        held.go()
        await asyncio.gather(granting, reloading)
        assert home.broker.windows.live == {}
        (ended,) = await home.facts("grant.ended")
        assert ended.what["why"] == "its rule is gone"


async def test_fifty_rounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams and requests at any instant around the change: from its pass on the cluster is handed nothing that the new rule forbids."""
    rng, sent, handed, loop = random.Random(7), list[Channel](), Session.handed, asyncio.get_running_loop()

    def counted(session: Session, conn: int, channel: Channel, size: int) -> None:
        if channel in TO_UPSTREAM:
            sent.append(channel)
        handed(session, conn, channel, size)

    async def one(kubectl: Kubectl, method: str, path: str, headers: tuple[str, ...], wait: float) -> None:
        await asyncio.sleep(wait)
        kubectl.send(kubectl.head(method, path, *headers))

    monkeypatch.setattr(Session, "handed", counted)
    async with house(tmp_path, rules=(WIDE,)) as home:
        await home.window(duration_s=1800)
        for _ in range(50):
            home.broker.requests.rules = {(AGENT, "prod"): WIDE}
            clients = [await home.dial() for _ in OPENED]
            asking = [asyncio.ensure_future(one(kubectl, *how, rng.random() * 0.01)) for kubectl, how in zip(clients, OPENED.values(), strict=True)]
            enough, give_up = len(sent) + rng.randrange(6), loop.time() + rng.random()
            while len(sent) < enough and loop.time() < give_up:  # noqa: ASYNC110 - any instant will do
                await asyncio.sleep(0)
            reloading = asyncio.ensure_future(narrowed(home))
            await asyncio.sleep(0)
            before = len(sent)
            await asyncio.gather(*asking, reloading)
            await home.until(lambda: not [session for session in home.broker.windows.sessions.values() if session.kind != "api"])
            await asyncio.sleep(0.01)
            assert sent[before:] == []
            for kubectl in clients:
                kubectl.close()
        assert len(sent) > 20  # some were earlier
        assert home.failed == []
