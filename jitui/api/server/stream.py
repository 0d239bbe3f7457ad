"""Server-sent events (HTML living standard, section 9.2) that go on until one side ends, or until the caller's token or right does.

A comment every 5 s tells the client that the gateway lives. The source is drained no faster than the client reads; it is the source
that is bounded and skips.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from jitui.api.server.answer import error_of, made, refusal_of
from jitui.values import plain
from jitui.values.errors import JituiError, UnavailableError

BEAT_S: Final = 5.0
GRACE_S: Final = 0.05  # a source that refuses does so at once: then the answer is its error, and no stream
LAST_S: Final = 2.0  # for a client that reads slowly to take the last event

T = TypeVar("T")


class _OverError(Exception):
    """One side ended."""


def event(name: str, data: Any, ident: int | None = None) -> bytes:
    """One event, its data one line of ASCII JSON."""
    head = f"id: {ident}\n" if ident is not None else ""
    return f"{head}event: {name}\ndata: {plain.text(data)}\n\n".encode("ascii")


class EventStream(Response):
    """Events of `source`, each put into bytes by `form`, until it ends, the client goes, or `closing` is set.

    When `lost` says why the caller may not hear them any more, that is the last event, whatever the source still has.
    """

    media_type = "text/event-stream"

    def __init__(self, source: AsyncIterator[T], form: Callable[[T], bytes], closing: asyncio.Event,
                 lost: Callable[[], Awaitable[JituiError]], status_code: int = 200) -> None:
        super().__init__(status_code=status_code, headers={"cache-control": "no-store"})
        del self.headers["content-length"]
        self._source, self._form, self._closing, self._lost = source, form, closing, lost
        self._started = False
        self._error: JituiError | None = None  # why it ends, if that is to be said

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(send))
                group.create_task(self._beat(send))
                group.create_task(self._gone(receive))
                group.create_task(self._closed())
                group.create_task(self._unless())
        except* _OverError:
            pass
        if not self._started:
            await refusal_of(self._error or UnavailableError("the gateway stops"))(scope, receive, send)
            return
        last = event("error", error_of(self._error)) if self._error is not None else b""
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_S):
                await send({"type": "http.response.body", "body": last, "more_body": False})

    async def _start(self, send: Send) -> None:
        if not self._started:
            self._started = True
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": b": open\n\n", "more_body": True})

    async def _pump(self, send: Send) -> None:
        try:
            async for item in self._source:
                await self._start(send)
                await send({"type": "http.response.body", "body": await made(item, self._form), "more_body": True})
            await self._start(send)
        except JituiError as error:
            self._error = self._error or error
        finally:
            if (aclose := getattr(self._source, "aclose", None)) is not None:
                await aclose()
        raise _OverError

    async def _beat(self, send: Send) -> None:
        await asyncio.sleep(GRACE_S)
        await self._start(send)
        while True:
            await asyncio.sleep(BEAT_S)
            await send({"type": "http.response.body", "body": b": alive\n\n", "more_body": True})

    async def _gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        raise _OverError

    async def _unless(self) -> None:
        """The caller's token, identity or right ended: nothing more is sent, not even what is under way to a slow client."""
        await asyncio.sleep(GRACE_S)  # a source that refuses knows better why
        self._error = await self._lost()
        raise _OverError

    async def _closed(self) -> None:
        await self._closing.wait()
        raise _OverError
