"""The attack on an argv clause, on the real cluster: SPDY streams in the place of others. The API server would type it all into the command."""

import asyncio
import ssl
from collections.abc import Iterator, Sequence
from contextlib import suppress

import pytest

from jitui.protocol import spdy
from jitui.protocol.spdy import Frame, Kind
from tests.journeys.yard import Yard, pod, yard
from tests.support.clusters import Cluster
from tests.support.gateway import Agent
from tests.support.kubectls import Kubectl

pytestmark = [pytest.mark.cluster, pytest.mark.kubectl]
NAMESPACE = "jitui-unasked"
TYPED = b"#!/bin/sh\nowned\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, real_cluster: Cluster, one_kubectl: Kubectl) -> Iterator[Yard]:
    scope = [f"exec pods:web-0 in {NAMESPACE} -- tee /tmp/x"]
    with yard(tmp_path_factory.mktemp("unasked"), real_cluster, one_kubectl, NAMESPACE, agents={"typist": scope}, manifest=pod("web-0")) as found:
        found.as_admin("-n", NAMESPACE, "wait", "--for=condition=Ready", "pod/web-0", "--timeout=60s")
        yield found


@pytest.fixture(scope="module")
def agent(place: Yard) -> Agent:
    return place.agent("typist", scope=[f"exec pods:web-0 in {NAMESPACE} -- tee /tmp/x"], kubeconfig=place.template())


async def attack(place: Yard, agent: Agent, query: str, streams: Sequence[str]) -> list[Frame]:
    """Ask for that, open these, type into stdin; everything that comes until the connection is closed."""
    host, _, port = place.gateway.ready["kube"].removeprefix("https://").rpartition(":")
    trust = ssl.create_default_context(cafile=place.gateway.ready["ca"])
    reader, writer = await asyncio.open_connection(host, int(port), ssl=trust, server_hostname=host)
    target = f"/c/test/api/v1/namespaces/{NAMESPACE}/pods/web-0/exec?command=tee&command=/tmp/x&{query}"
    lines = [f"POST {target} HTTP/1.1", "Host: gw", f"Authorization: Bearer {agent.token}", "Upgrade: SPDY/3.1", "Connection: Upgrade",
             "X-Stream-Protocol-Version: v4.channel.k8s.io", "Content-Length: 0", "", ""]  # fmt: skip
    writer.write("\r\n".join(lines).encode())
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
    assert head.startswith(b"HTTP/1.1 101 "), head
    encoder, decoder, got = spdy.Encoder(), spdy.Decoder(client=False), list[Frame]()
    for at, name in enumerate(streams):
        writer.write(encoder.syn_stream(2 * at + 1, ((b"streamtype", name.encode()),)))
        if name == "stdin":
            writer.write(spdy.data(2 * at + 1, TYPED) + spdy.data(2 * at + 1, b"", fin=True))
    with suppress(ConnectionError, ssl.SSLError):
        async with asyncio.timeout(20):
            while data := await reader.read(1 << 16):
                got += decoder.feed(data)
                if any(frame.kind is Kind.GOAWAY for frame in got):
                    break
    writer.close()
    return got


@pytest.mark.parametrize(("query", "streams"), [
    ("stdout=1&stderr=1", ["error", "stdin", "stdout"]), ("stdout=true", ["error", "stdin"]), ("stdout=&stderr=t&stdin=0", ["stdin", "error", "stderr"]),
])  # fmt: skip
async def test_nothing_is_typed_into_a_command_that_was_judged_without_stdin(place: Yard, agent: Agent, query: str, streams: list[str]) -> None:
    """The streams are as many as were asked for, so the cluster would take them; the file that tee writes stays away or empty."""
    got = await attack(place, agent, query, streams)
    assert any(b"does not ask for" in frame.payload for frame in got)
    assert place.as_admin("-n", NAMESPACE, "exec", "web-0", "--", "sh", "-c", "cat /tmp/x 2>/dev/null || true") == b""


async def test_what_was_asked_for_passes(place: Yard, agent: Agent) -> None:
    """The same command, with the streams of its request line, ends at once: its stdin is nobody's."""
    got = await attack(place, agent, "stdout=1&stderr=1", ["error", "stdout", "stderr"])
    assert b"Success" in b"".join(frame.payload for frame in got)
