"""The writing end of a leg: a bounded queue in front of a transport, whose unsent part can be dropped at the mute.

The transport's high-water mark is one byte, so what was not handed on when a window ends is still ours to drop. Under TLS the encrypted
bytes of what was handed on, some 64 KiB and one write at most, may wait below it: those are gone only with an abort.
"""

import asyncio
import fcntl
import struct
import termios
from collections import deque
from collections.abc import Callable
from typing import Final

LOOK, LOOK_LAST = 0.005, 0.25  # seconds between two looks at whether all is sent
SIOCOUTQNSD: Final = 0x894B  # of linux/sockios.h: bytes that were written and not sent
WINDOW: Final = 256 << 10  # bytes a direction may hold; decides keystroke latency beside bulk


class Outlet:
    """Writes in order; counts what waits; calls each write's `handed` when the transport has taken it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.queued = 0
        self.gate: Callable[[], bool] | None = None  # asked before anything that had to wait goes out: its window may be over by now
        self._queue: deque[tuple[bytes, Callable[[], None] | None]] | None = None  # made once something waits: an empty one takes 760 bytes
        self._urgent: deque[tuple[bytes, Callable[[], None] | None]] | None = None
        self._blocked = self.frozen = False

    def begin(self) -> None:
        """Once the protocol can be told to wait, which may be at once: a TLS handshake leaves bytes behind."""
        self.transport.set_write_buffer_limits(high=1, low=0)

    def write(self, data: bytes, handed: Callable[[], None] | None = None) -> None:
        """Write now if the transport can take it, else queue."""
        if self._blocked or self.frozen or self._queue or self._urgent:
            if self._queue is None:
                self._queue = deque()
            self._queue.append((data, handed))
            self.queued += len(data)
            return
        self.transport.write(data)
        if handed:
            handed()

    def hop(self, data: bytes, handed: Callable[[], None] | None = None) -> None:
        """A whole frame of the gateway's own on this hop, a pong: ahead of all that waits, frozen or not."""
        if self._blocked:
            if self._urgent is None:
                self._urgent = deque()
            self._urgent.append((data, handed))
            return
        self._hand(data, handed)

    def freeze(self, on: bool) -> None:
        """Keep everything that waits, or let it go again."""
        self.frozen = on
        if not on and not self._blocked:
            self.unblocked()

    def blocked(self) -> None:
        """The transport's pause_writing."""
        self._blocked = True

    def unblocked(self) -> None:
        """The transport's resume_writing: go on until it blocks again."""
        self._blocked = False
        while self._urgent and not self._blocked:
            self._hand(*self._urgent.popleft())
        while self._queue and not self._blocked and not self.frozen:
            if self.gate is not None and not self.gate():
                return
            data, handed = self._queue.popleft()
            self.queued -= len(data)
            self._hand(data, handed)

    def _hand(self, data: bytes, handed: Callable[[], None] | None) -> None:
        """The transport takes it now."""
        self.transport.write(data)
        if handed:
            handed()

    def drop(self) -> int:
        """Forget what waits, and pass what is said from now on; how many bytes that were."""
        self.gate = None
        self.frozen = False
        dropped, self.queued = self.queued, 0
        self._queue = None
        return dropped

    def take_back(self) -> int:
        """How many of the bytes that were handed on are taken back, the newest: none of a socket's."""
        return 0

    def end(self) -> None:
        """Close the transport: at once where the other side does not take what was handed to it, else behind what TLS holds of that."""
        if self.unsent:
            self.transport.abort()
        else:
            self.transport.close()

    @property
    def unsent(self) -> int:
        """Bytes handed to the transport that the other side's kernel has not taken: those under TLS, and those in our kernel (SIOCOUTQ)."""
        return 0 if self.transport.is_closing() else self._in_kernel(termios.TIOCOUTQ) + self.transport.get_write_buffer_size()

    @property
    def unread(self) -> int:
        """Bytes handed to the transport that the other side can't have read, as none of them was sent: those in TLS, below it, and in our kernel (SIOCOUTQNSD).

        They are counted as they are on the wire. 0 once the socket is closed. Uvloop does not tell what waits below TLS, some 64 KiB: there it is missing.
        """
        below = getattr(getattr(self.transport, "_ssl_protocol", None), "_transport", None)  # of asyncio, which has no better way to ask
        return self._in_kernel(SIOCOUTQNSD) + self.transport.get_write_buffer_size() + (below.get_write_buffer_size() if below is not None else 0)

    def _in_kernel(self, question: int) -> int:
        sock = self.transport.get_extra_info("socket")
        try:
            (queued,) = struct.unpack("i", fcntl.ioctl(sock.fileno(), question, bytes(4))) if sock is not None else (0,)
        except (OSError, ValueError):  # it is closed, or there is no such question to a socket here
            return 0
        return int(queued)

    @property
    def record_cost(self) -> int:
        """Bytes that a TLS record takes beside what is in it (RFC 8446, 5.2; RFC 5288); 0 without TLS."""
        cipher = self.transport.get_extra_info("cipher")
        return 0 if cipher is None else 22 if cipher[1] == "TLSv1.3" else 29

    @property
    def idle(self) -> bool:
        return not self._queue and not self._urgent and not self._blocked
