"""Which Accept headers are told apart."""

import pytest
from hypothesis import given, strategies as st

from jitui.clusters.accept import JSON, LISTS, OURS, PROTOBUF, form_of

V2, V2BETA1, NOPEER = LISTS[b"v2", b""], LISTS[b"v2beta1", b""], LISTS[b"v2", b"nopeer"]
BINARY, YAML = PROTOBUF + b"," + JSON, b"application/yaml," + JSON


@pytest.mark.parametrize("path", ["/api", "/apis"])
@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (V2 + b"," + V2BETA1 + b",application/json", OURS),  # kubectl 1.30 and later
        (V2BETA1 + b",application/json", V2BETA1 + b",application/json"),  # 1.26 to 1.29
        (V2 + b",application/json", V2 + b",application/json"),  # 1.37
        (NOPEER + b"," + V2 + b",application/json", NOPEER + b"," + V2 + b",application/json"),
        (V2BETA1 + b" , " + V2 + b",application/json", OURS),
        (b"application/json", JSON), (b"application/json, */*", JSON), (b"", JSON), (b"*/*", JSON), (b"text/html", b""), (b"application/cbor", b""),
        (b"text/html, */*", JSON), (b"application/yaml", YAML), (b"application/json;q=0.5, application/yaml", YAML),
        (b"*/*, application/yaml", YAML), (b"text/html, application/yaml", YAML),
        (b"application/json;as=Table;v=v1;g=meta.k8s.io", b""), (b"application/json;as=Table;v=v1;g=meta.k8s.io, application/json", JSON),
        (b"application/vnd.kubernetes.protobuf,application/json", BINARY), (b"application/json,application/vnd.kubernetes.protobuf", JSON),
        (b"application/json;q=0.5,application/vnd.kubernetes.protobuf", BINARY), (b"application/vnd.kubernetes.protobuf;q=0", BINARY),
        (b"application/json," + V2, JSON), (V2.replace(b"v=v2", b"v=v3"), b""), (V2.replace(b"apidiscovery", b"other"), b""),
    ],
)  # fmt: skip
def test_forms_of_the_groups(path: str, accept: bytes, form: bytes) -> None:
    """Each kubectl's Accept has a form of its own; a form that nobody serves has none, as in the API server."""
    assert form_of(path, accept) == form


@pytest.mark.parametrize(("path", "forms"), [
    ("/version", {JSON, b""}), ("/version/", {JSON, b""}), ("/api/v1", {JSON, BINARY, YAML, b""}), ("/apis/apps/v1", {JSON, BINARY, YAML, b""}),
    ("/apis/", {JSON, BINARY, YAML, b""}), ("/apis/apps", {JSON, BINARY, YAML, b""}),
])  # fmt: skip
def test_other_paths_have_no_lists(path: str, forms: set[bytes]) -> None:
    """The version is JSON only, the others are JSON, YAML or protobuf; /apis/ is the plain list, other than /apis and /api/."""
    assert {form_of(path, accept) for accept in (b"", OURS, JSON, BINARY, YAML, NOPEER, b"text/html")} == forms


CLAUSES = st.sampled_from([*LISTS.values(), JSON, PROTOBUF, b"*/*", b"text/html", b"application/yaml;q=0.1", JSON + b";as=Table;g=meta.k8s.io;v=v1"])
FORMS = {JSON, BINARY, YAML, b""} | {
    b",".join([*kept, JSON]) for bits in range(1, 8) if (kept := [form for at, form in enumerate(LISTS.values()) if bits >> at & 1])
}


@given(st.sampled_from(["/api", "/apis"]), st.lists(CLAUSES, max_size=20).map(b",".join) | st.binary(max_size=4000))
def test_an_agent_can_not_make_forms(path: str, accept: bytes) -> None:
    """Whatever is sent, it is one of ten or none, and each is its own form."""
    form = form_of(path, accept)
    assert form in FORMS
    assert form_of(path, form) == (form or JSON)
    assert len(FORMS) == 11
