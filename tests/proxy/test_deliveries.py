"""Delivery accounting of a session."""

from jitui.proxy.deliveries import Deliveries
from jitui.recording.facts import Undelivered
from jitui.recording.frame import Channel


def test_connections_are_numbered_and_those_that_handed_on_all_are_forgotten() -> None:
    """One that lost something stays, and is counted."""
    deliveries = Deliveries()
    assert [deliveries.open(), deliveries.open(), deliveries.next] == [0, 1, 2]
    for conn in (0, 1):
        deliveries.flows[conn].recorded_out = 5
    deliveries.handed(0, Channel.STDOUT, 5)
    deliveries.handed(1, Channel.STDOUT, 3)
    deliveries.close(0)
    deliveries.close(1)
    assert (set(deliveries.flows), deliveries.unfinished) == ({1}, 1)
    assert deliveries.undelivered() == [Undelivered(1, recorded_in=0, handed_in=0, recorded_out=5, handed_out=3)]


def test_a_count_that_is_free_again_begins_at_nothing() -> None:
    """That of a connection which is forgotten, for the next one."""
    deliveries = Deliveries()
    flow = deliveries.flows[deliveries.open()]
    flow.recorded_in = flow.handed_in = 5
    deliveries.close(0)
    assert deliveries.open(flow) == 1
    assert deliveries.flows == {1: flow}
    assert (flow.recorded_in, flow.handed_in, flow.recorded_out, flow.handed_out) == (0, 0, 0, 0)


def test_each_way_is_counted_for_itself() -> None:
    """The gateway's own words count as handed on, and measure nothing; neither does what a mark says, nor what is handed on after the close."""
    deliveries = Deliveries()
    conn = deliveries.open()
    for channel, size in ((Channel.STDIN, 2), (Channel.STDOUT, 3), (Channel.STDERR, 4), (Channel.GATEWAY, 50), (Channel.MARK, 60)):
        deliveries.handed(conn, channel, size)
    deliveries.handed(9, Channel.REQUEST, 100)
    assert (deliveries.handed_in, deliveries.handed_out) == (102, 57)
    assert deliveries.undelivered() == [Undelivered(0, recorded_in=0, handed_in=2, recorded_out=0, handed_out=7)]


def test_substreams_have_their_own_numbers() -> None:
    """A forwarded connection is numbered by its stream, and a later exchange comes behind it; one that lost something is no exchange broken off."""
    deliveries = Deliveries()
    deliveries.open()
    deliveries.open_flow(4)
    assert deliveries.next == 5
    deliveries.flows[4].recorded_in = 1
    deliveries.close_flow(4)
    assert (set(deliveries.flows), deliveries.unfinished) == ({0, 4}, 0)
    deliveries.handed(4, Channel.FORWARD_IN, 1)
    deliveries.close_flow(4)
    deliveries.close_flow(4)
    assert set(deliveries.flows) == {0}
