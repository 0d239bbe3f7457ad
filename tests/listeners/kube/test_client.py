"""One connection of an agent's client, from outside."""

import asyncio
import contextlib
import json
from pathlib import Path

import pytest

from tests.fakes.house import AGENT, Kubectl, house, rule
from tests.fakes.upstream import Asked

PODS = "/api/v1/namespaces/web/pods"


async def test_without_a_window_nothing_goes_upstream(tmp_path: Path) -> None:
    """Reads, writes, streams, upgrades, health: 403 with the command that asks, and not one byte to the cluster (promise 1)."""
    async with house(tmp_path) as home:
        kubectl = await home.dial()
        for method, path in (("GET", PODS), ("POST", PODS), ("GET", f"{PODS}?watch=1"), ("GET", f"{PODS}/a/log?follow=true"), ("GET", "/healthz"),
                             ("GET", "/openapi/v2"), ("DELETE", f"{PODS}/a"), ("HEAD", PODS)):
            code, headers, body = await kubectl.ask(method, path, body=b"{}" if method == "POST" else b"")
            assert code == 403
            assert headers["content-type"] == (TEXT if "watch" in path else "application/json")
            assert "retry-after" not in headers
            assert method == "HEAD" or b"jitui request prod" in body
        assert await kubectl.exec() == 403
        assert home.cluster.got == b""
        assert home.troubles == []


async def test_no_token_or_a_wrong_one_is_a_401_and_a_counter(tmp_path: Path) -> None:
    """No row is written of those who are nobody here (promise 11)."""
    async with house(tmp_path) as home:
        kubectl = await home.dial("jt_00000000_" + "x" * 43)
        assert (await kubectl.ask("GET", PODS))[0] == 401
        assert home.listener.pipeline.admission.unauthenticated == 1
        assert await asyncio.to_thread(home.files.actions) == []


async def test_a_call_passes_and_is_on_record(tmp_path: Path) -> None:
    """Cluster, client and record have the same bytes; the token is in none of them."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        code, _, body = await kubectl.ask("POST", PODS, "Content-Type: application/json", "X-Forwarded-For: 6.6.6.6", "Cookie: c", "Audit-ID: mine",
                                          "X-Remote-User: root", "Via: 1.1 me", "Accept-Encoding: br, gzip", body=b'{"kind":"Pod"}')
        assert (code, body) == (200, b'{"kind":"PodList"}')
        asked = home.cluster.asked[0]
        names = [name for name, _ in asked.headers]
        assert not {"x-forwarded-for", "cookie", "x-remote-user", "via"} & set(names)
        assert asked.get("accept-encoding") == "gzip"
        assert asked.get("authorization") == "Bearer first"
        assert asked.get("audit-id") == "jitui-test-1-0"
        frames = await home.frames(1)
        assert [frame.channel.label for frame in frames] == ["request", "request-body", "response", "response-body"]
        assert [frames[1].body, frames[3].body] == [b'{"kind":"Pod"}', b'{"kind":"PodList"}']
        recorded = b"".join(frame.body for frame in frames)
        assert home.token.encode() not in recorded
        assert b"Bearer" not in recorded
        assert b"jitui-test-1-0" in recorded


@pytest.mark.parametrize("name", ["Impersonate-User: root", "impersonate-group: system:masters", "Impersonate-Extra-a: b"])
async def test_nobody_acts_as_somebody_else(tmp_path: Path, name: str) -> None:
    """Impersonation is refused, not stripped."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        code, _, body = await kubectl.ask("GET", PODS, name)
        assert code == 403
        assert b"act as somebody else" in body
        assert home.cluster.got == b""


TEXT = "text/plain; charset=utf-8"


