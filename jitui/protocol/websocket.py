"""WebSocket frames of one direction (RFC 6455, section 5), whole and in order, each with the very bytes that carried it."""

import base64
import hashlib
import secrets
import struct
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from jitui.values.errors import JituiError

CONTINUATION: Final = 0x0
TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA
WHOLE: Final = 0x80 | BINARY  # the first byte of a binary message in one frame
OPCODES: Final = frozenset({CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})

CONTROL_LIMIT: Final = 125  # bytes of a control frame's payload
HEADER_LIMIT: Final = 14  # bytes of the longest frame header
GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
CLOSE_CODES: Final = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)})  # the codes of a close frame (section 7.4)


class ProtocolError(JituiError):
    """The bytes violate the protocol of this stream. The stream can't be recorded any more, so it ends."""


class FrameTooLongError(ProtocolError):
    """A frame's length is above the limit."""

    def __init__(self, length: int, limit: int) -> None:
        super().__init__(f"a WebSocket frame of {length} bytes was announced, at most {limit} are taken; send smaller messages")
        self.length, self.limit = length, limit


@dataclass(slots=True)  # not frozen, which makes each of them twice as dear
class Frame:
    opcode: int
    fin: bool
    payload: bytes  # unmasked
    raw: bytes = field(repr=False)  # as it came


class Run(NamedTuple):
    """Neighbouring frames that are nothing but bytes of one channel, or stream: read at once, recorded as one piece, forwarded as they came."""

    number: int  # of the channel or stream
    body: bytes  # of all of them, at least one
    raw: bytes | memoryview  # the frames; a view keeps the whole read in memory
    frames: int


def part(data: bytes, start: int, end: int) -> bytes | memoryview:
    """A part of a read, without a copy."""
    return data if end - start == len(data) else memoryview(data)[start:end]


