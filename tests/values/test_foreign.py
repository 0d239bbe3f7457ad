"""JSON of other parties: read, or one kind of error."""

import pytest

from jitui.clusters import served
from jitui.protocol import channels
from jitui.recording import cast
from jitui.values import foreign
from jitui.values.errors import UpstreamError

DEEP = b"[" * 200_000
DEEP_OBJECT = b'{"a":' * 200_000


@pytest.mark.parametrize("body", [DEEP, DEEP_OBJECT, DEEP + b"]" * 200_000, b"", b"{", b"\xff", b'"' + b"\\" * 9, b"1" * 5000])
def test_what_can_not_be_read_is_one_kind_of_error(body: bytes) -> None:
    """However deep it is nested, however long its numbers are."""
    with pytest.raises(ValueError, match=r".+"):
        foreign.read(body)


@pytest.mark.parametrize("body", [DEEP, DEEP_OBJECT])
def test_no_reader_is_led_too_deep(body: bytes) -> None:
    """Discovery, the Status of a command, a size, a recording: each takes it for what can't be read."""
    with pytest.raises(UpstreamError, match="not JSON"):
        served.parse(body, "/apis")
    assert channels.exit_of(body).ok is False
    assert channels.is_status(body) is False
    assert cast.resized(body) is None
    assert cast.exit_status(body) == 1
