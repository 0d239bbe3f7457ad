"""Looks at single objects, at a fake cluster that keeps what it was asked."""

import json
from pathlib import Path
from typing import Any

from jitui.clusters.look import Found, Target, look
from tests.fakes.house import house
from tests.fakes.upstream import Asked

POD = Target("", "v1", "pods", "web", "p")
JOB = Target("batch", "v1", "jobs", "web", "j")
NODE = Target("", "v1", "nodes", "", "n")


def partial(uid: str, owner: str = "", **more: Any) -> dict[str, Any]:
    return {"kind": "PartialObjectMetadata", "metadata": {"uid": uid, **({"ownerReferences": [{"uid": owner}]} if owner else {}), **more}}


async def test_what_is_there_and_what_is_not(tmp_path: Path) -> None:
    """A uid, its owners, a deletion under way; gone; or unknown, and why. Nothing but metadata is asked for."""
    told = {
        "/api/v1/namespaces/web/pods/p": (200, partial("u-p", "u-j", deletionTimestamp="2026-01-01T00:00:00Z")),
        "/apis/batch/v1/namespaces/web/jobs/j": (404, {}),
        "/api/v1/nodes/n": (403, {}), "/api/v1/namespaces/web/pods?limit=500": (200, {"items": [partial("u-p", "u-j")], "metadata": {"continue": "x"}}),
    }  # fmt: skip

    async def answer(asked: Asked) -> None:
        code, body = told.get(asked.target, (404, {}))
        asked.line.answer(json.dumps(body).encode(), f"{code} x")

    async with house(tmp_path, agent=False) as home:
        home.cluster.answerer = answer
        looked = await look(home.way, [POD, JOB, NODE], ["web"])
        assert looked.found[POD] == Found("u-p", ("u-j",), going=True)
        assert looked.found[JOB].gone
        assert (looked.found[NODE].gone, "403" in looked.found[NODE].why) == (False, True)
        assert [(each.resource, each.uid, each.owners) for each in looked.owned] == [("pods", "u-p", ("u-j",))]
        assert "more than 500 pods" in looked.unlisted
        assert {asked.get("accept").partition(";g=")[0] for asked in home.cluster.asked} == {
            "application/json;as=PartialObjectMetadata", "application/json;as=PartialObjectMetadataList"}
        assert {asked.method for asked in home.cluster.asked} == {"GET"}


async def test_a_cluster_that_cannot_be_asked(tmp_path: Path) -> None:
    """Hangs up, answers nonsense, or something without a uid: not known, never gone."""
    for say in (lambda asked: asked.line.hang_up(), lambda asked: asked.line.answer(b"{"), lambda asked: asked.line.answer(b"[]"),
                lambda asked: asked.line.answer(b"{}"), lambda asked: asked.line.answer(b"{}", "406 Not Acceptable")):  # fmt: skip
        async def answer(asked: Asked, say: Any = say) -> None:
            say(asked)

        async with house(tmp_path / str(id(say)), agent=False) as home:
            home.cluster.answerer = answer
            found = (await look(home.way, [POD])).found[POD]
            assert (found.uid, found.gone) == ("", False)
            assert found.why


def test_paths() -> None:
    """Of kinds with and without a group or a namespace; a name can't lead elsewhere."""
    assert [each.path for each in (POD, JOB, NODE)] == ["/api/v1/namespaces/web/pods/p", "/apis/batch/v1/namespaces/web/jobs/j", "/api/v1/nodes/n"]
    assert Target("", "v1", "pods", "web", "../x?y").path == "/api/v1/namespaces/web/pods/..%2Fx%3Fy"
