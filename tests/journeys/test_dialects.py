"""Every dialect of a WebSocket, byte for byte on the real cluster: through the gateway it is what the API server gives without one."""

import base64
import os
import re
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
import yaml

from jitui.protocol import websocket
from jitui.protocol.websocket import BINARY, TEXT, encode
from tests.journeys.yard import Yard, pod, yard
from tests.support.clusters import Cluster
from tests.support.gateway import Agent
from tests.support.kubectls import Kubectl

pytestmark = [pytest.mark.cluster, pytest.mark.kubectl]
NS: Final = f"dialects-{os.getpid()}"
SCOPE: Final = (f"@debug in {NS}", f"port-forward pods in {NS}")
SOCKET: Final = ("Upgrade: websocket", "Connection: keep-alive, Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
TOLD, HTTPD = (f"/api/v1/namespaces/{NS}/pods/{name}" for name in ("told", "httpd"))
WATCH: Final = f"/api/v1/namespaces/{NS}/pods?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dtold"
DATE: Final = re.compile(rb"Date: [^\r]*")
GET: Final = b"GET / HTTP/1.0\r\n\r\n"
CHANNELS: Final = ("", "channel.k8s.io", "base64.channel.k8s.io", "v4.channel.k8s.io", "v4.base64.channel.k8s.io", "v5.channel.k8s.io")
ORIGIN: Final = "Origin: https://HOST"


@dataclass(frozen=True, slots=True)
class Way:
    """A server, and how a client gets in."""

    host: str
    port: int
    context: ssl.SSLContext
    prefix: str = ""
    token: str = ""

    def ask(self, target: str, *headers: str, typed: bytes = b"") -> tuple[bytes, bytes]:
        """The head of the answer, and everything behind it until the server closes."""
        host = f"{self.host}:{self.port}"
        credential = [f"Authorization: Bearer {self.token}"] if self.token else []
        lines = [f"GET {self.prefix}{target} HTTP/1.1", f"Host: {host}", *credential, *SOCKET, *(line.replace("HOST", host) for line in headers), "", ""]
        with socket.create_connection((self.host, self.port), 20) as raw, self.context.wrap_socket(raw, server_hostname=self.host) as line:
            line.sendall("\r\n".join(lines).encode())
            got, until = b"", time.monotonic() + 20
            while time.monotonic() < until:
                try:
                    data = line.recv(1 << 16)
                except OSError:
                    break
                if not data:
                    break
                got += data
                if typed and b"\r\n\r\n" in got:
                    line.sendall(typed)
                    typed = b""
                head, _, behind = got.partition(b"\r\n\r\n")
                if b"\r\n\r\n" not in got:
                    continue
                length = next((int(each[15:]) for each in head.split(b"\r\n") if each.lower().startswith(b"content-length:")), None)
                if behind[-4:-1] == b"\x88\x02\x03" or (length is not None and len(behind) >= length):
                    break
        return head, behind


@pytest.fixture(scope="module")
def ways(real_cluster: Cluster, all_kubectls: dict[str, Kubectl], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Way, Way, Yard, Agent]]:
    manifest = pod("told", "echo one; sleep 2147483647") + pod("httpd", "httpd -f -p 8080 -h /var/www")
    with yard(tmp_path_factory.mktemp("dialects"), real_cluster, all_kubectls["1.34"], NS, agents={"polyglot": SCOPE}, manifest=manifest) as place:
        place.as_admin("-n", NS, "wait", "pods", "--all", "--for=condition=Ready", "--timeout=60s")
        config: Any = yaml.safe_load(real_cluster.kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        direct, through = (ssl.create_default_context(cafile=name) for name in (cluster["certificate-authority"], place.gateway.ready["ca"]))
        for context in (direct, through):
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        direct.load_cert_chain(user["client-certificate"], user["client-key"])
        agent = place.agent("polyglot", scope=SCOPE, kubeconfig=place.template())
        host, _, port = cluster["server"].removeprefix("https://").rpartition(":")
        here, _, at = place.gateway.ready["kube"].removeprefix("https://").rpartition(":")
        yield Way(host, int(port), direct), Way(here, int(at), through, f"/c/{place.gateway.connection}", agent.token), place, agent


def protocol(name: str) -> tuple[str, ...]:
    return (f"Sec-WebSocket-Protocol: {name}",) if name else ()


def typed(name: str, body: bytes) -> bytes:
    """On channel 0."""
    return encode(TEXT, b"0" + base64.b64encode(body), mask=True) if "base64" in name else encode(BINARY, b"\0" + body, mask=True)


def by_channel(behind: bytes) -> dict[tuple[int, bytes], bytes]:
    """How the bytes of a channel were cut into messages is the runtime's to choose."""
    found: dict[tuple[int, bytes], bytes] = {}
    for frame in websocket.Decoder(masked=False).feed(behind):
        key, body = (frame.opcode, frame.payload[:1]), frame.payload[1:]
        found[key] = found.get(key, b"") + (base64.b64decode(body) if frame.opcode == TEXT else body)
    return {key: DATE.sub(b"", body) for key, body in found.items()}


CASES: Final = [
    *(pytest.param(f"{TOLD}/log", protocol(name), b"", id=f"log {name}") for name in ("", "binary.k8s.io", "base64.binary.k8s.io", "x, binary.k8s.io")),
    *(pytest.param(WATCH, (ORIGIN, *protocol(name)), b"", id=f"watch {name}") for name in ("", "base64.binary.k8s.io", "whatever")),
    pytest.param(WATCH, (ORIGIN, "Accept: application/vnd.kubernetes.protobuf"), b"", id="watch in protobuf"),
    *(pytest.param(f"{TOLD}/exec?command=head&command=-c4&stdin=1&stdout=1", protocol(name), typed(name, b"hey\n"), id=f"exec {name}") for name in CHANNELS),
    *(pytest.param(f"{HTTPD}/portforward?ports=8080", protocol(name), typed(name, GET), id=f"port-forward {name}") for name in ("", *CHANNELS[3:5])),
]  # fmt: skip


@pytest.mark.parametrize(("target", "headers", "typed"), CASES)
def test_it_is_what_the_api_server_gives(ways: tuple[Way, Way, Yard, Agent], target: str, headers: tuple[str, ...], typed: bytes) -> None:
    """Head and messages, up to the goodbye."""
    direct, through, *_ = ways
    (head, behind), (other, passed) = (way.ask(target, *headers, typed=typed) for way in (direct, through))
    assert head.startswith(b"HTTP/1.1 101 ")
    assert other == head
    if typed:
        assert by_channel(passed) == by_channel(behind)
    else:
        assert passed == behind


@pytest.mark.parametrize(("target", "headers"), [
    (f"{TOLD}nope/log", ()), (f"{TOLD}/log?container=x", ()), (WATCH, ()), (WATCH, (ORIGIN, *protocol("a, b"))), (f"{WATCH}&resourceVersion=x", (ORIGIN,)),
    (f"{TOLD}/exec?stdout=1&command=id&container=x", protocol("v5.channel.k8s.io")), (f"{TOLD}nope/portforward?ports=1", protocol("v4.channel.k8s.io")),
    (f"{TOLD}/portforward", protocol("v4.channel.k8s.io")),
], ids=[
    "log-no-pod", "log-no-container", "watch-no-origin", "watch-two-protocols", "watch-no-version", "exec-no-container", "forward-no-pod", "forward-no-ports",
])  # fmt: skip
def test_a_refusal_is_what_the_api_server_says(ways: tuple[Way, Way, Yard, Agent], target: str, headers: tuple[str, ...]) -> None:
    """Code and body, also where there is none."""
    direct, through, *_ = ways
    (head, body), (other, said) = (way.ask(target, *headers) for way in (direct, through))
    assert (other.split(b" ")[1], said) == (head.split(b" ")[1], body)
    assert not head.startswith(b"HTTP/1.1 101 ")
