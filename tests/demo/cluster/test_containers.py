"""Attach to a container that has a stdin: one process for all who come, which runs on when they go."""

import asyncio
from typing import Any

import httpx
import pytest

from jitui.demo.cluster import EmbeddedCluster
from tests.demo.cluster.conftest import Exec

PODS = "/api/v1/namespaces/web/pods"
SUCCESS = b'{"metadata":{},"status":"Success"}'


def attach(cluster: EmbeddedCluster, pod: str, **options: str) -> Exec:
    return Exec(cluster, pod, subresource="attach", stdin="true", **options)


async def make(client: httpx.AsyncClient, name: str, script: str, policy: str = "Always", **container: Any) -> None:
    """A running pod whose one container runs a script with a stdin."""
    spec = {"restartPolicy": policy, "containers": [{"name": "c", "image": "a:1", "stdin": True, "command": ["sh", "-c", script], **container}]}
    assert (await client.post(PODS, json={"metadata": {"name": name}, "spec": spec})).status_code == 201
    await reaches(client, name, "phase", "Running")


async def reaches(client: httpx.AsyncClient, name: str, field: str, value: str) -> Any:
    """The pod's status, once a field of it has this value."""
    for _ in range(1500):
        status = (await client.get(f"{PODS}/{name}")).json()["status"]
        if status.get(field) == value:
            return status
        await asyncio.sleep(0.02)
    raise AssertionError(f"{field} of {name} is {status.get(field)}, not {value}")


async def test_two_clients_share_it(alone: EmbeddedCluster) -> None:
    """Both see the input of either, and a third one later is in the same shell."""
    async with attach(alone, "box", tty="true") as one, attach(alone, "box", tty="true") as two:
        await one.send(0, b"mine=$((40 + 2)); echo first $mine\r")
        await one.until(b"first 42")
        await two.until(b"first 42")
    async with attach(alone, "box", tty="true") as three:
        await three.send(4, b'{"Width":99,"Height":31}\n')
        await three.send(0, b"echo then $mine; stty size\r")
        assert b"31 99" in await three.until(b"31 99")


async def test_outputs_apart_and_an_end_without_a_code(alone: EmbeddedCluster, client: httpx.AsyncClient) -> None:
    """Without a terminal stderr is a channel of its own. Status Success whatever the exit code, which stands in the pod's status."""
    await make(client, "plain", "read word; echo out $word; echo err >&2; exit 9", policy="OnFailure")
    async with attach(alone, "plain") as stream:
        await stream.send(0, b"this\n")
        assert await stream.rest() == {1: b"out this\n", 2: b"err\n", 3: SUCCESS}
    status = (await client.get(f"{PODS}/plain")).json()["status"]
    assert (status["phase"], status["containerStatuses"][0]["restartCount"]) == ("Running", 1)
    assert status["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 9


@pytest.mark.parametrize(("code", "phase", "reason"), [(0, "Succeeded", "Completed"), (4, "Failed", "Error")])
async def test_a_pod_that_is_not_restarted(alone: EmbeddedCluster, client: httpx.AsyncClient, code: int, phase: str, reason: str) -> None:
    """Its end is the pod's; nothing runs in it any more."""
    await make(client, "once", f"exit {code}", policy="Never")
    async with attach(alone, "once") as stream:
        assert (await stream.rest())[3] == SUCCESS
    status = await reaches(client, "once", "phase", phase)
    assert status["containerStatuses"][0]["state"]["terminated"]["reason"] == reason
    for subresource in ("exec", "attach", "portforward"):
        answer = await client.post(f"{PODS}/once/{subresource}?command=ls&stdout=true")
        assert (answer.status_code, answer.json()["message"]) == (400, f"cannot {subresource} a container in a completed pod; current phase is {phase}")


@pytest.mark.parametrize("once", [True, False])
async def test_stdin_once(alone: EmbeddedCluster, client: httpx.AsyncClient, once: bool) -> None:
    """With stdinOnce the process reads an end of file when the first client leaves; without, it reads on from the next."""
    await make(client, "reader", "cat; touch data/end", stdinOnce=once)
    async with attach(alone, "reader") as stream:
        await stream.send(0, b"one\n")
        await stream.until(b"one\n")
    if once:
        async with Exec(alone, "reader", "sh", "-c", "until test -e data/end; do sleep 0.01; done") as stream:
            assert (await stream.rest())[3] == SUCCESS
    else:
        async with attach(alone, "reader") as stream:
            await stream.send(0, b"two\n")
            assert (await stream.until(b"two\n")).endswith(b"two\n")


async def test_a_client_that_does_not_read_and_goes(alone: EmbeddedCluster, client: httpx.AsyncClient) -> None:
    """It holds the others up while it is there, and no longer."""
    await make(client, "loud", "read go; head -c 10000000 /dev/zero; echo done")
    async with attach(alone, "loud") as reading:
        async with attach(alone, "loud") as idle:
            await idle.send(0, b"go\n")
            await asyncio.sleep(0.5)
        assert len((await reading.rest())[1]) == 10_000_005


async def test_a_command_that_is_not_there(alone: EmbeddedCluster, client: httpx.AsyncClient) -> None:
    """Status 500 that names it."""
    await make(client, "none", "", command=["no-such-thing"])
    async with attach(alone, "none") as stream:
        assert b'no-such-thing\\": executable file not found' in (await stream.rest())[3]


async def test_a_pod_that_is_deleted(alone: EmbeddedCluster, client: httpx.AsyncClient) -> None:
    """Its process ends with it, and so does whoever was attached."""
    async with attach(alone, "box", tty="true") as stream:
        await stream.send(0, b"echo $((40 + 2))\r")
        await stream.until(b"42")
        await client.delete(f"{PODS}/box")
        assert (await stream.rest())[3] == SUCCESS
    assert (await client.get(f"{PODS}/box")).status_code == 404
