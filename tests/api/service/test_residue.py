"""The operation `residue`: the record's findings, one look at the cluster, and how each thing ends."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from jitui.api.findings import LeftView, ResidueView
from jitui.cli.shelf import Shelf
from jitui.policy.terms import Identity, Role
from jitui.recording.facts import ProcessLeft
from jitui.values.errors import RefusedError
from tests.api.service.conftest import AGENT_X, AUDITOR
from tests.fakes.house import House, house, rule
from tests.fakes.objects import CM, WEB, Talk, cm, deployment, scale
from tests.proxy.test_relay import Pod, connected
from tests.recording.objects.test_traces import token

JOBS = "/apis/batch/v1/namespaces/web/jobs"
SCOPE = ("@debug in web; create,delete,patch configmaps in web; create jobs.batch in web; read deployments.apps in web; read secrets:db in web;"
         " patch deployments.apps,deployments.apps/scale in web; patch,delete pods in web")  # fmt: skip
POD = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "j-1", "namespace": "web", "uid": "u-pod"}, "spec": {}}


def job(uid: str = "u-j") -> dict[str, Any]:
    return {"kind": "Job", "apiVersion": "batch/v1", "metadata": {"name": "j", "namespace": "web", "uid": uid}, "spec": {"parallelism": 2}}


def partial(uid: str, owner: str = "") -> dict[str, Any]:
    owners = {"ownerReferences": [{"kind": "Job", "name": "j", "uid": owner}]} if owner else {}
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": {"name": "x", "uid": uid, **owners}}


def there(talk: Talk, told: dict[str, tuple[str, Any]]) -> None:
    """The cluster has these objects now, and answers lists of what controllers made with nothing."""
    lists: dict[str, tuple[str, Any]] = {f"GET {path}?limit=500": ("200 OK", {"items": []}) for path in (
        "/api/v1/namespaces/web/pods", "/apis/apps/v1/namespaces/web/replicasets", "/apis/batch/v1/namespaces/web/jobs")}
    talk.answers = lists | {f"GET {path}": answer for path, answer in told.items()}


def of(found: ResidueView, kind: str) -> list[LeftView]:
    return [each for each in found.left if each.kind == kind]


async def written(home: House) -> Talk:
    """A Job and a config map created, one of the Job's pods patched, a deployment scaled, a config map deleted, one created and deleted."""
    await home.window()
    talk = Talk(home)
    await talk.ask("POST", JOBS, job(), job(), status="201 Created")
    await talk.ask("POST", CM, cm("a", "u-a"), cm("a"), status="201 Created")
    await talk.merge("/api/v1/namespaces/web/pods/j-1", POD, {"metadata": {"labels": {"x": "y"}}})
    await talk.ask("GET", f"{WEB}/web", deployment("web:1", 3))
    await talk.merge(f"{WEB}/web/scale", scale(0), {"spec": {"replicas": 0}})
    await talk.ask("DELETE", f"{CM}/old", cm("old", "u-old", k="v"))
    await talk.ask("POST", CM, cm("short", "u-s"), cm("short"), status="201 Created")
    await talk.ask("DELETE", f"{CM}/short", {"kind": "Status", "details": {"uid": "u-s"}})
    return talk


async def test_what_still_exists(tmp_path: Path) -> None:
    """By uid: what is gone, or was replaced by another, is left out; a Job's pods count once, with it; and each says how it ends."""
    async with house(tmp_path, rules=(rule(scope=SCOPE),)) as home:
        talk = await written(home)
        there(talk, {
            f"{JOBS}/j": ("200 OK", partial("u-j")), f"{CM}/a": ("200 OK", partial("u-another")),
            "/api/v1/namespaces/web/pods/j-1": ("200 OK", partial("u-pod", "u-j")),
            f"{WEB}/web": ("200 OK", partial("u-web")), "/api/v1/namespaces/web/pods?limit=500": ("200 OK", {"items": [
                partial("u-pod", "u-j"), partial("u-pod-2", "u-j"), partial("u-foreign", "u-x")]}),
        })  # fmt: skip
        found = await home.desk(AUDITOR).residue("g-1")
        made, pod, web = of(found, "object")
        assert (str(made.object and made.object.name), made.effect, made.exists, made.owns, str(made.ends)) == (
            "j", "created", True, {"pods": 1}, "kubectl delete jobs.batch j -n web")
        assert (str(pod.owner), str(pod.ends)) == ("jobs.batch web/j", "")
        assert str(web.ends) == "kubectl scale deployments.apps web -n web --replicas=3"
        (old,) = of(found, "deleted")
        assert (str(old.said), str(old.ends), old.exists) == ("configmaps web/old deleted", "jitui changes g-1", False)
        assert found.looked
        assert found.notes == ()


