"""No answer, or a wrong one, in one clear sentence."""

import asyncio
import socket
from pathlib import Path

import pytest

from jitui.api.client import Client, transport
from jitui.values.errors import ConfigurationError, InvalidError, JituiError, RefusedError, UnavailableError, UnknownCallerError, UnsafeError
from tests.fakes.authority import server_context
from tests.fakes.gateway import Address


async def asks(desk: Client) -> str:
    """The error of a first question."""
    try:
        with pytest.raises(JituiError) as caught:
            await desk.hello()
    finally:
        await desk.aclose()
    return f"{type(caught.value).__name__}: {caught.value}"


async def test_no_gateway(tmp_path: Path, gateway: Address) -> None:
    """Missing, dead, or no socket at all: what, and how to start one."""
    missing = tmp_path / "none.sock"
    assert await asks(Client(f"unix:{missing}")) == f"UnavailableError: no gateway running: {missing} is not there; start one with: jitui serve --config FILE"
    plain = tmp_path / "plain"
    plain.touch()
    assert f"no gateway running: {plain} is no socket" in await asks(Client(f"unix:{plain}"))
    with socket.socket(socket.AF_UNIX) as dead:  # which leaves its file behind, as a server of asyncio's does not since 3.13
        dead.bind(str(tmp_path / "dead"))
    assert f"no gateway running: nobody answers at {tmp_path / 'dead'}" in await asks(Client(f"unix:{tmp_path / 'dead'}"))
    await gateway.listener.aclose()
    assert f"no gateway running at {gateway.url}" in await asks(Client(gateway.url, token="x", ca=gateway.ca))


async def test_the_authority_is_pinned(gateway: Address, tmp_path: Path) -> None:
    """A certificate of another authority is refused, with the flag that names the right one; the token is not sent."""
    (tmp_path / "other").mkdir()
    _, other = server_context(tmp_path / "other")
    for ca in (other, None):
        said = await asks(Client(gateway.url, token=gateway.agent, ca=ca))
        assert said.startswith(f"UnsafeError: {gateway.url} shows a certificate that is not trusted here: ")
        assert said.endswith("name the gateway's ca.crt with --ca or JITUI_CA")
    assert gateway.house.calls == []


def test_a_missing_authority(tmp_path: Path) -> None:
    """The file is named."""
    with pytest.raises(UnsafeError, match=r"none.crt: no certificate authority can be read there"):
        Client("https://127.0.0.1:1", ca=tmp_path / "none.crt")
    (tmp_path / "bad.crt").write_text("x")
    with pytest.raises(UnsafeError, match=r"bad.crt: no certificate authority"):
        Client("https://127.0.0.1:1", ca=tmp_path / "bad.crt")


async def test_tokens(gateway: Address) -> None:
    """Unknown and expired tokens are said as the gateway says them."""
    assert await asks(Client(gateway.url, token="jt_x", ca=gateway.ca)) == (
        "UnknownCallerError: token is unknown here; an admin issues one with: jitui identity add NAME --role agent --owner PERSON")
    assert "UnknownCallerError: token jt_" in await asks(Client(gateway.url, token=gateway.expired, ca=gateway.ca))


async def answering(folder: Path, data: bytes, *, hold: bool = False) -> tuple[asyncio.Server, Client]:
    """Something on a Unix socket that answers the same to everything."""
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(data)
        if hold:
            await reader.read()
        writer.close()

    return await asyncio.start_unix_server(answer, folder / "s"), Client(f"unix:{folder / 's'}")


@pytest.mark.parametrize(("data", "says"), [
    (b"HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\noops", "what answers there is no jitui gateway of API 1 (status 404)"),
    (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", "gateway's Hello is not what this version knows (version is missing); update jitui on the older side"),
    (b"\x15\x03\x01", "went away: "),
    (b"", "went away: "),
])
async def test_something_else_answers(tmp_path: Path, data: bytes, says: str) -> None:
    """Another program, or a gateway of another time, is no traceback."""
    server, desk = await answering(tmp_path, data)
    async with server:
        said = await asks(desk)
        assert said.startswith("UnavailableError: ")
        assert says in said


async def test_silence_ends_a_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without so much as a heartbeat the stream is over, not stuck."""
    monkeypatch.setattr(transport, "SILENT_S", 0.05)
    server, desk = await answering(tmp_path, b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: open\n\n", hold=True)
    async with server:
        assert [fact async for fact in desk.events()] == []
        await desk.aclose()


def test_kinds() -> None:
    """Each class of errors.py comes back as itself; one of a later version by its code."""
    body = b'{"error":{"code":400,"message":"m","kind":"%s"}}'
    assert {type(transport.refusal(500, body % name.encode())) for name in transport.KINDS} == set(transport.KINDS.values())
    assert type(transport.refusal(401, b'{"error":{"code":401,"message":"m","kind":"NewError"}}')) is UnknownCallerError
    assert type(transport.refusal(403, b'{"error":{"code":403,"message":"m"}}')) is RefusedError
    assert type(transport.refusal(418, b'{"error":{"code":418,"message":"m"}}')) is UnavailableError
    assert {"ConfigurationError", "InvalidError"} <= set(transport.KINDS)
    assert (transport.KINDS["ConfigurationError"], transport.KINDS["InvalidError"]) == (ConfigurationError, InvalidError)
