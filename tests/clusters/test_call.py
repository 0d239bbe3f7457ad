"""One whole request of the gateway itself."""

import asyncio
from pathlib import Path

import pytest

from jitui.clusters.call import call
from jitui.clusters.pool import Pool
from jitui.clusters.port import Headers
from jitui.policy.terms import Grant
from jitui.values.errors import UpstreamError
from tests.clusters.authority import Authority, Pair
from tests.clusters.peer import Asked, Peer, Respond, listen, ok
from tests.clusters.test_pool import Direct


class Renewing(Direct):
    """Has one credential after the other."""

    tokens = ("t-1", "t-2")
    renewed = 0

    def ready(self, grant: Grant | None) -> Headers:
        return ((b"authorization", f"Bearer {self.tokens[self.renewed]}".encode()),)

    async def authorization(self, grant: Grant | None) -> Headers:
        return self.ready(grant)

    async def renew(self, grant: Grant | None, stale: Headers) -> bool:
        if self.renewed + 1 == len(self.tokens):
            return False
        self.renewed += 1
        return True


def only(token: str) -> Respond:
    return lambda asked: ok(b"in") if asked.headers.get("authorization") == f"Bearer {token}" else ok(b"no", status="401 Unauthorized")


async def test_what_is_sent(authority: Authority, server: Pair, tmp_path: Path) -> None:
    """Host, prefix, credential and the caller's headers; a body with its length; the answer whole, whatever its status."""
    async with listen(lambda _: ok(b"gone", "X-A: 1", status="404 Not Found"), server, tmp_path) as peer:
        upstream = Renewing(peer.url, authority.pem, host=b"cluster:6443", prefix=b"/k8s")
        pool = Pool(upstream)
        reply = await call(pool, upstream, b"POST", b"/api?x=1", headers=((b"accept", b"a/b"),), body=b"hello")
        assert (reply.status, reply.head.get(b"x-a"), reply.body, len(pool)) == (404, b"1", b"gone", 1)
        (asked,) = peer.asked
        assert (asked.method, asked.target, asked.body) == ("POST", "/k8s/api?x=1", b"hello")
        assert asked.headers == {
            "host": "cluster:6443", "user-agent": "jitui", "accept": "a/b", "authorization": "Bearer t-1", "content-length": "5",
        }  # fmt: skip
        assert "gone" not in repr(reply)
        pool.close()


async def test_a_refused_credential_is_renewed_once(authority: Authority, server: Pair, tmp_path: Path) -> None:
    """401, another credential, the same request again, on the same connection."""
    async with listen(only("t-2"), server, tmp_path) as peer:
        upstream = Renewing(peer.url, authority.pem)
        pool = Pool(upstream)
        assert (await call(pool, upstream, b"GET", b"/")).body == b"in"
        assert ([asked.headers["authorization"] for asked in peer.asked], peer.connections) == (["Bearer t-1", "Bearer t-2"], 1)
        pool.close()


async def test_a_credential_that_stays_refused(authority: Authority, server: Pair, tmp_path: Path) -> None:
    """An error, never a 401 for the caller: it is the gateway that was not let in."""
    async with listen(only("t-9"), server, tmp_path) as peer:
        upstream = Renewing(peer.url, authority.pem)
        pool = Pool(upstream)
        for _ in range(2):
            with pytest.raises(UpstreamError, match="does not accept the gateway's credential"):
                await call(pool, upstream, b"GET", b"/")
        assert len(peer.asked) == 3
        pool.close()


def slam(asked: Asked) -> bytes | None:
    """The first connection is closed instead of answering /slam."""
    return ok() if asked.connection > 1 or asked.target != "/slam" else None


async def test_a_kept_connection_that_was_closed_meanwhile(authority: Authority, server: Pair, tmp_path: Path) -> None:
    """A GET is sent once more on a new connection; a POST is not, as nobody knows whether it was carried out."""
    async with listen(slam, server, tmp_path) as peer:
        upstream = Direct(peer.url, authority.pem)
        pool = Pool(upstream)
        await call(pool, upstream, b"GET", b"/")
        assert (await call(pool, upstream, b"GET", b"/slam")).status == 200
        assert ([asked.target for asked in peer.asked], peer.connections) == (["/", "/slam", "/slam"], 2)
        pool.close()
    async with listen(slam, server, tmp_path) as peer:
        upstream = Direct(peer.url, authority.pem)
        pool = Pool(upstream)
        await call(pool, upstream, b"GET", b"/")
        with pytest.raises(UpstreamError, match="closed the connection before it answered"):
            await call(pool, upstream, b"POST", b"/slam", body=b"x")
        assert peer.connections == 1
        pool.close()


async def test_a_new_connection_that_closes_is_an_error(authority: Authority, server: Pair, tmp_path: Path) -> None:
    """There is no race to blame: no second try."""
    async with listen(lambda _: None, server, tmp_path) as peer:
        upstream = Direct(peer.url, authority.pem)
        with pytest.raises(UpstreamError, match="closed the connection before it answered"):
            await call(Pool(upstream), upstream, b"GET", b"/")
        assert len(peer.asked) == 1


async def test_an_answer_that_is_too_large(authority: Authority, server: Pair, tmp_path: Path) -> None:
    """It is not read to its end, and the connection is not kept."""
    async with listen(lambda _: ok(bytes(3 << 20)), server, tmp_path) as peer:
        upstream = Direct(peer.url, authority.pem)
        pool = Pool(upstream)
        with pytest.raises(UpstreamError, match="larger than 1 MiB"):
            await call(pool, upstream, b"GET", b"/", limit=1 << 20)
        assert len(pool) == 0


async def test_an_answer_that_does_not_come(authority: Authority, server: Pair, tmp_path: Path) -> None:
    """The sentence names path and patience; the connection is closed, so that a late answer meets nobody."""
    async with listen(lambda _: b"HTTP/1.1 200 OK\r\n", server, tmp_path) as peer:
        upstream = Direct(peer.url, authority.pem)
        pool = Pool(upstream)
        with pytest.raises(UpstreamError, match=r"did not answer /version within 0\.3 s"):
            await call(pool, upstream, b"GET", b"/version", timeout=0.3)
        await asyncio.wait_for(_closed(peer), 30)
        assert len(pool) == 0


async def _closed(peer: Peer) -> None:
    await asyncio.wait({task for task in peer.tasks if task is not None})
