"""The headers that are forwarded, as literal tables.

Towards the cluster, headers that name the caller or its origin, hop-by-hop headers and framing are removed; the gateway adds its own Authorization,
Audit-ID, X-Forwarded-For and the framing of the body. Names with an underscore are removed too: they mean nothing to the API server, and some servers
read a hyphen there. Towards the client, hop-by-hop headers, framing and headers about the gateway's own credential are removed. Order and repeats are
kept: four X-Stream-Protocol-Version lines stay four.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from jitui.protocol.http import RequestHead, ResponseHead
from jitui.protocol.strict import tokens
from jitui.values.errors import RefusedError

Lines = list[tuple[bytes, bytes]]

# RFC 9110, section 7.6.1, and headers of older clients and proxies; the framing belongs to each hop as well
HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"content-length",
        b"http2-settings",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)

# headers of the client that never reach the cluster
DROPPED_IN: Final = HOP_BY_HOP | {
    b"audit-id",  # the cluster takes it for the id of its audit event
    b"authorization",
    b"cookie",
    b"expect",
    b"forwarded",
    b"host",  # replaced
    b"origin",
    b"proxy-authorization",
    b"sec-websocket-extensions",
    b"via",
    b"x-real-ip",
}
DROPPED_IN_PREFIXES: Final = (b"x-forwarded-", b"x-remote-")

# a caller that sends one of these wants to act as another user: it is refused, not silently served as itself
REFUSED_PREFIX: Final = b"impersonate-"

# a Connection header that names one of these would remove a header that the decision was based on
JUDGED: Final = frozenset(
    {
        b"accept",
        b"content-encoding",
        b"content-type",
        b"host",
        b"sec-websocket-key",
        b"sec-websocket-protocol",
        b"sec-websocket-version",
        b"x-stream-protocol-version",
    }
)

# headers of the cluster that never reach the client
DROPPED_OUT: Final = HOP_BY_HOP | {b"proxy-authenticate", b"sec-websocket-extensions", b"set-cookie", b"set-cookie2", b"www-authenticate"}

# headers that are never recorded
CREDENTIALS: Final = frozenset(
    {
        b"authorization",
        b"cookie",
        b"proxy-authorization",
        b"set-cookie",
        b"set-cookie2",
        b"x-amz-security-token",
        b"x-api-key",
        b"x-auth-token",
    }
)

NAME_KEPT: Final = 64  # bytes of a name, up to which its fate is remembered


# the fate of a header of the client's on its way to the cluster, by its name
PASSES: Final = 0
DROPPED: Final = 1
REFUSED: Final = 2
PROTOCOLS: Final = 3  # passes without a token
CODINGS: Final = 4  # replaced: of all codings only gzip can be read in the record

UPGRADES: Final = {b"websocket": b"websocket", b"spdy/3.1": b"SPDY/3.1"}
BEARER_PROTOCOL: Final = b"base64url.bearer.authorization.k8s.io."  # kubernetes: apiserver/pkg/authentication/request/websocket/protocol.go
ZERO: Final = re.compile(rb"q=0(?:\.0*)?")  # a weight that excludes
TOKEN_LIMIT: Final = 8 << 10  # bytes


def to_upstream(head: RequestHead, *, host: bytes, upgrade: bool, packed: bool = False) -> Lines:
    """The headers of a request for the cluster, without credential and framing. `upgrade`: the upgrade was allowed, so its headers are kept. `packed`: the
    answer may come compressed with gzip, if the client takes that.

    Raises RefusedError for Impersonate-*, for an upgrade to anything but WebSocket and SPDY/3.1, and for a Connection that names a protected header.
    """
    named = _named(head)
    if named and not named.isdisjoint(JUDGED):
        raise RefusedError(f"the connection header names {_text(min(named & JUDGED))}, which belongs to the request itself; leave it out")
    lines: Lines = [(b"Host", host)]
    codings: list[bytes] = []
    for name, value in head.headers:
        fate = _fate(name) if len(name) <= NAME_KEPT else _fate_of(name)
        if fate == DROPPED or (named and name.lower() in named):
            continue
        if not fate:
            lines.append((name, value))
        elif fate == REFUSED:
            words = "asks to act as somebody else; a window is for the identity that asked for it, so leave it out"
            raise RefusedError(f"the header {_text(name.lower())} {words}")
        elif fate == CODINGS:
            codings.append(value)
        elif kept := without_bearer(value):
            lines.append((name, kept))
    if packed and codings and _takes_gzip(codings):
        lines.append((b"Accept-Encoding", b"gzip"))
    if upgrade:
        known = UPGRADES.get(head.upgrade)
        if known is None:
            raise RefusedError(f"an upgrade to {_text(head.upgrade) or 'nothing'} is not passed on; websocket and SPDY/3.1 are")
        lines += [(b"Connection", b"Upgrade"), (b"Upgrade", known)]
    return lines


def takes_gzip(head: RequestHead) -> bool:
    """Whether the client takes an answer that is compressed with gzip (RFC 9110, 12.5.3), by name: the API server knows no `*` there."""
    return _takes_gzip(head.all(b"accept-encoding"))


def to_client(head: ResponseHead) -> Lines:
    """The headers of an answer for the client, without framing. A 101 keeps exactly `Connection: Upgrade` and its Upgrade."""
    named = _named(head)
    dropped = DROPPED_OUT | named if named else DROPPED_OUT
    lines = [(name, value) for name, value in head.headers if name.lower() not in dropped]
    if head.status == 101:
        lines += [(b"Connection", b"Upgrade"), (b"Upgrade", head.get(b"upgrade"))]
    return lines


def credentials(head: RequestHead) -> bytes | None:
    """The bearer token of a request, from Authorization or else from the one bearer entry of Sec-WebSocket-Protocol. None if there is none."""
    value = head.get(b"authorization")
    if value:
        scheme, _, token = value.partition(b" ")
        token = token.strip(b" ")
        return token if scheme.lower() == b"bearer" and 0 < len(token) <= TOKEN_LIMIT and b" " not in token else None
    if not head.upgrade:
        return None
    entries = [entry for value in head.all(b"sec-websocket-protocol") for entry in _members(value) if entry.startswith(BEARER_PROTOCOL)]
    if len(entries) != 1 or len(entries[0]) > 2 * TOKEN_LIMIT:
        return None
    text = entries[0][len(BEARER_PROTOCOL) :].rstrip(b"=")
    try:
        token = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return token or None


def recordable(source: RequestHead | ResponseHead | Sequence[tuple[bytes, bytes]]) -> Lines:
    """The same headers in the same order, without any credential."""
    lines: Lines = []
    for name, value in source.headers if isinstance(source, RequestHead | ResponseHead) else source:
        low = name.lower()
        if low in CREDENTIALS:
            continue
        if low == b"sec-websocket-protocol":
            value = without_bearer(value)  # noqa: PLW2901
            if not value:
                continue
        lines.append((name, value))
    return lines


def _fate_of(name: bytes) -> int:
    low = name.lower()
    if low == b"accept-encoding":
        return CODINGS
    if low in DROPPED_IN or low.startswith(DROPPED_IN_PREFIXES) or b"_" in low:
        return DROPPED
    if low.startswith(REFUSED_PREFIX):
        return REFUSED
    return PROTOCOLS if low == b"sec-websocket-protocol" else PASSES


_fate = lru_cache(maxsize=512)(_fate_of)  # every client sends the same names


def _takes_gzip(values: Sequence[bytes]) -> bool:
    for value in values:
        if value == b"gzip":  # as client-go says it
            return True
        for member in value.split(b","):
            coding, *parameters = member.lower().replace(b" ", b"").replace(b"\t", b"").split(b";")
            if coding in {b"gzip", b"x-gzip"}:
                return not any(ZERO.fullmatch(parameter) for parameter in parameters)
    return False


def _named(head: RequestHead | ResponseHead) -> frozenset[bytes]:
    """The headers that Connection names, without the hop-by-hop ones and without its own options (`close`, `keep-alive`)."""
    values = head.all(b"connection")
    return frozenset(tokens(values)) - HOP_BY_HOP - {b"close"} if values else frozenset()


def _members(value: bytes) -> list[bytes]:
    return [member.strip(b" \t") for member in value.split(b",") if member.strip(b" \t")]


def without_bearer(value: bytes) -> bytes:
    """A Sec-WebSocket-Protocol without its bearer entries; untouched if it has none. The entry's case does not matter here."""
    if b"bearer.authorization" not in value.lower():
        return value
    return b", ".join(member for member in _members(value) if not member.lower().startswith(BEARER_PROTOCOL))


def _text(raw: bytes) -> str:
    return raw[:64].decode("ascii", "replace")
