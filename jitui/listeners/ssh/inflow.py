"""The bytes that come on one SSH connection, read in slices, so that no client keeps the loop or makes the gateway hold more than a few of them."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

SLICE, LEAST = 16 << 10, 1 << 10  # bytes that one turn of the loop reads of one connection, at most and at least
LONG_S: Final = 0.005  # for one slice: then the next are smaller, as 16 KiB may be hundreds of packets, each with its own work
ANSWERS: Final = 1 << 20  # bytes written that the client does not take: above, none of its requests is read
UNPARSED: Final = 512 << 10  # bytes that asyncssh holds while it works on a packet: above, it gets no more; the largest packet has half of that
AGAIN_S: Final = 0.002  # until it is asked again whether it has done that


class Wire:
    """The transport of a connection, which counts the bytes that are written to it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport, self.written = transport, 0

    def write(self, data: bytes) -> None:
        self.written += len(data)
        self.transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)


class Reader(Protocol):
    """The connection."""

    @property
    def unparsed(self) -> int:
        """Bytes that it was fed and has not worked on."""

    def feed(self, data: bytes) -> None: ...
    def through(self, work: Callable[[], None]) -> bool:
        """Whether it may begin in this turn of the loop; if not, `work` is called later."""


class Inflow:
    """Bytes that wait for their turn; while there are any, the socket is not read."""

    def __init__(self, reader: Reader, transport: asyncio.Transport) -> None:
        self._reader, self._transport = reader, transport
        self._came: deque[bytes] = deque()
        self._slice = SLICE
        self._due = False  # a turn is

    @property
    def waits(self) -> bool:
        return bool(self._came)

    def came(self, data: bytes) -> None:
        """A socket's read brought this."""
        self._came.append(data)
        if not self._due:
            self._turn(first=True)

    def resume(self) -> None:
        """The client has taken what was written."""
        if self._came and not self._due:
            self._turn()

    def clear(self) -> None:
        self._came.clear()

    def _turn(self, *, first: bool = False) -> None:
        """One slice; a stranger's waits for the turnstile, as handshakes are work."""
        self._due = False
        if not self._came:
            return
        if first and not self._reader.through(self._turn):
            self._due = True
            self._transport.pause_reading()
            return
        if self._transport.get_write_buffer_size() > ANSWERS:  # `resume` goes on
            self._transport.pause_reading()
            return
        if self._reader.unparsed > UNPARSED:
            self._wait(AGAIN_S)
            return
        self._feed(self._came.popleft())
        if self._transport.is_closing():
            return
        if not self._came:
            self._transport.resume_reading()
        elif not self._due:
            self._wait(0)

    def _feed(self, data: bytes) -> None:
        if rest := data[self._slice :]:
            self._came.appendleft(rest)
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._reader.feed(data[: self._slice])
        took = loop.time() - began
        if took > LONG_S:
            self._slice = max(LEAST, self._slice // 2)
        elif took < LONG_S / 4:
            self._slice = min(SLICE, self._slice * 2)

    def _wait(self, seconds: float) -> None:
        self._due = True
        self._transport.pause_reading()
        loop = asyncio.get_running_loop()
        if seconds:
            loop.call_later(seconds, self._turn)
        else:
            loop.call_soon(self._turn)
