"""An upgrade's request line is read as the API server reads it."""

import pytest

from jitui.policy import kube
from jitui.policy.streams import EXEC, LOGS, UPGRADES, WATCH, Codec, StreamKind
from jitui.protocol import channels, websocket
from jitui.protocol.http import RequestHead, ResponseHead
from jitui.protocol.plan import CARRIED, FORWARD, Plan, asked, plan, ports, streamed
from jitui.recording.frame import Channel
from jitui.values.errors import InvalidError, UpstreamError

COMMAND = b"/c/prod/api/v1/namespaces/web/pods/web-1/exec?command=sh&"


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
    assert asked(kube.query_of(COMMAND + query)) == {Channel.ERROR, *(Channel[name.upper()] for name in names.split())}
    action = kube.read(b"POST", COMMAND.removeprefix(b"/c/prod") + query)
    assert (action.stdin, action.tty) == ("stdin" in names.split(), "resize" in names.split())  # what is judged is what may be opened


@pytest.mark.parametrize("query", [b"stdin=fal\xc5\xbfe", b"stdin=%C5%BF"])
def test_what_can_be_read_in_two_ways_is_refused(query: bytes) -> None:
    """A letter that only some take for another."""
    with pytest.raises(InvalidError):
        asked(kube.query_of(COMMAND + query))


@pytest.mark.parametrize(("query", "named"), [(b"", None), (b"ports=80", (80,)), (b"ports=443,80&ports=8080&ports=80", (443, 80, 8080, 80))])
def test_ports(query: bytes, named: tuple[int, ...] | None) -> None:
    """In their order, which numbers the channels; none are named by kubectl, and then any may be opened."""
    assert ports(kube.query_of(b"/c/prod/api/v1/namespaces/web/pods/web-1/portforward?" + query)) == named


@pytest.mark.parametrize("query", [b"ports=", b"ports=http", b"ports=0", b"ports=65536", b"ports=80,", b"ports=+80", b"ports=%D9%A1"])
def test_ports_that_are_none_are_refused(query: bytes) -> None:
    """The API server would not take them either."""
    with pytest.raises(InvalidError, match="ports from 1 to 65535"):
        ports(kube.query_of(b"/c/prod/api/v1/namespaces/web/pods/web-1/portforward?" + query))


def asking(target: str, upgrade: str = "websocket", method: str = "GET", **headers: str) -> RequestHead:
    lines = {"Host": "gw:6443", "Upgrade": upgrade, "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "A" * 22 + "==", **{
        name.replace("_", "-"): value for name, value in headers.items()}}  # fmt: skip
    return RequestHead(method.encode(), target.encode(), tuple((name.encode(), value.encode()) for name, value in lines.items()), 0,
                       upgrade.lower().encode(), keep_alive=True)  # fmt: skip


def planned(head: RequestHead) -> Plan:
    stream = streamed(head, kube.read(head.method, head.target))
    assert stream is not None
    return plan(head, stream, b"10.0.0.1:6443")


POD = "/api/v1/namespaces/web/pods/web-1"


@pytest.mark.parametrize("kind", UPGRADES.values(), ids=lambda kind: kind.session)
@pytest.mark.parametrize("upgrade", ["websocket", "SPDY/3.1"])
def test_each_kind_of_stream_is_carried_by_each_upgrade(kind: StreamKind, upgrade: str) -> None:
    """A client that offers every protocol is taken at one of them, and its codec hears no stream that the row does not name."""
    target = f"{POD}/{kind.subresource}?command=sh&stdin=1&stdout=1&stderr=1"
    offered = b", ".join(filter(None, (*channels.COMMANDS, channels.TUNNEL, FORWARD))).decode()
    made = planned(asking(target, upgrade, "GET" if upgrade == "websocket" else "POST", Sec_WebSocket_Protocol=offered, X_Stream_Protocol_Version=offered))
    assert made.upgrade.lower() == upgrade.lower().encode()
    for took in made.protocols:
        assert not made.make(took).waits(client=True)
    if kind.codec is Codec.COMMAND:
        everything = asked(kube.query_of(target.encode())) | asked(kube.query_of(target.encode() + b"&tty=1"))
        assert {channel.label for channel in everything} == set(kind.channels)


@pytest.mark.parametrize(("target", "kind"), [
    ("/api/v1/pods?watch=1", WATCH), ("/apis/apps/v1/namespaces/web/deployments?watch&fieldSelector=metadata.name=x", WATCH), (f"{POD}/log", LOGS),
    (f"{POD}/exec?command=sh", EXEC), ("/api/v1/pods", None), ("/api/v1/pods?watch=0", None), (POD, None), ("/version", None), (f"{POD}/proxy/", None),
    ("/apis/x.io/v1/namespaces/web/pods/web-1/log", None), ("/api/v1/namespaces/web/services/x/log", None),
])  # fmt: skip
def test_which_requests_become_a_stream(target: str, kind: StreamKind | None) -> None:
    """By a WebSocket, as the API server upgrades them; a watch or a log never by another upgrade, nor by none."""
    assert streamed(asking(target), kube.read(b"GET", target.encode())) is kind
    for other in ("", "SPDY/3.1", "h2c"):
        assert streamed(asking(target, other), kube.read(b"GET", target.encode())) is (EXEC if kind is EXEC else None)


