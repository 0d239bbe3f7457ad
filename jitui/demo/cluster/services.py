"""The services in the pods: small TCP services inside the cluster's own process, reached by port-forward alone. They open no socket.

* 8080 in `web` and `shop` pods: HTTP. `/` says hello, `/bytes/N` answers N bytes (at most 1 GiB)
* 7 in every pod: echo
"""

from collections.abc import Awaitable, Callable
from typing import Final

from jitui.demo.cluster.kinds import Object
from jitui.demo.cluster.programs import PIECE

Receive = Callable[[], Awaitable[bytes]]  # some bytes; none when the client has ended its half
Send = Callable[[bytes], Awaitable[None]]  # raises ConnectionError
Service = Callable[[Receive, Send], Awaitable[None]]  # one connection, to its end

_HEAD_LIMIT: Final = 16_384
_BYTES_LIMIT: Final = 1 << 30


async def echo(receive: Receive, send: Send) -> None:
    """Sends all input back (RFC 862)."""
    while data := await receive():
        await send(data)


def hello(name: str) -> Service:
    """An HTTP/1.1 server: GET and HEAD, one request after the other."""

    async def serve(receive: Receive, send: Send) -> None:
        held = b""
        while True:
            while b"\r\n\r\n" not in held:
                data = await receive()
                held += data
                if not data or len(held) > _HEAD_LIMIT:
                    return
            head, _, held = held.partition(b"\r\n\r\n")
            method, _, rest = head.partition(b" ")
            status, size, body = _answer(method, rest.partition(b" ")[0], name)
            lines = f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {size}\r\n\r\n"
            await send(lines.encode() + (body if method != b"HEAD" else b""))
            left = size - len(body)
            while method != b"HEAD" and left > 0:
                await send(bytes(min(left, PIECE)))
                left -= PIECE
            if b"\r\nconnection: close" in head.lower():
                return

    return serve


def _answer(method: bytes, path: bytes, name: str) -> tuple[str, int, bytes]:
    """The status, the length of the body in bytes, and the body unless it is all zeros."""
    count = path.removeprefix(b"/bytes/")
    if method not in {b"GET", b"HEAD"}:
        return "405 Method Not Allowed", 0, b""
    if count != path and count.isdigit() and len(count) < 11 and int(count) <= _BYTES_LIMIT:
        return "200 OK", int(count), b""
    if path != b"/":
        return "404 Not Found", 0, b""
    body = f"hello from {name}\n".encode()
    return "200 OK", len(body), body


def service_of(pod: Object, port: int) -> Service | None:
    """The service on a port of a pod, or None."""
    app = (pod["metadata"].get("labels") or {}).get("app", "")
    if port == 8080 and app in {"web", "shop"}:
        return hello(pod["metadata"]["name"])
    return echo if port == 7 else None