@pytest.mark.parametrize(("path", "kind"), [("/api?timeout=32s", TEXT), ("/apis/apps/v1", TEXT), (PODS, "application/json")])
async def test_a_refused_discovery_is_told_as_text(tmp_path: Path, path: str, kind: str) -> None:
    """kubectl looks at what the cluster serves first, and there it shows text, but "unknown" of a Status."""
    async with house(tmp_path) as home:
        kubectl = await home.dial()
        code, headers, body = await kubectl.ask("GET", path, "Impersonate-User: root")
        assert (code, headers["content-type"]) == (403, kind)
        assert b"act as somebody else" in body


async def test_a_connection_is_used_again_both_ways(tmp_path: Path) -> None:
    """Fifty calls on one connection of the client go over one to the cluster, and leave two frames of each direction."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        for _ in range(50):
            assert (await kubectl.ask("GET", PODS))[0] == 200
        assert len(home.cluster.lines) == 1
        assert len(await home.frames(1)) == 150  # request, response, response-body; no marks between


async def test_pipelined_requests_are_answered_in_order(tmp_path: Path) -> None:
    """A thousand requests in one write: denied ones, allowed ones and discovery; each gets its answer, in order, and nothing recurses."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        plan = [PODS if at % 3 else "/api/v1/nodes" for at in range(300)]
        kubectl.send(b"".join(kubectl.head("GET", path) for path in plan))
        assert [(await kubectl.answer())[0] for _ in plan] == [200 if path == PODS else 403 for path in plan]
        assert home.troubles == []


