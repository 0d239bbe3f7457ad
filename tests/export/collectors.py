"""Real collectors: a syslog server on TCP (octet counting) and an OTLP receiver over HTTP, which can be killed and begun again on the same port."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


class Collector:
    """The messages that it got, and whether it reads, refuses, or is away."""

    def __init__(self) -> None:
        self.port = 0
        self.numbers: list[int] = []  # of facts, as they came
        self.texts: list[str] = []
        self.heads: list[bytes] = []
        self.refuse = 0  # an HTTP status
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def kill(self) -> None:
        """As kill -9 does: the port is closed, and what was not read is lost."""
        if self._server is not None:
            self._server.close()
            for writer in self._open:
                writer.transport.abort()
            self._server = None
            await asyncio.sleep(0)

    def take(self, text: str) -> None:
        self.texts.append(text)
        self.numbers.append(json.loads(text)["metadata"]["sequence"])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            await self.speak(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise NotImplementedError


class SyslogServer(Collector):
    async def speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            size = await reader.readuntil(b" ")
            line = await reader.readexactly(int(size))
            found = re.fullmatch(rb"(<\d+>1 \S+ \S+ jitui - \S+ -) (.*)", line)
            assert found is not None, line
            self.heads.append(found[1])
            self.take(found[2].decode("ascii"))


class OtlpReceiver(Collector):
    async def speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        (size,) = re.findall(rb"(?i)content-length: (\d+)", head)
        body = await reader.readexactly(int(size))
        self.heads.append(head)
        if self.refuse:
            writer.write(b"HTTP/1.1 %d No\r\nContent-Length: 4\r\n\r\nbusy" % self.refuse)
        else:
            for record in records(json.loads(body)):
                self.take(record["body"]["stringValue"])
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()


def records(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [record for resource in body["resourceLogs"] for scope in resource["scopeLogs"] for record in scope["logRecords"]]


@asynccontextmanager
async def collecting(*collectors: Collector) -> AsyncIterator[None]:
    for each in collectors:
        await each.start()
    try:
        yield
    finally:
        for each in collectors:
            await each.kill()
