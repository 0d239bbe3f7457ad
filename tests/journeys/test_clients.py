"""Other clients than kubectl, unchanged: the official Python client (v5), and kubernetes_asyncio (v4)."""

import asyncio
from collections.abc import Iterator
from typing import Any

import kubernetes.client
import kubernetes.config
import kubernetes.stream
import kubernetes.watch
import kubernetes_asyncio.client
import kubernetes_asyncio.config
import kubernetes_asyncio.stream
import kubernetes_asyncio.watch
import pytest

from tests.support.gateway import Agent, Gateway

BOTH = ["sh", "-c", "echo out; echo err >&2; exit 5"]
COPIES = ["sh", "-c", "cat; exit 3"]
ENDS = ["sh", "-c", "head -n 2; exit 3"]  # v4 has no half close: the command must know itself when it has read all
OPEN: dict[str, Any] = {"name": "box", "namespace": "web", "stderr": True, "stdout": True, "_preload_content": False}
PODS = {"box", "chatty"}
Configured: Any = kubernetes.config.new_client_from_config  # these two have no annotations
Watch: Any = kubernetes.watch.Watch


@pytest.fixture
def window(gateway: Gateway, agent: Agent) -> str:
    return gateway.window(agent)


@pytest.fixture
def core(agent: Agent, window: str) -> Iterator[Any]:
    """The official client with the agent's kubeconfig."""
    with Configured(str(agent.kubeconfig)) as client:
        yield kubernetes.client.CoreV1Api(client)


def recorded(gateway: Gateway, window: str, channel: str) -> bytes:
    """Of the window's one exec."""
    (session,) = [one for one in gateway.sessions("exec") if one["grant"] == window]
    return gateway.raw(session["id"], channel)


# -- the official client -------------------------------------------------------------------------------------------------------


def test_list(core: Any) -> None:
    assert {pod.metadata.name for pod in core.list_namespaced_pod("web").items} >= PODS


def test_a_denial_is_an_exception_with_the_reason(core: Any) -> None:
    """A call outside the window is a 403 that says what is missing."""
    with pytest.raises(kubernetes.client.ApiException) as refused:
        core.list_namespaced_pod("payments")
    assert refused.value.status == 403
    assert "pods in payments: no rule allows it" in str(refused.value.body)


def test_exec_and_its_exit_code(core: Any, gateway: Gateway, window: str) -> None:
    """stdout, stderr and the exit code, each by itself."""
    stream = kubernetes.stream.stream(core.connect_get_namespaced_pod_exec, command=BOTH, stdin=False, **OPEN)
    stream.run_forever(timeout=20)
    assert (stream.read_stdout(), stream.read_stderr(), stream.returncode) == ("out\n", "err\n", 5)
    assert recorded(gateway, window, "stdout") == b"out\n"
    assert recorded(gateway, window, "stderr") == b"err\n"


@pytest.mark.parametrize("binary", [False, True], ids=["text messages", "binary messages"])
def test_exec_with_stdin(core: Any, gateway: Gateway, window: str, *, binary: bool) -> None:
    """A str goes out in text messages, which the API server takes as it takes binary ones; closing stdin ends `cat`."""
    stream = kubernetes.stream.stream(core.connect_get_namespaced_pod_exec, command=COPIES, stdin=True, **OPEN, binary=binary)
    said = "grüße\n" * 1000
    stream.write_stdin(said.encode() if binary else said)
    stream.write_stdin(b"end\n" if binary else "end\n")
    stream.close_channel(0)
    stream.run_forever(timeout=20)
    assert stream.read_stdout() == (said.encode() + b"end\n" if binary else said + "end\n")
    assert stream.returncode == 3
    assert recorded(gateway, window, "stdin") == recorded(gateway, window, "stdout") == said.encode() + b"end\n"


