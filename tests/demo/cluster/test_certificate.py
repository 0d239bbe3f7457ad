"""The cluster's own certificate, which a client that pins the authority accepts."""

import asyncio
import ssl
from pathlib import Path

import pytest

from jitui.demo.cluster import certificate


async def test_a_client_that_pins_the_authority_is_served_http_1_1(tmp_path: Path) -> None:
    """For 127.0.0.1 and localhost; another name is refused."""
    context, authority = certificate.make(tmp_path)

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    trust = ssl.create_default_context(cadata=authority.decode())
    trust.set_alpn_protocols(["h2", "http/1.1"])
    async with server:
        for name in ("127.0.0.1", "localhost"):
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust, server_hostname=name)
            assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
            writer.close()
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection("127.0.0.1", port, ssl=trust, server_hostname="example.org")


def test_the_key_does_not_stay_on_disk(tmp_path: Path) -> None:
    certificate.make(tmp_path)
    assert list(tmp_path.iterdir()) == []
