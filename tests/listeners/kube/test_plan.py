"""An upgrade's request line is read as the API server reads it."""

import pytest

from jitui.listeners.kube.plan import CARRIED, FORWARD, asked, plan, ports
from jitui.policy import kube
from jitui.policy.streams import UPGRADES, Codec, StreamKind
from jitui.protocol import channels
from jitui.protocol.http import RequestHead
from jitui.recording.frame import Channel
from jitui.values.errors import InvalidError

EXEC = b"/c/prod/api/v1/namespaces/web/pods/web-1/exec?command=sh&"


@pytest.mark.parametrize(("query", "names"), [
    (b"stdin=true&stdout=true&stderr=true", "stdin stdout stderr"),
    (b"stdin=1&stdout=t&stderr=yes", "stdin stdout stderr"),  # whatever is not 0 or false is true, also nothing
    (b"stdin=&stdout&stderr=no", "stdin stdout stderr"),
    (b"stdin=0&stdout=false&stderr=FALSE", ""),
    (b"stdin=FaLsE&stdout=00&stderr=%66alse", "stdout"),
    (b"%73tdin=1&Stdout=1&STDERR=1", "stdin"),  # keys are compared as they are, once decoded
    (b"tty=true&stdout=true&stderr=true", "stdout resize"),  # a terminal has no stderr
    (b"tty=0&stdout=true&stderr=true", "stdout stderr"),
    (b"xstdin=1&stdin.=1", ""),
    (b"stdin=false&stdin=true", ""),  # of several the first counts
    (b"tty=1&stdout=1&%74ty=0", "stdout resize"),
    (b"stdin=1;tty=1&stdout=1", "stdout"),  # a pair with a semicolon is dropped
])  # fmt: skip
def test_streams(query: bytes, names: str) -> None:
    """As Convert_Slice_string_To_bool of apimachinery and NewOptions of the kubelet do; the error stream is everybody's."""
    assert asked(kube.query_of(EXEC + query)) == {Channel.ERROR, *(Channel[name.upper()] for name in names.split())}
    action = kube.read(b"POST", EXEC.removeprefix(b"/c/prod") + query)
    assert (action.stdin, action.tty) == ("stdin" in names.split(), "resize" in names.split())  # what is judged is what may be opened


@pytest.mark.parametrize("query", [b"stdin=fal\xc5\xbfe", b"stdin=%C5%BF"])
def test_what_can_be_read_in_two_ways_is_refused(query: bytes) -> None:
    """A letter that only some take for another."""
    with pytest.raises(InvalidError):
        asked(kube.query_of(EXEC + query))


@pytest.mark.parametrize(("query", "named"), [(b"", None), (b"ports=80", {80}), (b"ports=80,443&ports=8080", {80, 443, 8080})])
def test_ports(query: bytes, named: set[int] | None) -> None:
    """None are named by kubectl, and then any may be opened."""
    assert ports(kube.query_of(b"/c/prod/api/v1/namespaces/web/pods/web-1/portforward?" + query)) == named


@pytest.mark.parametrize("query", [b"ports=", b"ports=http", b"ports=0", b"ports=65536", b"ports=80,", b"ports=+80", b"ports=%D9%A1"])
def test_ports_that_are_none_are_refused(query: bytes) -> None:
    """The API server would not take them either."""
    with pytest.raises(InvalidError, match="ports from 1 to 65535"):
        ports(kube.query_of(b"/c/prod/api/v1/namespaces/web/pods/web-1/portforward?" + query))


@pytest.mark.parametrize("kind", UPGRADES.values(), ids=lambda kind: kind.session)
@pytest.mark.parametrize("upgrade", ["websocket", "SPDY/3.1"])
def test_each_kind_of_stream_is_carried_by_each_upgrade(kind: StreamKind, upgrade: str) -> None:
    """A client that offers every protocol is taken at one of them, and its codec hears no stream that the row does not name."""
    target = f"/api/v1/namespaces/web/pods/web-1/{kind.subresource}?command=sh&stdin=1&stdout=1&stderr=1"
    offered = b", ".join((*channels.VERSIONS, channels.TUNNEL, FORWARD))
    lines = ((b"Upgrade", upgrade.encode()), (b"Sec-WebSocket-Version", b"13"), (b"Sec-WebSocket-Key", b"A" * 22 + b"=="),
             (b"Sec-WebSocket-Protocol", offered), (b"X-Stream-Protocol-Version", offered))  # fmt: skip
    method = b"GET" if upgrade == "websocket" else b"POST"
    head = RequestHead(method, target.encode(), lines, 0, upgrade.lower().encode(), keep_alive=True)
    made = plan(head, kube.read(head.method, head.target))
    assert made.upgrade.lower() == upgrade.lower().encode()
    for took in made.protocols:
        assert not made.make(took).waits(client=True)
    if kind.codec is Codec.COMMAND:
        everything = asked(kube.query_of(target.encode())) | asked(kube.query_of(target.encode() + b"&tty=1"))
        assert {channel.label for channel in everything} == set(kind.channels)


def test_every_codec_of_an_upgrade_has_its_line() -> None:
    """One that has none could be granted and never be opened."""
    assert {kind.codec for kind in UPGRADES.values()} <= CARRIED.keys()
