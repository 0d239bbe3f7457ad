"""On record first, then let go."""

import asyncio
from collections.abc import Callable, Sequence

from jitui.proxy.deliveries import Deliveries
from jitui.proxy.ends import End
from jitui.proxy.gate import Gate
from jitui.proxy.hold import Hold
from jitui.proxy.recorder import SAY_WITHIN, Recorder
from jitui.recording.frame import Channel, Frame
from jitui.values.clock import ManualClock
from jitui.values.instant import Instant


class Purse:
    """A window with a budget of bytes."""

    def __init__(self) -> None:
        self.used_in = self.used_out = self.frames = 0
        self.allowed = 1000
        self.open = True

    def open_at(self, now: Instant) -> bool:
        return self.open

    @property
    def left(self) -> int:
        return self.allowed - max(self.used_in, self.used_out)


class Desk:
    """A recorder with all that it works with; `commit` is the end of the commit that waits."""

    def __init__(self) -> None:
        self.purse, self.told, self.put = Purse(), list[str](), list[tuple[list[Frame], Callable[[Exception | None], None]]]()
        clock = ManualClock()
        self.gate = Gate(self.purse, clock, lambda: self.told.append("late"))
        self.hold, self.deliveries, self.ends = Hold(self.gate), Deliveries(), list[End]()
        self.recorder = Recorder(7, clock.now(), self.purse, self.gate, self.hold, self.deliveries, journal=self, clock=clock,
                                 spent=lambda: self.told.append("spent"), failed=self.ends.append)  # fmt: skip

    def put_all(self, frames: Sequence[Frame], done: Callable[[Exception | None], None]) -> None:
        self.put.append((list(frames), done))

    def commit(self, error: Exception | None = None) -> None:
        self.put.pop(0)[1](error)

    def record(self, name: str, *pieces: tuple[Channel, bytes]) -> None:
        self.recorder.record([(0, channel, body) for channel, body in pieces], lambda: self.told.append(name))


def test_pieces_of_one_connection_that_go_one_way_are_counted_as_all_others() -> None:
    """The same frames, and the same bytes in every count, also once a commit has failed."""
    request, answer = [(3, Channel.REQUEST, b"GET")], [(3, Channel.RESPONSE, b"200"), (3, Channel.RESPONSE_BODY, b"body")]
    known, looked = Desk(), Desk()
    for desk in (known, looked):
        desk.deliveries.next = 3
        flow = desk.deliveries.flows[desk.deliveries.open()]
        for pieces in (request, answer):
            desk.recorder.record(pieces, lambda: None, flow=flow if desk is known else None)

    def counts(desk: Desk) -> object:
        flow = desk.deliveries.flows[3]
        return (desk.recorder.frames, desk.recorder.bytes_in, desk.recorder.bytes_out, desk.purse.used_in, desk.purse.used_out, desk.purse.frames,
                flow.recorded_in, flow.recorded_out)

    assert [frames for frames, _ in known.put] == [frames for frames, _ in looked.put]
    assert counts(known) == counts(looked) == (3, 3, 7, 3, 7, 3, 3, 7)
    for desk in (known, looked):
        desk.put.pop(0)
        desk.commit(OSError("no room"))
    assert counts(known) == counts(looked) == (1, 3, 0, 3, 0, 1, 3, 0)


def test_what_is_recorded_is_let_go_after_its_commit() -> None:
    """Numbered without gaps, counted both ways and for its connection; a live viewer sees it then too."""
    desk, seen = Desk(), list[Frame]()
    desk.deliveries.open()
    desk.recorder.taps.append(seen.append)
    desk.record("asked", (Channel.REQUEST, b"GET"))
    desk.record("answered", (Channel.RESPONSE, b"200"), (Channel.RESPONSE_BODY, b"body"))
    assert [(frame.session, frame.seq, frame.channel) for frames, _ in desk.put for frame in frames] == [
        (7, 0, Channel.REQUEST), (7, 1, Channel.RESPONSE), (7, 2, Channel.RESPONSE_BODY)]
    assert (desk.told, seen) == ([], [])
    desk.commit()
    assert (desk.told, len(seen)) == (["asked"], 1)
    desk.commit()
    assert (desk.told, [frame.body for frame in seen]) == (["asked", "answered"], [b"GET", b"200", b"body"])
    flow = desk.deliveries.flows[0]
    assert (desk.recorder.bytes_in, desk.recorder.bytes_out, desk.purse.used_in, desk.purse.used_out, desk.purse.frames) == (3, 7, 3, 7, 3)
    assert (flow.recorded_in, flow.recorded_out) == (3, 7)


def test_what_a_mute_finds_in_a_commit_goes_nowhere() -> None:
    """It stays on record; nothing more is put there."""
    desk = Desk()
    desk.record("asked", (Channel.REQUEST, b"GET"))
    desk.gate.muted = True
    desk.commit()
    desk.record("again", (Channel.REQUEST, b"GET"))
    assert (desk.told, desk.put, desk.recorder.frames) == ([], [], 1)


def test_what_comes_after_the_deadline_is_not_put_on_record() -> None:
    """The window is told instead."""
    desk = Desk()
    desk.purse.open = False
    desk.record("asked", (Channel.REQUEST, b"GET"))
    assert (desk.told, desk.put) == (["late"], [])


def test_the_budget_ends_with_the_frame_that_uses_it_up() -> None:
    """That one passes, and the window is told behind it; the next is not put on record."""
    desk = Desk()
    desk.record("last", (Channel.RESPONSE_BODY, b"x" * 1000))
    desk.commit()
    desk.record("more", (Channel.RESPONSE_BODY, b"x"))
    assert (desk.told, desk.put) == (["last", "spent", "spent"], [])


def test_what_is_recorded_while_it_is_frozen_waits() -> None:
    """With its bytes counted."""
    desk = Desk()
    desk.record("asked", (Channel.REQUEST, b"GET"))
    desk.hold.by = "ana"
    desk.commit()
    assert (desk.told, desk.hold.held) == ([], 3)
    desk.hold.by = ""
    desk.hold.release()
    assert desk.told == ["asked"]


def test_what_can_not_be_recorded_counts_for_nothing() -> None:
    """The session ends with the reason; the next frame takes the place of the first that failed."""
    desk = Desk()
    desk.deliveries.open()
    desk.record("asked", (Channel.REQUEST, b"GET"), (Channel.GATEWAY, b"no"))
    desk.commit(OSError("the disk is full"))
    flow = desk.deliveries.flows[0]
    assert (desk.told, [end.words for end in desk.ends]) == ([], ["jitui: this can't be recorded, so it does not pass (the disk is full)"])
    assert (desk.recorder.frames, desk.recorder.bytes_in, desk.recorder.bytes_out, desk.purse.used_in, desk.purse.frames, flow.recorded_in) == (0,) * 6


async def test_last_words_are_said_in_any_case() -> None:
    """Once: behind their commit, or when it takes too long, or fails; after a mute too."""
    for how in ("recorded", "late", "failed"):
        desk = Desk()
        desk.gate.muted = True
        desk.recorder.say([(0, Channel.GATEWAY, b"bye")], lambda desk=desk: desk.told.append("said"))  # type: ignore[misc]
        assert desk.told == []
        if how == "late":
            await asyncio.sleep(SAY_WITHIN + 0.05)
            assert desk.told == ["said"]
        desk.commit(OSError("no") if how == "failed" else None)
        assert desk.told == ["said"]
        assert desk.deliveries.handed_out == (0 if how == "failed" else 3)
        await asyncio.sleep(SAY_WITHIN + 0.05)
        assert desk.told == ["said"]
