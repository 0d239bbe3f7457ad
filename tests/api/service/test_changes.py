"""The operation `changes`: views, object by object, for whom may read them."""

from pathlib import Path

import pytest

from jitui.policy.terms import Identity, Role
from jitui.values import plain
from jitui.values.errors import RefusedError
from tests.api.service.conftest import AGENT_X, APPROVER, AUDITOR, OPERATOR
from tests.fakes.house import house, rule
from tests.fakes.objects import CM, SCOPE, WEB, Talk, cm, deployment
from tests.fakes.upstream import Asked

UNMASKING = Identity("una", frozenset({Role.AUDITOR, Role.UNMASK}))
DB = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "db", "namespace": "web", "uid": "u"}, "data": {"password": "aHVudGVyMg=="}}


async def switches(asked: Asked) -> None:
    asked.line.switch(asked)


async def test_object_by_object(tmp_path: Path) -> None:
    """The writes of one object stand together, what happened inside pods stands behind; a field says its value before, or that nobody saw it."""
    async with house(tmp_path, rules=(rule(scope=SCOPE),)) as home:
        grant = await home.window()
        talk = Talk(home)
        await talk.merge(f"{CM}/c", cm(a="1"), {"data": {"a": "1"}})
        await talk.ask("GET", f"{WEB}/web", deployment("web:1"))
        await talk.merge(f"{WEB}/web", deployment("web:2"), {})
        await talk.merge(f"{CM}/c", cm(a="2"), {"data": {"a": "2"}})
        home.cluster.answerer = switches
        kubectl = await home.dial()
        assert await kubectl.exec() == 101
        await home.store.commit([])
        found = await home.desk(AUDITOR).changes(grant=grant.label)
        assert [(str(each.object.name), each.effect, each.conn) for each in found.changes] == [
            ("c", "changed", 0), ("c", "changed", 3), ("web", "changed", 2), ("web-1", "inside", 0)]
        unseen, seen, image, inside = found.changes
        assert plain.of(unseen)["fields"] == [{"path": "data.a", "before": "not seen before", "after": "1"}]
        assert (unseen.asked, unseen.seen) == (True, "")
        assert plain.of(seen)["fields"] == [{"path": "data.a", "before": "1", "after": "2"}]
        assert (seen.seen_in, seen.session, seen.verb, seen.code, seen.grant, seen.connection) == ("s-1", "s-1", "patch", 200, "g-1", "prod")
        assert plain.of(image)["object"] == {"group": "apps", "resource": "deployments", "namespace": "web", "name": "web", "uid": "u-web"}
        assert (inside.verb, inside.session, inside.fields) == ("exec", "s-2", ())
        assert "not visible to the API" in inside.notes[0]
        kubectl.close()


async def test_who_may_read_them(tmp_path: Path) -> None:
    """As recorded frames: an operator the last hour, an approver what they decided, an auditor all, an agent nothing. Each look is a fact."""
    async with house(tmp_path, rules=(rule(scope=SCOPE),)) as home:
        grant = await home.window()
        await Talk(home).merge(f"{CM}/c", cm(a="1"), {"data": {"a": "1"}})
        await home.desk(APPROVER).revoke(grant.label, reason="x")
        bea = Identity("bea", frozenset({Role.APPROVER}))
        for who in (AGENT_X, bea):
            with pytest.raises(RefusedError):
                await home.desk(who).changes(grant=grant.label)
        left_out = await home.desk(bea).changes(identity="agent-x")
        assert left_out.changes == ()
        assert "may not read are left out: 1" in left_out.notes[0]
        for who in (OPERATOR, APPROVER, AUDITOR):
            assert len((await home.desk(who).changes(grant=grant.label)).changes) == 1
            assert len((await home.desk(who).changes(identity="agent-x")).changes) == 1
        home.clock.advance(3601)
        with pytest.raises(RefusedError):
            await home.desk(OPERATOR).changes(grant=grant.label)
        assert (await home.desk(OPERATOR).changes()).changes == ()
        assert len((await home.desk(AUDITOR).changes()).changes) == 1
        for of in ("", grant.label):
            assert (await home.desk(AUDITOR).changes(grant=of, since_s=60)).changes == ()
            assert len((await home.desk(AUDITOR).changes(grant=of, since_s=7200)).changes) == 1
        looks = [(fact.who, fact.subject, fact.what["how"]) for fact in await home.facts("viewed")]
        assert ("oli", "g-1", "changes") in looks
        assert ("aud", "all", "changes") in looks


async def test_very_much_is_cut(tmp_path: Path) -> None:
    """A long value says how much of it is missing, and of which whole it is the beginning; further fields are counted."""
    async with house(tmp_path, rules=(rule(scope=SCOPE),)) as home:
        grant = await home.window()
        data = {f"k{number}": "x" for number in range(1200)} | {"k0": "y z " * 10_000}
        await Talk(home).ask("POST", CM, {**cm(), "data": data}, cm(), status="201 Created")
        (change,) = (await home.desk(AUDITOR).changes(grant=grant.label)).changes
        assert len(change.fields) == 1000
        assert change.notes == ("200 further fields are left out",)
        assert "23616 characters more" in change.fields[0].after


async def test_unmasking_takes_its_right(tmp_path: Path) -> None:
    """And is a fact."""
    async with house(tmp_path, rules=(rule(scope=SCOPE),)) as home:
        grant = await home.window()
        await Talk(home).merge("/api/v1/namespaces/web/secrets/db", DB, {"data": {"password": "aHVudGVyMg=="}})
        masked = await home.desk(AUDITOR).changes(grant=grant.label)
        assert "aHVudGVy" not in plain.text(masked)
        with pytest.raises(RefusedError):
            await home.desk(AUDITOR).changes(grant=grant.label, unmask=True)
        shown = await home.desk(UNMASKING).changes(grant=grant.label, unmask=True)
        assert shown.changes[0].fields[0].after == "aHVudGVyMg=="
        assert [(fact.who, fact.what["how"]) for fact in await home.facts("viewed")] == [("aud", "changes"), ("una", "unmasked")]
