"""kr8s, over httpx: it asks discovery with and without a slash at the end. It has no attach, and its exec has neither stdin nor sizes of a terminal."""

import asyncio
from typing import Any

import kr8s._exec
import kr8s.asyncio
from kr8s.asyncio.objects import ConfigMap, Pod

from tests.clients.table import ABSENT, BOTH, COUNTER, ELSEWHERE, GET, HTTPD, TOLD, namespace, run

NAME = "krates-watch"
SELECTED = {"kind": "clients"}


async def connected(kubeconfig: str | None) -> Any:
    return await kr8s.asyncio.api(kubeconfig=kubeconfig, namespace=namespace())


async def found(api: Any, name: str) -> Pod:
    return await Pod.get(name, namespace=namespace(), api=api)


async def version(kubeconfig: str | None) -> str:
    return str((await (await connected(kubeconfig)).version())["minor"])


async def listed(kubeconfig: str | None) -> list[str]:
    return sorted([pod.name async for pod in (await connected(kubeconfig)).get("pods", label_selector=SELECTED)])


async def missing(kubeconfig: str | None) -> str:
    """Its own words: it lists by name."""
    try:
        return str(await found(await connected(kubeconfig), ABSENT))
    except kr8s.NotFoundError as error:
        return type(error).__name__


async def denied(kubeconfig: str | None) -> str:
    try:
        return f"{len([one async for one in (await connected(kubeconfig)).get('configmaps', namespace=ELSEWHERE)])} config maps"
    except kr8s.ServerError as error:
        return f"{error.response.status_code if error.response else ''} {error}"


async def watched(kubeconfig: str | None) -> list[str]:
    api = await connected(kubeconfig)
    one = await ConfigMap({"metadata": {"name": NAME, "namespace": namespace()}, "data": {"n": "1"}}, api=api)
    await one.create()
    seen: list[str] = []
    async for event, _ in api.watch("configmaps", field_selector=f"metadata.name={NAME}"):
        seen.append(event)
        if event == "ADDED":
            await one.patch({"data": {"n": "2"}})
        elif event == "MODIFIED":
            await one.delete()
        else:
            break
    return seen


async def executed(kubeconfig: str | None) -> list[Any]:
    done = await (await found(await connected(kubeconfig), TOLD)).exec(BOTH, check=False)
    return [done.stdout.decode(), done.stderr.decode(), done.returncode]


async def refused(kubeconfig: str | None) -> str:
    """The status of an answer to an upgrade: it does not read the rest of it."""
    pod = await Pod({"metadata": {"name": ABSENT, "namespace": namespace()}, "spec": {"containers": [{"name": "main"}]}}, api=await connected(kubeconfig))
    try:
        return str(await kr8s._exec.Exec(pod, BOTH).run().__aenter__())
    except Exception as error:  # noqa: BLE001 -- the library below has one of its own
        return str(getattr(getattr(error, "response", None), "status_code", error))


async def forwarded(kubeconfig: str | None) -> str:
    pod = await found(await connected(kubeconfig), HTTPD)
    async with pod.portforward(remote_port=8080, local_port="auto") as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        answer = await reader.read()
        writer.close()
    return answer.decode().rpartition("\r\n")[2]


async def logged(kubeconfig: str | None) -> str:
    return "".join([f"{line}\n" async for line in (await found(await connected(kubeconfig), TOLD)).logs()])


async def followed(kubeconfig: str | None) -> list[str]:
    lines: list[str] = []
    async for line in (await found(await connected(kubeconfig), COUNTER)).logs(follow=True):
        lines.append(line)
        if len(lines) == 5:
            break
    return lines


if __name__ == "__main__":
    run({
        "version": version, "list": listed, "missing": missing, "denied": denied, "watch": watched, "exec": executed, "refused": refused,
        "forward": forwarded, "log": logged, "follow": followed,
    })  # fmt: skip
