"""Which frames of an ended session were handed on."""

from jitui.recording.delivery import delivered
from jitui.recording.facts import Undelivered
from jitui.recording.frame import Channel, Frame


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