class Decoder:
    """Reads the frames of one direction, from reads of any size.

    Holds at most `limit` bytes of payload and one header, beside the current read. `masked`: the bytes come from a client, so every frame has to be masked
    (section 5.1); otherwise none may be. `limit`: bytes of one frame's payload. Those of the API server and kubectl have at most 32 KiB + 1, other clients
    send 5 MB (docs/cluster-behaviour.md, 3). Bytes behind a close frame are dropped (section 1.4).
    Raises ProtocolError, and the same error again if it is fed once more; frames before the error in the same read are dropped.
    """

    __slots__ = ("_at", "_closed", "_error", "_fragmented", "_held", "_limit", "_masked", "_need", "_read")

    def __init__(self, *, masked: bool, limit: int = 1 << 20) -> None:
        self._masked, self._limit = masked, limit
        self._held = bytearray()
        self._need = 2  # bytes without which there is nothing to do
        self._read, self._at = b"", 0  # the current read, and the offset up to which it was parsed
        self._fragmented = False
        self._closed = False
        self._error: ProtocolError | None = None

    @property
    def holding(self) -> int:
        """The number of bytes held of a frame that is not whole yet."""
        return len(self._held)

    @property
    def closed(self) -> bool:
        """Whether a close frame came."""
        return self._closed

    @property
    def waits(self) -> bool:
        """Whether bytes were added that `next_frame` has not parsed."""
        return self._at < len(self._read)

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes. Raises ProtocolError."""
        self.add(data)
        return list(iter(self.next_frame, None))

    def add(self, data: bytes) -> None:
        """Adds a read, whose frames `next_frame` returns."""
        if self._error is not None or self._closed or not data:
            return
        self._read, self._at = self._read[self._at :] + data if self.waits else data, 0

    def next_frame(self) -> Frame | None:
        """The next whole frame, or None. Raises ProtocolError."""
        if self._error is not None:
            raise self._error
        try:
            frame = self._from_held() if self._held else self._frame(self._read, self._at)
        except ProtocolError as error:
            self._error = error
            self._held.clear()
            self._read, self._at = b"", 0
            raise
        if frame is None:
            self._held += self._read[self._at :]
        elif self._held:
            self._held.clear()
        else:
            self._at += len(frame.raw)
        if frame is None or self._closed or not self.waits:
            self._read, self._at = b"", 0
        return frame

    def run(self, channels: Container[int], most: int, room: int) -> Run | None:
        """At most `most` of the next frames, if each is a message of one of these channels, the same one: a channel byte, and bytes behind it.

        `room`: bytes of all bodies; the first may have more. None if `next_frame` is to read the next one, which has more than 64 KiB, is not whole, or
        anything but such a message.
        """
        data, start = self._read, self._at
        if self._fragmented or self._closed or self._error is not None or len(data) == start:
            return None
        whole = data
        if self._held:
            lacks = self._need - len(self._held)
            if self._need <= HEADER_LIMIT or lacks > len(data) - start:
                return None
            whole, start, most = b"".join((self._held, memoryview(data)[start : start + lacks])), 0, 1
        bodies, end, number = (_masked_run if self._masked else _plain_run)(whole, start, channels, most, room, min(self._limit, 0xFFFF))
        if not bodies:
            return None
        if self._held:
            self._held.clear()
            self._at += lacks
        else:
            self._at = end
        if self._at == len(data):
            self._read, self._at = b"", 0
        return Run(number, b"".join(bodies), part(whole, start, end), len(bodies))

    def _from_held(self) -> Frame | None:
        """Completes the frame that earlier reads began, with only the bytes that it lacks."""
        while (lacks := self._need - len(self._held)) <= len(self._read) - self._at:
            self._held += self._read[self._at : self._at + lacks]
            self._at += lacks
            frame = self._frame(bytes(self._held), 0)
            if frame is not None:
                return frame
        return None

    def _frame(self, data: bytes, at: int) -> Frame | None:
        """The frame that begins at `at`; None, with `_need` set, if it is not whole."""
        have = len(data) - at
        if have < 2:
            self._need = 2
            return None
        first, second = data[at], data[at + 1]
        opcode, fin, length = first & 0x0F, first >= 0x80, second & 0x7F
        self._check(first, opcode, fin=fin, length=length, masked=second >= 0x80)
        header = 2
        if length >= 126:
            wide = 2 if length == 126 else 8
            header += wide
            if have < header:
                self._need = header
                return None
            length = int.from_bytes(data[at + 2 : at + header], "big")
            if length < 126 or (wide == 8 and length < 1 << 16):
                raise ProtocolError("a WebSocket frame gives its length in more bytes than it needs")
        if length > self._limit:
            raise FrameTooLongError(length, self._limit)
        if self._masked:
            header += 4
        if have < header + length:
            self._need = header + length
            return None
        raw = data[at : at + header + length]
        payload = apply_mask(memoryview(raw)[header:], raw[header - 4 : header]) if self._masked and length else raw[header:]
        if opcode == CLOSE:
            _check_close(payload)
            self._closed = True
        elif opcode < CLOSE:
            self._fragmented = not fin
        return Frame(opcode, fin, payload, raw)

    def _check(self, first: int, opcode: int, *, fin: bool, length: int, masked: bool) -> None:
        if first & 0x70:
            raise ProtocolError("a WebSocket frame uses a reserved bit, and no extension was agreed")
        if opcode not in OPCODES:
            raise ProtocolError(f"a WebSocket frame has the unknown opcode {opcode}")
        if masked is not self._masked:
            raise ProtocolError("a WebSocket frame of the client is not masked" if self._masked else "a WebSocket frame of the cluster is masked")
        if opcode >= CLOSE:
            if not fin:
                raise ProtocolError("a WebSocket control frame is fragmented")
            if length > CONTROL_LIMIT:
                raise ProtocolError(f"a WebSocket control frame is longer than {CONTROL_LIMIT} bytes")
        elif (opcode == CONTINUATION) is not self._fragmented:
            raise ProtocolError("a WebSocket message begins within another" if self._fragmented else "a WebSocket message is continued that did not begin")


def _plain_run(data: bytes, at: int, channels: Container[int], most: int, room: int, limit: int) -> tuple[list[memoryview], int, int]:
    """The bodies of a run of frames that are not masked, the offset behind it, and its channel."""
    view, size, bodies, number = memoryview(data), len(data), list[memoryview](), -1
    while most and size - at > 2 and data[at] == WHOLE:
        length, head = data[at + 1], at + 2
        if length == 126 and size - at > 4:
            length, head = data[at + 2] << 8 | data[at + 3], at + 4
            if length < 126:
                break
        elif length > 125:
            break
        end = head + length
        if length < 2 or length > limit or end > size:
            break
        channel = data[head]
        if channel != number and (bodies or channel not in channels):
            break
        room -= length - 1
        if room < 0 and bodies:
            break
        bodies.append(view[head + 1 : end])
        at, number, most = end, channel, most - 1
    return bodies, at, number


def _masked_run(data: bytes, at: int, channels: Container[int], most: int, room: int, limit: int) -> tuple[list[bytes], int, int]:
    """The same of frames that are masked; the bodies are not any more."""
    view, size, bodies, number = memoryview(data), len(data), list[bytes](), -1
    while most and size - at > 6 and data[at] == WHOLE:
        length, head = data[at + 1] - 128, at + 6
        if length == 126 and size - at > 8:
            length, head = data[at + 2] << 8 | data[at + 3], at + 8
            if length < 126:
                break
        elif length > 125:
            break
        end = head + length
        if length < 2 or length > limit or end > size:
            break
        channel = data[head] ^ data[head - 4]
        if channel != number and (bodies or channel not in channels):
            break
        room -= length - 1
        if room < 0 and bodies:
            break
        bodies.append(apply_mask(view[head + 1 : end], data[head - 3 : head] + data[head - 4 : head - 3]))
        at, number, most = end, channel, most - 1
    return bodies, at, number


def _check_close(payload: bytes) -> None:
    if not payload:
        return
    if len(payload) == 1 or int.from_bytes(payload[:2], "big") not in CLOSE_CODES:
        raise ProtocolError("a WebSocket close frame has no valid code")
    try:
        payload[2:].decode()
    except UnicodeDecodeError as error:
        raise ProtocolError("the reason of a WebSocket close frame is not UTF-8") from error


def plain_mask(data: bytes | memoryview, mask: bytes) -> bytes:
    """`data` XOR the 4-byte mask repeated (section 5.3), as one operation on long integers."""
    size = len(data)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "little") ^ int.from_bytes(key, "little")).to_bytes(size, "little")


_Mask = Callable[[bytes | memoryview, bytes], bytes]
try:
    from websockets.speedups import apply_mask as _native  # the same in C, about 70 times as fast for 32 KiB

    apply_mask: _Mask = _native
except ImportError:  # pragma: no cover - a build of websockets without its C part
    apply_mask = plain_mask


def encode(opcode: int, payload: bytes, *, mask: bool = False, fin: bool = True) -> bytes:
    """One frame. `mask` is for frames towards a server, with a fresh random key. Raises ValueError for a control frame that is too long or a fragment."""
    size = len(payload)
    if opcode >= CLOSE and (size > CONTROL_LIMIT or not fin):
        raise ValueError("a control frame is whole and has at most 125 bytes")
    first, bit = opcode | (0x80 if fin else 0), 0x80 if mask else 0
    if size < 126:
        head = bytes((first, bit | size))
    elif size < 1 << 16:
        head = struct.pack("!BBH", first, bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, bit | 127, size)
    if not mask:
        return head + payload
    key = secrets.token_bytes(4)
    return head + key + (apply_mask(payload, key) if payload else b"")


def close(code: int, reason: str = "") -> bytes:
    """The payload of a close frame; the reason is cut to fit at a character's end. Raises ValueError for a code that may not be sent."""
    if code not in CLOSE_CODES:
        raise ValueError(f"close code {code} may not be sent")
    return struct.pack("!H", code) + reason.encode()[: CONTROL_LIMIT - 2].decode(errors="ignore").encode()


def accept_key(key: bytes) -> bytes:
    """Sec-WebSocket-Accept for a Sec-WebSocket-Key (section 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest())
