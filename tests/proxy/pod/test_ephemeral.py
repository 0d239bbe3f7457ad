"""The ephemeral container for looks at a container without a shell."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from jitui.proxy.pod.asking import LookError
from jitui.proxy.pod.ephemeral import Ephemeral, manifest, name_of, ready
from jitui.proxy.pod.look import Place
from jitui.store.residue import residue
from tests.fakes.house import house
from tests.fakes.upstream import Asked

PLACE = Place("prod", "web", "bare", "main")
POD: dict[str, Any] = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "bare", "namespace": "web", "uid": "u-bare"},
                       "spec": {"containers": [{"name": "main"}]}, "status": {}}  # fmt: skip


def with_state(name: str, state: Mapping[str, Any]) -> dict[str, Any]:
    return {**POD, "spec": {**POD["spec"], "ephemeralContainers": [{"name": name, "image": "tools"}]},
            "status": {"ephemeralContainerStatuses": [{"name": name, "state": state}]}}  # fmt: skip


def test_it_runs_as_the_container_does_and_no_stronger() -> None:
    """User, groups and capabilities are the container's: a kill and a look at open files need that. It is never privileged."""
    security = {"runAsUser": 1000, "capabilities": {"drop": ["ALL"]}, "privileged": True, "procMount": "Unmasked"}
    made = manifest("it", "tools", {"spec": {"containers": [{"name": "other"}, {"name": "main", "securityContext": security}]}}, "main", 60)
    assert made["securityContext"] == {"runAsUser": 1000, "capabilities": {"drop": ["ALL"]}}
    assert (made["targetContainerName"], made["image"], made["command"]) == ("main", "tools", ["sh", "-c", "exec sleep 60"])
    assert "securityContext" not in manifest("it", "tools", POD, "main", 60)


def test_whether_it_runs() -> None:
    """It is waited for as long as it may start; one that ended, or whose image can't be had, never will."""
    assert ready(POD, "it") is None
    assert ready(with_state("it", {}), "it") is False
    assert ready(with_state("it", {"waiting": {"reason": "ContainerCreating"}}), "it") is False
    assert ready(with_state("it", {"running": {}}), "it") is True
    with pytest.raises(LookError, match="has ended"):
        ready(with_state("it", {"terminated": {}}), "it")
    with pytest.raises(LookError, match="does not start: ErrImagePull: no such image"):
        ready(with_state("it", {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}), "it")


@pytest.mark.parametrize("allowed", [True, False])
async def test_it_is_on_record_and_there_is_one(tmp_path: Path, allowed: bool) -> None:
    """The request is recorded as a look of the window and listed in its residue; a second look finds it; a refusal has the cluster's words."""
    async with house(tmp_path) as home:
        grant, asked_for = await home.window(), list[bytes]()

        async def serve(asked: Asked) -> None:
            body = await asked.body()
            if asked.method == "PATCH":
                asked_for.append(body)
            pod = with_state(json.loads(asked_for[0])["spec"]["ephemeralContainers"][0]["name"], {"running": {}}) if asked_for else POD
            refused = asked.method == "PATCH" and not allowed
            asked.line.answer(json.dumps({"kind": "Status", "message": "not you"} if refused else pod).encode(), "403 Forbidden" if refused else "200 OK")

        home.cluster.answerer = serve
        it = Ephemeral(home.store, home.clock, "test", str)
        if not allowed:
            with pytest.raises(LookError, match="no shell in the container, and an ephemeral container can't be made: the cluster answered 403: not you"):
                await it.stand(home.way, grant, PLACE, "tools")
            return
        name = name_of("test", grant, PLACE)
        for _ in range(2):
            assert (await it.stand(home.way, grant, PLACE, "tools")).container == name
        assert len(asked_for) == 1
        assert [fact.what["target"] for fact in await home.facts("session.opened")] == [f"web/bare/{name}"]
        await home.store.commit([])
        found = await asyncio.to_thread(residue, home.files, grant.id)
        assert [(pod.ref.name, container) for pod, container in found.ephemeral] == [("bare", name)]
