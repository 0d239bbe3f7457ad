"""One connection, and the sentence that says why there is none."""

import asyncio
import socket
import ssl
from pathlib import Path
from typing import Any, cast

import pytest
import uvloop
from cryptography.hazmat.primitives.asymmetric import ec

from jitui.clusters.dial import Address, Identification, client_context, cut, dial
from jitui.clusters.wire import READ_FIRST, READ_MOST
from jitui.values.errors import ConfigurationError, UpstreamError
from tests.clusters.authority import Authority, Pair, pem
from tests.clusters.peer import listen, ok


@pytest.mark.parametrize(
    ("url", "host", "header", "prefix"),
    [
        ("https://10.0.0.1:6443", "10.0.0.1", b"10.0.0.1:6443", ""),
        ("https://ABC.gr7.eu-west-1.eks.amazonaws.com", "abc.gr7.eu-west-1.eks.amazonaws.com", b"abc.gr7.eu-west-1.eks.amazonaws.com", ""),
        ("https://[::1]:6443/k8s/clusters/c-1/", "::1", b"[::1]:6443", "/k8s/clusters/c-1"),
        ("https://gw:443", "gw", b"gw", ""), ("https://gw:/?x=1", "gw", b"gw", ""), ("https://h/a b//c%2F../ü", "h", b"h", "/a%20b/%C3%BC"),
        ("https://münchen", "xn--mnchen-3ya", b"xn--mnchen-3ya", ""), ("https://[fe80::1%25eth0]", "fe80::1%eth0", b"[fe80::1]", ""),
    ],
)
def test_address_of_a_server_url(url: str, host: str, header: bytes, prefix: str) -> None:
    """The Host header carries the port unless it is 443; a path is kept as prefix, cleaned as client-go does."""
    address = Address.parse(url)
    assert (address.host, address.header, address.prefix) == (host, header, prefix)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://10.0.0.1:8080", "not https"), ("", "not https"), ("https://", "form https://"), ("https://h:99999", "not a URL"),
        ("https://u:p@h", "has a user in it"), ("https://h/a#x", "form https://"), ("https://a b", "form https://"), (" https://h", "form https://"),
        ("https://h:0", "form https://"), ("https://h/%zz", "form https://"), ("https://[::1%eth0]", "form https://"), ("https://h\n", "form https://"),
        ("https://h%41", "form https://"), ("https://[x]", "not a URL"),
    ],
)  # fmt: skip
def test_a_url_that_is_no_server(url: str, why: str) -> None:
    """A credential never goes over plain http, and what is not plainly https://host[:port][/path] is refused."""
    with pytest.raises(ConfigurationError, match=why):
        Address.parse(url)


async def test_speaks_http_1_over_modern_tls(authority: Authority, server: Pair, tmp_path: Path) -> None:
    """ALPN picks http/1.1 even where h2 is offered: an upgrade on h2 does not exist."""
    async with listen(lambda _: ok(), server, tmp_path) as peer:
        transport, _ = await dial(Address.parse(peer.url), client_context(authority.pem), asyncio.Protocol)
        tls = transport.get_extra_info("ssl_object")
        assert (tls.selected_alpn_protocol(), tls.version()) == ("http/1.1", "TLSv1.3")
        assert transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        transport.abort()


async def test_another_authority_is_not_trusted(server: Pair, tmp_path: Path) -> None:
    """A server whose chain ends elsewhere than in the pinned authority gets no byte."""
    async with listen(lambda _: ok(), server, tmp_path) as peer:
        with pytest.raises(UpstreamError, match=rf"127\.0\.0\.1:{peer.port} has a certificate that is not trusted: "):
            await dial(Address.parse(peer.url), client_context(Authority("other").pem), asyncio.Protocol)


async def test_the_certificate_must_bear_the_name(authority: Authority, tmp_path: Path) -> None:
    """The server URL's host must be in it, or else the tls-server-name."""
    async with listen(lambda _: ok(), authority.issue("x", "kubernetes"), tmp_path) as peer:
        context = client_context(authority.pem)
        with pytest.raises(UpstreamError, match=r"not trusted: .*127\.0\.0\.1"):
            await dial(Address.parse(peer.url), context, asyncio.Protocol)
        for name in ("kubernetes", "kubernetes."):
            transport, _ = await dial(Address.parse(peer.url, name), context, asyncio.Protocol)
            transport.abort()


