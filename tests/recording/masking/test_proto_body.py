"""A protobuf body of Secrets."""

import itertools

import pytest
from hypothesis import given, strategies as st

from jitui.recording.masking.proto_body import Proto, kind_of
from jitui.recording.masking.spans import masked
from tests.recording.masking.forms import envelope, events, field, proto

DATA = {"password": b"correct horse battery staple"}
BODY = envelope("Secret", proto(DATA))


def said(pieces: list[bytes], masker: Proto | None = None) -> bytes:
    masker = masker or Proto()
    return b"".join(masked(piece, masker.feed(piece)) for piece in pieces)


@given(cuts=st.lists(st.integers(0, len(BODY)), max_size=6))
def test_values_are_hidden_however_the_body_is_cut(cuts: list[int]) -> None:
    """Names, the type and short annotations are shown."""
    edges = [0, *sorted(cuts), len(BODY)]
    found = said([BODY[start:end] for start, end in itertools.pairwise(edges)])
    assert len(found) == len(BODY)
    assert b"correct horse" not in found
    assert b"password" in found
    assert b"Opaque" in found


def test_a_watch_is_read_event_by_event() -> None:
    found = said([events(DATA)], Proto(watch=True))
    assert found.count(b"password") == events(DATA).count(b"password") - events(DATA).count(b'"password"')
    assert b"correct horse" not in found


def test_what_is_no_protobuf_is_masked() -> None:
    assert b"hunter2" not in said([b"k8s\0\xff\xff\xff hunter2"])
    assert b"hunter2" not in said([envelope("Unheard", field(1, b"hunter2"))])


@pytest.mark.parametrize(("types", "kind"), [(field(1, b"v1") + field(2, b"Secret"), "Secret"), (field(1, b"v1"), ""), (b"\xff", "")])
def test_the_kind_of_an_envelope(types: bytes, kind: str) -> None:
    assert kind_of(types) == kind
