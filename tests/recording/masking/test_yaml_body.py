"""A YAML body of Secrets, masked line by line."""

import pytest
import yaml

from jitui.recording.masking.spans import masked
from jitui.recording.masking.yaml_body import LINE, Yaml
from tests.recording.masking.forms import secret, string_data

DATA = {"password": b"correct horse battery staple"}


def said(*pieces: bytes) -> bytes:
    masker = Yaml()
    return b"".join(masked(piece, masker.feed(piece)) for piece in pieces)


@pytest.mark.parametrize("body", [yaml.safe_dump(secret(DATA)).encode(), yaml.safe_dump(string_data(DATA)).encode()])
def test_names_stay_and_values_go(body: bytes) -> None:
    """Byte by byte as at once, the values are hidden and the kind is shown."""
    for found in (said(body), said(*(bytes([byte]) for byte in body))):
        assert len(found) == len(body)
        assert b"correct horse" not in found
        assert b"Y29ycmVjdCBob3Jz" not in found
    assert b"kind: Secret" in said(body)
    assert b"password: " in said(body)


@pytest.mark.parametrize("body", [b"data: {a: hunter2}\n", b"data: &x\n  a: hunter2\n", b"data:\n  a: |\n    hunter2\n", b"hunter2\n", b"? hunter2\n"])
def test_every_other_style_is_masked(body: bytes) -> None:
    """Flow mappings, anchors, block scalars, bare text."""
    assert b"hunter2" not in said(body)


def test_a_line_without_end_is_masked_to_the_end() -> None:
    """At most LINE bytes of it are held."""
    assert b"hunter2" not in said(b"kind: " + b"x" * (LINE + 1), b"\nkind: hunter2\n")