async def test_the_look_is_on_record_before_it_is_made(tmp_path: Path) -> None:
    """As a fact with every path, about who asked; without `look`, and for somebody without the right, the cluster is asked nothing."""
    async with house(tmp_path, rules=(rule(scope=SCOPE),)) as home:
        talk = await written(home)
        there(talk, {})
        before = len(home.cluster.asked)
        for who in (AGENT_X, Identity("root2", frozenset({Role.ADMIN})), Identity("bea", frozenset({Role.APPROVER}))):
            with pytest.raises(RefusedError):
                await home.desk(who).residue("g-1")
        found = await home.desk(AUDITOR).residue("g-1", look=False)
        assert {each.exists for each in of(found, "object")} == {None}
        assert all("not asked" in str(each.said) and each.why for each in of(found, "object"))
        assert "was not asked" in found.notes[0]
        assert len(home.cluster.asked) == before
        assert await home.facts("cluster.looked") == []
        await home.desk(AUDITOR).residue("g-1")
        (fact,) = await home.facts("cluster.looked")
        assert (fact.subject, fact.who, fact.what["connection"]) == ("g-1", "aud", "prod")
        assert sorted(fact.what["targets"]) == sorted(asked.target for asked in home.cluster.asked[before:])


async def test_what_the_look_cannot_see_is_said(tmp_path: Path) -> None:
    """No permission, a cluster that is down: nothing is taken for gone."""
    async with house(tmp_path, rules=(rule(scope=SCOPE),)) as home:
        talk = await written(home)
        there(talk, {path: ("403 Forbidden", {}) for path in (f"{JOBS}/j", f"{CM}/a", "/api/v1/namespaces/web/pods/j-1", f"{WEB}/web", f"{CM}/old")})
        found = await home.desk(AUDITOR).residue("g-1")
        assert [each.exists for each in of(found, "object")] == [None] * 4
        assert all("403" in each.why and "403" in str(each.said) for each in of(found, "object"))

        async def down(asked: Any) -> None:
            asked.line.hang_up()

        home.cluster.answerer = down
        found = await home.desk(AUDITOR).residue("g-1")
        assert [each.exists for each in of(found, "object")] == [None] * 4
        assert "not, or not all, counted" in found.notes[0]


