"""SPDY/3.1 frames of one direction, whole and in order, each with the bytes that carry it on.

Kubernetes clients and the API server use it beside WebSocket for exec, attach and port-forward (moby/spdystream: spdy/{types,read,write}.go).
A frame has a header of 8 bytes. DATA: stream id, flags, length. Control: 0x8003 (control bit, version 3), type, flags, length. All numbers are big endian.
The headers of SYN_STREAM, SYN_REPLY and HEADERS are compressed in one zlib stream a direction, with the dictionary of the SPDY/3 draft (2.6.10.1), so
none of these frames may be skipped; all others are plain, so the gateway can put a frame of its own between any two. spdystream has no flow control.
"""

import struct
import zlib
from collections.abc import Container
from dataclasses import dataclass, field
from enum import IntEnum
from importlib import resources
from typing import Final

from jitui.protocol import spdy_headers
from jitui.protocol.spdy_headers import Headers
from jitui.protocol.websocket import ProtocolError, Run, part


class Kind(IntEnum):
    """The type of a control frame; DATA has no number on the wire."""

    DATA = 0
    SYN_STREAM = 1
    SYN_REPLY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PING = 6
    GOAWAY = 7
    HEADERS = 8
    WINDOW_UPDATE = 9


HEADER: Final = 8  # bytes of a frame's header
PIECE: Final = 64 << 10  # bytes of DATA in one frame that is handed out
LENGTH_LIMIT: Final = (1 << 24) - 1  # bytes of DATA in one frame on the wire
CONTROL_LIMIT: Final = 64 << 10  # bytes of a control frame behind its header
HELD_LIMIT: Final = HEADER + max(PIECE, CONTROL_LIMIT)  # bytes that a decoder holds at most

BLOCK_LIMIT: Final = 64 << 10  # bytes of one header block, inflated
BLOCKS_LIMIT: Final = 1 << 16  # header blocks of one direction, so the streams opened too: port-forward opens two for each connection it carries, and
# half an hour of short HTTP requests through it is tens of thousands; a decoder keeps nothing of a stream
INFLATED_LIMIT: Final = 8 << 20  # bytes of all header blocks of one direction, inflated; one of port-forward has about 60

FIN: Final = 0x01
VERSION: Final = 0x8003
CANCEL: Final = 5  # status of an RST_STREAM: the stream is not needed any more
DICTIONARY: Final = resources.files(__package__).joinpath("spdy3_dictionary.bin").read_bytes()

_WORDS: Final = struct.Struct("!II")
_WORD: Final = struct.Struct("!I")
_CONTROL: Final = struct.Struct("!HHI")
_FLUSHED: Final = b"\0\0\xff\xff"  # the end of a Z_SYNC_FLUSH
_BARE: Final = b"\0\4\0\xfb\xff" + bytes(4) + b"\0" + _FLUSHED  # no headers, as a stored block (RFC 1951, 3.2.4) and a flush
_OPENING: Final = b"\x78\xf9" + zlib.adler32(DICTIONARY).to_bytes(4, "big")  # the beginning of a zlib stream with the dictionary (RFC 1950, 2.2)
_LENGTHS: Final = {  # of the kinds whose length is one number
    Kind.RST_STREAM: 8, Kind.PING: 4, Kind.GOAWAY: 8, Kind.WINDOW_UPDATE: 8}  # fmt: skip
_FLAGS: Final = {Kind.SYN_STREAM: FIN, Kind.SYN_REPLY: FIN, Kind.HEADERS: FIN, Kind.SETTINGS: 0x01}  # the flags known; of SETTINGS: clear
_FIXED: Final = {Kind.SYN_STREAM: 10, Kind.SYN_REPLY: 4, Kind.HEADERS: 4}  # bytes before the header block
_KINDS: Final = {kind.value: kind for kind in Kind if kind is not Kind.DATA}


@dataclass(slots=True)  # not frozen, which makes each of them twice as dear
class Frame:
    kind: Kind
    stream: int  # id; 0 for SETTINGS, PING, GOAWAY
    fin: bool  # the sender's half of the stream ends here
    payload: bytes  # of DATA
    headers: Headers  # of SYN_STREAM, SYN_REPLY, HEADERS
    value: int  # status of RST_STREAM, id of PING, last stream id of GOAWAY; else 0
    raw: bytes = field(repr=False)  # the bytes to forward


