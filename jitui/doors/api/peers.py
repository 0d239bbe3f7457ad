"""What is known of the other end of a connection, and the server's protocol that finds it out.

uvicorn shows no peer of a Unix socket and bounds no head, so its protocol is extended: SO_PEERCRED is read when the connection is made,
a head must be small, and a whole request must arrive in time.
"""

import asyncio
import os
import socket
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from jitui.identity import peer

HEAD_LIMIT: Final = 64 << 10  # bytes of request line and headers
PATIENCE_S: Final = 15.0  # from the connection, or a request's first byte, to its last
TOO_LARGE: Final = (b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
                    b"content-length: 37\r\nconnection: close\r\n\r\na request's head is at most 64 KiB.\r\n")


class Peer:
    """The other end of one connection."""

    __slots__ = ("_client", "_same_user", "_server", "uid")

    def __init__(self, uid: int | None, client: tuple[str, int] | None, server: tuple[str, int] | None) -> None:
        self.uid = uid  # of a Unix socket's other end
        self._client, self._server = client, server
        self._same_user: bool | None = None if uid is None else uid == os.geteuid()

    @property
    def label(self) -> str:
        """Where a request came from, as approvers see it: an address, or the Unix user."""
        return self._client[0] if self._client else f"uid {self.uid}" if self.uid is not None else "unknown"

    async def same_user(self) -> bool:
        """Whether a process of the gateway's own Unix user is at the other end; a loopback client's uid is looked up once."""
        if self._same_user is None:
            uid = await asyncio.to_thread(peer.loopback_uid, self._client, self._server) if self._client and self._server else None
            self._same_user = uid == os.geteuid()
        return self._same_user


class PeerProtocol(HttpToolsProtocol):
    """One connection whose requests know their peer: `request.state.peer`."""

    _head = 0  # bytes of the head that is being read
    _in_head = True
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "peer": peer_of(transport)}
        self._late = self.loop.call_later(PATIENCE_S, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._on_time()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head += len(data)
            if self._late is None:
                self._late = self.loop.call_later(PATIENCE_S, self.transport.abort)
        super().data_received(data)
        if self._in_head and self._head > HEAD_LIMIT and not self.transport.is_closing():
            self.transport.write(TOO_LARGE)
            self.transport.close()

    def on_headers_complete(self) -> None:
        self._in_head, self._head = False, 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head = True
        self._on_time()
        super().on_message_complete()

    def _on_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


def peer_of(transport: asyncio.BaseTransport) -> Peer:
    """The peer of a connection that was just made."""
    sock: Any = transport.get_extra_info("socket")
    if sock is not None and sock.family == socket.AF_UNIX:
        return Peer(peer.credentials(sock).uid, None, None)
    client, server = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
    return Peer(None, (client[0], client[1]) if client else None, (server[0], server[1]) if server else None)
