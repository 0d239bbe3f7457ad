"""The upgrades that jitui carries, read from a request: exec, attach and port-forward over WebSocket and over SPDY/3.1, a watch and a log over WebSocket.

The protocol is told by the Upgrade header, never by the method: the API server takes GET and POST for SPDY.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from jitui.policy import kube
from jitui.policy.action import Action
from jitui.policy.streams import LOGS, UPGRADES_LISTED, WATCH, Codec, StreamKind, upgrade_of
from jitui.protocol import channels, headers, http, oneway, websocket
from jitui.protocol.forward import Forward
from jitui.protocol.forward_channels import ForwardChannels
from jitui.protocol.spdy_command import SpdyCommand
from jitui.protocol.speech import Speech, WebSocketCommand
from jitui.recording.frame import Channel
from jitui.values.errors import InvalidError, RefusedError, UpstreamError

Lines = list[tuple[bytes, bytes]]

FORWARD: Final = b"portforward.k8s.io"
STREAM_VERSION: Final = b"X-Stream-Protocol-Version"
UNHEEDED: Final = frozenset({"", LOGS.subresource, "status", "scale"})  # subresources that are the API server's own: it heeds no upgrade but `streamed`
OWN: Final = frozenset({b"connection", b"upgrade", b"sec-websocket-protocol", b"x-stream-protocol-version"})  # said by the plan, not as the client said them


@dataclass(frozen=True, slots=True)
class Plan:
    """A valid upgrade request. Nothing flows before the cluster agreed to exactly this."""

    upgrade: bytes  # websocket or SPDY/3.1
    protocols: tuple[bytes, ...]  # in the client's order: the cluster takes one of them; over WebSocket perhaps none
    make: Callable[[bytes], Speech]  # the speech of the one it took, b"" of none
    key: bytes = b""  # of WebSocket
    origin: bytes = b""  # of a watch, which the API server gives to nobody without one

    @property
    def header(self) -> bytes:
        """Where protocols are offered and taken."""
        return b"Sec-WebSocket-Protocol" if self.key else STREAM_VERSION

    def request(self, lines: Lines, method: bytes) -> Lines:
        """The headers of the request to the cluster, without its credential; of the versions only those that can be recorded."""
        kept = [pair for pair in lines if pair[0].lower() not in OWN]
        framing = [(b"Content-Length", b"0")] if method == b"POST" else []
        # of a WebSocket the API server reads the first line only (golang.org/x/net/websocket: hybi.go)
        offered = [b", ".join(self.protocols)] if self.key and self.protocols else self.protocols
        if self.origin:
            kept.append((b"Origin", self.origin))
        return [*kept, (b"Connection", b"Upgrade"), (b"Upgrade", self.upgrade), *((self.header, each) for each in offered), *framing]

    def answered(self, answer: http.ResponseHead) -> tuple[Speech, Lines]:
        """The speech that the cluster's 101 begins, and the 101's headers for the client. Raises UpstreamError if it is none that was asked for."""
        lines = answer.all(self.header)
        took = lines[0] if lines else b""
        right = answer.get(b"upgrade").lower() == self.upgrade.lower() and len(lines) <= 1 and took in (self.protocols or (b"",))
        said: Lines = [(b"Upgrade", self.upgrade), (b"Connection", b"Upgrade")]
        if self.key:
            right &= answer.get(b"sec-websocket-accept") == websocket.accept_key(self.key) and not answer.get(b"sec-websocket-extensions")
            said.append((b"Sec-WebSocket-Accept", answer.get(b"sec-websocket-accept")))
        if not right:
            raise UpstreamError("the cluster switched to a protocol that was not asked for, so it does not pass")
        return self.make(took), [*said, *((self.header, each) for each in lines)]


Taken = tuple[tuple[bytes, ...], Callable[[bytes], Speech]]
"""Of the protocols that a client offers those that are carried, in its order, and the speech of the one that the cluster takes."""


@dataclass(frozen=True, slots=True)
class Carried:
    """How each upgrade carries a codec. Both raise RefusedError or InvalidError."""

    websocket: Callable[[http.RequestHead, Sequence[bytes], kube.Query], Taken]  # its second argument: the lines in which the client offers protocols
    spdy: Callable[[Sequence[bytes], kube.Query], Taken] | None = None  # None: the API server answers such a request without an upgrade


def streamed(head: http.RequestHead, action: Action) -> StreamKind | None:
    """The kind of stream that a request with this head becomes by its upgrade. Of another one the API server does not heed the Upgrade header.

    Exec, attach and port-forward are one without that header, too, so that they are refused in words.
    """
    if (stream := upgrade_of(action)) is not None or head.upgrade != b"websocket":
        return stream
    if action.resource == "pods" and action.subresource == LOGS.subresource and not action.group and action.namespace and action.name:
        return LOGS
    return WATCH if action.verb == WATCH.verb else None


def plan(head: http.RequestHead, stream: StreamKind, host: bytes) -> Plan:
    """The plan of a request that becomes a stream of the cluster at `host`. Raises RefusedError or InvalidError with a sentence for the client."""
    carried = CARRIED[stream.codec]
    query = kube.query_of(head.target)
    if head.upgrade == b"spdy/3.1" and carried.spdy is not None:
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
    offered = [headers.without_bearer(line) for line in head.all(b"sec-websocket-protocol")]
    return Plan(b"websocket", *carried.websocket(head, offered, query), key, _origin(head, host) if stream is WATCH else b"")


def _origin(head: http.RequestHead, host: bytes) -> bytes:
    """The origin that the cluster is told: of a client that names the server it speaks to, the cluster instead of the gateway."""
    said = head.get(b"origin")
    return b"https://" + host if said.partition(b"://")[2].lower() == head.get(b"host").lower() else said


def _command_in_websocket(_: http.RequestHead, lines: Sequence[bytes], query: kube.Query) -> Taken:
    streams = asked(query)
    return channels.carried(lines, channels.COMMANDS), lambda took: WebSocketCommand(channels.COMMANDS[took], streams)


def _command_in_spdy(lines: Sequence[bytes], query: kube.Query) -> Taken:
    known = tuple(dict.fromkeys(each for each in channels.offers(lines) if each in channels.OVER_SPDY))
    if not known:
        raise RefusedError("the remote command protocol before v4 has no exit status, so it is not carried here; offer v5.channel.k8s.io or v4.channel.k8s.io")
    streams = asked(query)
    return known, lambda _: SpdyCommand(streams)


def _forward_in_websocket(_: http.RequestHead, lines: Sequence[bytes], query: kube.Query) -> Taken:
    known = channels.carried(lines, {channels.TUNNEL: None, **channels.FORWARDS})
    named = ports(query)

    def speech(took: bytes) -> Speech:
        if took == channels.TUNNEL:
            return Forward(tunnel=True, ports=None if named is None else frozenset(named))
        return ForwardChannels(channels.FORWARDS[took], named or ())

    for each in known or (b"",):
        speech(each)  # more ports than it has channels for are refused now, not once the cluster has switched
    return known, speech


def _forward_in_spdy(lines: Sequence[bytes], query: kube.Query) -> Taken:
    if FORWARD not in channels.offers(lines):
        raise RefusedError(f"none of the port-forward protocols offered is known here; offer {FORWARD.decode()}")
    named = ports(query)
    return (FORWARD,), lambda _: Forward(tunnel=False, ports=None if named is None else frozenset(named))


def _log(_: http.RequestHead, lines: Sequence[bytes], __: kube.Query) -> Taken:
    return channels.carried(lines, dict.fromkeys(oneway.OF_LOGS)), lambda took: oneway.Log(base64=took == oneway.BASE64)


def _watch(head: http.RequestHead, lines: Sequence[bytes], _: kube.Query) -> Taken:
    """The API server takes whatever one protocol is offered, and it changes nothing."""
    first = head.get(b"accept").partition(b",")[0].partition(b";")[0].strip().lower()
    json = first in {b"", b"*/*", b"application/*", b"application/json"}
    return tuple(channels.offers(lines)), lambda _: oneway.Watch(json=json)


CARRIED: Final[Mapping[Codec, Carried]] = {
    Codec.COMMAND: Carried(_command_in_websocket, _command_in_spdy),
    Codec.FORWARD: Carried(_forward_in_websocket, _forward_in_spdy),
    Codec.LINES: Carried(_log),
    Codec.EVENTS: Carried(_watch),
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
    return _shared(tuple(channel for channel, opened in wanted.items() if opened))


@lru_cache(maxsize=32)
def _shared(wanted: tuple[Channel, ...]) -> frozenset[Channel]:
    """Streams that ask for the same have it in common."""
    return frozenset(wanted)


def ports(query: kube.Query) -> tuple[int, ...] | None:
    """The ports that a port-forward names in its request line, in its order (core/v1: PodPortForwardOptions); None if it names none. Raises InvalidError."""
    named = query.values.get("ports")
    if named is None:
        return None
    found = [text for value in named for text in value.split(",")]
    if not all(text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 1 << 16 for text in found):
        raise InvalidError("request refused: ports names something other than ports from 1 to 65535; send numbers, or leave it out as kubectl does")
    return tuple(map(int, found))
