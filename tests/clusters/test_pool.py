"""Connections that are kept, and those that must not be."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from jitui.clusters.dial import Address, client_context, dial
from jitui.clusters.pool import Connection, Pool
from jitui.clusters.port import Headers, P
from jitui.policy.terms import Grant
from jitui.protocol.http import KnownHead, ResponseHead
from jitui.values.errors import UpstreamError
from tests.clusters.authority import Authority, Pair
from tests.clusters.peer import Peer, Respond, listen, ok

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@dataclass
class Direct:
    """An Upstream without a credential."""

    url: str
    ca: bytes
    host: bytes = b"x"
    prefix: bytes = b""
    epoch: int = 0

    def ready(self, grant: Grant | None) -> Headers:
        return ()

    async def authorization(self, grant: Grant | None) -> Headers:
        return ()

    async def renew(self, grant: Grant | None, stale: Headers) -> bool:
        return False

    async def open(self, factory: Callable[[], P], *, stream: bool = False) -> tuple[asyncio.Transport, P]:
        return await dial(Address.parse(self.url), client_context(self.ca), factory, stream=stream)

    async def forget(self, grant: Grant) -> None:
        """Nothing is kept."""


@dataclass
class Reader:
    """Remembers what it is told; releases at the end if asked to."""

    connection: Connection
    release: bool = True
    heads: list[ResponseHead] = field(default_factory=list)
    data: bytes = b""
    error: UpstreamError | None = None
    flow: list[bool] = field(default_factory=list)
    ended: int = 0
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def head(self, head: ResponseHead) -> None:
        self.heads.append(head)

    def body(self, data: bytes) -> None:
        self.data += data

    def end(self) -> None:
        self.ended += 1
        if self.release:
            self.connection.release()
        self.done.set()

    def lost(self, error: UpstreamError) -> None:
        assert self.error is None
        self.error = error
        self.done.set()

    def writable(self, yes: bool) -> None:
        self.flow.append(yes)


async def ask(connection: Connection, method: bytes = b"GET", *, release: bool = True) -> Reader:
    """One exchange, to its end or loss."""
    reader = Reader(connection, release)
    connection.exchange(method, reader)
    connection.send(method + GET[3:])
    await asyncio.wait_for(reader.done.wait(), 30)
    return reader


Serve = Callable[..., Any]


@pytest.fixture
def pooled(authority: Authority, server: Pair, tmp_path: Path) -> Serve:
    """A peer that answers so, and a pool towards it."""

    @asynccontextmanager
    async def run(respond: Respond, **options: Any) -> AsyncIterator[tuple[Pool, Peer, Direct]]:
        async with listen(respond, server, tmp_path) as peer:
            upstream = Direct(peer.url, authority.pem)
            pool = Pool(upstream, **options)
            yield pool, peer, upstream
            pool.close()

    return run


async def soon(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what changes has no event
            await asyncio.sleep(0.01)


async def test_a_connection_is_used_again(pooled: Serve) -> None:
    """After a whole response it is back at once, and says that it was used."""
    async with pooled(lambda _: ok(b"hello")) as (pool, peer, _):
        assert pool.take() is None
        connection = await pool.connect()
        assert not connection.reused
        first = await ask(connection)
        assert (first.heads[0].status, first.data, first.ended, len(pool)) == (200, b"hello", 1, 1)
        again = pool.take()
        assert again is connection
        assert (again.reused, again.responded, len(pool)) == (True, True, 0)
        second = await ask(again)
        assert (second.data, peer.connections, len(peer.asked)) == (b"hello", 1, 2)


@pytest.mark.parametrize(
    ("answer", "data"),
    [
        (ok(b"bye", "Connection: close"), b"bye"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nold", b"old"),
    ],
)
async def test_a_connection_that_will_close_is_not_kept(pooled: Serve, answer: bytes, data: bytes) -> None:
    """`Connection: close` and HTTP/1.0 end it, after the whole response was read."""
    async with pooled(lambda _: answer) as (pool, _, _):
        reader = await ask(await pool.connect())
        assert (reader.data, reader.error, len(pool)) == (data, None, 0)


async def test_a_body_until_the_end_of_the_connection(pooled: Serve) -> None:
    """Without a length the close is the end of it; nothing is left to keep."""

    def respond(_: object) -> bytes | None:
        asyncio.get_running_loop().call_later(0.05, peer.hang_up)
        return b"HTTP/1.1 200 OK\r\n\r\nall there is"

    async with pooled(respond) as (pool, peer, _):
        reader = await ask(await pool.connect())
        assert (reader.data, reader.ended, reader.error, len(pool)) == (b"all there is", 1, None, 0)


async def test_a_response_to_head_has_no_body(pooled: Serve) -> None:
    """Its Content-Length is not waited for, and the connection is kept."""
    async with pooled(lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n") as (pool, _, _):
        reader = await ask(await pool.connect(), b"HEAD")
        assert (reader.data, reader.ended, len(pool)) == (b"", 1, 1)


async def test_a_chunked_response(pooled: Serve) -> None:
    """Decoded, and kept afterwards."""
    async with pooled(lambda _: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n") as (pool, _, _):
        reader = await ask(await pool.connect())
        assert (reader.data, len(pool)) == (b"abcde", 1)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n", "switches protocols"),
        (ok(b"x") + ok(b"smuggled"), "not usable"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "not usable"),
        (b"\x00\x00\x18\x04\x00\x00\x00\x00\x00" + bytes(24), "not usable"),
    ],
)
async def test_what_is_not_one_clean_response_closes(pooled: Serve, answer: bytes, why: str) -> None:
    """An unasked upgrade, bytes behind the end, two lengths, HTTP/2: the exchange is lost and the connection gone."""
    async with pooled(lambda _: answer) as (pool, _, _):
        connection = await pool.connect()
        reader = await ask(connection)
        assert reader.error is not None
        assert why in str(reader.error)
        await soon(lambda: connection.transport is None)
        assert len(pool) == 0


@pytest.mark.parametrize(("sent", "responded"), [(None, False), (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal", True)])
async def test_a_connection_that_ends_in_the_middle(pooled: Serve, sent: bytes | None, responded: bool) -> None:
    """Lost, and whether a byte of the response had come tells if the request may have been seen."""

    def respond(_: object) -> bytes | None:
        if sent is not None:
            asyncio.get_running_loop().call_later(0.05, peer.hang_up)
        return sent

    async with pooled(respond) as (pool, peer, _):
        connection = await pool.connect()
        reader = await ask(connection)
        assert isinstance(reader.error, UpstreamError)
        assert (connection.responded, reader.ended, len(pool)) == (responded, 0, 0)


async def test_bytes_on_an_idle_connection_drop_it(pooled: Serve) -> None:
    """An answer nobody waits for must not become the answer to the next request."""
    async with pooled(lambda _: ok()) as (pool, peer, _):
        await ask(await pool.connect())
        peer.writers[0].write(ok(b"poison"))
        await soon(lambda: len(pool) == 0)
        assert pool.take() is None


async def test_bytes_between_end_and_release_drop_it(pooled: Serve) -> None:
    """The same while its owner has not let go of it yet."""
    async with pooled(lambda _: ok()) as (pool, peer, _):
        connection = await pool.connect()
        reader = await ask(connection, release=False)
        peer.writers[0].write(ok(b"poison"))
        await soon(lambda: not connection.usable)
        connection.release()
        assert (len(pool), reader.error) == (0, None)


async def test_an_idle_connection_that_is_closed_is_forgotten(pooled: Serve) -> None:
    """The server's idle timeout takes it out of the pool."""
    async with pooled(lambda _: ok()) as (pool, peer, _):
        await ask(await pool.connect())
        peer.hang_up()
        await soon(lambda: len(pool) == 0)


