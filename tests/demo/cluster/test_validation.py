"""Odd objects: refused, or kept without harm."""

from typing import Any

import httpx
import pytest
from hypothesis import given, strategies as st

from jitui.demo.cluster.kinds import KINDS, Kind
from jitui.demo.cluster.status import StatusError
from jitui.demo.cluster.validation import check

WORDS = st.sampled_from(["spec", "metadata", "containers", "template", "labels", "name", "replicas", "selector", "matchLabels", "ports", "port", "data", "a"])
VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=3),
                      lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4))


@given(st.sampled_from(KINDS), st.dictionaries(WORDS, VALUES, max_size=4), st.dictionaries(WORDS, VALUES, max_size=3))
def test_any_shape_is_judged(kind: Kind, found: dict[str, Any], metadata: dict[str, Any]) -> None:
    """Never another error than 422."""
    codes: list[int] = []
    try:
        check(kind, found | {"metadata": metadata})
    except StatusError as error:
        codes.append(error.status)
    assert codes in ([], [422])


def deployment(**spec: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "x", "image": "x:1"}]}}
    return {"metadata": {"name": "x"}, "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "x"}}, "template": template} | spec}


@pytest.mark.parametrize(("body", "field"), [
    (deployment(replicas=-1), "spec.replicas"), (deployment(replicas="2"), "spec.replicas"), (deployment(replicas=10_000), "spec.replicas"),
    (deployment(template={}), "spec.template"), (deployment(template=None), "spec.template"), (deployment(selector={"matchLabels": {"app": "y"}}), "labels"),
    (deployment(template={"metadata": {"labels": {"app": "x"}}, "spec": {"containers": []}}), "spec.template.spec.containers"),
    (deployment(template={"metadata": {"labels": {"app": 1}}, "spec": {}}), "spec.template.metadata"),
    ({"metadata": {"name": "x", "labels": []}}, "metadata.labels"), ({"metadata": {"name": "x"}, "spec": 5}, "spec"), ({"metadata": {"name": 5}}, "spec"),
    ({"metadata": {"name": "x"}, "status": []} | {"spec": None}, "spec"),
])
async def test_refused(client: httpx.AsyncClient, body: dict[str, Any], field: str) -> None:
    """422 that names the field; and the cluster works on."""
    answer = await client.post("/apis/apps/v1/namespaces/web/deployments", json=body)
    assert (answer.status_code, answer.json()["reason"]) == (422, "Invalid")
    assert field in answer.json()["message"]
    assert (await client.post("/apis/apps/v1/namespaces/web/deployments", json=deployment())).status_code == 201


@pytest.mark.parametrize("change", [{"spec": {"template": None}}, {"spec": {"replicas": "many"}}, {"metadata": {"labels": 7}}, {"spec": {"selector": None}}])
async def test_patched_into_nonsense(client: httpx.AsyncClient, change: dict[str, Any]) -> None:
    """Refused just so, and nothing is changed."""
    path = "/apis/apps/v1/namespaces/web/deployments/shop"
    before = (await client.get(path)).json()["spec"]
    assert (await client.patch(path, json=change, headers={"Content-Type": "application/merge-patch+json"})).status_code == 422
    assert (await client.patch(f"{path}/scale", json={"spec": {"replicas": "x"}}, headers={"Content-Type": "application/merge-patch+json"})).status_code == 422
    assert (await client.get(path)).json()["spec"] == before


@pytest.mark.parametrize("body", [b"", b"[]", b"5", b'"x"', b"{", b'{"metadata":5}', b"\xff", b'{"metadata":{"name":"x","ownerReferences":[1]}}'])
async def test_bodies_that_are_no_objects(client: httpx.AsyncClient, body: bytes) -> None:
    """400 or 422."""
    answer = await client.post("/api/v1/namespaces/web/configmaps", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}
    assert answer.json()["kind"] == "Status"
