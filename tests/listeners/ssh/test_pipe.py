"""The pipe is a transport on one side and a channel on the other, and keeps nothing that the channel does not take."""

import asyncio
import json

from jitui.listeners.ssh.pipe import Pipe
from jitui.protocol import http, websocket

SWITCHED = http.render_response(101, [(b"Upgrade", b"websocket"), (b"Connection", b"Upgrade")], framed=False)


class Channel:
    """An SSH channel whose client has room for `room` bytes; on its connection all of them are sent."""

    def __init__(self, room: int = 1 << 30) -> None:
        self.room, self.full, self.unread, self.written = room, False, 0, 0
        self.got: dict[int | None, bytes] = {}
        self.said: int | str | None = None
        self.reading = True

    @property
    def blocked(self) -> bool:
        return self.full

    def write(self, data: bytes, datatype: int | None = None) -> None:
        assert len(data) <= self.room
        self.room -= len(data)
        self.written += len(data)
        self.got[datatype] = self.got.get(datatype, b"") + data

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def exit(self, status: int) -> None:
        self.said = status

    def abort(self) -> None:
        self.said = "abort"

    def cut(self) -> None:
        self.said = "cut"

    def is_closing(self) -> bool:
        return self.said is not None


class Leg(asyncio.Protocol):
    """The relay's side."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.got = b""

    def data_received(self, data: bytes) -> None:
        self.got += data

    def pause_writing(self) -> None:
        self.asked.append("pause")

    def resume_writing(self) -> None:
        self.asked.append("resume")


def frame(channel: int, body: bytes) -> bytes:
    return websocket.encode(websocket.BINARY, bytes((channel,)) + body)


def test_frames_become_data_and_a_status_the_exit() -> None:
    """In any pieces of whole frames; the exit is said behind all of the output, which may come behind the Status."""
    channel = Channel()
    pipe = Pipe(channel, channel, tty=False)
    pipe.write(SWITCHED)
    pipe.write(frame(1, b"a") + frame(2, b"b") + frame(1, b""))
    failed = {"status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": [{"reason": "ExitCode", "message": "7"}]}}
    pipe.write(frame(3, json.dumps(failed).encode()) + frame(1, b"c"))
    waits = channel.said is None
    pipe.write(websocket.encode(websocket.CLOSE, websocket.close(1000)))
    assert (waits, channel.got, channel.said) == (True, {None: b"ac", 1: b"b"}, 7)


def test_a_status_without_an_exit_is_a_line() -> None:
    """The gateway's words as they are, the cluster's under their own name; both with 255."""
    for message, line in (("jitui: window g-1 ended", b"jitui: window g-1 ended\n"), ("no such\npod", b"jitui: the cluster says: no such pod\n")):
        channel = Channel()
        pipe = Pipe(channel, channel, tty=False)
        pipe.write(SWITCHED + frame(3, json.dumps({"status": "Failure", "message": message}).encode()))
        pipe.write(websocket.encode(websocket.CLOSE, websocket.close(1000)))
        assert (channel.got, channel.said) == ({1: line}, 255)


async def test_the_mute_takes_back_what_the_client_has_no_room_for() -> None:
    """All of it: nothing of it passes later, when there is room. The size that was not taken is told."""
    channel = Channel(room=40_000)
    pipe = Pipe(channel, channel, tty=False)
    pipe.write(SWITCHED)
    leg = Leg()
    asked = leg.asked
    pipe.set_protocol(leg)
    first, second = frame(1, b"x" * 30_000), frame(1, b"y" * 100_000)
    pipe.write(first + second)
    assert (asked, len(channel.got[None]), pipe.get_write_buffer_size()) == (["pause"], 40_000, 90_000)
    assert pipe.outlet.take_back() == 90_000
    channel.room = 1 << 20
    pipe.pump()
    assert (asked, pipe.get_write_buffer_size(), channel.got[None]) == (["pause", "resume"], 0, b"x" * 30_000 + b"y" * 10_000)


async def test_a_freeze_keeps_what_the_client_has_no_room_for() -> None:
    """Also when there is room again, until the thaw."""
    channel = Channel(room=10)
    pipe = Pipe(channel, channel, tty=False)
    pipe.set_protocol(Leg())
    pipe.write(SWITCHED + frame(1, b"x" * 30))
    pipe.outlet.freeze(True)
    channel.room = 100
    pipe.pump()
    assert len(channel.got[None]) == 10
    pipe.outlet.freeze(False)
    assert channel.got[None] == b"x" * 30


async def test_sizes_of_a_terminal_that_is_not_read_are_not_kept() -> None:
    """But for the newest: the client's room does not hold them back. Behind the end there is none."""
    channel, leg = Channel(), Leg()
    pipe = Pipe(channel, channel, tty=True)
    for width in range(1, 1000):
        pipe.resized(width, 24)
    pipe.set_protocol(leg)
    pipe.resume_reading()
    (frame,) = websocket.Decoder(masked=True).feed(leg.got)
    assert json.loads(frame.payload[1:]) == {"Width": 999, "Height": 24}