async def test_idle_connections_are_closed_in_time(pooled: Serve) -> None:
    """Before the server does it, so that the race is rare."""
    async with pooled(lambda _: ok(), idle_s=0.1) as (pool, _, _):
        connection = await pool.connect()
        await ask(connection)
        assert len(pool) == 1
        await soon(lambda: len(pool) == 0)
        await soon(lambda: connection.transport is None)


async def test_no_more_are_kept_than_the_limit(pooled: Serve) -> None:
    """But any number may be open at once."""
    async with pooled(lambda _: ok(), limit=2) as (pool, peer, _):
        connections = [await pool.connect() for _ in range(4)]
        await asyncio.gather(*(ask(connection) for connection in connections))
        assert (len(pool), peer.connections) == (2, 4)


async def test_the_newest_is_taken_first(pooled: Serve) -> None:
    """So that the others get old and are closed."""
    async with pooled(lambda _: ok()) as (pool, _, _):
        one, two = await pool.connect(), await pool.connect()
        await ask(one)
        await ask(two)
        assert [pool.take(), pool.take(), pool.take()] == [two, one, None]


async def test_another_client_certificate_ends_the_old_connections(pooled: Serve) -> None:
    """A connection from before the epoch rose is neither given out nor kept."""
    async with pooled(lambda _: ok()) as (pool, _, upstream):
        busy, idle = await pool.connect(), await pool.connect()
        await ask(idle)
        upstream.epoch += 1
        assert pool.take() is None
        await ask(busy)
        assert len(pool) == 0


