"""Facts about sessions."""

import pytest

from jitui.recording.facts.fact import Fact, Kind, canonical
from jitui.recording.facts.sessions import SessionEnded, Undelivered, closed
from jitui.values.errors import InvalidError

HEAD = bytes(range(32))
LOST = ('{"by":"gateway","bytes_in":1,"bytes_out":2,"delivered_in":null,"delivered_out":null,"frames":3,'
        '"head":"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f","why":"gateway-lost"}')


def test_the_store_says_where_the_record_of_a_session_stands() -> None:
    """A draft of its end does not; of a lost gateway nobody knows what was delivered, and that is written, as null."""
    draft = SessionEnded(why="gateway-lost", by="gateway").draft("s-1", "gateway")
    assert draft.what == {"why": "gateway-lost", "by": "gateway"}
    what = closed(draft.what, frames=3, bytes_in=1, bytes_out=2, head=HEAD)
    assert canonical(what) == LOST
    told = SessionEnded.of(Fact(1, 1, Kind.SESSION_ENDED, "gateway", "s-1", what, b""))
    assert (told.frames, told.bytes_in, told.bytes_out, told.head, told.delivered_in, told.conns) == (3, 1, 2, HEAD, None, None)


def test_an_end_that_does_not_say_where_the_record_stands_is_none() -> None:
    """A draft that the store did not complete can't be read."""
    with pytest.raises(InvalidError, match=r"fact 5 can't be read: session.ended about s-1 has no frames"):
        SessionEnded.of(Fact(5, 1, Kind.SESSION_ENDED, "gateway", "s-1", {"why": "exit"}, b""))


def test_what_was_lost_is_counted_by_connection() -> None:
    """Four numbers of each; a connection without one of them is none."""
    lost = Undelivered(2, recorded_in=10, handed_in=7, recorded_out=4, handed_out=4)
    assert lost.json() == {"conn": 2, "in": 10, "in_handed": 7, "out": 4, "out_handed": 4}
    assert Undelivered.read(lost.json()) == lost
    with pytest.raises(KeyError):
        Undelivered.read({"conn": 2, "in": 10})
    with pytest.raises(TypeError):
        Undelivered.read({**lost.json(), "in": "10"})
