"""The form of a body is told by its first bytes and its media type."""

import pytest

from jitui.recording.masking.body import Body, Whole
from jitui.recording.masking.spans import SECRET_DATA, Span, masked
from tests.recording.masking.forms import envelope, proto

VALUE = b"s3cret-value-that-nobody-may-see"


def said(media: bytes, *pieces: bytes) -> bytes:
    body = Body(media, watch=False)
    return b"".join(masked(piece, body.feed(piece)) for piece in pieces)


@pytest.mark.parametrize(("media", "body", "shown"), [
    (b"application/json", b'{"kind":"Secret","data":{"a":"%b"}}' % VALUE, b'"kind":"Secret"'),
    (b"application/yaml", b"kind: Secret\nstringData:\n  a: %b\n" % VALUE, b"kind: Secret"),
    (b"application/vnd.kubernetes.protobuf", envelope("Secret", proto({"a": VALUE})), b"Opaque"),
    (b"", b' \n{"kind":"Secret","data":{"a":"%b"}}' % VALUE, b'"kind":"Secret"'),
    (b"", envelope("Secret", proto({"a": VALUE})), b"Opaque"),
])  # fmt: skip
def test_each_form_is_read(media: bytes, body: bytes, shown: bytes) -> None:
    """The value is hidden, the rest is shown."""
    found = said(media, body)
    assert shown in found
    assert VALUE not in found


@pytest.mark.parametrize("media", [b"", b"application/cbor", b"text/plain"])
def test_an_unknown_form_is_masked_whole(media: bytes) -> None:
    assert said(media, b"\xd9\xd9\xf7" + VALUE).strip(b"*").startswith(b"[masked: secret data")


def test_too_few_bytes_are_masked_until_the_form_is_known() -> None:
    """From then on what the form allows is shown."""
    assert said(b"", b"k8", b"s\0") == b"**s\0"


def test_whole_masks_everything_as_one_span() -> None:
    """Later pieces go on with it."""
    whole = Whole(SECRET_DATA)
    assert (whole.feed(b"abc"), whole.feed(b""), whole.feed(b"de")) == ([Span(0, 3, SECRET_DATA)], [], [Span(0, 2, SECRET_DATA, begun=True)])
