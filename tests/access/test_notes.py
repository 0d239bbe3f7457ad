"""The action log: rows of what was allowed and what was denied."""

from pathlib import Path

import pytest

from jitui.access.notes import LAST, line
from jitui.policy.action import Action, Hazard
from jitui.policy.policy import Allow
from jitui.store.actions import ARGV, CLAUSE, TEXT
from tests.fakes.house import AGENT, house


async def test_every_text_of_an_agent_is_cut(tmp_path: Path) -> None:
    """In rows and facts, allowed or not, with a hash of the whole: an agent that holds it can be shown that it was this one."""
    long, argv = "x" * 50_000, ("sh", "-c", "y" * 50_000)
    async with house(tmp_path) as home:
        grant = await home.window()
        window = home.broker.windows.live[grant.id]
        action = Action("create", resource="pods", subresource="exec", namespace="web", name=long, path=long, container=long, argv=argv)
        opened = await home.broker.windows.open_session(grant, action, peer="", command_group="")
        before = window.left
        home.broker.notes.upgraded(opened, AGENT, "prod", action, Allow(grant, long, Hazard.EXEC), 101)
        assert before - window.left > 5 * TEXT, "the window pays for its rows"
        home.broker.notes.denied(AGENT, "prod", action, long, grant=grant.id)
        await home.store.commit([])
        for row in home.files.actions():
            assert sum(map(len, row.action.argv)) < ARGV + 200
            assert max(len(row.action.name), len(row.action.path)) < TEXT + 200
            assert CLAUSE < len(row.clause) < CLAUSE + 200
        (fact,) = await home.facts("session.opened")
        assert len(str(fact.what)) < 8000


async def test_the_newest_action_of_a_grant_in_one_line(tmp_path: Path) -> None:
    """None is an empty line; a long one is cut; of very many grants the oldest is forgotten."""
    async with house(tmp_path) as home:
        notes, grant = home.broker.notes, await home.window()
        assert notes.newest(grant.id) == ""
        opened = await home.broker.windows.open_session(grant, Action("watch", resource="pods", namespace="web"), peer="", command_group="")
        for name in ("x" * 50_000, "web-1"):
            notes.upgraded(opened, AGENT, "prod", Action("get", resource="pods", namespace="web", name=name), Allow(grant, "get pods in web", Hazard.READ), 200)
            assert len(notes.newest(grant.id)) <= TEXT
        assert notes.newest(grant.id) == "get pods/web-1 in web"
        notes.last = dict.fromkeys(range(100, 100 + LAST), Action("get", path="/metrics"))
        notes.noting(opened, AGENT, "prod", Action("get", path="/version"), Allow(grant, "get url:/version", Hazard.READ), home.clock.now())
        assert (len(notes.last), notes.newest(100), notes.newest(grant.id)) == (LAST, "", "get /version")


@pytest.mark.parametrize(("action", "text"), [
    (Action("list", resource="pods"), "list pods"), (Action("get", resource="pods", namespace="web", name="a"), "get pods/a in web"),
    (Action("get", path="/metrics"), "get /metrics"),
    (Action("create", group="apps", resource="deployments", namespace="web"), "create deployments.apps in web"),
    (Action("create", resource="pods", subresource="exec", namespace="web", name="a", argv=("sh", "-c", "id")), "a: sh -c id")])
def test_an_action_in_one_line(action: Action, text: str) -> None:
    """A command as pod and words, anything else as verb, kind, name and namespace."""
    assert line(action) == text


async def test_both_logs_can_be_joined(tmp_path: Path) -> None:
    """The id that the cluster gets names gateway, session and exchange, and is the one of the action's row."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        for _ in range(2):
            assert (await kubectl.ask("GET", "/api/v1/namespaces/web/pods"))[0] == 200
        await home.store.commit([])
        (session,) = home.broker.windows.sessions.values()
        assert sorted(row.audit_id for row in home.files.actions()) == [f"jitui-test-{session.id}-{conn}" for conn in sorted(
            row.conn for row in home.files.actions())]
