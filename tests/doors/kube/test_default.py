"""A command clause without a container is for the pod's default one, which the gateway looks up."""

import json
from pathlib import Path

import pytest

from tests.fakes.house import house, rule
from tests.fakes.upstream import Asked

POD = "/api/v1/namespaces/web/pods/web-1"
ANNOTATION = "kubectl.kubernetes.io/default-container"


def pod(*containers: str, default: str = "") -> bytes:
    metadata = {"name": "web-1", "annotations": {ANNOTATION: default}} if default else {"name": "web-1"}
    return json.dumps({"kind": "Pod", "metadata": metadata, "spec": {"containers": [{"name": name} for name in containers]}}).encode()




@pytest.mark.parametrize(("body", "container", "code"), [
    (pod("app"), "app", 101),
    (pod("app", "side"), "app", 101),
    (pod("app", "side"), "side", 403),
    (pod("proxy", "app", default="app"), "app", 101),
    (pod("proxy", "app", default="app"), "proxy", 403),
    (pod("app", "side", default="gone"), "app", 101),
    (pod("app", "side", default="gone"), "gone", 403),
    (b'{"kind":"Pod","spec":{"containers":[]},"metadata":{}}', "app", 403),
    (b"nonsense", "app", 502),
])  # fmt: skip
async def test_a_command_runs_in_the_default_container_alone(tmp_path: Path, body: bytes, container: str, code: int) -> None:
    """The annotation's, if the pod has that one, else the first; the cluster is asked once, with the credential of the window."""
    async with house(tmp_path, rules=(rule(scope="exec pods in web -- id"),)) as home:

        async def answerer(asked: Asked) -> None:
            if asked.method == "GET" and asked.target == POD:
                asked.line.answer(body)
            else:
                asked.line.switch(asked)

        home.cluster.answerer = answerer
        await home.window()
        kubectl = await home.dial()
        assert await kubectl.exec("web-1", "id", query=f"&container={container}") == code
        assert [asked.target for asked in home.cluster.asked][:1] == [POD]
        assert home.cluster.asked[0].get("authorization") == "Bearer first"
        assert len(home.cluster.asked) == (2 if code == 101 else 1)
        kubectl.close()


@pytest.mark.parametrize(("scope", "query", "command"), [
    ("exec pods in web -- id", "&container=app", "sh"),  # another command
    ("exec pods in web -- id", "&container=app&stdin=true", "id"),
    ("exec pods:web-1/app in web -- id", "&container=side", "id"),
    ("exec pods:db-0 in web -- id", "&container=app", "id"),
])  # fmt: skip
async def test_nothing_is_looked_up_that_changes_nothing(tmp_path: Path, scope: str, query: str, command: str) -> None:
    """What is denied in the default container too is denied without asking the cluster, and so is everything without a window."""
    async with house(tmp_path, rules=(rule(scope=scope),)) as home:
        kubectl = await home.dial()
        assert await kubectl.exec("web-1", "id", query="&container=app") == 403
        await home.window()
        kubectl = await home.dial()
        assert await kubectl.exec("web-1", command, query=query) == 403
        assert home.cluster.asked == []


async def test_a_reload_ends_no_command_that_it_still_allows(tmp_path: Path) -> None:
    """The container was the default one when it began; a rule that is loaded again as it is ends nothing."""
    mine = rule(scope="exec pods in web -- id")
    async with house(tmp_path, rules=(mine,)) as home:

        async def answerer(asked: Asked) -> None:
            if asked.target == POD:
                asked.line.answer(pod("app"))
            else:
                asked.line.switch(asked)

        home.cluster.answerer = answerer
        await home.window()
        kubectl = await home.dial()
        assert await kubectl.exec("web-1", "id", query="&container=app") == 101
        (session,) = [session for window in home.broker.windows.live.values() for session in window.sessions.values()]
        await home.broker.reload({(mine.identity, mine.connection): mine}, home.broker.roster.directory.people, "digest")
        assert session.end is None
        kubectl.close()
