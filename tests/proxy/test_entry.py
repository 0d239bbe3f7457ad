"""A command clause without a container is for the pod's default one, which the gateway looks up."""

import asyncio
import json
from pathlib import Path

import pytest

from jitui.policy.grant import Event
from jitui.policy.terms import GrantState
from tests.fakes.house import ANA, house, rule
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
    """A call that is denied in the default container as well is denied without asking the cluster, and so is any call without a window."""
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


async def test_a_look_is_the_first_use_of_a_window(tmp_path: Path) -> None:
    """A window that waits for its first use begins with it, on record before the cluster hears anything, whatever the pod's default container is."""
    async with house(tmp_path, rules=(rule(scope="exec pods in web -- id", on_first_use=True),)) as home:
        seen = []

        async def answerer(asked: Asked) -> None:
            seen.append([window.grant.state for window in home.broker.windows.live.values()])
            asked.line.answer(pod("app", "side"))

        home.cluster.answerer = answerer
        await home.window()
        kubectl = await home.dial()
        assert await kubectl.exec("web-1", "id", query="&container=side") == 403
        assert seen == [[GrantState.ACTIVE]]
        assert len(await home.facts("grant.active")) == 1


async def test_a_frozen_window_looks_nothing_up(tmp_path: Path) -> None:
    """It says by whom it is frozen; the cluster hears nothing."""
    async with house(tmp_path, rules=(rule(scope="exec pods in web -- id"),)) as home:
        grant = await home.window()
        await home.desk(ANA).freeze(grant.label)
        kubectl = await home.dial()
        assert await kubectl.exec("web-1", "id", query="&container=app") == 503
        assert f"{grant.label} is frozen by ana".encode() in kubectl.refusal
        assert (home.cluster.asked, home.cluster.lines) == ([], [])


@pytest.mark.parametrize("how", ["revoked", "frozen"])
async def test_nothing_is_looked_up_for_a_window_that_is_over_by_then(tmp_path: Path, how: str) -> None:
    """While the credential is waited for the window ends, or is frozen: no request goes out, and the client is told that."""
    async with house(tmp_path, rules=(rule(scope="exec pods in web -- id"),)) as home:
        grant = await home.window()
        began, gate = asyncio.Event(), asyncio.Event()

        async def authorization(_: object) -> tuple[tuple[bytes, bytes], ...]:
            began.set()
            await gate.wait()
            return ((b"Authorization", b"Bearer late"),)

        home.cluster.ready, home.cluster.authorization = lambda _: None, authorization  # type: ignore[method-assign,assignment]
        kubectl = await home.dial()
        asking = asyncio.ensure_future(kubectl.exec("web-1", "id", query="&container=app"))
        await began.wait()
        if how == "revoked":
            home.broker.windows.end(home.broker.windows.window(grant.id), Event.REVOKE, by="ana", why="no")
        else:
            await home.desk(ANA).freeze(grant.label)
        gate.set()
        assert await asking == (403 if how == "revoked" else 503)
        assert (b"no live window" if how == "revoked" else b"is frozen by ana") in kubectl.refusal
        assert (home.cluster.asked, home.cluster.lines) == ([], [])


async def test_the_host_is_the_one_that_the_cluster_has_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a cluster whose address is looked up, it is known late and may change; each request names the one of that moment."""
    async with house(tmp_path) as home:
        await home.window("read pods in web")
        kubectl = await home.dial()
        seen = []
        for host in (b"first.example", b"second.example"):
            monkeypatch.setattr(home.cluster, "host", host)
            assert (await kubectl.ask("GET", "/api/v1/namespaces/web/pods"))[0] == 200
            seen.append(home.cluster.asked[-1].get("host"))
        assert seen == ["first.example", "second.example"]
        kubectl.close()
