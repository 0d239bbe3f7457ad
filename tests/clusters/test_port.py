"""The interface holds for what is to come: a cluster with a credential per grant, as EKS is."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from jitui.clusters.call import call
from jitui.clusters.dial import Address, client_context, dial
from jitui.clusters.kubeconfig.upstream import Kubeconfig
from jitui.clusters.pool import Pool
from jitui.clusters.port import Headers, P, Upstream
from jitui.policy.scope import Scope
from jitui.policy.terms import Grant
from jitui.values.clock import ManualClock
from tests.clusters.authority import Authority, Pair
from tests.clusters.conftest import Write
from tests.clusters.peer import listen, ok


class PerGrant:
    """One session for each grant, made when first needed, as AssumeRole does."""

    host, prefix, epoch = b"c", b"", 0

    def __init__(self, url: str, ca: bytes) -> None:
        self.address, self.context = Address.parse(url), client_context(ca)
        self.sessions: dict[str, Headers] = {}
        self.made = 0

    def ready(self, grant: Grant | None) -> Headers | None:
        return self.sessions.get(grant.label if grant else "own")

    async def authorization(self, grant: Grant | None) -> Headers:
        name = grant.label if grant else "own"
        if name not in self.sessions:
            await asyncio.sleep(0)
            self.made += 1
            self.sessions[name] = ((b"authorization", f"Bearer {name}.{self.made}".encode()),)
        return self.sessions[name]

    async def renew(self, grant: Grant | None, stale: Headers) -> bool:
        name = grant.label if grant else "own"
        if self.sessions.get(name) == stale:
            del self.sessions[name]
        return await self.authorization(grant) != stale

    async def open(self, factory: Callable[[], P], *, stream: bool = False) -> tuple[asyncio.Transport, P]:
        return await dial(self.address, self.context, factory, stream=stream)

    async def forget(self, grant: Grant) -> None:
        self.sessions.pop(grant.label, None)


def grant(ident: int, identity: str = "agent-deploybot") -> Grant:
    return Grant(ident, 1, identity, "staging", Scope.parse("read pods in web"), 1800, ManualClock().now())


async def test_each_grant_has_its_own_credential(authority: Authority, server: Pair, tmp_path: Path) -> None:
    """Over shared connections; a 401 renews only the one that was refused; nothing is left of a grant that ended."""
    refused = {"Bearer g-1.1"}
    async with listen(lambda asked: ok(status="401 U" if asked.headers["authorization"] in refused else "200 OK"), server, tmp_path) as peer:
        upstream = PerGrant(peer.url, authority.pem)
        pool = Pool(upstream)
        for it in (grant(1), grant(2), None, grant(1)):
            assert (await call(pool, upstream, b"GET", b"/", grant=it)).status == 200
        assert [asked.headers["authorization"][7:] for asked in peer.asked] == ["g-1.1", "g-1.2", "g-2.3", "own.4", "g-1.2"]
        assert peer.connections == 1
        await upstream.forget(grant(1))
        assert (upstream.ready(grant(1)), upstream.ready(grant(2)) is None) == (None, False)
        pool.close()


def test_who_is_an_upstream(kubeconfig: Write) -> None:
    """A kubeconfig and a per-grant cluster alike (the assignments are checked by mypy)."""
    clusters: list[Upstream] = [Kubeconfig.load(kubeconfig("https://h:6443/p/", {"token": "t"}), "", ManualClock())]
    assert [(it.host, it.prefix, it.epoch, it.ready(None)) for it in clusters] == [(b"h:6443", b"/p", 0, ((b"authorization", b"Bearer t"),))]
