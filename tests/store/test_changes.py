"""Changes folded out of a real record, with a fake cluster whose every answer the test knows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from jitui.recording.objects.writes import Effect
from jitui.store.changes import FARTHER, HIDDEN, LOOKS, UNSURE, Change, Changes
from jitui.store.exchanges import Exchanges, Spot
from tests.fakes.house import House, house, rule
from tests.fakes.objects import CM, SCOPE, WEB, Talk, cm, deployment, scale


@asynccontextmanager
async def talking(folder: Path) -> AsyncIterator[tuple[House, Talk]]:
    async with house(folder, rules=(rule(scope=SCOPE),)) as home:
        await home.window()
        yield home, Talk(home)


async def folded(home: House, may: Any = lambda spot: True, grant: int = 1) -> list[Change]:
    return await asyncio.to_thread(lambda: Changes(Exchanges(home.files), may).of(grant=grant))


def said(change: Change) -> dict[str, tuple[Any, Any]]:
    return {each.path: (each.before, each.after) for each in change.masked()}


IMAGE = "spec.template.spec.containers[app].image"


async def test_the_state_before_is_the_newest_that_was_read(tmp_path: Path) -> None:
    """In a get, a list, or the answer to a write; a dry run, an older read and a read of another object are none."""
    async with talking(tmp_path) as (home, talk):
        await talk.ask("GET", f"{WEB}/web", deployment("web:1"))
        await talk.ask("GET", WEB, {"kind": "DeploymentList", "apiVersion": "apps/v1", "items": [deployment("web:2")]})
        await talk.merge(f"{WEB}/web?dryRun=All", deployment("web:9"), {})
        await talk.merge(f"{WEB}/web", deployment("web:3"), {})
        await talk.ask("PUT", f"{WEB}/web", deployment("web:4"), deployment("web:4"))
        first, second = await folded(home)
        assert said(first) == {IMAGE: ("web:2", "web:3")}
        assert said(second) == {IMAGE: ("web:3", "web:4")}
        assert first.before is not None
        assert first.before.spot.verb == "list"


async def test_an_object_that_nobody_saw(tmp_path: Path) -> None:
    """The fields that the patch asks for, and that it was not seen before; of a whole object all of it."""
    async with talking(tmp_path) as (home, talk):
        await talk.merge(f"{CM}/c", cm(a="1", b="2"), {"data": {"b": "2"}})
        await talk.ask("PUT", f"{CM}/d", cm("d", "u-d", a="1"), cm("d", a="1"))
        patched, put = await folded(home)
        assert (patched.before, patched.known, said(patched)) == (None, False, {"data.b": (None, "2")})
        assert (put.before, put.known, said(put)) == (None, True, {"data.a": (None, "1")})


async def test_from_creation_to_deletion(tmp_path: Path) -> None:
    """Each step starts at the one before; what was deleted is shown as it stood last."""
    async with talking(tmp_path) as (home, talk):
        await talk.ask("POST", CM, cm(a="1"), cm(a="1"), status="201 Created")
        await talk.merge(f"{CM}/c", cm(a="2"), {"data": {"a": "2"}})
        await talk.ask("DELETE", f"{CM}/c", {"kind": "Status", "status": "Success", "details": {"uid": "u-c"}})
        await talk.ask("POST", CM, cm(uid="u-2", a="3"), cm(a="3"), status="201 Created")
        found = await folded(home)
        assert [each.write.effect for each in found] == [Effect.CREATED, Effect.CHANGED, Effect.DELETED, Effect.CREATED]
        assert [said(each) for each in found] == [{"data.a": (None, "1")}, {"data.a": ("1", "2")}, {"data.a": ("2", None)}, {"data.a": (None, "3")}]
        assert [each.write.ref.uid for each in found] == ["u-c", "u-c", "u-c", "u-2"]


async def test_a_scale_is_compared_with_the_object(tmp_path: Path) -> None:
    """And the object's next change starts at the new size."""
    async with talking(tmp_path) as (home, talk):
        await talk.ask("GET", f"{WEB}/web", deployment("web:1", 2))
        await talk.merge(f"{WEB}/web/scale", scale(5), {"spec": {"replicas": 5}})
        await talk.merge(f"{WEB}/web/scale", {**scale(0), "spec": {}}, {"spec": {"replicas": 0}})
        await talk.merge(f"{WEB}/web", deployment("web:2", 0, 4), {})
        assert [said(each) for each in await folded(home)] == [{"spec.replicas": (2, 5)}, {"spec.replicas": (5, 0)}, {IMAGE: ("web:1", "web:2")}]


