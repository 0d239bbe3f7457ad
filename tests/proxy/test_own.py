"""An answer of the gateway's own belongs to its window like any other."""

import asyncio
import json
from pathlib import Path

import pytest

from jitui.policy.grant import Event
from tests.fakes.house import house
from tests.fakes.upstream import Asked
from tests.listeners.kube.test_review import DENIED, PATH, ask
from tests.protocol.test_review import as_json


async def test_a_frozen_answer_waits(tmp_path: Path) -> None:
    """On record at once, and said once it is thawed."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        assert (await ask(kubectl, DENIED))[0] == 201
        (session,) = home.broker.windows.sessions.values()
        session.freeze("ana")
        going = asyncio.ensure_future(ask(kubectl, DENIED))
        await home.until(lambda: session.held)
        assert not going.done()
        session.thaw()
        code, _, body = await going
        assert (code, json.loads(body)["status"]["allowed"]) == (201, False)


async def test_an_answer_that_comes_too_late_is_not_given(tmp_path: Path) -> None:
    """The window's last words instead, and the end of the connection."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        assert (await ask(kubectl, DENIED))[0] == 201
        (window,) = home.broker.windows.live.values()
        (session,) = window.sessions.values()
        session.freeze("ana")
        going = asyncio.ensure_future(ask(kubectl, DENIED))
        await home.until(lambda: session.held)
        await home.broker.windows.end(window, Event.REVOKE, by="ana", why="no")()
        code, headers, body = await going
        assert (code, headers["connection"], b"revoked by ana" in body) == (403, "close", True)
        assert home.failed == []


async def test_a_client_that_goes_leaves_nothing(tmp_path: Path) -> None:
    """Its leg is not among those that the window's end would wait for."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        assert (await ask(kubectl, DENIED))[0] == 201
        (session,) = home.broker.windows.sessions.values()
        session.freeze("ana")
        going = asyncio.ensure_future(ask(kubectl, DENIED))
        await home.until(lambda: session.held)
        going.cancel()
        kubectl.close()
        await home.until(lambda: not home.listener.clients)
        assert session._legs == set()
        session.thaw()
        assert home.failed == []
        assert home.troubles == []


COVERED_PATH = "/api/v1/namespaces/web/pods"
OWN: list[tuple[str, str, bytes]] = [
    ("GET", "/apis", b""), ("HEAD", "/apis", b""), ("GET", "/version", b""),
    ("GET", "/api/v1/namespaces/payments/secrets", b""), ("GET", "/api/v1/namespaces/payments/pods?watch=1", b""),
    ("POST", "/api/v1/namespaces/payments/pods", b"{}"), ("GET", "/api/v1/%2e%2e/x", b""), ("GET", "/apis/nobody.io/v9", b""),
    ("GET", "/api/v1/namespaces/web/pods/web-1/exec?command=sh", b""), ("POST", PATH, as_json(DENIED)), ("POST", PATH, b"[]"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body"), OWN)
async def test_a_client_that_wants_no_more_is_left(tmp_path: Path, method: str, path: str, body: bytes) -> None:
    """`Connection: close` holds for every answer that is the gateway's own: it says so, and closes; else the connection goes on. HTTP/1.0 is a 505."""
    async with house(tmp_path) as home:
        await home.window()
        kind = ("Content-Type: application/json", f"Content-Length: {len(body)}") if body else ()
        plain = await home.dial()
        for _ in range(2):
            plain.send(plain.head(method, path, *kind) + body)
            code, headers, _ = await plain.answer(head=method == "HEAD")
            assert "connection" not in headers
        for head, says in ((plain.head(method, path, *kind, "Connection: close"), code), (plain.head(method, path, *kind).replace(b"/1.1\r", b"/1.0\r"), 505)):
            kubectl = await home.dial()
            kubectl.send(head + body)
            again, headers, _ = await kubectl.answer(head=method == "HEAD" and says == code)
            assert (again, headers["connection"]) == (says, "close")
            assert await kubectl.gone() == b""
        assert home.failed == []


@pytest.mark.parametrize(("path", "headers"), [
    (COVERED_PATH, ()), (f"{COVERED_PATH}?watch=1", ()), ("/apis/y.io/v1/namespaces/web/things", ()), ("/apis", ()),
    (f"{COVERED_PATH}/web-1/exec?stdout=1&command=sh", ("Upgrade: SPDY/3.1", "Connection: Upgrade", "X-Stream-Protocol-Version: v4.channel.k8s.io")),
])  # fmt: skip
async def test_nobody_waits_for_what_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, headers: tuple[str, ...]) -> None:
    """Whatever is wrong in the gateway itself: a 500 that says so at once, and the log has the error."""
    async with house(tmp_path) as home:
        await home.window()

        async def broken(*_: object, **__: object) -> None:
            raise RecursionError("too deep")

        monkeypatch.setattr(home.store, "commit", broken)
        monkeypatch.setattr(home.way.discovery, "_ask", broken)
        kubectl = await home.dial()
        async with asyncio.timeout(8):
            code, _, body = await kubectl.ask("POST" if headers else "GET", path, *headers)
        assert (code, b"its log says how" in body) == (500, True)
        assert [type(error) for error in home.failed] == [RecursionError]
        monkeypatch.undo()


async def test_a_way_to_the_cluster_that_breaks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also once the request is on record: a credential that can't be made."""
    async with house(tmp_path) as home:
        await home.window()

        async def broken(*_: object, **__: object) -> None:
            raise RecursionError("too deep")

        monkeypatch.setattr(home.cluster, "authorization", broken)
        monkeypatch.setattr(home.cluster, "ready", lambda _: None)
        async with asyncio.timeout(8):
            code, _, body = await (await home.dial()).ask("GET", COVERED_PATH)
        assert (code, b"its log says how" in body) == (500, True)
        assert [type(error) for error in home.failed] == [RecursionError]


async def test_discovery_that_is_nested_too_deeply_is_a_cluster_that_can_not_be_read(tmp_path: Path) -> None:
    """502 at once, and nobody waits."""
    async with house(tmp_path) as home:
        await home.window()

        async def deep(asked: Asked) -> None:
            asked.line.answer(b"[" * 200_000)

        home.cluster.answerer = deep
        async with asyncio.timeout(8):
            code, _, body = await (await home.dial()).ask("GET", "/apis/y.io/v1/namespaces/web/things")
        assert (code, b"is not JSON" in body) == (502, True)
        assert home.failed == []
