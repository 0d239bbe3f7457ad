"""The cluster's side of an upgrade, until its answer is whole."""

import asyncio
from typing import Final

from jitui.protocol import http

BODY_LIMIT: Final = 256 << 10  # of a refused upgrade's body


class Handshake(asyncio.Protocol):
    """The cluster's side until its answer is whole."""

    def __init__(self, method: bytes) -> None:
        self.transport: asyncio.Transport
        self.parser = http.ResponseParser()
        self.parser.expect(method)
        self.answer: asyncio.Future[tuple[http.ResponseHead, bytes]] = asyncio.get_running_loop().create_future()
        self.gone = False  # the transport is closed
        self._head: http.ResponseHead | None = None
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        try:
            events = self.parser.feed(data)
        except http.Malformed as error:
            self._fail(error)
            return
        for event in events:
            if isinstance(event, http.ResponseHead):
                self._head = event
                if event.status == 101:
                    self.transport.pause_reading()
            elif isinstance(event, http.Body):
                self._body += event.data
                if len(self._body) > BODY_LIMIT:
                    self._fail(http.AnswerMalformed("the cluster's answer to an upgrade is too long"))
                    return
            elif self._head is not None and not self.answer.done():
                self.answer.set_result((self._head, self._body))

    def eof_received(self) -> bool:
        try:
            events = self.parser.eof()
        except http.Malformed as error:
            self._fail(error)
            return False
        if events and self._head is not None and not self.answer.done():
            self.answer.set_result((self._head, self._body))
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone = True
        self._fail(http.AnswerMalformed(f"the cluster closed the connection before it answered the upgrade{f' ({exc})' if exc else ''}"))

    def _fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)
            self.answer.exception()