class Decoder:
    """Reads the frames of one direction, from reads of any size.

    Control frames and DATA of at most PIECE bytes come whole, with their exact bytes in `raw`. Longer DATA comes as several frames of PIECE bytes (the
    last one shorter), each with a header of its own in `raw` and FIN on the last alone, so at most HELD_LIMIT bytes are held beside the current read.
    `client`: the bytes come from the client, so the streams opened here have odd ids, otherwise even ones. A PING may have either: an echo has the
    other's. It does not check which streams DATA may use: that needs both directions.
    Raises ProtocolError, and the same error again if it is fed once more; frames before the error in the same read are dropped.
    """

    __slots__ = ("_at", "_blocks", "_client", "_error", "_held", "_inflate", "_inflated", "_last", "_need", "_read", "_rest", "_rest_fin", "_rest_stream")

    def __init__(self, *, client: bool) -> None:
        self._client = client
        self._held = bytearray()
        self._need = HEADER  # bytes without which there is nothing to do
        self._read, self._at = b"", 0  # the current read, and the offset up to which it was parsed
        self._rest = 0  # bytes to come of a DATA frame that is handed out in pieces
        self._rest_stream, self._rest_fin = 0, False
        self._last = 0  # stream opened here
        self._blocks = 0
        self._inflated = 0
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._error: ProtocolError | None = None

    @property
    def holding(self) -> int:
        """The number of bytes held of a frame, or of a piece of one, that is not whole yet."""
        return len(self._held)

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
        if data and self._error is None:
            self._read, self._at = self._read[self._at :] + data if self.waits else data, 0

    def next_frame(self) -> Frame | None:
        """The next whole frame, or None. Raises ProtocolError."""
        if self._error is not None:
            raise self._error
        try:
            frame = self._next()
        except ProtocolError as error:
            self._error = error
            self._held, self._read, self._at = bytearray(), b"", 0
            raise
        if self._at == len(self._read):
            self._read, self._at = b"", 0
        return frame

    def run(self, streams: Container[int], most: int, room: int) -> Run | None:
        """At most `most` of the next frames, if each is DATA of one of these streams, the same one, with bytes and without flags.

        `room`: bytes of all bodies; the first may have more. None if `next_frame` is to read the next one, which has more than PIECE bytes, is not whole, or
        anything but such a frame.
        """
        data, start = self._read, self._at
        if self._rest or self._error is not None or len(data) == start:
            return None
        whole = data
        if self._held:
            lacks = self._need - len(self._held)
            if self._need <= HEADER or lacks > len(data) - start:
                return None
            whole, start, most = b"".join((self._held, memoryview(data)[start : start + lacks])), 0, 1
        bodies, end, number = _run(whole, start, streams, most, room)
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

    def _next(self) -> Frame | None:
        data, at, end = self._read, self._at, len(self._read)
        if self._held:
            return self._completed()
        if at == end:
            return None
        need = self._size(data, at, end - at)
        if end - at < need:
            self._held += data[at:]
            self._need, self._at = need, end
            return None
        self._at = at + need
        return self._frame(data[at : at + need])

    def _completed(self) -> Frame | None:
        """Adds to the held bytes only those that complete the frame, so that no other byte is copied twice."""
        held, data, end = self._held, self._read, len(self._read)
        while self._at < end:
            lacking = self._need - len(held)
            held += data[self._at : self._at + lacking]
            if end - self._at < lacking:
                self._at = end
                return None
            self._at += lacking
            self._need = self._size(held, 0, len(held))
            if len(held) >= self._need:
                unit = bytes(held)
                held.clear()
                return self._frame(unit)
        return None

    def _size(self, data: bytes | bytearray, at: int, have: int) -> int:
        """Bytes of the frame, or piece, that begins at `at`; HEADER if its header is not whole. Raises ProtocolError for an impossible header."""
        if self._rest:
            return min(self._rest, PIECE)
        if have < HEADER:
            return HEADER
        first: int
        second: int
        first, second = _WORDS.unpack_from(data, at)
        flags, length = second >> 24, second & LENGTH_LIMIT
        if first >> 31:
            _check(first >> 16, first & 0xFFFF, flags, length)
            return HEADER + length
        if not first:
            raise ProtocolError("a SPDY frame has data on stream 0, which no stream has")
        if flags & ~FIN:
            raise ProtocolError(f"a SPDY frame has data with the unknown flags {flags:#04x}")
        return HEADER + min(length, PIECE)

    def _frame(self, unit: bytes) -> Frame:
        """The frame of the bytes that `_size` counted."""
        if self._rest:
            return self._piece(self._rest_stream, unit, self._rest - len(unit), fin=self._rest_fin)
        first, second = _WORDS.unpack_from(unit)
        if first >> 31:
            return self._control(_KINDS[first & 0xFFFF], second >> 24, unit)
        fin, length = bool(second >> 24), second & LENGTH_LIMIT
        payload = unit[HEADER:]
        if length > PIECE:
            return self._piece(first, payload, length - PIECE, fin=fin)
        return Frame(Kind.DATA, first, fin, payload, (), 0, unit)

    def _piece(self, stream: int, payload: bytes, rest: int, *, fin: bool) -> Frame:
        """A part of a long DATA frame, `rest` bytes before its end."""
        self._rest, self._rest_stream, self._rest_fin = rest, stream, fin
        fin = fin and not rest
        return Frame(Kind.DATA, stream, fin, payload, (), 0, data(stream, payload, fin=fin))

    def _control(self, kind: Kind, flags: int, unit: bytes) -> Frame:
        if kind is Kind.SETTINGS:
            count = _WORD.unpack_from(unit, HEADER)[0]
            if HEADER + 4 + 8 * count != len(unit):
                raise ProtocolError(f"a SPDY SETTINGS frame announces {count} entries, and its length is that of another number")
            return Frame(kind, 0, False, b"", (), 0, unit)
        first = _WORD.unpack_from(unit, HEADER)[0]
        if kind is Kind.PING:
            return Frame(kind, 0, False, b"", (), first, unit)
        if first >> 31:
            raise ProtocolError(f"a SPDY {kind.name} frame has a stream id with the reserved bit set")
        if kind is Kind.GOAWAY:
            return Frame(kind, 0, False, b"", (), first, unit)
        if kind is Kind.WINDOW_UPDATE:  # on stream 0: of the whole connection (SPDY/3.1, 2.6.8)
            return Frame(kind, first, False, b"", (), 0, unit)
        if not first:
            raise ProtocolError(f"a SPDY {kind.name} frame is for stream 0, which no stream has")
        if kind is Kind.RST_STREAM:
            return Frame(kind, first, False, b"", (), _WORD.unpack_from(unit, HEADER + 4)[0], unit)
        if kind is Kind.SYN_STREAM:
            self._open(first, unit)
        return Frame(kind, first, bool(flags), b"", self._headers(unit[HEADER + _FIXED[kind] :]), 0, unit)

    def _open(self, stream: int, unit: bytes) -> None:
        """Checks a SYN_STREAM: a new id of this side, and none of the fields that the Kubernetes clients leave 0. Raises ProtocolError."""
        side, parity = ("client", "odd") if self._client else ("cluster", "even")
        if stream % 2 != self._client:
            raise ProtocolError(f"the {side} opens SPDY stream {stream}; its streams have {parity} ids")
        if stream <= self._last:
            raise ProtocolError(f"the {side} opens SPDY stream {stream} after stream {self._last}; ids only rise")
        self._last = stream
        associated, priority, slot = struct.unpack_from("!IBB", unit, HEADER + 4)
        if associated or priority & 0x1F or slot:
            raise ProtocolError(f"the {side} opens SPDY stream {stream} with an associated stream, a credential slot or reserved bits, which mean nothing here")

    def _headers(self, block: bytes) -> Headers:
        """The headers of the next block of this direction. Raises ProtocolError."""
        self._blocks += 1
        if self._blocks > BLOCKS_LIMIT:
            raise ProtocolError(f"more than {BLOCKS_LIMIT} SPDY header blocks on one connection")
        try:
            plain = self._inflate.decompress(block, BLOCK_LIMIT + 1)
        except zlib.error as error:
            raise ProtocolError("a SPDY header block is not compressed with zlib and the dictionary of SPDY/3") from error
        self._inflated += len(plain)
        if len(plain) > BLOCK_LIMIT or self._inflated > INFLATED_LIMIT:
            raise ProtocolError(f"a SPDY header block inflates to more than {BLOCK_LIMIT} bytes, or all of one connection to more than {INFLATED_LIMIT}")
        if self._inflate.eof or not block.endswith(_FLUSHED):
            raise ProtocolError("a SPDY header block ends within its compression, or ends the compression itself")
        return spdy_headers.read(plain)


