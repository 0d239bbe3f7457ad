"""kubernetes_asyncio, which speaks v4 over aiohttp."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import kubernetes_asyncio.client
import kubernetes_asyncio.config
import kubernetes_asyncio.stream
import kubernetes_asyncio.watch

from tests.clients.table import ABSENT, BOTH, COUNTER, ECHO, ELSEWHERE, ENDS, GET, HTTPD, RESIZE, SAID, SIZED, TOLD, namespace, run, words

SELECTED: Final = "kind=clients"
SHOWN: Final[dict[str, Any]] = {"stderr": True, "stdout": True, "stdin": False, "_preload_content": False}

client: Any = kubernetes_asyncio.client  # it has no annotations
config: Any = kubernetes_asyncio.config
stream: Any = kubernetes_asyncio.stream
watch: Any = kubernetes_asyncio.watch


@asynccontextmanager
async def core(kubeconfig: str | None, kind: Any = client.ApiClient) -> AsyncIterator[Any]:
    configuration = client.Configuration()
    await config.load_kube_config(kubeconfig, client_configuration=configuration)
    async with kind(configuration) as api:
        yield client.CoreV1Api(api)


async def version(kubeconfig: str | None) -> str:
    async with core(kubeconfig) as api:
        return str((await client.VersionApi(api.api_client).get_code()).minor)


async def listed(kubeconfig: str | None) -> list[str]:
    async with core(kubeconfig) as api:
        return sorted(pod.metadata.name for pod in (await api.list_namespaced_pod(namespace(), label_selector=SELECTED)).items)


async def missing(kubeconfig: str | None) -> str:
    async with core(kubeconfig) as api:
        try:
            return str(await api.read_namespaced_pod(ABSENT, namespace()))
        except client.ApiException as error:
            return f"{error.status} {words(error.body)}"


async def denied(kubeconfig: str | None) -> str:
    async with core(kubeconfig) as api:
        try:
            return f"{len((await api.list_namespaced_config_map(ELSEWHERE)).items)} config maps"
        except client.ApiException as error:
            return f"{error.status} {error.body}"


async def watched(kubeconfig: str | None) -> list[str]:
    """A config map is made, changed and taken away while the watch runs."""
    name = "asynchronous-watch"
    async with core(kubeconfig) as api, watch.Watch() as events:
        since = (await api.list_namespaced_config_map(namespace())).metadata.resource_version
        await api.create_namespaced_config_map(namespace(), {"metadata": {"name": name}, "data": {"n": "1"}})
        seen: list[str] = []
        async for event in events.stream(api.list_namespaced_config_map, namespace(), field_selector=f"metadata.name={name}", resource_version=since):
            seen.append(event["type"])
            if len(seen) == 1:
                await api.patch_namespaced_config_map(name, namespace(), {"data": {"n": "2"}})
            elif len(seen) == 2:
                await api.delete_namespaced_config_map(name, namespace())
            else:
                break
        return seen


@asynccontextmanager
async def opened(api: Any, pod: str, command: list[str], **more: Any) -> AsyncIterator[Any]:
    async with await api.connect_get_namespaced_pod_exec(pod, namespace(), command=command, **(SHOWN | more)) as socket:
        yield socket


async def pieces(socket: Any) -> list[Any]:
    """stdout, stderr and the exit code, at the end."""
    parts = {1: b"", 2: b"", 3: b""}
    async for message in socket:
        parts[message.data[0]] += message.data[1:]
    return [parts[1].decode(), parts[2].decode(), stream.WsApiClient.parse_error_data(parts[3].decode())]


async def executed(kubeconfig: str | None) -> list[Any]:
    async with core(kubeconfig, stream.WsApiClient) as api, opened(api, TOLD, BOTH) as socket:
        return await pieces(socket)


async def fed(kubeconfig: str | None) -> list[Any]:
    """With binary and with text messages."""
    async with core(kubeconfig, stream.WsApiClient) as api, opened(api, TOLD, ENDS, stdin=True) as socket:
        await socket.send_bytes(b"\0" + SAID[0].encode())
        await socket.send_str("\0" + SAID[1])
        out, _, code = await pieces(socket)
        return [out, code]


async def resized(kubeconfig: str | None) -> str:
    async with core(kubeconfig, stream.WsApiClient) as api, opened(api, TOLD, SIZED, stdin=True, tty=True) as socket:
        await socket.send_str("\4" + RESIZE)
        return str((await pieces(socket))[0]).strip()


async def refused(kubeconfig: str | None) -> str:
    """The status of an answer to an upgrade: aiohttp shows no more of it."""
    try:
        async with core(kubeconfig, stream.WsApiClient) as api, opened(api, ABSENT, BOTH):
            return "open"
    except Exception as error:  # noqa: BLE001 -- the library below has one of its own
        return str(getattr(error, "status", error))


async def attached(kubeconfig: str | None) -> str:
    said, echoed = f"asynchronous {kubeconfig is None}\n", ""
    async with (
        core(kubeconfig, stream.WsApiClient) as api,
        await api.connect_get_namespaced_pod_attach(ECHO, namespace(), **(SHOWN | {"stdin": True})) as socket,
    ):
        await socket.send_bytes(b"\0" + said.encode())
        while said not in echoed:
            echoed += (await socket.receive_bytes())[1:].decode()
    return "echoed"


async def forwarded(kubeconfig: str | None) -> str:
    """There is no port-forward in the client but the stream itself: a data and an error channel, each begun with the port."""
    got = b""
    async with (
        core(kubeconfig, stream.WsApiClient) as api,
        await api.connect_get_namespaced_pod_portforward(HTTPD, namespace(), ports=8080, _preload_content=False) as socket,
    ):
        assert sorted([await socket.receive_bytes(), await socket.receive_bytes()]) == [b"\0\x90\x1f", b"\1\x90\x1f"]
        await socket.send_bytes(b"\0" + GET)
        while not got.endswith(b"pod\n"):
            message = await socket.receive_bytes()
            got += message[1:] if message[0] == 0 else b""
    return got.decode().rpartition("\r\n")[2]


async def logged(kubeconfig: str | None) -> str:
    async with core(kubeconfig) as api:
        return str(await api.read_namespaced_pod_log(TOLD, namespace()))


async def followed(kubeconfig: str | None) -> list[str]:
    lines: list[str] = []
    async with core(kubeconfig) as api, watch.Watch() as events:
        async for line in events.stream(api.read_namespaced_pod_log, COUNTER, namespace()):
            lines.append(line.rstrip())
            if len(lines) == 5:
                break
    return lines


if __name__ == "__main__":
    run({
        "version": version, "list": listed, "missing": missing, "denied": denied, "watch": watched, "exec": executed, "stdin": fed, "resize": resized,
        "refused": refused, "attach": attached, "forward": forwarded, "log": logged, "follow": followed,
    })  # fmt: skip
