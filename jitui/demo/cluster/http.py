"""HTTP/1.1 as the cluster speaks it: one connection, one request at a time, replies with a length or in chunks.

It is the gateway's peer in tests, so it is small and shares no parser with it. A malformed request ends the connection.
"""

import asyncio
import contextlib
import gzip
import json
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs, unquote

HEAD_LIMIT: Final = (1 << 20) + 4096
PACKED_FROM: Final = 128 * 1024  # bytes beyond which an answer is compressed (apiserver: endpoints/handlers/responsewriters/writers.go)
BODY_LIMIT: Final = 3 * 1024 * 1024  # as the API server's

Headers = Sequence[tuple[str, str]]


class BrokenError(Exception):
    """The bytes are not HTTP, or exceed a limit."""


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    target: str  # as it came
    headers: tuple[tuple[str, str], ...] = field(repr=False)  # names in lower case; they carry the token
    body: bytes = field(default=b"", repr=False)

    @property
    def path(self) -> str:
        return unquote(self.target.partition("?")[0])

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(self.target.partition("?")[2], keep_blank_values=True)

    def header(self, name: str) -> str:
        """The first value of a header, or ""."""
        return next((value for key, value in self.headers if key == name), "")

    def first(self, name: str, default: str = "") -> str:
        """The first value of a query parameter, or `default`."""
        return self.query.get(name, [default])[0]

    def flag(self, name: str) -> bool:
        """A boolean query parameter: empty counts as true (apimachinery: pkg/runtime/conversion.go)."""
        return name in self.query and self.first(name).lower() not in {"0", "false"}


class Connection:
    """One client's connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.replied = False  # a head was sent for the current request
        self.finished = False  # nothing more can be said on this connection
        self.code = 0  # of the last reply
        self.method = ""  # of the request that it answers
        self.packs = False  # the client takes gzip
        self._end: asyncio.Future[None] | None = None

    async def request(self) -> Request | None:
        """The next request, or None when the client is done. Raises BrokenError."""
        try:
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        except asyncio.LimitOverrunError as error:
            raise BrokenError("head too long") from error
        first, *lines = head[:-4].split("\r\n")
        try:
            method, target, _ = first.split(" ")
            headers = tuple((name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
            request = Request(method, target, headers)
            body = await self._body(request)
        except (ValueError, asyncio.IncompleteReadError, ConnectionError) as error:
            raise BrokenError("not understood") from error
        self.replied, self.method = False, method
        self.packs = "gzip" in (member.strip() for member in request.header("accept-encoding").split(","))
        if request.header("connection").lower() == "close":
            self.finished = True
        return Request(method, target, headers, body)

    async def _body(self, request: Request) -> bytes:
        if request.header("transfer-encoding").lower() == "chunked":
            return await self._chunks()
        length = int(request.header("content-length") or 0)
        if length > BODY_LIMIT:
            raise BrokenError("body too long")
        return await self.reader.readexactly(length)

    async def _chunks(self) -> bytes:
        body = bytearray()
        while True:
            size = int((await self.reader.readuntil(b"\r\n")).partition(b";")[0], 16)
            piece = await self.reader.readexactly(size + 2)
            if not size:
                return bytes(body)
            body += piece[:-2]
            if len(body) > BODY_LIMIT:
                raise BrokenError("body too long")

    def send_head(self, code: int, headers: Headers) -> None:
        lines = [f"HTTP/1.1 {code} {HTTPStatus(code).phrase}", *(f"{name}: {value}" for name, value in headers)]
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        self.replied, self.code = True, code

    async def reply(self, code: int, body: bytes, content_type: str = "application/json", headers: Headers = ()) -> None:
        """Sends one whole reply."""
        if self.packs and len(body) > PACKED_FROM:
            body, headers = gzip.compress(body, 1), [*headers, ("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
        length = [("Content-Length", str(len(body)))]
        self.send_head(code, [("Content-Type", content_type), *headers, *length, *([("Connection", "close")] if self.finished else [])])
        if self.method != "HEAD":
            self.writer.write(body)
        await self.writer.drain()

    async def json(self, code: int, value: Any, content_type: str = "application/json", headers: Headers = ()) -> None:
        await self.reply(code, json.dumps(value, separators=(",", ":")).encode() + b"\n", content_type, headers)

    def begin(self, content_type: str, headers: Headers = ()) -> None:
        """Begins a reply of unknown length: chunks follow."""
        self.send_head(200, [("Content-Type", content_type), *headers, ("Transfer-Encoding", "chunked")])

    async def chunk(self, body: bytes) -> None:
        if body:
            self.writer.write(b"%x\r\n%b\r\n" % (len(body), body))
            await self.writer.drain()

    async def end(self) -> None:
        """Ends the reply in chunks."""
        self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()

    async def while_there(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs `work` until it is done or the client has gone, whichever is first."""
        async with asyncio.TaskGroup() as group:
            doing, watching = group.create_task(work), group.create_task(self.closed())
            await asyncio.wait({doing, watching}, return_when=asyncio.FIRST_COMPLETED)
            doing.cancel()
            watching.cancel()

    async def closed(self) -> None:
        """Returns when the client has gone. A waiter may be cancelled, but the wait for the end of the connection must not be: it is a task of its own."""
        if self._end is None:
            self._end = asyncio.ensure_future(self._closed())
        await asyncio.wait({self._end})

    async def _closed(self) -> None:
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()
