"""A request on its way: on record first, sent once, kept as long as it can be sent again, and never more of it under way than a window."""

from collections.abc import Callable, Sequence
from typing import cast

import pytest

from jitui.clusters.pool import Connection
from jitui.proxy.live import Session
from jitui.proxy.outlet import WINDOW
from jitui.proxy.port import Endpoint
from jitui.proxy.upload import REPLAYABLE, Upload
from jitui.recording.frame import Channel

pytestmark = pytest.mark.interpreted  # a session and a client that only look like theirs


class Recorder:
    """A session whose commits are done when the test says so."""

    def __init__(self) -> None:
        self.recorded: list[tuple[Channel, bytes]] = []
        self.passed: list[tuple[Channel, int]] = []
        self._waiting: list[Callable[[], None]] = []

    def record(self, conn: int, pieces: Sequence[tuple[Channel, bytes]], then: Callable[[], None]) -> None:
        assert conn == 7
        self.recorded += pieces
        self._waiting.append(then)

    def handed(self, conn: int, channel: Channel, size: int) -> None:
        assert conn == 7
        self.passed.append((channel, size))

    def commit(self) -> None:
        waiting, self._waiting = self._waiting, []
        for then in waiting:
            then()


class Client:
    paused = False

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


class Line:
    def __init__(self) -> None:
        self.sent = b""

    def send(self, data: bytes) -> None:
        self.sent += data


class One:
    """An upload and its surroundings."""

    def __init__(self, *, chunked: bool = False) -> None:
        self.session, self.client, self.ready = Recorder(), Client(), 0
        self.upload = Upload(cast("Session", self.session), 7, cast("Endpoint", self.client), b"HEAD", chunked=chunked, ready=self._ready)

    def _ready(self) -> None:
        self.ready += 1

    def comes(self, data: bytes, *, whole: bool = False) -> None:
        self.upload.body(data)
        self.upload.whole = whole
        self.upload.flush()

    def attach(self) -> Line:
        line = Line()
        self.upload.attach(cast("Connection", line), b"SENT")
        return line


def test_nothing_is_sent_before_it_is_on_record() -> None:
    """With the head as the client sent it; the cluster gets the one with the credential."""
    one = One()
    one.comes(b"body", whole=True)
    assert (one.session.recorded, one.ready) == ([(Channel.REQUEST, b"HEAD"), (Channel.REQUEST_BODY, b"body")], 0)
    one.session.commit()
    assert (one.ready, one.upload.went) == (1, False)
    assert one.attach().sent == b"SENTbody"
    assert (one.upload.went, one.session.passed) == (True, [(Channel.REQUEST, 4), (Channel.REQUEST_BODY, 4)])


def test_the_end_of_chunks_that_comes_alone_is_noted() -> None:
    """It is no bytes of a body, and still something that came."""
    one = One(chunked=True)
    one.comes(b"body")
    one.session.commit()
    line = one.attach()
    one.comes(b"", whole=True)
    one.session.commit()
    assert one.session.recorded[-1] == (Channel.MARK, b'{"request":"end"}')
    assert line.sent == b"SENT4\r\nbody\r\n0\r\n\r\n"


def test_a_small_request_can_be_sent_once_more() -> None:
    """All of it, on another connection, and counted as handed on once."""
    one = One()
    one.comes(b"one")
    one.session.commit()
    one.attach()
    one.comes(b"two", whole=True)
    one.session.commit()
    assert one.upload.again()
    assert one.attach().sent == b"SENTonetwo"
    assert sum(size for channel, size in one.session.passed if channel is Channel.REQUEST_BODY) == 6


def test_a_large_one_can_not() -> None:
    """It is not kept in memory."""
    one = One()
    one.comes(b"")
    one.session.commit()
    one.attach()
    one.comes(b"x" * (REPLAYABLE + 1))
    one.session.commit()
    assert not one.upload.again()


def test_a_client_ahead_of_the_recorder_is_not_read() -> None:
    """Until less than half a window is under way; the same while the cluster's connection is full."""
    one = One()
    seen = []
    for step in (
        lambda: one.comes(b"x" * (WINDOW + 1)), one.session.commit, one.attach,  # on record, there is no connection yet; then there is
        lambda: one.upload.writable(False), lambda: one.upload.writable(True),
    ):  # fmt: skip
        step()
        seen.append(one.client.paused)
    assert seen == [True, True, False, True, False]


def test_nothing_goes_anywhere_after_a_stop() -> None:
    """Neither what is on record nor what still comes."""
    one = One()
    one.comes(b"one")
    one.upload.stop()
    one.session.commit()
    one.comes(b"two")
    assert (one.ready, one.session.recorded[-1]) == (0, (Channel.REQUEST_BODY, b"one"))