async def test_a_pipelined_chunked_request_has_one_end(tmp_path: Path) -> None:
    """Behind a denied request in the same read: the cluster gets one terminator, not two."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        chunked = kubectl.head("POST", PODS, "Transfer-Encoding: chunked") + b"2\r\n{}\r\n0\r\n\r\n"
        kubectl.send(kubectl.head("GET", "/api/v1/nodes") + chunked + kubectl.head("GET", PODS))
        assert [(await kubectl.answer())[0] for _ in range(3)] == [403, 200, 200]
        assert home.cluster.got.count(b"0\r\n\r\n") == 1
        assert len(home.cluster.asked) == 2


async def test_who_does_not_read_gets_no_further_answers(tmp_path: Path) -> None:
    """An unknown client that sends and never reads holds a bounded amount of memory, however many requests it may make."""
    async with house(tmp_path) as home:
        home.limit(refusals=1_000_000)
        kubectl = await home.dial("wrong")
        await home.until(lambda: home.listener.clients)
        (client,) = home.listener.clients
        flood = kubectl.head("GET", PODS) * 400
        kubectl.writer.transport.set_write_buffer_limits(high=1 << 16)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.5):
                while True:
                    kubectl.send(flood)
                    await kubectl.writer.drain()
        assert not kubectl.writer.is_closing()
        assert client.outlet.queued < 64 << 10
        assert client.parser.holding < 1 << 20
        kubectl.close()


@pytest.mark.parametrize(("status", "body"), [("204 No Content", b""), ("304 Not Modified", b""), ("200 OK", b""), ("404 Not Found", b"{}")])
async def test_answers_without_a_body_keep_the_connection_in_step(tmp_path: Path, status: str, body: bytes) -> None:
    """204, 304, an empty 200: the next request on the same connection gets its own answer."""
    async with house(tmp_path) as home:
        await home.window()

        async def answer(asked: Asked) -> None:
            length = "" if status[:3] in {"204", "304"} else f"Content-Length: {len(body)}\r\n"
            asked.line.say(f"HTTP/1.1 {status}\r\n{length}\r\n".encode() + body)

        home.cluster.answerer = answer
        kubectl = await home.dial()
        for _ in range(2):
            code, _, got = await kubectl.ask("GET", PODS)
            assert (code, got) == (int(status[:3]), body)


@pytest.mark.parametrize("framing", ["Content-Length: 99", "Transfer-Encoding: chunked"])
async def test_a_head_has_no_body_however_it_is_framed(tmp_path: Path, framing: str) -> None:
    """Then the connection goes on."""
    async with house(tmp_path) as home:
        await home.window()

        async def answer(asked: Asked) -> None:
            if asked.method == "HEAD":
                asked.line.say(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode())
            else:
                asked.line.answer(b"{}")

        home.cluster.answerer = answer
        kubectl = await home.dial()
        assert (await kubectl.ask("HEAD", PODS))[0] == 200
        assert (await kubectl.ask("GET", PODS))[2] == b"{}"


async def test_a_large_chunked_body_arrives_whole(tmp_path: Path) -> None:
    """1 MiB in odd chunks, while the connection to the cluster is still being made."""
    async with house(tmp_path) as home:
        await home.window()
        bodies: list[bytes] = []

        async def answer(asked: Asked) -> None:
            bodies.append(await asked.body())
            asked.line.answer(b"{}")

        home.cluster.answerer = answer
        home.cluster.slow = asyncio.Event()
        kubectl = await home.dial()
        data = bytes(range(256)) * 4096
        kubectl.send(kubectl.head("POST", PODS, "Transfer-Encoding: chunked"))
        for at in range(0, len(data), 10_007):
            part = data[at : at + 10_007]
            kubectl.send(b"%x\r\n%b\r\n" % (len(part), part))
        kubectl.send(b"0\r\n\r\n")
        await asyncio.sleep(0.3)
        assert home.cluster.got == b""
        session = home.broker.windows.sessions[1]
        assert session.bytes_in < 1 << 20  # the client is held back: 256 KiB and what was read at once
        home.cluster.slow.set()
        assert (await kubectl.answer())[0] == 200
        assert bodies == [data]


async def test_an_early_answer_ends_the_connection(tmp_path: Path) -> None:
    """The cluster refuses before the body is whole: the client is told, and neither connection is used again."""
    async with house(tmp_path) as home:
        await home.window()

        async def answer(asked: Asked) -> None:
            asked.line.answer(b"{}", "413 Too Large")
            await asyncio.sleep(60)

        home.cluster.answerer = answer
        kubectl = await home.dial()
        kubectl.send(kubectl.head("POST", PODS, "Content-Length: 1000000") + b"x" * 1000)
        assert (await kubectl.answer())[0] == 413
        assert await kubectl.gone() == b""
        await home.until(lambda: not len(home.pool) and not home.listener.clients)


async def test_a_client_that_waits_for_a_word_gets_it(tmp_path: Path) -> None:
    """Expect: 100-continue is answered by the gateway; a denial comes instead of it."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        kubectl.send(kubectl.head("POST", PODS, "Expect: 100-continue", "Content-Length: 2"))
        assert await kubectl.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        kubectl.send(b"{}")
        assert (await kubectl.answer())[0] == 200
        kubectl.send(kubectl.head("POST", "/api/v1/nodes", "Expect: 100-continue", "Content-Length: 2"))
        assert (await kubectl.answer())[0] == 403
        assert await kubectl.gone() == b""


async def test_a_401_of_the_cluster_is_never_the_clients(tmp_path: Path) -> None:
    """The credential is renewed and the request sent once more; if that fails too, it is a 502 with the gateway's words."""
    async with house(tmp_path) as home:
        await home.window()
        home.cluster.tokens = [b"old", b"new"]

        async def answer(asked: Asked) -> None:
            body = await asked.body()
            asked.line.answer(body, "200 OK" if asked.get("authorization") == "Bearer new" else "401 Unauthorized", "WWW-Authenticate: Basic")

        home.cluster.answerer = answer
        kubectl = await home.dial()
        assert await kubectl.ask("POST", PODS, body=b'{"a":1}') == (200, {"content-type": "application/json", "content-length": "7"}, b'{"a":1}')
        home.cluster.tokens = [b"old"]
        code, headers, body = await kubectl.ask("POST", PODS, body=b'{"a":1}')
        assert code == 502
        assert "www-authenticate" not in headers
        assert b"credential" in body


