"""Which headers go on: a table each way, and no credential on record."""

import base64

import pytest

from jitui.protocol import headers
from jitui.protocol.http import RequestHead, RequestParser, ResponseHead
from jitui.values.errors import RefusedError
from tests.protocol.pieces import KUBECTL_SPDY, KUBECTL_WEBSOCKET

BEARER = headers.BEARER_PROTOCOL


def request(*lines: tuple[bytes, bytes], upgrade: bytes = b"") -> RequestHead:
    return RequestHead(b"GET", b"/", ((b"Host", b"gw"), *lines), 0, upgrade, keep_alive=True)


def answer(*lines: tuple[bytes, bytes], status: int = 200) -> ResponseHead:
    return ResponseHead(status, b"", lines, 0, keep_alive=True)


def captured(raw: bytes) -> RequestHead:
    head = RequestParser().feed(raw)[0]
    assert isinstance(head, RequestHead)
    return head


DROPPED = [b"Authorization", b"Proxy-Authorization", b"Cookie", b"X-Remote-User", b"X-Remote-Uid", b"X-Remote-Group", b"X-Remote-Extra-Scopes",
           b"X-Forwarded-For", b"X-Forwarded-Proto", b"Forwarded", b"X-Real-Ip", b"Via", b"Audit-ID", b"Keep-Alive", b"Proxy-Connection", b"TE", b"Trailer",
           b"Transfer-Encoding", b"Content-Length", b"Upgrade", b"Expect", b"HTTP2-Settings", b"Sec-WebSocket-Extensions", b"Origin",
           b"Accept-Encoding"]  # fmt: skip


@pytest.mark.parametrize("name", DROPPED)
def test_what_the_client_may_not_say_to_the_cluster(name: bytes) -> None:
    """In any case of letters, and as often as it is sent (docs/protocol.md, 5)."""
    for spelt in (name, name.lower(), name.upper()):
        head = request((b"A", b"1"), (spelt, b"x"), (b"B", b"2"), (spelt, b"y"))
        assert headers.to_upstream(head, host=b"up", upgrade=False) == [(b"Host", b"up"), (b"A", b"1"), (b"B", b"2")]


@pytest.mark.parametrize("name", [b"Impersonate-User", b"impersonate-uid", b"IMPERSONATE-GROUP", b"Impersonate-Extra-Scopes", b"Impersonate-"])
def test_impersonation_is_refused(name: bytes) -> None:
    """Refused, not silently taken out: the caller would think it was somebody else."""
    with pytest.raises(RefusedError, match="act as somebody else"):
        headers.to_upstream(request((name, b"admin")), host=b"up", upgrade=False)


def test_connection_takes_its_headers_along() -> None:
    """Every header it names stays on this hop."""
    head = request((b"Connection", b"close, X-Hop"), (b"X-Hop", b"1"), (b"x-hop", b"2"), (b"X-End", b"3"), (b"Connection", b"Keep-Alive"))
    assert headers.to_upstream(head, host=b"up", upgrade=False) == [(b"Host", b"up"), (b"X-End", b"3")]


@pytest.mark.parametrize("name", [b"Content-Type", b"host", b"Sec-WebSocket-Protocol"])
def test_connection_can_not_take_away_what_was_judged(name: bytes) -> None:
    """A request is judged with its content type; the cluster must not get it without."""
    with pytest.raises(RefusedError, match="belongs to the request"):
        headers.to_upstream(request((b"Connection", name), (name, b"x")), host=b"up", upgrade=False)


def test_kubectls_spdy_handshake_goes_on() -> None:
    """Order and repeats are kept, the credential and the framing are not; Connection and Upgrade are written anew."""
    versions = [(b"X-Stream-Protocol-Version", name) for name in (b"v4.channel.k8s.io", b"v3.channel.k8s.io", b"v2.channel.k8s.io", b"channel.k8s.io")]
    assert headers.to_upstream(captured(KUBECTL_SPDY), host=b"up", upgrade=True) == [
        (b"Host", b"up"), (b"User-Agent", b"kubectl/v1.27.16"), *versions, (b"Connection", b"Upgrade"), (b"Upgrade", b"SPDY/3.1"),
    ]  # fmt: skip


def test_kubectls_websocket_handshake_goes_on() -> None:
    """With its own key, so that the cluster's Sec-WebSocket-Accept fits."""
    lines = headers.to_upstream(captured(KUBECTL_WEBSOCKET), host=b"up", upgrade=True)
    assert [name for name, _ in lines] == [b"Host", b"User-Agent", b"Kubectl-Command", b"Kubectl-Session", b"Sec-WebSocket-Key", b"Sec-WebSocket-Protocol",
                                           b"Sec-WebSocket-Version", b"Connection", b"Upgrade"]  # fmt: skip


def test_only_two_upgrades_exist() -> None:
    """h2c and others are refused; an upgrade that is not approved just goes."""
    for other in (b"h2c", b"tls/1.0", b"websocket, h2c", b""):
        with pytest.raises(RefusedError, match="not passed on"):
            headers.to_upstream(request((b"Upgrade", other), upgrade=other), host=b"up", upgrade=True)
    assert headers.to_upstream(request((b"Upgrade", b"h2c"), (b"Connection", b"Upgrade"), upgrade=b"h2c"), host=b"up", upgrade=False) == [(b"Host", b"up")]