async def test_released_too_early_it_is_closed(pooled: Serve) -> None:
    """Before the end of the response it can't be clean."""
    async with pooled(lambda _: ok()) as (pool, _, _):
        connection = await pool.connect()
        connection.exchange(b"GET", Reader(connection))
        connection.release()
        assert (len(pool), connection.usable) == (0, False)


async def test_after_an_abort_nothing_is_called(pooled: Serve) -> None:
    """The owner ended it: it hears neither an end nor a loss."""
    async with pooled(lambda _: ok()) as (pool, _, _):
        connection = await pool.connect()
        reader = Reader(connection)
        connection.exchange(b"GET", reader)
        connection.send(GET)
        connection.abort()
        await soon(lambda: connection.transport is None)
        assert (reader.heads, reader.ended, reader.error) == ([], 0, None)


async def test_an_exchange_on_a_lost_connection_is_lost_at_once(pooled: Serve) -> None:
    """Between taking and using it may have gone."""
    async with pooled(lambda _: ok()) as (pool, peer, _):
        connection = await pool.connect()
        await soon(lambda: bool(peer.writers))
        peer.hang_up()
        await soon(lambda: connection.transport is None)
        reader = await ask(connection)
        assert reader.error is not None


async def test_a_reader_that_pauses_holds_the_server_up(pooled: Serve) -> None:
    """While paused, at most what the buffers hold has been read; then all of it arrives, and the connection is kept."""
    size = 16 << 20
    async with pooled(lambda _: ok(bytes(size))) as (pool, _, _):
        connection = await pool.connect()

        class Slow(Reader):
            def head(self, head: ResponseHead) -> None:
                super().head(head)
                connection.pause_reading()

        reader = Slow(connection)
        connection.exchange(b"GET", reader)
        connection.send(GET)
        await soon(lambda: bool(reader.heads))
        await asyncio.sleep(0.2)
        assert len(reader.data) < 1 << 20
        connection.resume_reading()
        await asyncio.wait_for(reader.done.wait(), 10)
        assert (len(reader.data), len(pool)) == (size, 1)


async def test_released_while_paused_it_reads_again(pooled: Serve) -> None:
    """The next owner is not left deaf."""
    async with pooled(lambda _: ok(b"x")) as (pool, _, _):
        connection = await pool.connect()

        class Pausing(Reader):
            def end(self) -> None:
                connection.pause_reading()
                super().end()

        reader = Pausing(connection)
        connection.exchange(b"GET", reader)
        connection.send(GET)
        await asyncio.wait_for(reader.done.wait(), 30)
        taken = pool.take()
        assert taken is connection
        assert (await ask(taken)).data == b"x"


async def test_a_server_that_does_not_read_holds_the_request_up(pooled: Serve) -> None:
    """`writable(False)` when too much waits, long before memory fills; `writable(True)` when it may go on."""
    async with pooled(lambda asked: ok(str(len(asked.body)).encode())) as (pool, peer, _):
        size = 32 << 20
        connection = await pool.connect()
        reader = Reader(connection)
        connection.exchange(b"POST", reader)
        connection.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
        await soon(lambda: bool(peer.writers))
        peer.writers[0].transport.pause_reading()
        sent = 0
        while not reader.flow and sent < size:
            connection.send(bytes(256 << 10))
            sent += 256 << 10
            await asyncio.sleep(0)
        assert (reader.flow, sent < 12 << 20) == ([False], True)
        peer.writers[0].transport.resume_reading()
        await soon(lambda: reader.flow == [False, True])
        connection.send(bytes(size - sent))
        await asyncio.wait_for(reader.done.wait(), 10)
        assert (reader.data, len(pool)) == (b"%d" % size, 1)


