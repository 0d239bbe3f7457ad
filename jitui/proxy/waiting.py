"""A request that waits for something slow: its session's fact, a first copy of discovery, the rest of its own body."""

from collections.abc import Callable, Coroutine
from typing import Any

from jitui.proxy.outlet import WINDOW
from jitui.proxy.port import Handler, ProxyRequest, Spawn
from jitui.values.errors import FailedError, JituiError


class Waiting:
    """Keeps what comes of the body meanwhile, and becomes the handler that the wait brings: the one place where a request goes on later."""

    def __init__(self, request: ProxyRequest, spawn: Spawn, *, close: bool = False) -> None:
        """`close`: if the wait fails, the connection is closed behind the words."""
        self.size = 0  # bytes of body held
        self._request, self._spawn, self._close = request, spawn, close
        self._held: list[bytes] = []
        self._whole = self._over = self._lost = False

    def body_in(self, data: bytes) -> None:
        self._held.append(data)
        self.size += len(data)
        if self.size > WINDOW:
            self._request.pause_reading()

    def end_in(self) -> None:
        self._whole = True

    def flush_in(self) -> None:
        """All of it waits."""

    def client_lost(self) -> None:
        self._lost = True

    def lost(self) -> bool:
        """Whether the client went away by now; nobody waits any more."""
        return self._lost

    @property
    def held(self) -> bytes:
        """The body so far."""
        return b"".join(self._held)

    def run(self, work: Callable[[], Coroutine[Any, Any, Handler | None]]) -> "Waiting":
        """Become what comes of it; None: it has answered itself. Whatever fails in it, the client is told."""

        async def guarded() -> None:
            try:
                handler = await work()
            except JituiError as error:
                self._failed(error)
            except Exception:
                self._failed(FailedError())
                raise
            else:
                if handler is not None:
                    self._become(handler)

        self._spawn(guarded)
        return self

    def _failed(self, error: JituiError) -> None:
        if not self._lost and not self._over:
            self._become(self._request.refuse(error, close=self._close))

    def _become(self, handler: Handler) -> None:
        """Everything held goes on in order."""
        self._over = True
        self._request.become(handler)
        for data in self._held:
            handler.body_in(data)
        if self._whole:
            handler.end_in()
        if self.size > WINDOW:
            self._request.resume_reading()
        handler.flush_in()