def _run(data: bytes, at: int, streams: Container[int], most: int, room: int) -> tuple[list[memoryview], int, int]:
    """The payloads of a run of DATA frames, the offset behind it, and its stream."""
    view, size, bodies, number = memoryview(data), len(data), list[memoryview](), -1
    while most and size - at > HEADER:
        stream, length = _WORDS.unpack_from(data, at)
        body = at + HEADER
        if not 0 < length <= PIECE or body + length > size or (stream != number and (bodies or stream not in streams)):
            break
        room -= length
        if room < 0 and bodies:
            break
        at, number, most = body + length, stream, most - 1
        bodies.append(view[body:at])
    return bodies, at, number


def _check(version: int, number: int, flags: int, length: int) -> None:
    """Checks the header of a control frame. Raises ProtocolError."""
    if version != VERSION:
        raise ProtocolError(f"a SPDY control frame of version {version & 0x7FFF}, only 3 is spoken here")
    kind = _KINDS.get(number)
    if kind is None:
        raise ProtocolError(f"a SPDY control frame has the unknown type {number}")
    if flags & ~_FLAGS.get(kind, 0):
        raise ProtocolError(f"a SPDY {kind.name} frame has the flags {flags:#04x}, not all of which are known")
    if length > CONTROL_LIMIT:
        raise ProtocolError(f"a SPDY {kind.name} frame of {length} bytes was announced, at most {CONTROL_LIMIT} are taken")
    if length < _FIXED.get(kind, 4) or length != _LENGTHS.get(kind, length):
        raise ProtocolError(f"a SPDY {kind.name} frame has {length} bytes, which that type can't have")


