"""The container that a command runs in when it names none."""

import json
from pathlib import Path
from typing import Any

import pytest

from jitui.clusters.pods import ANNOTATION, default_container, together
from jitui.clusters.pool import Pool
from jitui.policy.scope import Scope
from jitui.policy.terms import Grant
from jitui.values.clock import ManualClock
from jitui.values.errors import UpstreamError
from tests.clusters.authority import Authority, Pair
from tests.clusters.peer import listen, ok
from tests.clusters.test_pool import Direct

GRANT = Grant(17, 1, "agent", "staging", Scope.parse("exec pods in web"), 1800, ManualClock().now())


def pod(*containers: str, **annotations: str) -> bytes:
    written: dict[str, Any] = {"metadata": {"annotations": annotations}, "spec": {"containers": [{"name": name} for name in containers],
                                                                                "ephemeralContainers": [{"name": "debugger"}]}}  # fmt: skip
    return json.dumps(written).encode()


async def asked(authority: Authority, server: Pair, folder: Path, answer: bytes) -> tuple[str, str]:
    """The container, and the path that was asked for."""
    async with listen(lambda _: answer, server, folder) as peer:
        upstream = Direct(peer.url, authority.pem)
        pool = Pool(upstream)
        try:
            found = await default_container(pool, upstream, GRANT, "web", "web-0", lambda: True)
        finally:
            pool.close()
        return found, peer.asked[0].target


@pytest.mark.parametrize(("body", "container"), [
    (pod("app", "sidecar"), "app"), (pod("app", "sidecar", **{ANNOTATION: "sidecar"}), "sidecar"), (pod("app", **{ANNOTATION: "gone"}), "app"),
    (pod("app", **{ANNOTATION: "debugger"}), "app"), (pod(), ""),
])  # fmt: skip
async def test_it_is_the_annotated_one_or_the_first(authority: Authority, server: Pair, tmp_path: Path, body: bytes, container: str) -> None:
    """Never one that was added for debugging."""
    assert await asked(authority, server, tmp_path / "peer", ok(body)) == (container, "/api/v1/namespaces/web/pods/web-0")


async def test_a_pod_that_is_not_there_has_none(authority: Authority, server: Pair, tmp_path: Path) -> None:
    """The request itself will be told so by the cluster."""
    found, _ = await asked(authority, server, tmp_path / "peer", ok(b"{}", status="404 Not Found"))
    assert found == ""


@pytest.mark.parametrize("body", [b"{}", b"[]", b"x", b'{"metadata": 1, "spec": {"containers": [{"name": "a"}]}}'])
async def test_an_answer_that_is_no_pod(authority: Authority, server: Pair, tmp_path: Path, body: bytes) -> None:
    """Nothing is judged by a guess."""
    with pytest.raises(UpstreamError, match="the cluster's answer to a get of the pod can't be read"):
        await asked(authority, server, tmp_path / "peer", ok(body))


@pytest.mark.parametrize(("spec", "container", "names"), [
    ({"containers": [{"name": "a"}, {"name": "b"}]}, "a", set()),
    ({"containers": [{"name": "a"}, {"name": "b"}], "shareProcessNamespace": True, "initContainers": [{"name": "i"}]}, "a", {"a", "b", "i"}),
    ({"containers": [{"name": "a"}], "ephemeralContainers": [{"name": "d"}]}, "d", set()),
    ({"containers": [{"name": "a"}, {"name": "b"}], "ephemeralContainers": [{"name": "d", "targetContainerName": "a"}]}, "a", {"a", "d"}),
    ({"containers": [{"name": "a"}, {"name": "b"}], "ephemeralContainers": [{"name": "d", "targetContainerName": "a"}]}, "d", {"a", "d"}),
    ({"containers": [{"name": "a"}, {"name": "b"}], "ephemeralContainers": [{"name": "d", "targetContainerName": "a"}]}, "b", set()),
])  # fmt: skip
def test_which_containers_share_their_processes(spec: dict[str, Any], container: str, names: set[str]) -> None:
    """All of a pod that says so, or an ephemeral one and its target."""
    assert together(spec, container) == names
