"""Which frames of an ended session were handed on."""

from collections.abc import Iterable, Iterator, Sequence

from jitui.recording.delivery import Delivery
from jitui.recording.facts import Undelivered
from jitui.recording.frame import Channel, Frame


def delivered(frames: Iterable[Frame], lost: Sequence[Undelivered]) -> Iterator[tuple[Frame, bool]]:
    """Each frame of a session, from its first, and whether all of it was handed to the socket."""
    delivery = Delivery(lost)
    for frame in frames:
        delivery.feed(frame.seq, frame.conn, frame.channel, len(frame.body))
        yield frame, delivery.whole(frame.seq, frame.conn, frame.channel)


def frame(seq: int, channel: Channel, body: bytes, conn: int = 0) -> Frame:
    return Frame(1, seq, seq, conn, channel, body)


def test_what_a_mute_dropped_stands_before_the_words_that_were_said() -> None:
    """The newest output was on record and not handed on; the gateway's own words behind it were."""
    frames = [frame(0, Channel.STDOUT, b"tick 160\n"), frame(1, Channel.STDOUT, b"tick 161\n"), frame(2, Channel.GATEWAY, b"killed by ana")]
    conns = [Undelivered(0, recorded_in=0, handed_in=0, recorded_out=18, handed_out=9)]
    assert [whole for _, whole in delivered(frames, conns)] == [True, False, True]


def test_each_conn_and_way_is_counted_for_itself() -> None:
    """One forwarded connection lost the end of what it was sent; the other, and the way back, lost nothing."""
    frames = [frame(0, Channel.FORWARD_IN, b"abc", 1), frame(1, Channel.FORWARD_OUT, b"de", 1), frame(2, Channel.FORWARD_IN, b"fg", 1),
              frame(3, Channel.FORWARD_IN, b"h", 2), frame(4, Channel.MARK, b"{}", 1)]  # fmt: skip
    conns = [Undelivered(1, recorded_in=5, handed_in=4, recorded_out=2, handed_out=2)]
    assert [whole for _, whole in delivered(frames, conns)] == [True, True, False, True, True]


def test_it_is_asked_of_any_frame_that_it_was_fed() -> None:
    """In any order, and more than once: pages are read again."""
    frames = [frame(seq, Channel.STDOUT if seq % 2 else Channel.STDIN, b"x" * seq) for seq in range(20)]
    conns = [Undelivered(0, recorded_in=90, handed_in=30, recorded_out=100, handed_out=36)]
    delivery = Delivery(conns)
    for one in frames:
        delivery.feed(one.seq, one.conn, one.channel, len(one.body))
    assert [delivery.whole(one.seq, one.conn, one.channel) for one in reversed(frames)] == [whole for _, whole in delivered(frames, conns)][::-1]
    assert [seq for seq in range(20) if not delivery.whole(seq, 0, frames[seq].channel)] == [12, 13, 14, 15, 16, 17, 18, 19]