async def test_a_revoked_grant_is_not_retried(tmp_path: Path) -> None:
    """The window ends while the credential is renewed: nothing more goes to the cluster."""
    async with house(tmp_path) as home:
        grant = await home.window()
        home.cluster.tokens = [b"old", b"new"]

        async def answer(asked: Asked) -> None:
            home.cluster.slow = asyncio.Event()
            asked.line.answer(b"{}", "401 Unauthorized")

        home.cluster.answerer = answer
        kubectl = await home.dial()
        kubectl.send(kubectl.head("GET", PODS))
        await home.until(lambda: home.cluster.slow)
        await asyncio.sleep(0.05)
        home.clock.advance(601)  # no tick yet: the clock is looked at before anything is sent
        before = home.cluster.got
        assert home.cluster.slow is not None
        home.cluster.slow.set()
        code, _, body = await kubectl.answer()
        assert code == 403
        assert grant.label.encode() in body
        assert home.cluster.got == before


async def test_a_write_whose_answer_never_came_is_unknown(tmp_path: Path) -> None:
    """The client is told so, and the row of the action has no code."""
    async with house(tmp_path) as home:
        await home.window()

        async def answer(asked: Asked) -> None:
            await asked.body()
            asked.line.hang_up()

        home.cluster.answerer = answer
        kubectl = await home.dial()
        code, _, body = await kubectl.ask("POST", PODS, body=b"{}")
        assert code == 502
        assert b"not known" in body
        await home.until(home.files.actions)
        assert [row.code for row in await asyncio.to_thread(home.files.actions)] == [None]
        assert b'{"outcome":"unknown"}' in [frame.body for frame in await home.frames(1)]


async def test_a_kept_connection_that_went_stale_is_replaced(tmp_path: Path) -> None:
    """All that were kept are stale after the cluster restarts; a GET is sent again on a new one."""
    async with house(tmp_path) as home:
        await home.window()
        clients = [await home.dial() for _ in range(3)]
        hold = asyncio.Event()

        async def slowly(asked: Asked) -> None:
            await hold.wait()
            asked.line.answer()

        home.cluster.answerer = slowly
        for kubectl in clients:
            kubectl.send(kubectl.head("GET", PODS))
        await home.until(lambda: len(home.cluster.asked) == 3)
        hold.set()
        for kubectl in clients:
            assert (await kubectl.answer())[0] == 200
        assert len(home.pool) == 3

        async def once(asked: Asked) -> None:
            if asked.line in home.cluster.lines[:3]:
                asked.line.hang_up()
            else:
                asked.line.answer()

        home.cluster.answerer = once
        assert (await clients[0].ask("GET", PODS))[0] == 200


async def test_malformed_input_is_told_once_and_closed(tmp_path: Path) -> None:
    """A 400, and the end of the connection; what came before it on the connection is not disturbed."""
    async with house(tmp_path) as home:
        kubectl = await home.dial()
        kubectl.send(kubectl.head("GET", PODS) + b"GET / HTTP/1.0\r\n\r\n")
        assert (await kubectl.answer())[0] == 403
        assert (await kubectl.answer())[0] == 505
        assert await kubectl.gone() == b""
        assert home.listener.malformed == 1


async def test_discovery_is_answered_without_a_window(tmp_path: Path) -> None:
    """From the gateway's own copy: what the agent sends of it never reaches the cluster."""
    async with house(tmp_path) as home:

        async def answer(asked: Asked) -> None:
            asked.line.answer(json.dumps({"gitVersion": "v1"}).encode())

        home.cluster.answerer = answer
        assert await home.way.discovery.fetch("/version", b"") is not None  # as the gateway does at its start
        kubectl = await home.dial()
        assert (await kubectl.ask("GET", "/version", "X-Agent: secret"))[2] == b'{"gitVersion": "v1"}'
        assert (await kubectl.ask("GET", "/version"))[0] == 200
        assert len(home.cluster.asked) == 1
        assert b"secret" not in home.cluster.got