@pytest.mark.parametrize(("target", "offered", "took"), [
    (f"{POD}/exec?command=sh", "", b""), (f"{POD}/exec?command=sh", "base64.channel.k8s.io", b"base64.channel.k8s.io"),
    (f"{POD}/portforward?ports=80", "v5.channel.k8s.io, v4.channel.k8s.io", b"v4.channel.k8s.io"), (f"{POD}/portforward?ports=80", "", b""),
    (f"{POD}/log", "", b""), (f"{POD}/log", "x, base64.binary.k8s.io", b"base64.binary.k8s.io"),
    ("/api/v1/pods?watch=1", "", b""), ("/api/v1/pods?watch=1", "whatever", b"whatever"),
])  # fmt: skip
def test_a_switch_is_passed_on_as_the_cluster_says_it(target: str, offered: str, took: bytes) -> None:
    """A protocol without a name is an empty header of an exec, a port-forward or a log, and none of a watch; another one than was offered is an error."""
    made = planned(asking(target, **{"Sec-WebSocket-Protocol": offered} if offered else {}))
    assert [value for name, value in made.request([], b"GET") if name == b"Sec-WebSocket-Protocol"] == ([took] if took else [])
    accept = (b"Upgrade", b"websocket"), (b"Sec-WebSocket-Accept", websocket.accept_key(made.key))
    for said in ([(b"Sec-WebSocket-Protocol", took)], [] if not took else [(b"Sec-WebSocket-Protocol", took)]):
        speech, lines = made.answered(ResponseHead(101, b"", (*accept, *said), None, keep_alive=False))
        assert not speech.waits(client=False)
        assert [pair for pair in lines if pair[0] == b"Sec-WebSocket-Protocol"] == said
    for wrong in ([(b"Sec-WebSocket-Protocol", b"v9")], [(b"Sec-WebSocket-Protocol", took)] * 2, [] if took else [(b"Sec-WebSocket-Protocol", b"x")]):
        with pytest.raises(UpstreamError):
            made.answered(ResponseHead(101, b"", (*accept, *wrong), None, keep_alive=False))


@pytest.mark.parametrize(("target", "says"), [
    (f"{POD}/portforward?ports={','.join(map(str, range(1, 130)))}", "129 ports"), (f"{POD}/portforward?ports=80,x", "ports from 1"),
])  # fmt: skip
def test_a_port_forward_that_has_no_channels_is_refused_before_the_cluster_hears_of_it(target: str, says: str) -> None:
    """Not once it has switched."""
    with pytest.raises(InvalidError, match=says):
        planned(asking(target, Sec_WebSocket_Protocol="v4.channel.k8s.io"))


@pytest.mark.parametrize(("origin", "told"), [
    ("https://gw:6443", [b"https://10.0.0.1:6443"]), ("http://GW:6443", [b"https://10.0.0.1:6443"]), ("https://elsewhere", [b"https://elsewhere"]),
    ("null", [b"null"]), ("", []),
])  # fmt: skip
def test_the_origin_of_a_watch(origin: str, told: list[bytes]) -> None:
    """The API server gives no watch to a client without one. Of a client that names the server it speaks to, it is the cluster's own."""
    named = {"Origin": origin} if origin else {}
    assert [value for name, value in planned(asking("/api/v1/pods?watch=1", **named)).request([], b"GET") if name == b"Origin"] == told
    assert b"Origin" not in dict(planned(asking(f"{POD}/exec?command=sh", **named)).request([], b"GET"))


@pytest.mark.parametrize(("accept", "json"), [
    (None, True), ("*/*", True), ("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", True), ("application/vnd.kubernetes.protobuf,*/*", False),
    ("application/cbor-seq", False),
])  # fmt: skip
def test_the_words_of_a_watch_before_its_first_event(accept: str | None, json: bool) -> None:
    """An event, if its client asks for JSON before anything else."""
    _, ((_, wire),) = planned(asking("/api/v1/pods?watch=1", **{"Accept": accept} if accept else {})).make(b"").last_words("x", b"{}", tty=False)
    assert (b'{"type":"ERROR"' in wire) is json


def test_every_codec_has_its_line() -> None:
    """One that has none could be granted and never be opened."""
    assert set(Codec) == CARRIED.keys()
