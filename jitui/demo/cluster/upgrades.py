"""Upgrades a request on a pod to its stream: WebSocket or SPDY by the Upgrade header, then a subprotocol that both sides have."""

from typing import Final

from jitui.demo.cluster import portforward, spdy, websocket
from jitui.demo.cluster.http import Connection, Request
from jitui.demo.cluster.programs import STDERR, STDIN, STDOUT
from jitui.demo.cluster.spdy import SpdyConnection, SpdyPeer, Upgraded
from jitui.demo.cluster.status import StatusError, bad_request
from jitui.demo.cluster.websocket import ERROR, RESIZE, Tunnel, WebSocketPeer

_WEBSOCKET: Final = "websocket"


def asked(request: Request) -> set[int]:
    """The channels that the query of a remote command asks for; with a terminal, stderr comes on stdout."""
    channels = {channel for channel, name in ((STDIN, "stdin"), (STDOUT, "stdout"), (STDERR, "stderr")) if request.flag(name)}
    return channels - {STDERR} if request.flag("tty") else channels


async def command(connection: Connection, request: Request) -> WebSocketPeer | SpdyPeer | None:
    """The client of exec or attach, after the 101; None if it was refused. Raises StatusError where there is no upgrade, ConnectionError if it goes."""
    if _protocol(request) == _WEBSOCKET:
        version = websocket.choose(request)
        if version:
            return await WebSocketPeer.accept(connection, request, version)
        await _refused(connection)
        return None
    channels = asked(request)
    if not channels:
        raise bad_request("you must specify at least 1 of stdin, stdout, stderr")
    if not await spdy.switch(connection, request, spdy.V4):
        return None
    return await SpdyPeer.accept(connection, channels | {ERROR} | ({RESIZE} if request.flag("tty") else set()))


async def forward(connection: Connection, request: Request) -> SpdyConnection | None:
    """The client of port-forward, after the 101; None if it was refused. Raises StatusError where there is no upgrade."""
    if _protocol(request) == _WEBSOCKET:
        if websocket.choose(request, (portforward.TUNNEL,)):
            websocket.switch(connection, request, portforward.TUNNEL)
            return SpdyConnection(Tunnel(connection))
        await _refused(connection)
        return None
    if not await spdy.switch(connection, request, portforward.PROTOCOL):
        return None
    return SpdyConnection(Upgraded(connection))


def _protocol(request: Request) -> str:
    upgrade = request.header("upgrade").lower()
    if not upgrade:
        raise bad_request("Upgrade request required")
    if upgrade not in {_WEBSOCKET, spdy.PROTOCOL}:
        raise bad_request(f"unable to upgrade: unknown protocol {upgrade!r}")
    if upgrade == _WEBSOCKET and request.method != "GET":
        raise StatusError(405, "MethodNotAllowed", "bad method: a WebSocket upgrade is a GET")
    return upgrade


async def _refused(connection: Connection) -> None:
    """Answers a bare 403, as the API server does if it has none of the subprotocols."""
    connection.finished = True
    await connection.reply(403, b"", "text/plain")
