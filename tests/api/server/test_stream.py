"""Events over SSE."""

import asyncio
import json
import os
import re
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from threading import current_thread, main_thread

import httpx
import pytest

from jitui.api.server import stream
from jitui.api.server.answer import LARGE
from jitui.api.views import LiveChunk
from jitui.auth.people import People, Person, user_name
from jitui.policy.terms import Role
from jitui.values import plain
from tests.api.server.conftest import bearer
from tests.fakes.desk import session_view
from tests.fakes.gateway import ANA, Address


async def blocks(answer: httpx.Response) -> AsyncIterator[dict[str, str]]:
    """Events and comments as they come; a comment under the key ''."""
    made: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if not line:
            yield made
            made = {}
        else:
            key, _, value = line.partition(":")
            made[key] = value.strip()


async def test_facts_from_now_on(gateway: Address, local: httpx.AsyncClient) -> None:
    """Once the stream is open nothing is missed: each fact with its seq as id, its view as one line of JSON."""
    await gateway.house.happen("viewed", "ana", "s-1")
    async with local.stream("GET", "/v1/events") as answer:
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        events = blocks(answer)
        assert await anext(events) == {"": "open"}
        await gateway.house.happen("viewed", "\u202eana\n", "s-1", how="live")
        got = await anext(events)
        assert (got["id"], got["event"], json.loads(got["data"])["who"]) == ("2", "fact", "\u202eana\n")
        assert got["data"].isascii()


@pytest.mark.parametrize(("query", "headers"), [("?since=1", {}), ("", {"last-event-id": "1"}), ("?since=0", {"last-event-id": "1"})])
async def test_resuming(gateway: Address, local: httpx.AsyncClient, query: str, headers: dict[str, str]) -> None:
    """After `since`, or after Last-Event-ID, which is what a browser sends by itself and therefore wins."""
    for _ in range(3):
        await gateway.house.happen("viewed", "ana", "s-1")
    async with local.stream("GET", f"/v1/events{query}", headers=headers) as answer:
        events = blocks(answer)
        assert [block.get("id") async for block in _take(events, 3)] == [None, "2", "3"]


async def _take(events: AsyncIterator[dict[str, str]], count: int) -> AsyncIterator[dict[str, str]]:
    for _ in range(count):
        yield await anext(events)