def data(stream: int, payload: bytes, *, fin: bool = False) -> bytes:
    """One DATA frame. Raises ValueError for more than LENGTH_LIMIT bytes."""
    if len(payload) > LENGTH_LIMIT:
        raise ValueError(f"a DATA frame has at most {LENGTH_LIMIT} bytes")
    return _WORDS.pack(stream, fin << 24 | len(payload)) + payload


def _control(kind: Kind, body: bytes, *, fin: bool = False) -> bytes:
    return _CONTROL.pack(VERSION, kind, fin << 24 | len(body)) + body


def reset(stream: int, status: int = CANCEL) -> bytes:
    """An RST_STREAM, which ends the stream in both directions."""
    return _control(Kind.RST_STREAM, _WORDS.pack(stream, status))


def goaway(last: int, status: int = 0) -> bytes:
    """A GOAWAY, which ends the connection; `last` is the peer's last accepted stream. spdystream reads nothing behind it."""
    return _control(Kind.GOAWAY, _WORDS.pack(last, status))


def bare_reply(stream: int, *, first: bool) -> bytes:
    """A SYN_REPLY without headers, valid in the middle of the cluster's zlib stream in any state. `first`: it is the first block of that stream."""
    return _control(Kind.SYN_REPLY, _WORD.pack(stream) + (_OPENING if first else b"") + _BARE)


def ping(ident: int) -> bytes:
    """A PING. A client's own have odd ids, a server's even ones; the peer sends the same frame back."""
    return _control(Kind.PING, _WORD.pack(ident))


class Encoder:
    """Writes the frames with headers of one direction. They share one zlib stream: send all of them, in the order in which they were made."""

    __slots__ = ("_deflate",)

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_DEFAULT_STRATEGY, DICTIONARY)

    def syn_stream(self, stream: int, headers: Headers, *, fin: bool = False) -> bytes:
        return _control(Kind.SYN_STREAM, struct.pack("!IIBB", stream, 0, 0, 0) + self._block(headers), fin=fin)

    def syn_reply(self, stream: int, headers: Headers = (), *, fin: bool = False) -> bytes:
        return _control(Kind.SYN_REPLY, _WORD.pack(stream) + self._block(headers), fin=fin)

    def headers(self, stream: int, headers: Headers, *, fin: bool = False) -> bytes:
        return _control(Kind.HEADERS, _WORD.pack(stream) + self._block(headers), fin=fin)

    def _block(self, headers: Headers) -> bytes:
        return self._deflate.compress(spdy_headers.written(headers)) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
