"""No live grant, no byte upstream: an agent without one tries everything, and the cluster hears as little as if nobody were there."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from jitui.clusters.accept import FORMS
from jitui.policy.grant import Event
from tests.fakes.house import ADMIN, AGENT, ANA, House, house, rule
from tests.listeners.kube.test_discover import serves
from tests.protocol.test_review import as_json

PODS = "/api/v1/namespaces/web/pods"
REVIEWS = "/apis/authorization.k8s.io/v1"
SPDY = ("Upgrade: SPDY/3.1", "Connection: Upgrade", "X-Stream-Protocol-Version: v4.channel.k8s.io", "X-Stream-Protocol-Version: portforward.k8s.io")
TUNNEL = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
ACCEPTS = ["", "*/*", "text/html", "application/json;q=0.1,application/vnd.kubernetes.protobuf", *(form.decode() for form in FORMS)]
EVERYTHING: list[tuple[str, str, tuple[str, ...], bytes]] = [
    *(("GET", path, (f"Accept: {accept}",), b"") for accept in ACCEPTS for path in ("/version", "/api", "/apis", "/api/v1", "/apis/apps/v1")),
    *(("GET", path, (), b"") for path in (
        "/apis/nobody.io/v9", "/apis/acme.io/v1/namespaces/web/rockets", "/apis/acme.io/v1/rockets", "/api/v1/nodes", PODS, f"{PODS}?watch=1", f"{PODS}/a",
        f"{PODS}/a/log?follow=1", "/openapi/v3", "/openapi/v3/apis/apps/v1", "/openapi/v2", "/healthz", "/livez/ping", "/readyz?verbose", "/metrics", "/",
        "/logs/", "/.well-known/openid-configuration", "/api/v1/nodes/a/proxy/", "/version/", "/apis/apps", "/api/v1/%2e%2e/x",
    )),
    ("HEAD", "/apis", (), b""), ("GET", "/apis", ('If-None-Match: "x"',), b""),
    ("POST", f"{REVIEWS}/selfsubjectaccessreviews", ("Content-Type: application/json",), as_json({"verb": "get", "resource": "rockets", "group": "acme.io"})),
    ("POST", f"{REVIEWS}/selfsubjectrulesreviews", ("Content-Type: application/json",), b'{"spec":{"namespace":"web"}}'),
    ("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", ("Content-Type: application/json",), b"{}"),
    ("PATCH", f"{PODS}/a", ("Content-Type: application/merge-patch+json", "Expect: 100-continue"), b"{}"), ("DELETE", f"{PODS}/a", (), b""),
    *(("POST", f"{PODS}/a/{what}?command=sh&stdout=1", SPDY, b"") for what in ("exec", "attach", "portforward")),
    *(("GET", f"{PODS}/a/{what}?command=sh&stdout=1", (*TUNNEL, f"Sec-WebSocket-Protocol: {protocol}"), b"")
      for what, protocol in (("exec", "v5.channel.k8s.io"), ("attach", "v4.channel.k8s.io"), ("portforward", "SPDY/3.1+portforward.k8s.io"))),
]  # fmt: skip


async def never_asked(home: House) -> None:
    """The rule is there, and no request."""


async def denied(home: House) -> None:
    home.broker.windows.end(home.broker.windows.window((await home.window()).id), Event.REVOKE, by="ana", why="no")


async def without_a_rule(home: House) -> None:
    await home.window()
    await home.broker.reload({}, home.broker.roster.people, "d")


async def disabled(home: House) -> None:
    await home.window()
    await home.broker.disable(AGENT, by=ADMIN, reason="no")


async def locked(home: House) -> None:
    await home.window()
    await home.broker.lockdown(True, by=ADMIN, reason="no")


async def late(home: House) -> None:
    """The clock says so, and no timer has fired yet."""
    await home.window()
    home.clock.advance(600)


async def frozen(home: House) -> None:
    """It lives, and nothing passes."""
    (window,) = home.broker.windows.live.values()
    await home.desk(ANA).freeze(window.grant.label)


@pytest.mark.parametrize(("how", "ready"), [
    (never_asked, False), (never_asked, True), (denied, True), (without_a_rule, True), (disabled, True), (locked, True), (late, True)])  # fmt: skip
async def test_the_cluster_hears_nothing(tmp_path: Path, how: Callable[[House], Awaitable[None]], ready: bool) -> None:
    """Each Accept form, each path, each upgrade; while the copies are new, and an hour old; with `ready` copies, and without any: connections and requests."""
    async with house(tmp_path, rules=(rule(scope="@debug in web; port-forward,attach,patch,delete pods in web"),)) as home:
        home.cluster.answerer = serves
        if ready:
            await home.way.discovery.look("", "pods")
            await home.way.discovery.prepare()
        await how(home)
        await asyncio.sleep(0.6)  # nothing is kept open any more
        running = asyncio.ensure_future(home.way.discovery.run() if ready else asyncio.sleep(0))
        await asyncio.sleep(0.05)
        before = len(home.cluster.lines), len(home.cluster.asked), len(home.cluster.got)
        codes = set()
        for _ in range(2):
            kubectl = await home.dial()
            for method, path, headers, body in EVERYTHING:
                code, answered, _ = await kubectl.ask(method, path, *headers, body=body)
                codes.add(code)
                if answered.get("connection") == "close":
                    kubectl.close()
                    kubectl = await home.dial()
            home.clock.advance(3600)
        await asyncio.sleep(0.05)
        assert (len(home.cluster.lines), len(home.cluster.asked), len(home.cluster.got)) == before
        wanted = {401} if how is disabled else {200, 304, 403, 404, 406, 503, 400} if ready else {403, 404, 406, 503, 400}
        assert codes <= wanted
        running.cancel()


@pytest.mark.parametrize("how", [denied, late, frozen])
async def test_a_kind_is_not_looked_for_once_the_window_is_over(tmp_path: Path, how: Callable[[House], Awaitable[None]]) -> None:
    """A second look waits for two seconds; what ends or is frozen meanwhile makes the cluster hear nothing."""
    async with house(tmp_path) as home:
        home.cluster.answerer = serves
        home.broker.kinds = {"prod": home.way.discovery}
        await home.window()
        await home.way.discovery.look("", "pods")
        home.clock.advance(1.7)
        before = len(home.cluster.asked)
        kubectl = await home.dial()
        asking = asyncio.ensure_future(kubectl.ask("GET", "/apis/acme.io/v1/namespaces/web/rockets"))
        await home.until(lambda: any(client.current is not None for client in home.listener.clients))
        await asyncio.sleep(0.05)
        if how is denied:
            (window,) = home.broker.windows.live.values()
            home.broker.windows.end(window, Event.REVOKE, by="ana", why="no")
        elif how is late:
            home.clock.advance(600)
        else:
            await frozen(home)
        home.clock.advance(1)
        assert (await asking)[0] == 403
        assert len(home.cluster.asked) == before


async def test_a_frozen_window_asks_nothing_of_its_own(tmp_path: Path) -> None:
    """Neither old copies nor kinds that nobody has seen: the copies go out as they are."""
    async with house(tmp_path) as home:
        home.cluster.answerer = serves
        await home.window()
        await home.way.discovery.look("", "pods")
        await home.way.discovery.prepare()
        await frozen(home)
        home.clock.advance(60)
        before = len(home.cluster.asked)
        kubectl = await home.dial()
        for path, code in (("/apis", 200), ("/api", 200), ("/apis/acme.io/v1/namespaces/web/rockets", 403)):
            assert (await kubectl.ask("GET", path, "Accept: application/json"))[0] == code
        assert len(home.cluster.asked) == before


async def test_a_copy_that_is_missing_is_said_with_the_way_to_it(tmp_path: Path) -> None:
    """503, as text, which kubectl shows; with a window it is there, and stays for everybody."""
    async with house(tmp_path) as home:
        kubectl = await home.dial()
        code, headers, body = await kubectl.ask("GET", "/apis")
        assert (code, headers["content-type"]) == (503, "text/plain; charset=utf-8")
        assert b"jitui: there is no copy of /apis in this form yet" in body
        assert body.endswith(b'ask: jitui request prod --duration 30m --reason "..."')
        grant = await home.window()
        assert (await kubectl.ask("GET", "/apis"))[0] == 200
        home.broker.windows.end(home.broker.windows.window(grant.id), Event.REVOKE, by="ana", why="no")
        home.clock.advance(86_400)
        code, _, body = await kubectl.ask("GET", "/apis")
        assert (code, json.loads(body)) == (200, {"kind": "PodList"})
