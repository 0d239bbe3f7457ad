"""Masked spans: merged without overlaps, filled without a change of length, cut into pieces."""

import itertools

from hypothesis import given, strategies as st

from jitui.recording.masking.spans import Span, behind, cut, fill, masked, merged

SPANS = st.lists(st.builds(Span, st.integers(0, 40), st.integers(1, 20), st.sampled_from(("token", "private key"))), max_size=6)


def places(spans: list[Span]) -> set[int]:
    return {at for span in spans for at in range(span.offset, span.end)}


@given(one=SPANS, other=SPANS)
def test_merged_spans_cover_the_same_bytes_once(one: list[Span], other: list[Span]) -> None:
    """In order, none over another, and not a byte more or less than before."""
    found = merged(one, other)
    assert places(found) == places(one) | places(other)
    assert all(first.end <= second.offset for first, second in itertools.pairwise(found))


def test_of_two_at_one_place_the_earlier_lists_kind_is_kept() -> None:
    assert merged([Span(3, 4, "token")], [Span(3, 9, "private key")]) == [Span(3, 4, "token"), Span(7, 5, "private key")]


@given(body=st.binary(max_size=80), spans=SPANS)
def test_a_mask_keeps_length_and_line_ends(body: bytes, spans: list[Span]) -> None:
    """Bytes outside the spans stay, and inside them the line ends."""
    found = masked(body, merged([span for span in spans if span.end <= len(body)]))
    hidden = places([span for span in spans if span.end <= len(body)])
    assert len(found) == len(body)
    assert all(new == old for at, (new, old) in enumerate(zip(found, body, strict=True)) if at not in hidden or old in b"\r\n")


def test_a_mask_says_as_much_as_there_is_room_for() -> None:
    """Kind and size, the kind, that it is masked, or stars alone."""
    assert fill(b"x" * 30, "token") == b"[masked: token, 30 bytes]*****"
    assert fill(b"x" * 20, "token") == b"[masked: token]*****"
    assert fill(b"x" * 9, "token") == b"[masked]*"
    assert fill(b"x" * 7, "token") == b"*******"
    assert fill(b"x" * 30, "token", begun=True) == b"*" * 30


def test_spans_of_joined_pieces_are_spans_of_each_piece() -> None:
    """One that reaches into the next piece goes on there."""
    assert list(cut([Span(2, 6, "token")], [4, 5])) == [[Span(2, 2, "token")], [Span(0, 4, "token", begun=True)]]
    assert behind([Span(0, 3, "token"), Span(2, 6, "token")], 4) == [Span(0, 4, "token", begun=True)]