def test_the_keys_of_tls_are_written_nowhere(authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SSLKEYLOGFILE in the environment would let whoever reads that file read what passes."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    assert [client_context(authority.pem).keylog_filename, client_context(None).keylog_filename] == [None, None]
    assert not (tmp_path / "keys").exists()


def test_only_the_pinned_authority_is_trusted(authority: Authority) -> None:
    """With an authority given, the system's roots are not loaded beside it; strictness beyond RFC 5280's practice is off."""
    context = client_context(authority.pem)
    assert [dict(pair for row in ca["subject"] for pair in row) for ca in context.get_ca_certs()] == [{"commonName": "cluster-ca"}]  # type: ignore[misc]
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize("ca", [b"", b" \n", b"not a certificate"])
def test_an_authority_that_is_none(ca: bytes) -> None:
    """An empty authority does not silently become the system's roots."""
    with pytest.raises(ConfigurationError, match="staging: the certificate authority"):
        client_context(ca, source="staging")


async def test_nothing_listens() -> None:
    """A refused connection is named as such."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(UpstreamError, match=rf"127\.0\.0\.1:{port} refused the connection"):
            await dial(Address("127.0.0.1", port), client_context(None), asyncio.Protocol)


async def test_a_name_that_does_not_exist() -> None:
    """A failed look-up says so, and names the host."""
    with pytest.raises(UpstreamError, match=r"gone\.invalid:6443: its name can't be looked up"):
        await dial(Address("gone.invalid", 6443), client_context(None), asyncio.Protocol)


async def test_a_server_that_hangs() -> None:
    """TCP that opens without TLS behind it ends at the timeout, not later."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(UpstreamError, match=r"did not answer within 0\.2 s"):
            await dial(Address(*silent.getsockname()), client_context(None), asyncio.Protocol, timeout=0.2)


async def test_a_server_without_tls() -> None:
    """Plain HTTP where TLS was expected is told apart from a bad certificate."""

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    listener = await asyncio.start_server(plain, "127.0.0.1", 0)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        with pytest.raises(UpstreamError, match=rf"127\.0\.0\.1:{port} does not speak TLS with us: "):
            await dial(Address("127.0.0.1", port), client_context(None), asyncio.Protocol)


async def test_a_client_certificate_from_memory(authority: Authority, server: Pair, tmp_path: Path) -> None:
    """The server sees who it is; the key was in no file, and no descriptor is left open."""
    client = authority.issue("gateway")
    before = len(list(Path("/proc/self/fd").iterdir()))  # noqa: ASYNC240
    context = client_context(authority.pem, Identification(client.certificate, client.key))
    assert len(list(Path("/proc/self/fd").iterdir())) == before  # noqa: ASYNC240
    async with listen(lambda asked: ok(asked.client.encode()), server, tmp_path, clients=authority.pem) as peer:
        answer = asyncio.get_running_loop().create_future()

        class Reads(asyncio.Protocol):
            def data_received(self, data: bytes) -> None:
                answer.set_result(data)

        transport, _ = await dial(Address.parse(peer.url), context, Reads)
        transport.write(b"GET / HTTP/1.1\r\n\r\n")
        assert (await answer).endswith(b"gateway")
        transport.abort()


def test_a_key_that_does_not_fit_or_is_encrypted(authority: Authority) -> None:
    """Neither is a traceback, and nobody is asked for a password on the gateway's terminal."""
    client, other = authority.issue("a"), authority.issue("b")
    with pytest.raises(ConfigurationError, match="client certificate or its key can't be used"):
        client_context(authority.pem, Identification(client.certificate, other.key))
    locked = pem(ec.generate_private_key(ec.SECP256R1()), b"secret")
    with pytest.raises(ConfigurationError, match="encrypted"):
        client_context(authority.pem, Identification(client.certificate, locked))
    assert b"PRIVATE" not in repr(Identification(client.certificate, client.key)).encode()


async def test_a_cut_drops_what_was_not_sent() -> None:
    """After `cut` no byte that still waited reaches the peer, not from the kernel's buffer either."""
    received = 0
    go, done = asyncio.Event(), asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal received
        await go.wait()
        try:
            while data := await reader.read(1 << 16):
                received += len(data)
        except ConnectionResetError:
            received = received or -1
        done.set()

    listener = await asyncio.start_server(slow, "127.0.0.1", 0, limit=1 << 10)
    async with listener:
        transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, *listener.sockets[0].getsockname())
        transport.write(bytes(32 << 20))
        await asyncio.sleep(0.1)
        cut(transport)
        await asyncio.sleep(0.1)
        go.set()
        await asyncio.wait_for(done.wait(), 5)
    assert received < 4 << 20


class Slow(asyncio.Protocol):
    """Pauses at every read, and goes on a little later."""

    def __init__(self) -> None:
        self.received = 0
        self.over = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        self.transport.pause_reading()
        asyncio.get_running_loop().call_later(0.2, self.transport.resume_reading)

    def connection_lost(self, exc: Exception | None) -> None:
        self.over.set_result(exc)


@pytest.mark.parametrize(("size", "room"), [(10, READ_FIRST), (600_000, READ_MOST)])
def test_a_stream_that_ended_while_nobody_read_is_whole(authority: Authority, server: Pair, tmp_path: Path, size: int, room: int) -> None:
    """The peer sends, and closes, while reading is paused: all of it is there afterwards, on the gateway's own loop too. Only bulk takes much memory."""
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(*server.save(tmp_path, "peer"))

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with theirs.wrap_socket(connection, server_side=True) as tls:
            tls.sendall(b"x" * size)

    async def run() -> int:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            serving = asyncio.get_running_loop().run_in_executor(None, serve, listener)
            address = Address("127.0.0.1", listener.getsockname()[1])
            transport, slow = await dial(address, client_context(authority.pem), Slow, stream=True)
            await asyncio.wait_for(slow.over, 20)
            await serving
            assert len(cast("Any", transport)._ssl_protocol._ssl_buffer_view) == room
            return slow.received

    assert uvloop.run(run()) == size