async def test_credentials_and_copies(tmp_path: Path) -> None:
    """A token and a process end with their pod, a Secret by a rotation; one that has expired outlives nothing; another cluster's may. No value is shown."""
    async with house(tmp_path, rules=(rule(scope=SCOPE),)) as home:
        await home.window()
        now_s = home.clock.wall_us // 1_000_000
        good, over = (token(iss="https://k", sub="system:serviceaccount:web:app", exp=now_s + more, jti=f"j{more}",
                            **{"kubernetes.io": {"namespace": "web", "pod": {"name": "web-1", "uid": "u-1"}}}) for more in (9000, 1))  # fmt: skip
        other = token(iss="https://far", sub="system:serviceaccount:far:app", exp=now_s + 9000, jti="far",
                      **{"kubernetes.io": {"namespace": "far", "pod": {"name": "far-1", "uid": "u-9"}}})  # fmt: skip
        talk = Talk(home)
        db = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "db", "namespace": "web"}, "data": {"password": "aHVudGVyMg=="}}
        await talk.ask("GET", "/api/v1/namespaces/web/secrets/db", db)
        kubectl, pod = await connected(home, "tar", "cf", "-", "/run/secrets")
        for text in (good + b"\r\n", over + b"\r\n", other + b"\r\n"):
            pod.line.message(1, text)
        await home.until(lambda: home.broker.windows.sessions[2].bytes_out >= len(good + over + other))
        home.clock.advance(5)
        await home.desk(home.broker.roster.agent("agent-x")).release("g-1")
        await home.broker.windows.settled()
        left = ProcessLeft(grant=1, pod="web/web-1", pod_uid="u-1", container="c", pid=7, start=9, argv=("sleep", "9"), state="unexplained")
        await home.store.commit([left.draft("g-1", "gateway")])
        talk = Talk(home)
        there(talk, {"/api/v1/namespaces/web/pods/web-1": ("200 OK", partial("u-1"))})
        found = await home.desk(AUDITOR).residue("g-1")
        assert [str(each.ends) for each in of(found, "process")] == ["kubectl delete pods web-1 -n web"]
        secret, mine, far = of(found, "credential")
        assert (str(secret.said), str(secret.ends), [str(key) for key in secret.keys]) == ("secrets web/db read: password", "rotate", ["password"])
        assert (str(mine.jti), str(mine.issuer), str(mine.ends)) == ("j9000", "https://k", "kubectl delete pods web-1 -n web")
        assert str(far.jti) == "far"
        (copy,) = of(found, "copy")
        assert (copy.way, copy.session, str(copy.ends)) == ("out", "s-2", "rotate")
        assert copy.bytes >= len(good)
        for now in (("404 Not Found", {}), ("200 OK", partial("u-2"))):  # what was in the pod ended with it, so did the token that is bound to it
            there(talk, {"/api/v1/namespaces/web/pods/web-1": now, "/api/v1/namespaces/far/pods/far-1": ("404 Not Found", {})})
            found = await home.desk(AUDITOR).residue("g-1")
            assert (of(found, "process"), [str(each.ends) for each in of(found, "credential")]) == ([], ["rotate", "kubectl delete pods far-1 -n far"])
        kubectl.close()


async def test_what_was_typed_through_attach(tmp_path: Path) -> None:
    """It runs on as the container's own: the pod is named until it is gone, of a stream into which something was typed."""
    async with house(tmp_path, rules=(rule(scope=f"{SCOPE}; attach pods in web"),)) as home:
        await home.window()
        for name in ("web-1", "web-2"):
            pod, kubectl = Pod(home), await home.dial()
            assert await kubectl.exec(name, what="attach") == 101
            await pod.open.wait()
            if name == "web-1":
                kubectl.type(b"sleep 99 &\n")
                while not pod.typed:  # noqa: ASYNC110 - what changes has no event
                    await asyncio.sleep(0.005)
            kubectl.close()
        await home.desk(home.broker.roster.agent("agent-x")).release("g-1")
        await home.broker.windows.settled()
        talk = Talk(home)
        there(talk, {f"/api/v1/namespaces/web/pods/{name}": ("200 OK", partial("u")) for name in ("web-1", "web-2")})
        (one,) = (await home.desk(AUDITOR).residue("g-1")).left
        assert (one.kind, one.state, str(one.ends)) == ("process", "not-proved", "kubectl delete pods web-1 -n web")
        assert "11 B typed through attach" in str(one.said)
        there(talk, {"/api/v1/namespaces/web/pods/web-1": ("404 Not Found", {})})
        assert (await home.desk(AUDITOR).residue("g-1")).left == ()


async def test_bare_files_tell_the_same_without_a_look(tmp_path: Path) -> None:
    """They reach no cluster."""
    async with house(tmp_path, rules=(rule(scope=SCOPE),)) as home:
        await written(home)
        desk = await home.desk(AUDITOR).residue("g-1", look=False)
        shelf = await asyncio.to_thread(Shelf, tmp_path / "state")
        assert (await shelf.residue("g-1")).left == desk.left
        await shelf.aclose()


async def test_a_window_that_left_nothing(tmp_path: Path) -> None:
    """Asks the cluster nothing."""
    async with house(tmp_path) as home:
        await home.window()
        found = await home.desk(AUDITOR).residue("g-1")
        assert (found.left, found.notes, found.looked) == ((), (), "")
        assert home.cluster.asked == []