async def test_upgrades_elsewhere_are_refused(tmp_path: Path) -> None:
    """h2c on a command, WebSocket on a log, and exec without an upgrade: refused, and nothing of it upstream."""
    async with house(tmp_path) as home:
        await home.window()
        upgrade = ("Connection: Upgrade",)
        command = f"{PODS}/a/exec?command=sh&stdout=1"
        for path, headers in ((command, ("Upgrade: h2c", *upgrade)), (f"{PODS}/a/log", ("Upgrade: websocket", *upgrade)), (command, ()),
                              (command, ("Upgrade: SPDY/3.1", *upgrade))):  # fmt: skip
            kubectl = await home.dial()
            code, _, body = await kubectl.ask("GET", path, *headers)
            assert code in {400, 403}
            assert b"jitui" in body
        assert home.cluster.got == b""


async def test_what_the_api_server_takes_is_taken(tmp_path: Path) -> None:
    """Heads of a mebibyte, repeated parameters, raw characters, a name with an underscore, upgrades that mean nothing there: forwarded as they came.

    An upgrade and a name with an underscore go nowhere; and the record tells what was forwarded."""
    async with house(tmp_path, rules=(rule(scope="read pods,nodes in *; read nodes; get services/proxy in web"),)) as home:
        await home.window()
        kubectl = await home.dial()
        proxied = "/api/v1/namespaces/web/services/web%3A8080/proxy/a%2Fb"
        for target in (f"{PODS}?labelSelector={'a' * 72_000}", f'{PODS}?limit=1&limit=500&a[]={{b}}|"c"&d;e&watch=0&watch=1', f"{proxied}/[c];d?e;f", proxied,
                       f"{PODS}?labelSelector={'a' * 1_000_000}"):
            assert (await kubectl.ask("GET", target))[0] == 200
            assert home.cluster.asked[-1].target == target
        for lines in (("Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: A", "Upgrade: h2c"), ("Connection: Upgrade", "Upgrade: websocket"), ("X_A: 1",)):
            for _ in range(2):  # also as the head that came before
                assert (await kubectl.ask("GET", "/api/v1/nodes", *lines))[0] == 200
                assert not {"connection", "upgrade", "http2-settings", "x_a"} & {name for name, _ in home.cluster.asked[-1].headers}
        assert (await kubectl.ask("GET", "/api/v1/nodes", f"X-Long: {'y' * 1_000_000}", *["X-Many: y"] * 4000))[0] == 200
        assert (await kubectl.ask("GET", "/api/v1/nodes", f"X-Long: {'y' * 1_060_000}"))[0] == 431


@pytest.mark.interpreted
async def test_a_body_that_never_comes_does_not_hold_the_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of a client that is nobody here."""
    monkeypatch.setattr("jitui.listeners.kube.client.BODY_WITHIN", 0.1)
    async with house(tmp_path) as home:
        kubectl = await home.dial("wrong")
        kubectl.send(kubectl.head("POST", PODS, "Content-Length: 100000"))
        await kubectl.gone(3)
        await home.until(lambda: not home.listener.clients)


async def test_a_rule_that_narrowed_is_the_rule(tmp_path: Path) -> None:
    """A call that the grant covers and the rule as it is now does not cover is denied."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl: Kubectl = await home.dial()
        assert (await kubectl.ask("DELETE", f"{PODS}/a"))[0] == 200
        await home.broker.reload({(AGENT, "prod"): rule(scope="read pods in web")}, home.broker.roster.people, "digest")
        assert (await kubectl.ask("DELETE", f"{PODS}/a"))[0] == 403
        assert (await kubectl.ask("GET", PODS))[0] == 200


async def test_the_answer_says_no_names_of_others(tmp_path: Path) -> None:
    """An agent without a rule for a connection is not told what connections there are."""
    async with house(tmp_path, rules=(rule("someone-else"),)) as home:
        kubectl = await home.dial()
        kubectl.send(kubectl.head("GET", PODS).replace(b"/c/prod", b"/c/other"))
        code, _, body = await kubectl.answer()
        assert code == 404
        assert b"prod" not in body