def test_what_the_cluster_may_not_say_to_the_client() -> None:
    """Nothing of this hop and nothing of the gateway's own standing; Warning, Audit-Id and Retry-After go on."""
    dropped = [(name, b"x") for name in (b"Connection", b"Keep-Alive", b"Transfer-Encoding", b"Content-Length", b"Set-Cookie", b"WWW-Authenticate",
                                         b"Proxy-Authenticate", b"Sec-WebSocket-Extensions", b"Upgrade", b"Trailer")]  # fmt: skip
    kept = [(name, b"y") for name in (b"Warning", b"Audit-Id", b"Retry-After", b"X-Kubernetes-Pf-Flowschema-Uid", b"ETag", b"Content-Type", b"Warning")]
    assert headers.to_client(answer(*dropped, *kept, (b"Connection", b"X-Hop"), (b"x-hop", b"1"))) == kept


def test_a_101_goes_on_with_exactly_its_upgrade() -> None:
    """A stray `Connection: close` breaks kubectl (docs/protocol.md, 5)."""
    head = answer((b"Connection", b"Upgrade, close"), (b"Upgrade", b"SPDY/3.1"), (b"X-Stream-Protocol-Version", b"v4.channel.k8s.io"), status=101)
    assert headers.to_client(head) == [(b"X-Stream-Protocol-Version", b"v4.channel.k8s.io"), (b"Connection", b"Upgrade"), (b"Upgrade", b"SPDY/3.1")]


def encoded(token: bytes) -> bytes:
    return BEARER + base64.urlsafe_b64encode(token).rstrip(b"=")


@pytest.mark.parametrize(("value", "token"), [
    (b"Bearer abc", b"abc"), (b"bearer abc", b"abc"), (b"Bearer  abc ", b"abc"), (b"Basic YTpi", None), (b"Bearer", None), (b"Bearer ", None),
    (b"Bearer a b", None), (b"abc", None), (b"Bearer " + b"a" * 9000, None),
])  # fmt: skip
def test_the_bearer_token(value: bytes, token: bytes | None) -> None:
    """Of an Authorization header; another scheme is no credential here."""
    assert headers.credentials(request((b"Authorization", value))) == token


def test_the_bearer_token_of_a_websocket() -> None:
    """base64url without padding, one entry among the subprotocols, and only on an upgrade."""
    lines = [(b"Sec-WebSocket-Protocol", b"v5.channel.k8s.io, " + encoded(b"jt_a_\xffb?"))]
    assert headers.credentials(request(*lines, upgrade=b"websocket")) == b"jt_a_\xffb?"
    assert headers.credentials(request(*lines)) is None
    assert headers.credentials(request(*lines, *lines, upgrade=b"websocket")) is None
    assert headers.credentials(request((b"Sec-WebSocket-Protocol", BEARER + b"!!"), upgrade=b"websocket")) is None
    assert headers.credentials(request((b"Sec-WebSocket-Protocol", BEARER), upgrade=b"websocket")) is None
    assert headers.credentials(request(upgrade=b"websocket")) is None


def test_the_bearer_subprotocol_goes_nowhere() -> None:
    """Neither to the cluster nor on record, however it is spelt; the others stay."""
    head = request(
        (b"Sec-WebSocket-Protocol", encoded(b"secret") + b",v5.channel.k8s.io"),
        (b"sec-websocket-protocol", b"BASE64URL.bearer.Authorization.k8s.io.c2Vj"),
        (b"Sec-WebSocket-Protocol", b"v4.channel.k8s.io"),
        upgrade=b"websocket",
    )
    left = [(b"Sec-WebSocket-Protocol", b"v5.channel.k8s.io"), (b"Sec-WebSocket-Protocol", b"v4.channel.k8s.io")]
    assert headers.to_upstream(head, host=b"up", upgrade=True)[1:-2] == left
    assert headers.recordable(head) == [(b"Host", b"gw"), *left]


def test_no_credential_is_recordable() -> None:
    """Of a request, an answer or a list: the same lines in order, less those."""
    secret = [(name, b"s3cret") for name in (b"AUTHORIZATION", b"Cookie", b"Proxy-Authorization", b"Set-Cookie", b"X-Auth-Token", b"X-Api-Key")]
    kept = [(b"A", b"1"), (b"Audit-ID", b"2"), (b"A", b"3")]
    assert headers.recordable([*secret, *kept]) == kept
    assert headers.recordable(answer(*kept, *secret)) == kept
    assert headers.recordable(captured(KUBECTL_WEBSOCKET)) == [line for line in captured(KUBECTL_WEBSOCKET).headers if line[0] != b"Authorization"]


@pytest.mark.parametrize("name", [b"X_Remote_User", b"x_a", b"Content_Length", b"Impersonate_User", b"_", b"A_" + b"b" * 100])
def test_a_name_with_an_underscore_goes_nowhere(name: bytes) -> None:
    """To the API server it means nothing; another server may read a hyphen there."""
    assert headers.to_upstream(request((b"A", b"1"), (name, b"x")), host=b"up", upgrade=False) == [(b"Host", b"up"), (b"A", b"1")]


@pytest.mark.parametrize(("values", "taken"), [
    ([b"gzip"], True), ([b"br, gzip"], True), ([b"br", b"GZIP;q=0.1"], True), ([b"x-gzip ; q=1"], True), ([b"gzip;q=0"], False), ([b"gzip; q=0.000"], False),
    ([b"identity"], False), ([b"*"], False), ([b""], False), ([], False), ([b"gzipped, xgzip"], False),
])  # fmt: skip
def test_of_all_codings_gzip_is_asked_for(values: list[bytes], taken: bool) -> None:
    """If the client takes it by name, and the answer may come so."""
    head = request(*((b"Accept-Encoding", value) for value in values))
    assert headers.to_upstream(head, host=b"up", upgrade=False, packed=True) == [(b"Host", b"up"), *([(b"Accept-Encoding", b"gzip")] if taken else [])]
    assert headers.to_upstream(head, host=b"up", upgrade=False) == [(b"Host", b"up")]
    assert headers.takes_gzip(head) is taken
