"""Publish after commit; whoever falls behind is told, and holds nobody up."""

from jitui.recording.facts import Fact, Kind
from jitui.store.bus import Bus, Gap


def fact(seq: int) -> Fact:
    return Fact(seq, 0, Kind.VIEWED, "ana", "s-1", {}, b"")


async def test_facts_come_in_order_until_the_bus_closes() -> None:
    """To every subscriber that is there."""
    bus = Bus()
    with bus.subscribe() as one, bus.subscribe() as two:
        bus.publish([fact(1), fact(2)])
        bus.publish([fact(3)])
        bus.close()
        for subscription in (one, two):
            assert [item.seq async for item in subscription if isinstance(item, Fact)] == [1, 2, 3]


async def test_a_slow_subscriber_gets_a_gap_and_goes_on() -> None:
    """The missed messages are one Gap, after which it hears again."""
    bus = Bus()
    with bus.subscribe(limit=2) as subscription:
        bus.publish([fact(seq) for seq in range(1, 10)])
        items = subscription.__aiter__()
        got = [await anext(items) for _ in range(3)]
        assert [item.seq for item in got[:2] if isinstance(item, Fact)] == [1, 2]
        assert isinstance(got[2], Gap)
        bus.publish([fact(10)])
        last = await anext(items)
        assert isinstance(last, Fact)
        assert last.seq == 10


async def test_a_full_subscriber_still_hears_the_end() -> None:
    """Closing makes room."""
    bus = Bus()
    with bus.subscribe(limit=1) as subscription:
        bus.publish([fact(1), fact(2), fact(3)])
        bus.close()
        assert [type(item) for item in [item async for item in subscription]] == [Gap]


async def test_who_left_is_forgotten() -> None:
    """Nothing is queued for a subscription whose block has ended."""
    bus = Bus()
    with bus.subscribe() as subscription:
        pass
    bus.publish([fact(1)])
    assert subscription._queue.empty()
