"""Logs that follow end with their pod; a pod that does not run yet has none."""

import httpx

PODS = "/api/v1/namespaces/web/pods"


async def test_a_log_that_follows_ends_with_its_pod(client: httpx.AsyncClient) -> None:
    """Lines come as they are said, and the stream ends cleanly when the pod is gone."""
    async with client.stream("GET", f"{PODS}/chatty/log?follow=true&tailLines=1") as answer:
        lines = answer.aiter_lines()
        first = int((await anext(lines)).split()[1])
        assert int((await anext(lines)).split()[1]) == first + 1
        await client.delete(f"{PODS}/chatty")
        assert all([line.startswith("line ") async for line in lines])


async def test_a_pod_that_does_not_run_yet(client: httpx.AsyncClient) -> None:
    """Has no log and no exec."""
    await client.post(PODS, json={"metadata": {"name": "new"}, "spec": {"containers": [{"name": "one", "image": "a:1"}]}})
    for path in ("log", "exec?command=ls"):
        answer = await client.get(f"{PODS}/new/{path}")
        assert (answer.status_code, answer.json()["message"]) == (400, 'container "one" in pod "new" is waiting to start: ContainerCreating')
