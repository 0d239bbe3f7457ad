"""The proof's memory of what the facts tell."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from jitui.recording.facts import Draft, Fact, Kind
from jitui.recording.verify import Head
from jitui.store.told import Life, Told
from tests.store.life import NOW, added, began, ended, issued, window

LINK = "ab" * 32
END = ended(1, frames=3, bytes_in=0, bytes_out=9, head=LINK)


def feed(told: Told, *drafts: Draft, first: int = 1) -> None:
    for seq, draft in enumerate(drafts, first):
        told.feed(Fact(seq, NOW + seq, draft.kind, draft.who, draft.subject, draft.what, b""))


def head(fact: int, key: str = "k-1", **sessions: tuple[int, bytes]) -> Head:
    return Head(fact, b"", NOW, {int(name[1:]): mark for name, mark in sessions.items()}, key, b"")


@pytest.fixture
def told() -> Iterator[Told]:
    with closing(Told()) as made:
        yield made


def test_a_life_is_the_numbers_of_its_facts(told: Told) -> None:
    """A session that no fact tells of has none."""
    feed(told, *window(), began(1), began(2), END)
    assert (told.problem, list(told.sessions())) == ("", [1, 2])
    assert told.life(1) == Life(1, 4, 6, 3, bytes.fromhex(LINK))
    assert (told.life(2).opened, told.life(2).ended) == (5, 0)
    assert told.life(9) == Life(9, 0, 0, 0, b"")


def test_an_end_comes_first_and_counts_only_as_far_as_facts_are_signed(told: Told) -> None:
    """Behind it stands each head that agreed with the chain."""
    feed(told, *window(), began(1), END)
    told.agreed(head(4, s1=(1, b"a" * 32)))
    for signed_to in (4, 5):
        end, mark = told.marks(told.life(1), signed_to)
        assert (end.count, end.said_by, end.signed, end.final) == (3, "its end (fact 5)", signed_to == 5, True)
        assert (mark.count, mark.head, mark.said_by, mark.signed, mark.final) == (1, b"a" * 32, "the head signed at fact 4", True, False)


def test_marks_of_one_session_only() -> None:
    """Whoever asks about one session keeps no other's; the first fact that each key signed is known all the same."""
    with closing(Told(only=2)) as told:
        feed(told, *window(), began(1), began(2))
        told.agreed(head(4, s1=(1, b"a" * 32), s2=(1, b"b" * 32)))
        told.agreed(head(5, "k-2"))
        told.agreed(head(6))
        assert told.marks(told.life(1), 5) == []
        assert [mark.head for mark in told.marks(told.life(2), 5)] == [b"b" * 32]
        assert told.used == {"k-1": 4, "k-2": 5}


def test_only_the_first_fact_that_does_not_follow_is_named(told: Told) -> None:
    """Those behind it are still looked at for sessions, tapes and keys."""
    feed(told, added(), ended(7), Draft(Kind.GATEWAY_STARTED, "0.1", "gateway", {"key_id": "k-9"}), Draft(Kind.TOKEN_REVOKED, "nobody", "root", {}), began(1))
    assert told.problem.startswith("fact 2 (session.ended) does not follow from those before it: ")
    assert (told.seq, told.keys, list(told.sessions())) == (2, {"k-9"}, [1])


def test_an_older_gateway_did_not_sign_every_fact(told: Told) -> None:
    """A token whose hash a fact tells of is a newer one's."""
    feed(told, added())
    assert not told.signed_whole
    feed(told, issued("0a1b2c3d"), first=2)
    assert told.signed_whole


def test_whose_actions_are_in_a_session(told: Told) -> None:
    """The window's identity; in a look of the gateway's own into a pod the gateway; nobody where no fact tells of it."""
    feed(told, *window(), began(1), began(2, kind="probe"))
    assert [told.whose(session) for session in (1, 2, 3)] == [("agent-a", "prod"), ("gateway", "prod"), None]