async def test_a_closed_pool_keeps_nothing(pooled: Serve) -> None:
    """A connection in use ends well, and is closed then."""
    async with pooled(lambda _: ok(b"x")) as (pool, _, _):
        idle, busy = await pool.connect(), await pool.connect()
        await ask(idle)
        pool.close()
        assert (len(pool), idle.usable) == (0, False)
        assert (await ask(busy)).data == b"x"
        assert (len(pool), busy.usable) == (0, False)


class Line(asyncio.Transport):
    """The open transport of a connection."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = False

    def write(self, data: Any) -> None:
        """It goes nowhere."""

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True

    close = abort


class Asked(Reader):
    """Takes a usual answer at once; it fails if it is told to."""

    broken = False

    def answered(self, known: KnownHead, body: bytes) -> None:
        if self.broken:
            raise ValueError("a mistake")
        self.heads.append(known.head)
        self.data += body
        self.ended += 1
        self.connection.release()


def asked(pool: Pool) -> tuple[Connection, Asked]:
    """A connection that was asked for something."""
    connection = Connection(pool)
    connection.connection_made(Line())
    reader = Asked(connection)
    connection.ask(GET, reader, b"id")
    return connection, reader


WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


async def test_answers_of_one_turn_are_looked_at_together() -> None:
    """In the next turn, in the order in which they came; what came of one in several reads is one piece. A mistake with one is not the others'."""
    pool, told = Pool(Direct("https://127.0.0.1", b"")), list[Any]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))
    (first, one), (broken, bad), (second, two) = asked(pool), asked(pool), asked(pool)
    bad.broken = True
    first.data_received(WHOLE[:45])
    broken.data_received(WHOLE)
    second.data_received(WHOLE)
    first.data_received(WHOLE[45:])
    assert (one.ended, two.ended) == (0, 0)
    await asyncio.sleep(0)
    assert ((one.data, one.ended), (two.data, two.ended), len(pool), pool.take()) == ((b"hello", 1), (b"hello", 1), 2, second)
    assert (bad.ended, broken.usable, [str(error) for error in told]) == (0, False, ["a mistake"])


async def test_an_answer_is_looked_at_before_the_end_of_its_connection() -> None:
    """It is whole; of one that was given up in between nothing is said."""
    pool = Pool(Direct("https://127.0.0.1", b""))
    for end in (Connection.eof_received, lambda connection: connection.connection_lost(None)):
        connection, reader = asked(pool)
        connection.data_received(WHOLE)
        end(connection)
        assert (reader.data, reader.ended, reader.error) == (b"hello", 1, None)
    connection, reader = asked(pool)
    connection.data_received(WHOLE)
    connection.abort()
    await asyncio.sleep(0)
    assert (reader.data, reader.ended, reader.error) == (b"", 0, None)


async def test_an_answer_that_another_reads_goes_to_it() -> None:
    """The handler changed after it came: it gets it piece by piece."""
    pool = Pool(Direct("https://127.0.0.1", b""))
    connection, reader = asked(pool)
    other = Reader(connection)
    connection.data_received(WHOLE)
    connection.hand_over(other)
    await asyncio.sleep(0)
    assert (reader.ended, other.data, other.ended, other.error) == (0, b"hello", 1, None)


async def test_a_mistake_before_an_answer_is_whole_is_told_as_a_loss() -> None:
    """Or the client would wait for the rest: at its head, at the rest that came late, and as its connection ends; one in the telling is not the others'."""

    def fail(_: object) -> None:
        raise ValueError("a mistake")

    pool, told = Pool(Direct("https://127.0.0.1", b"")), list[Any]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(str(context["exception"])))
    several = [asked(pool) for _ in range(4)]
    for connection, reader in several:
        reader.head = fail  # type: ignore[method-assign,assignment]
        connection.data_received(WHOLE[:-2] if connection is several[1][0] else b"HTTP/1.0 200 OK\r\nX: y\r\n\r\nhe")
    several[2][0].connection_lost(None)
    several[3][1].lost = fail  # type: ignore[method-assign,assignment]
    async with asyncio.timeout(30):
        await asyncio.gather(*(reader.done.wait() for _, reader in several[:3]))
    assert [("failed to read" in str(reader.error), reader.ended, connection.usable) for connection, reader in several[:3]] == [(True, 0, False)] * 3
    assert (told, several[3][0].usable, len(pool)) == (["a mistake"] * 5, False, 0)
