"""A JSON body of Secrets: names and harmless values are shown, all else is masked, however it is cut."""

import itertools
import json

from hypothesis import given, strategies as st

from jitui.recording.masking.json_body import Json
from jitui.recording.masking.spans import masked
from tests.recording.masking.forms import secret

BODY = json.dumps(secret({"password": b"correct horse battery staple"})).encode()


def said(pieces: list[bytes], masker: Json | None = None) -> bytes:
    masker = masker or Json()
    return b"".join(masked(piece, masker.feed(piece)) for piece in pieces)


def test_names_stay_and_values_go() -> None:
    """Type, labels and short annotations are shown; data and the applied manifest are not."""
    found = json.loads(said([BODY]))
    assert (found["kind"], found["type"], found["metadata"]["labels"], found["metadata"]["annotations"]["note"]) == ("Secret", "Opaque", {"app": "db"}, "kept")
    assert found["data"]["password"].startswith("[masked")
    assert found["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"].startswith("[masked")


def hidden(pieces: list[bytes]) -> set[int]:
    """The offsets of all masked bytes."""
    masker, at, found = Json(), 0, set[int]()
    for piece in pieces:
        for span in masker.feed(piece):
            found.update(range(at + span.offset, at + span.end))
        at += len(piece)
    return found


@given(cuts=st.lists(st.integers(0, len(BODY)), max_size=6))
def test_no_cut_shows_more(cuts: list[int]) -> None:
    """A byte that is masked in the whole body is masked in any pieces of it."""
    edges = [0, *sorted(cuts), len(BODY)]
    assert hidden([BODY]) <= hidden([BODY[start:end] for start, end in itertools.pairwise(edges)])


def test_an_unreadable_byte_masks_the_rest_and_a_watch_goes_on_with_the_next_event() -> None:
    bad = b'{"kind":"Secret"}} "x":"hunter2"\n'
    assert b"hunter2" not in said([bad])
    event = b'{"type":"ADDED","object":{"kind":"Secret"}}\n'
    assert event.strip() in said([bad + event], Json(watch=True))
    assert event.strip() not in said([bad + event])


def test_who_joins_in_the_middle_sees_nothing_before_the_next_event() -> None:
    assert b"hunter2" not in said([b'hunter2"}}\n'], Json(watch=True, joined=True))
