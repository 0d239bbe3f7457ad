"""The request's half of an exchange: what came from the client goes on record, then to the cluster.

Until there is a connection, what is on record waits here; a small request is kept so that it can be sent once more.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from jitui.clusters.pool import Connection
from jitui.protocol import http
from jitui.proxy.live import Session
from jitui.proxy.outlet import WINDOW
from jitui.proxy.port import Endpoint
from jitui.recording.frame import Channel

UNSAFE: Final = frozenset({b"POST", b"PUT", b"PATCH", b"DELETE"})
REPLAYABLE: Final = 256 << 10  # a request body up to this size can be sent again after a refreshed credential


class Upload:
    """A request on its way. `ready` is called once its head is on record, and may pass: then `attach` a connection."""

    def __init__(self, session: Session, conn: int, client: Endpoint, head: bytes, *, chunked: bool, ready: Callable[[], None]) -> None:
        self.whole = False  # all of it came from the client
        self.went = False  # a byte of it was handed to a connection: what the cluster did with it is known from its answer only
        self.size = 0  # bytes of body
        self._session, self._conn, self._client, self._head, self._chunked, self._call = session, conn, client, head, chunked, ready
        self._new: list[bytes] = []  # not yet put on record
        self._began = self._ended = self._stopped = False
        self._passed = False  # it is on record, and was let go
        self._connection: Connection | None = None
        self._waiting: list[bytes] = []  # on record, and no connection yet
        self._waiting_size = 0  # of body in it, not handed on before
        self._kept: list[bytes] | None = []  # the bytes that were sent, while they can be sent again
        self._kept_size = 0
        self._held = 0  # bytes of body between the client's socket and the cluster's
        self._paused = self._blocked = False

    def resume(self, *, put: bool, connection: Connection | None, went: bool) -> None:
        """Go on where a request without a body stands, of which the head was put on record, or went."""
        self.whole, self._began, self._ended, self.went, self._connection = True, put, put, went, connection
        self._passed = went

    def let_go(self) -> None:
        """That head is on record, and may pass."""
        self._pass(b"", True)

    def body(self, data: bytes) -> None:
        if not self._stopped:
            self._new.append(data)

    def flush(self) -> None:
        """Put what came on record; pass it on after the commit."""
        if self._stopped or self._ended:
            return
        pieces: list[tuple[Channel, bytes]] = []
        if not self._began:
            self._began = True
            pieces.append((Channel.REQUEST, self._head))
        body = b"".join(self._new)
        self._new.clear()
        if body:
            pieces.append((Channel.REQUEST_BODY, body))
        whole = self._ended = self.whole
        if not pieces:
            if not whole:
                return
            pieces.append((Channel.MARK, b'{"request":"end"}'))
        if body:
            self.size += len(body)
            self._held += len(body)
            self._throttle()
        self._session.record(self._conn, pieces, partial(self._pass, body, whole))

    def attach(self, connection: Connection, head: bytes) -> None:
        """Send the head, as the cluster gets it, and all that waited for the connection."""
        waiting, self._waiting = self._waiting, []
        size, self._waiting_size = self._waiting_size, 0
        self._connection = connection
        if self._kept is not None:
            self._kept, self._kept_size = waiting, sum(map(len, waiting))
        if not self.went:
            self._session.handed(self._conn, Channel.REQUEST, len(self._head))
        if size:
            self._session.handed(self._conn, Channel.REQUEST_BODY, size)
            self._held -= size
        self.went = True
        connection.send(head + b"".join(waiting))
        if size:
            self._throttle()

    def again(self) -> bool:
        """Be ready for another connection; False if what was sent is not at hand any more."""
        if self._kept is None or self._stopped:
            return False
        self._connection = None
        self._waiting, self._kept, self._kept_size = self._kept, [], 0
        self.writable(True)
        return True

    def writable(self, yes: bool) -> None:
        """Backpressure of the cluster's connection."""
        self._blocked = not yes
        self._throttle()

    def stop(self) -> None:
        """Nothing more goes anywhere."""
        self._stopped, self._connection = True, None
        self._new.clear()
        self._waiting.clear()

    def _pass(self, body: bytes, whole: bool) -> None:
        if self._stopped:
            return
        data = http.chunk(body) + (http.LAST_CHUNK if whole else b"") if self._chunked else body
        if self._connection is None:
            self._waiting.append(data)
            self._waiting_size += len(body)
        else:
            self._send(self._connection, data)
            self._session.handed(self._conn, Channel.REQUEST_BODY, len(body))
            self._held -= len(body)
        if not self._passed:
            self._passed = True
            self._call()
        if body:
            self._throttle()

    def _send(self, connection: Connection, data: bytes) -> None:
        if self._kept is not None:
            self._kept.append(data)
            self._kept_size += len(data)
            if self._kept_size > REPLAYABLE:
                self._kept = None
        connection.send(data)

    def _throttle(self) -> None:
        """While the recorder or the cluster is behind, the client is not read."""
        if self._stopped:
            return
        behind = self._blocked or self._held > (WINDOW // 2 if self._paused else WINDOW)
        if behind and not self._paused:
            self._paused = True
            self._client.pause_reading()
        elif not behind and self._paused:
            self._paused = False
            self._client.resume_reading()
