"""A request in progress, as the connection that it came on sees it: answered at once, waiting for something, or (elsewhere) an exchange or upgrade."""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final, Protocol

from jitui.proxy.outlet import WINDOW
from jitui.values.errors import FailedError, JituiError

if TYPE_CHECKING:
    from jitui.listeners.kube.client import KubeClient

BODY_WITHIN: Final = 15.0  # seconds for the body of a request that the gateway answers itself
DISCARD: Final = 1 << 20  # of a refused request's body, so that the connection can be kept


class Call(Protocol):
    """A request in progress, as its connection sees it."""

    def body_in(self, data: bytes) -> None: ...

    def end_in(self) -> None: ...

    def flush_in(self) -> None: ...

    def client_lost(self) -> None: ...


class Answered:
    """A request that the gateway answers itself, once its body has gone by."""

    def __init__(self, client: "KubeClient", send: Callable[[bool], None]) -> None:
        self._client, self._send, self._seen = client, send, 0
        client.patience.expect(BODY_WITHIN)

    def now(self) -> None:
        """Without waiting for the body, and for the last time on this connection."""
        self._send(True)

    def body_in(self, data: bytes) -> None:
        self._seen += len(data)
        if self._seen > DISCARD:
            self.now()

    def end_in(self) -> None:
        self._send(False)

    def flush_in(self) -> None:
        pass

    def client_lost(self) -> None:
        pass


class Waiting:
    """A request that waits for something slow (its session's fact, a first copy of discovery) and buffers meanwhile."""

    def __init__(self, client: "KubeClient") -> None:
        self._client = client
        self._held: list[bytes] = []
        self.size = 0
        self._whole = False
        self.lost = False

    def body_in(self, data: bytes) -> None:
        self._held.append(data)
        self.size += len(data)
        if self.size > WINDOW:
            self._client.pause_reading()

    def end_in(self) -> None:
        self._whole = True

    def flush_in(self) -> None:
        pass

    def client_lost(self) -> None:
        self.lost = True

    @property
    def held(self) -> bytes:
        """The body so far."""
        return b"".join(self._held)

    def run(self, work: Callable[[], Coroutine[Any, Any, Call | None]]) -> None:
        """Become what comes of it; None: it has seen to that itself. Nobody waits for what failed, however it did."""

        async def guarded() -> None:
            try:
                call = await work()
            except JituiError as error:
                self._failed(error)
            except Exception:
                self._failed(FailedError())
                raise
            else:
                if call is not None:
                    self.become(call)

        self._client.door.spawn(guarded)

    def _failed(self, error: JituiError) -> None:
        if not self.lost and self._client.current is self:
            self.become(self._client.refuse(error))

    def become(self, call: Call) -> None:
        """The wait is over: everything held goes on in order."""
        self._client.current = call
        for data in self._held:
            call.body_in(data)
        if self._whole:
            call.end_in()
        if self.size > WINDOW:
            self._client.resume_reading()
        call.flush_in()