def test_exec_ends_with_the_window(core: Any, gateway: Gateway, window: str) -> None:
    """The Status that says why is on the error channel, and the stream is closed."""
    stream = kubernetes.stream.stream(core.connect_get_namespaced_pod_exec, command=COPIES, stdin=True, **OPEN)
    stream.write_stdin("here\n")
    assert stream.readline_stdout(timeout=20) == "here"
    gateway.jitui("revoke", window, "--reason", "it is late").ok()
    stream.run_forever(timeout=20)
    assert not stream.is_open()
    assert "it is late" in stream.read_channel(3)


def test_watch_ends_with_the_window(core: Any, gateway: Gateway, window: str) -> None:
    """Its events come; at the end of the window it gets the reason as an error it does not retry."""
    seen: set[str] = set()
    events = Watch().stream(core.list_namespaced_pod, "web")
    while not seen >= PODS:
        seen.add(next(events)["object"].metadata.name)
    gateway.jitui("revoke", window, "--reason", "it is late").ok()
    with pytest.raises(kubernetes.client.ApiException) as ended:
        list(events)
    assert ended.value.status == 403
    assert "it is late" in str(ended.value)


# -- kubernetes_asyncio --------------------------------------------------------------------------------------------------------


async def _configured(agent: Agent) -> kubernetes_asyncio.client.Configuration:
    configuration = kubernetes_asyncio.client.Configuration()
    await kubernetes_asyncio.config.load_kube_config(str(agent.kubeconfig), client_configuration=configuration)
    return configuration


@pytest.mark.usefixtures("window")
async def test_async_list_and_watch(agent: Agent) -> None:
    """The list, and the first events of a watch."""
    async with kubernetes_asyncio.client.ApiClient(await _configured(agent)) as client:
        core: Any = kubernetes_asyncio.client.CoreV1Api(client)
        assert {pod.metadata.name for pod in (await core.list_namespaced_pod("web")).items} >= PODS
        seen: set[str] = set()
        async with kubernetes_asyncio.watch.Watch() as watch, asyncio.timeout(20):
            async for event in watch.stream(core.list_namespaced_pod, "web"):
                seen.add(event["object"].metadata.name)
                if seen >= PODS:
                    break


async def test_async_exec(agent: Agent, gateway: Gateway, window: str) -> None:
    """Over v4: both streams and the exit code."""
    async with kubernetes_asyncio.stream.WsApiClient(await _configured(agent)) as client:
        core: Any = kubernetes_asyncio.client.CoreV1Api(client)
        out, err, status = await _pieces(await core.connect_get_namespaced_pod_exec(command=BOTH, stdin=False, **OPEN))
    assert (out, err, kubernetes_asyncio.stream.WsApiClient.parse_error_data(status)) == (b"out\n", b"err\n", 5)
    assert await asyncio.to_thread(recorded, gateway, window, "stdout") == b"out\n"


async def test_async_exec_with_stdin(agent: Agent, gateway: Gateway, window: str) -> None:
    """Over v4, with binary and with text messages."""
    async with kubernetes_asyncio.stream.WsApiClient(await _configured(agent)) as client:
        core: Any = kubernetes_asyncio.client.CoreV1Api(client)
        opening = await core.connect_get_namespaced_pod_exec(command=ENDS, stdin=True, **OPEN)
        out, _, status = await _pieces(opening, b"\0one\n", "\0two\n")
    assert (out, kubernetes_asyncio.stream.WsApiClient.parse_error_data(status)) == (b"one\ntwo\n", 3)
    assert await asyncio.to_thread(recorded, gateway, window, "stdin") == b"one\ntwo\n"


async def _pieces(opening: object, *said: bytes | str) -> tuple[bytes, bytes, bytes]:
    """Say that, and read stdout, stderr and the Status to the end."""
    parts = {1: b"", 2: b"", 3: b""}
    async with opening as stream, asyncio.timeout(20):  # type: ignore[attr-defined]
        for message in said:
            await (stream.send_bytes(message) if isinstance(message, bytes) else stream.send_str(message))
        async for message in stream:
            parts[message.data[0]] += message.data[1:]
    return parts[1], parts[2], parts[3]
