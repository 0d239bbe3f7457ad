"""For whom the writer waits: bulk of streams that flows, and nothing else."""

import pytest

from jitui.recording.frame import Channel, Frame
from jitui.store.company import ENOUGH, FLOWS_S, VAIN_S, Flow, lonely, size_of
from jitui.store.ledger import Batch
from jitui.store.queue import SMALL, Commit, Hurry, Op, Put


def put(size: int, channel: Channel = Channel.STDOUT) -> Put:
    return Put([Frame(1, 0, 0, 0, channel, b"")], lambda error: None, size)


COMMIT = Commit(Batch(()), lambda result: None)


def test_bulk_waits_only_where_it_flows() -> None:
    """The first piece does not wait, nor one that comes later; those in quick succession wait until there is enough."""
    flow, piece = Flow(), put(32 << 10)
    assert flow.lacks([piece], 1.0) == 0
    flow.wrote([piece], 1.0)
    assert flow.lacks([piece], 1.01) == ENOUGH - (32 << 10)
    assert flow.lacks([piece] * 8, 1.01) == 0
    assert flow.lacks([piece], 1.0 + 2 * FLOWS_S) == 0


@pytest.mark.parametrize("other", [put(SMALL), put(32 << 10, Channel.RESPONSE_BODY), COMMIT, Hurry([COMMIT])])
def test_nothing_else_waits_with_it(other: Op | Hurry) -> None:
    """Keystrokes, answers to plain requests and facts are committed at once, and what waited with them."""
    flow, piece = Flow(), put(32 << 10)
    assert size_of([piece, other]) is None
    flow.wrote([piece], 1.0)
    if not isinstance(other, Hurry):
        assert flow.lacks([piece, other], 1.001) == 0
    if isinstance(other, Put):
        flow.wrote([piece, other], 1.0)
        assert flow.lacks([piece], 1.001) == 0


def test_what_brought_nothing_is_not_tried_again_at_once() -> None:
    """Whoever waits for an answer before it sends more loses one wait in a tenth of a second."""
    flow, piece = Flow(), put(32 << 10)
    flow.wrote([piece], 1.0)
    flow.waited(in_vain=True, now=1.008)
    flow.wrote([piece], 1.01)
    assert flow.lacks([piece], 1.02) == 0
    flow.wrote([piece], 1.009 + VAIN_S)
    assert flow.lacks([piece], 1.01 + VAIN_S) > 0


def test_little_is_lonely_beside_what_was_written() -> None:
    """As long as it is less than the last batch was, and small."""
    key = put(SMALL)
    assert lonely([key] * 2, 3)
    assert not lonely([key] * 3, 3)
    assert not lonely([key, put(SMALL + 1)], 3)
    assert not lonely([key, COMMIT], 3)