async def test_a_scale_that_was_read_is_not_the_object(tmp_path: Path) -> None:
    """client-go reads a Scale before it writes one: the object's next change and its deletion start at the object, with the new size."""
    async with talking(tmp_path) as (home, talk):
        await talk.ask("GET", f"{WEB}/web", deployment("web:1", 2))
        await talk.ask("GET", f"{WEB}/web/scale", scale(2))
        await talk.ask("PUT", f"{WEB}/web/scale", scale(5), scale(5))
        await talk.merge(f"{WEB}/web", deployment("web:2", 5, 4), {})
        await talk.ask("GET", f"{WEB}/web/scale", scale(5))
        await talk.ask("PUT", f"{WEB}/web/scale", scale(1), scale(1))
        await talk.ask("DELETE", f"{WEB}/web", {"kind": "Status", "status": "Success", "details": {"uid": "u-web"}})
        *changed, deleted = [said(each) for each in await folded(home)]
        assert changed == [{"spec.replicas": (2, 5)}, {IMAGE: ("web:1", "web:2")}, {"spec.replicas": (5, 1)}]
        assert (deleted[IMAGE], deleted["spec.replicas"]) == (("web:2", None), (1, None))


async def test_an_unknown_outcome_shows_what_was_asked(tmp_path: Path) -> None:
    """The cluster went away with the request."""
    async with talking(tmp_path) as (home, talk):
        await talk.ask("GET", f"{CM}/c", cm(a="1"))
        assert await talk.merge(f"{CM}/c", None, {"data": {"a": "2"}}) == 502
        (change,) = await folded(home)
        assert (change.write.effect, change.known, said(change)) == (Effect.UNKNOWN, False, {"data.a": ("1", "2")})
        assert "not known" in change.notes[0]


async def test_a_refused_write_changed_nothing(tmp_path: Path) -> None:
    """Neither one that the cluster refuses, nor one that no window covers."""
    async with talking(tmp_path) as (home, talk):
        assert await talk.merge(f"{CM}/c", {"kind": "Status"}, {}, status="409 Conflict") == 409
        assert await talk.ask("DELETE", "/api/v1/namespaces/other/configmaps/c", {}) == 403
        assert await folded(home) == []


async def test_others_changed_it_in_between(tmp_path: Path) -> None:
    """The object's generation tells; the difference is shown with that doubt."""
    async with talking(tmp_path) as (home, talk):
        await talk.ask("GET", f"{WEB}/web", deployment("web:1", generation=3))
        await talk.merge(f"{WEB}/web", deployment("web:2", generation=4), {})
        await talk.merge(f"{WEB}/web", deployment("web:3", generation=7), {})
        sure, doubtful = await folded(home)
        assert sure.notes == ()
        assert "4 when it was seen and 6 before this write" in doubtful.notes[0]


async def test_a_collection(tmp_path: Path) -> None:
    """Each object that the answer names, as it stood last."""
    async with talking(tmp_path) as (home, talk):
        await talk.ask("DELETE", CM, {"kind": "ConfigMapList", "apiVersion": "v1", "items": [cm("a", "u-a", x="1"), cm("b", "u-b", y="2")]})
        assert [(each.write.ref.name, said(each)) for each in await folded(home)] == [("a", {"data.x": ("1", None)}), ("b", {"data.y": ("2", None)})]


async def test_a_table_shows_no_state(tmp_path: Path) -> None:
    """As kubectl get asks for one: names alone."""
    async with talking(tmp_path) as (home, talk):
        row = {"cells": ["c"], "object": {"kind": "PartialObjectMetadata", "metadata": {"name": "c", "namespace": "web"}}}
        await talk.ask("GET", CM, {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "rows": [row]})
        await talk.merge(f"{CM}/c", cm(a="1"), {"data": {"a": "1"}})
        (change,) = await folded(home)
        assert change.before is None


async def test_a_write_whose_answer_does_not_show_the_object(tmp_path: Path) -> None:
    """A Table, the metadata alone, or none at all: the next write says that the difference holds what it changed, too."""
    async with talking(tmp_path) as (home, talk):
        part = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": {"name": "c", "namespace": "web", "uid": "u-c"}}
        await talk.ask("GET", f"{CM}/c", cm(a="1"))
        await talk.merge(f"{CM}/c", part, {"data": {"a": "2"}})
        await talk.merge(f"{CM}/c", cm(a="3"), {"data": {"a": "3"}})
        assert await talk.merge(f"{CM}/c", None, {"data": {"a": "4"}}) == 502
        await talk.merge(f"{CM}/c?dryRun=All", None, {"data": {"a": "9"}})
        await talk.ask("PUT", f"{CM}/c", cm(a="5"), cm(a="5"))
        await talk.ask("PUT", f"{CM}/c", cm(a="6"), cm(a="6"))
        hidden, third, _, fifth, sixth = await folded(home)
        assert [said(each) for each in (hidden, third, fifth, sixth)] == [{"data.a": each} for each in (("1", "2"), ("1", "3"), ("3", "5"), ("5", "6"))]
        assert (hidden.notes, third.notes, sixth.notes) == ((), (HIDDEN.format("patch in s-1/1"),), ())
        assert fifth.notes == (UNSURE.format("patch in s-1/3"),)


