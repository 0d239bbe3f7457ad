"""Watches in whole events."""

from hypothesis import given, strategies as st

from jitui.proxy import events
from jitui.proxy.events import Events


@given(st.lists(st.sampled_from([b"{}\n", b'{"a":1}', b"\n", b'{"b', b'"}\n'])))
def test_every_piece_ends_with_an_event(pieces: list[bytes]) -> None:
    """Whatever the reads were; the rest is what has no newline."""
    watch = Events(b"application/json;stream=watch")
    passed = [watch.whole(piece) for piece in pieces]
    assert all(piece.endswith(b"\n") for piece in passed if piece)
    rest = watch.rest()
    assert b"\n" not in rest
    assert b"".join(passed) + rest == b"".join(pieces)


def test_protobuf_passes_as_it_comes() -> None:
    """Its events are no lines."""
    assert Events(b"application/vnd.kubernetes.protobuf;stream=watch").whole(b"abc") == b"abc"


def test_an_event_without_end_is_not_held() -> None:
    """Nobody fills the memory with it."""
    watch = Events(b"application/json")
    assert watch.whole(b"x" * events.EVENT_LIMIT) == b""
    assert len(watch.whole(b"x")) == events.EVENT_LIMIT + 1
