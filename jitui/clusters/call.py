"""One whole request of the gateway itself: discovery, checks, a last look. What agents send goes through sessions instead."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from jitui.clusters.pool import Connection, Pool
from jitui.clusters.port import Headers, Upstream
from jitui.policy.terms import Grant
from jitui.protocol.http import ResponseHead, render_request
from jitui.values.errors import UpstreamError
from jitui.values.said import clean

TIMEOUT_S: Final = 30.0
OVER: Final = "the cluster was not asked: what the answer was wanted for is over"
LIMIT: Final = 32 << 20  # bytes of an answer; the aggregated discovery of a cluster with 1,000 CRDs is about 5 MB


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole response. An error status is a reply too."""

    status: int
    head: ResponseHead
    body: bytes = field(repr=False)


class _Whole:
    """Collects one response."""

    def __init__(self, connection: Connection, limit: int) -> None:
        self.done: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._connection, self._limit = connection, limit
        self._head: ResponseHead | None = None
        self._parts: list[bytes] = []
        self._size = 0

    def head(self, head: ResponseHead) -> None:
        self._head = head

    def body(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)
        if self._size > self._limit:
            self._connection.abort()
            self.lost(UpstreamError(f"the cluster's answer is larger than {self._limit >> 20} MiB"))

    def end(self) -> None:
        assert self._head is not None
        self._connection.release()
        if not self.done.done():
            self.done.set_result(Reply(self._head.status, self._head, b"".join(self._parts)))

    def lost(self, error: UpstreamError) -> None:
        if not self.done.done():
            self.done.set_exception(error)

    def writable(self, yes: bool) -> None:
        """The whole request is buffered: it is small."""


async def call(
    pool: Pool, upstream: Upstream, method: bytes, target: bytes, *,
    headers: Sequence[tuple[bytes, bytes]] = (), body: bytes = b"", grant: Grant | None = None, limit: int = LIMIT, timeout: float = TIMEOUT_S,
    may: Callable[[], bool] = lambda: True,
) -> Reply:  # fmt: skip
    """Send it with the gateway's credential and read the answer. Raises UpstreamError.

    After a 401 the credential is renewed and the request sent once more. A kept connection that turns out to be closed is
    replaced once, for GET only: of anything else it is unknown whether it was carried out. `may`: whether it is still to be sent, asked when all else is ready.
    """
    try:
        async with asyncio.timeout(timeout):
            proof = upstream.ready(grant) or await upstream.authorization(grant)
            reply = await _once(pool, upstream, method, target, (*headers, *proof), body, limit, may)
            if reply.status == 401 and await upstream.renew(grant, proof):
                proof = await upstream.authorization(grant)
                reply = await _once(pool, upstream, method, target, (*headers, *proof), body, limit, may)
                if reply.status == 401:
                    await upstream.renew(grant, proof)  # raises, if it is known why
    except TimeoutError as error:
        raise UpstreamError(f"the cluster did not answer {clean(target.decode('ascii', 'replace'), 80)} within {timeout:g} s") from error
    if reply.status == 401:
        raise UpstreamError("the cluster does not accept the gateway's credential (401)")
    return reply


async def _once(pool: Pool, upstream: Upstream, method: bytes, target: bytes, headers: Headers, body: bytes, limit: int, may: Callable[[], bool]) -> Reply:
    own = [(b"host", upstream.host), (b"user-agent", b"jitui"), *headers]
    if body:
        own.append((b"content-length", b"%d" % len(body)))
    data = render_request(method, upstream.prefix + target, own) + body
    if not may():
        raise UpstreamError(OVER)
    connection = pool.take() or await pool.connect()
    while True:
        if not may():
            connection.abort()
            raise UpstreamError(OVER)
        whole = _Whole(connection, limit)
        connection.exchange(method, whole)
        connection.send(data)
        try:
            return await whole.done
        except UpstreamError:
            if method != b"GET" or not connection.reused or connection.responded:
                raise
        except asyncio.CancelledError:
            connection.abort()
            raise
        connection = await pool.connect()
