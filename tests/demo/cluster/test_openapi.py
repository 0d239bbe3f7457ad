"""OpenAPI as kubectl reads it."""

import pytest

from jitui.demo.cluster import openapi
from jitui.demo.cluster.kinds import GROUPS, PODS


def test_the_index_leads_to_each_document() -> None:
    """By a relative URL with a hash of what is behind it."""
    paths = openapi.index()["paths"]
    assert set(paths) == {"api/v1", *(f"apis/{group}/v1" for group in GROUPS)}
    for path, entry in paths.items():
        assert entry["serverRelativeURL"].startswith(f"/openapi/v3/{path}?hash=")
        assert openapi.document(path)


def test_a_kind_has_its_schema_and_says_that_the_server_validates() -> None:
    """`fieldValidation` is a parameter of its patch, so that kubectl leaves validation to the server (KEP-2896)."""
    document = openapi.document("api/v1")
    assert document is not None
    assert set(document["components"]["schemas"][f"io.k8s.api.core.v1.{PODS.kind}"]["properties"]) >= {"metadata", "spec", "status"}
    patch = document["paths"]["/api/v1/namespaces/{namespace}/pods/{name}"]["patch"]
    assert "fieldValidation" in {parameter["name"] for parameter in patch["parameters"]}


@pytest.mark.parametrize("path", ["api/v2", "apis/nope/v1", "apis/apps/v2", ""])
def test_there_is_no_other_document(path: str) -> None:
    assert openapi.document(path) is None


def test_the_protobuf_form_names_the_same_version() -> None:
    assert openapi.v2()["info"]["version"].encode() in openapi.v2_protobuf()
