"""The upgrades that jitui carries, read from a request: exec, attach and port-forward, over WebSocket and over SPDY/3.1.

The protocol is told by the Upgrade header, never by the method: the API server takes GET and POST for SPDY.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from jitui.policy import kube
from jitui.policy.action import Action
from jitui.policy.streams import UPGRADES_LISTED, Codec, upgrade_of
from jitui.protocol import channels, http, websocket
from jitui.protocol.forward import Forward
from jitui.protocol.spdy_command import SpdyCommand
from jitui.protocol.speech import Speech, WebSocketCommand
from jitui.recording.frame import Channel
from jitui.values.errors import InvalidError, RefusedError, UpstreamError

Lines = list[tuple[bytes, bytes]]

FORWARD: Final = b"portforward.k8s.io"
STREAM_VERSION: Final = b"X-Stream-Protocol-Version"
OWN: Final = frozenset({b"connection", b"upgrade", b"sec-websocket-protocol", b"x-stream-protocol-version"})  # said by the plan, not as the client said them
NEWER: Final = "use kubectl 1.27 or later, or a client that speaks SPDY/3.1 or its WebSocket tunnel"


@dataclass(frozen=True, slots=True)
class Plan:
    """A valid upgrade request. Nothing flows before the cluster agreed to exactly this."""

    upgrade: bytes  # websocket or SPDY/3.1
    protocols: tuple[bytes, ...]  # in the client's order: the cluster takes one of them
    make: Callable[[bytes], Speech]  # the speech of the one it took
    key: bytes = b""  # of WebSocket

    @property
    def header(self) -> bytes:
        """Where protocols are offered and taken."""
        return b"Sec-WebSocket-Protocol" if self.key else STREAM_VERSION

    def request(self, lines: Lines, method: bytes) -> Lines:
        """The headers of the request to the cluster, without its credential; of the versions only those that can be recorded."""
        kept = [pair for pair in lines if pair[0].lower() not in OWN]
        framing = [(b"Content-Length", b"0")] if method == b"POST" else []
        # of a WebSocket the API server reads the first line only (golang.org/x/net/websocket: hybi.go)
        offered = [b", ".join(self.protocols)] if self.key else self.protocols
        return [*kept, (b"Connection", b"Upgrade"), (b"Upgrade", self.upgrade), *((self.header, each) for each in offered), *framing]

    def answered(self, answer: http.ResponseHead) -> tuple[Speech, Lines]:
        """The speech that the cluster's 101 begins, and the 101's headers for the client. Raises UpstreamError if it is none that was asked for."""
        took = answer.all(self.header)
        right = answer.get(b"upgrade").lower() == self.upgrade.lower() and len(took) == 1 and took[0] in self.protocols
        lines: Lines = [(b"Upgrade", self.upgrade), (b"Connection", b"Upgrade")]
        if self.key:
            right &= answer.get(b"sec-websocket-accept") == websocket.accept_key(self.key) and not answer.get(b"sec-websocket-extensions")
            lines.append((b"Sec-WebSocket-Accept", answer.get(b"sec-websocket-accept")))
        if not right:
            raise UpstreamError("the cluster switched to a protocol that was not asked for, so it does not pass")
        return self.make(took[0]), [*lines, (self.header, took[0])]


Taken = tuple[tuple[bytes, ...], Callable[[bytes], Speech]]
"""Of the protocols that a client offers those that are carried, in its order, and the speech of the one that the cluster takes."""


@dataclass(frozen=True, slots=True)
class Carried:
    """How each upgrade carries a codec. Both take the lines in which the client offers protocols, and raise RefusedError or InvalidError."""

    websocket: Callable[[Sequence[bytes], kube.Query], Taken]
    spdy: Callable[[Sequence[bytes], kube.Query], Taken]


def plan(head: http.RequestHead, action: Action) -> Plan:
    """The plan of a request that may be upgraded. Raises RefusedError or InvalidError with a sentence for kubectl."""
    stream = upgrade_of(action)
    assert stream is not None
    carried = CARRIED[stream.codec]
    query = kube.query_of(head.target)
    if head.upgrade == b"spdy/3.1":
        if head.method not in {b"GET", b"POST"}:
            raise InvalidError("an upgrade to SPDY/3.1 is a POST, or a GET")
        return Plan(b"SPDY/3.1", *carried.spdy(head.all(STREAM_VERSION.lower()), query))
    if head.upgrade.startswith(b"spdy"):
        raise RefusedError("of SPDY only 3.1 is carried here, which every kubectl speaks")
    if head.upgrade != b"websocket":
        raise InvalidError(f"{UPGRADES_LISTED} need an upgrade to websocket or SPDY/3.1")
    if head.method != b"GET" or head.get(b"sec-websocket-version") != b"13":
        raise InvalidError("a WebSocket upgrade is a GET of version 13 (RFC 6455)")
    key = head.get(b"sec-websocket-key")
    if not key:
        raise InvalidError("a WebSocket upgrade needs a Sec-WebSocket-Key (RFC 6455)")
    return Plan(b"websocket", *carried.websocket(head.all(b"sec-websocket-protocol"), query), key)


def _command_in_websocket(lines: Sequence[bytes], query: kube.Query) -> Taken:
    streams = asked(query)
    return channels.carried(lines), lambda took: WebSocketCommand(channels.VERSIONS[took], streams)


def _command_in_spdy(lines: Sequence[bytes], query: kube.Query) -> Taken:
    known = tuple(dict.fromkeys(each for each in channels.offers(lines) if each in channels.VERSIONS))
    if not known:
        raise RefusedError("the remote command protocol before v4 has no exit status, so it is not carried here; offer v5.channel.k8s.io or v4.channel.k8s.io")
    streams = asked(query)
    return known, lambda _: SpdyCommand(streams)


def _forward_in_websocket(lines: Sequence[bytes], query: kube.Query) -> Taken:
    if channels.TUNNEL not in channels.offers(lines):
        raise RefusedError(f"the port-forward of one WebSocket channel a port is not carried here; {NEWER} ({channels.TUNNEL.decode()})")
    named = ports(query)
    return (channels.TUNNEL,), lambda _: Forward(tunnel=True, ports=named)


def _forward_in_spdy(lines: Sequence[bytes], query: kube.Query) -> Taken:
    if FORWARD not in channels.offers(lines):
        raise RefusedError(f"none of the port-forward protocols offered is known here; offer {FORWARD.decode()}")
    named = ports(query)
    return (FORWARD,), lambda _: Forward(tunnel=False, ports=named)


CARRIED: Final[Mapping[Codec, Carried]] = {
    Codec.COMMAND: Carried(_command_in_websocket, _command_in_spdy),
    Codec.FORWARD: Carried(_forward_in_websocket, _forward_in_spdy),
}


def asked(query: kube.Query) -> frozenset[Channel]:
    """The streams of a remote command, as the API server and the kubelet read its request line: with a terminal there is no stderr, and a resize.

    Sources: apimachinery pkg/runtime/conversion.go, kubelet cri/streaming/remotecommand (NewOptions, createHTTPStreamStreams).
    """
    tty = query.flag("tty")
    wanted = {
        Channel.ERROR: True, Channel.STDIN: query.flag("stdin"), Channel.STDOUT: query.flag("stdout"), Channel.STDERR: query.flag("stderr") and not tty,
        Channel.RESIZE: tty,
    }  # fmt: skip
    return frozenset(channel for channel, opened in wanted.items() if opened)


def ports(query: kube.Query) -> frozenset[int] | None:
    """The ports that a port-forward names in its request line (core/v1: PodPortForwardOptions); None if it names none. Raises InvalidError."""
    named = query.values.get("ports")
    if named is None:
        return None
    found = [text for value in named for text in value.split(",")]
    if not all(text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 1 << 16 for text in found):
        raise InvalidError("request refused: ports names something other than ports from 1 to 65535; send numbers, or leave it out as kubectl does")
    return frozenset(map(int, found))