async def test_heartbeat(local: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A comment now and then, so that silence means that the gateway is gone."""
    monkeypatch.setattr(stream, "BEAT_S", 0.02)
    async with local.stream("GET", "/v1/events") as answer:
        assert [block async for block in _take(blocks(answer), 3)] == [{"": "open"}, {"": "alive"}, {"": "alive"}]


async def test_a_client_that_goes_is_let_go(gateway: Address, local: httpx.AsyncClient) -> None:
    """Its source is closed at once, not at the next event."""
    async with local.stream("GET", "/v1/events") as answer:
        await anext(blocks(answer))
        assert gateway.house.listeners == 1
    for _ in range(2000):
        if not gateway.house.listeners:
            break
        await asyncio.sleep(0.01)
    assert gateway.house.listeners == 0


async def test_live_frames_to_the_end(gateway: Address, local: httpx.AsyncClient) -> None:
    """Frames as they are recorded, then why it ended, then the stream is over."""
    gateway.house.sessions["s-1"] = session_view("s-1")
    await gateway.house.record("s-1", "stdout", b"\x1b[2Jhello")
    got = []
    async with local.stream("GET", "/v1/sessions/s-1/live", headers=bearer(gateway.ana)) as answer:
        async for block in blocks(answer):
            got.append(block)
            if block.get("event") == "frame":
                await local.post("/v1/sessions/s-1/kill", json={"reason": "x"}, headers=bearer(gateway.ana))
    assert [block.get("event") for block in got] == [None, "frame", "end"]
    assert json.loads(got[1]["data"])["frame"]["data_b64"] == "G1sySmhlbGxv"
    assert json.loads(got[2]["data"])["why"] == "killed"


async def test_a_large_frame_is_put_into_text_off_the_loop(gateway: Address, local: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A viewer of it delays nobody else; smaller ones beside it come in order."""
    gateway.house.sessions["s-1"] = session_view("s-1")
    on_loop: list[bool] = []
    text = plain.text

    def noted(value: object) -> str:
        if isinstance(value, LiveChunk):
            on_loop.append(current_thread() is main_thread())
        return text(value)

    monkeypatch.setattr(plain, "text", noted)
    sizes = [10, 3 * LARGE // 4 + 3, 20]
    for size in sizes:
        await gateway.house.record("s-1", "response-body", b"x" * size)
    async with local.stream("GET", "/v1/sessions/s-1/live", headers=bearer(gateway.ana)) as answer:
        events = [block async for block in _take(blocks(answer), 4)]
    assert [len(b64decode(json.loads(block["data"])["frame"]["data_b64"])) for block in events[1:]] == sizes
    assert on_loop[:3] == [True, False, True]


async def test_a_refused_stream_is_no_stream(gateway: Address, local: httpx.AsyncClient) -> None:
    """An error before the first event is the answer, with its code."""
    answer = await local.get("/v1/sessions/s-9/live", headers=bearer(gateway.agent))
    assert (answer.status_code, answer.json()["error"]["message"]) == (404, "no session s-9")


def revoked(gateway: Address) -> str:
    (row,) = gateway.directory.tokens.of("ana")
    gateway.directory.put(tokens=[replace(row, revoked_us=1)])  # type: ignore[type-var]
    return "your token jt_[0-9a-f]{8} was revoked at"


def disabled(gateway: Address) -> str:
    gateway.directory.put(replace(ANA, disabled=True))
    return "ana is disabled here"


@pytest.mark.parametrize("path", ["/v1/events", "/v1/sessions/s-1/live"])
@pytest.mark.parametrize("end", [revoked, disabled])
async def test_a_stream_ends_with_its_callers_token(gateway: Address, local: httpx.AsyncClient, path: str, end: Callable[[Address], str]) -> None:
    """At once and with words; what happens afterwards is not in it, and to come again is refused."""
    gateway.house.sessions["s-1"] = session_view("s-1")
    async with local.stream("GET", path, headers=bearer(gateway.ana)) as answer:
        events = blocks(answer)
        assert await anext(events) == {"": "open"}
        says = end(gateway)
        await gateway.house.happen("viewed", "bo", "s-1")
        await gateway.house.record("s-1", "stdout", b"too late")
        async with asyncio.timeout(30):
            rest = [block async for block in events]
    (last,) = [block for block in rest if block.get("event") == "error"]
    error = json.loads(last["data"])["error"]
    assert (rest[-1], error["code"], error["kind"]) == (last, 401, "UnknownCallerError")
    assert re.match(says, error["message"])
    assert gateway.house.listeners == 0
    assert (await local.get(path, headers=bearer(gateway.ana))).status_code == 401


async def test_a_stream_ends_with_the_person_on_the_socket(gateway: Address, local: httpx.AsyncClient) -> None:
    """A reload that names people takes from the gateway's own user the right to watch, not to hear; who is another person now is heard no more."""
    gateway.house.sessions["s-1"] = session_view("s-1")
    other = {"otto": Person(54321, frozenset({Role.APPROVER}))}
    async with local.stream("GET", "/v1/sessions/s-1/live") as watching, local.stream("GET", "/v1/events") as hearing:
        watched, heard = blocks(watching), blocks(hearing)
        assert [await anext(watched), await anext(heard)] == [{"": "open"}] * 2
        gateway.directory.name_people(People(os.getuid(), other))
        async with asyncio.timeout(30):
            (last,) = [block async for block in watched]
        assert "may not watch live content; that takes the role approver or operator or auditor" in last["data"]
        await gateway.house.happen("viewed", "bo", "s-1")
        assert (await anext(heard))["event"] == "fact"
        gateway.directory.name_people(People(os.getuid(), {"mia": Person(os.getuid(), frozenset({Role.OPERATOR}))}))
        async with asyncio.timeout(30):
            rest = [block async for block in heard]
    assert f"uid {os.getuid()} is mia here now, no longer {user_name(os.getuid())}" in rest[-1]["data"]


async def test_an_unmasked_stream_ends_with_the_right_to_it(gateway: Address, local: httpx.AsyncClient) -> None:
    """While nothing passes, too; the masked one beside it goes on."""
    gateway.house.sessions["s-1"] = session_view("s-1")
    gateway.directory.put(replace(ANA, roles=frozenset({Role.AUDITOR, Role.UNMASK})))
    bare, masked = "/v1/sessions/s-1/live?unmask=true", "/v1/sessions/s-1/live"
    headers = bearer(gateway.ana)
    async with local.stream("GET", bare, headers=headers) as unmasked, local.stream("GET", masked, headers=headers) as other:
        seen, going = blocks(unmasked), blocks(other)
        assert [await anext(seen), await anext(going)] == [{"": "open"}] * 2
        gateway.directory.put(replace(ANA, roles=frozenset({Role.AUDITOR})))
        async with asyncio.timeout(30):
            (last,) = [block async for block in seen]
        assert "ana may not unmask recorded secrets" in last["data"]
        await gateway.house.record("s-1", "stdout", b"x")
        assert (await anext(going))["event"] == "frame"


async def test_who_does_not_read_is_not_sent_the_rest(gateway: Address) -> None:
    """Bytes that wait for a slow client when its token ends are dropped: it gets those on their way, the last words, and the end."""
    gateway.house.sessions["s-1"] = session_view("s-1")
    reader, writer = await asyncio.open_unix_connection(gateway.socket, limit=1 << 24)
    writer.write(f"GET /v1/sessions/s-1/live HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {gateway.ana}\r\n\r\n".encode())
    await reader.readuntil(b": open")
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    for number in range(200):
        await gateway.house.record("s-1", "stdout", b"%06d" % number * 4096)
    await asyncio.sleep(0.2)
    revoked(gateway)
    await asyncio.sleep(0.2)
    writer.transport.resume_reading()  # type: ignore[attr-defined]
    async with asyncio.timeout(30):
        got = await reader.readuntil(b"0\r\n\r\n")
    assert 0 < got.count(b"event: frame") < 150
    assert got.index(b"event: error") > got.rindex(b"event: frame")
    writer.close()


async def test_closing_the_listener_ends_streams(gateway: Address, local: httpx.AsyncClient) -> None:
    """A gateway that stops does not wait for its watchers."""
    async with local.stream("GET", "/v1/events") as answer:
        events = blocks(answer)
        await anext(events)
        async with asyncio.timeout(30):
            await gateway.listener.aclose()
            assert [block async for block in events] == []
    assert gateway.house.listeners == 0