async def test_a_state_behind_many_reads_of_others(tmp_path: Path) -> None:
    """Lists as Tables are passed over; behind more exchanges than are looked through, that is said."""
    async with talking(tmp_path) as (home, talk):
        await talk.ask("GET", f"{CM}/c", cm(a="1"))
        for _ in range(15):
            await talk.ask("GET", CM, {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "rows": []})
        await talk.merge(f"{CM}/c", cm(a="2"), {"data": {"a": "2"}})
        for _ in range(LOOKS):
            await talk.ask("GET", CM, {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "rows": []})
        await talk.merge(f"{CM}/d", cm("d", "u-d", a="1"), {"data": {"a": "1"}})
        near, far = await folded(home)
        assert said(near) == {"data.a": ("1", "2")}
        assert far.notes == (FARTHER.format(LOOKS),)


async def test_a_deletion_shows_the_object_of_its_answer(tmp_path: Path) -> None:
    """Without the finalizer that the API server added to delete it, and masked by its own text, whatever was seen before."""
    async with talking(tmp_path) as (home, talk):
        await talk.ask("GET", f"{CM}/c", cm(a="1", note="plain"))
        last = cm(a="2", note="password=hunter2")
        last["metadata"] |= {"finalizers": ["foregroundDeletion", "x.io/y"], "deletionTimestamp": "2026-01-01T00:00:00Z"}
        await talk.ask("DELETE", f"{CM}/c", last)
        (change,) = await folded(home)
        found = said(change)
        assert (found["data.a"], found["metadata.finalizers"]) == (("2", None), (["x.io/y"], None))
        assert "hunter2" not in str(found)


async def test_another_version_is_not_compared(tmp_path: Path) -> None:
    """Its fields have other names."""
    async with talking(tmp_path) as (home, talk):
        await talk.ask("GET", f"{CM}/c", {**cm(a="1"), "apiVersion": "v0"})
        await talk.merge(f"{CM}/c", cm(a="2"), {})
        (change,) = await folded(home)
        assert change.fields == ()
        assert "v0" in change.notes[0]


async def test_secrets_are_masked(tmp_path: Path) -> None:
    """By the kind of the object, also in what was asked for."""
    async with talking(tmp_path) as (home, talk):
        db = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "db", "namespace": "web", "uid": "u"}, "data": {"password": "aHVudGVyMg=="}}
        await talk.merge("/api/v1/namespaces/web/secrets/db", db, {"data": {"password": "aHVudGVyMg=="}})
        (change,) = await folded(home)
        assert [each.path for each in change.fields] == ["data.password"]
        assert change.fields[0].after == "aHVudGVyMg=="
        assert "aHVudGVy" not in str(change.masked())


async def test_what_may_not_be_read_is_left_out(tmp_path: Path) -> None:
    """Writes are counted; a state before that one may not read was not seen."""
    async with talking(tmp_path) as (home, talk):
        await talk.ask("GET", f"{CM}/c", cm(a="1"))
        await talk.merge(f"{CM}/c", cm(a="2"), {"data": {"a": "2"}})
        (change,) = await folded(home, lambda spot: spot.verb != "get")
        assert change.before is None
        reading = Changes(Exchanges(home.files), lambda _: False)
        assert await asyncio.to_thread(lambda: reading.of(grant=1)) == []
        assert reading.left_out == 1


async def test_an_identity_and_a_time(tmp_path: Path) -> None:
    """Of all windows since then."""
    async with talking(tmp_path) as (home, talk):
        await talk.merge(f"{CM}/c", cm(a="1"), {})
        since = home.clock.now().wall_us
        await talk.merge(f"{CM}/c", cm(a="2"), {})

        def codes(**more: Any) -> list[Spot]:
            return [each.spot for each in Changes(Exchanges(home.files)).of(**more)]

        assert len(await asyncio.to_thread(lambda: codes(identity="agent-x"))) == 2
        assert len(await asyncio.to_thread(lambda: codes(identity="agent-x", since_us=since))) == 1
        assert await asyncio.to_thread(lambda: codes(identity="agent-y")) == []
