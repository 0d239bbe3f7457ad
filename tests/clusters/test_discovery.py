"""The gateway's own copy, against servers that speak discovery old and new, and a real one."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from jitui.clusters.accept import JSON, LISTS, OURS, PROTOBUF
from jitui.clusters.discovery import USUAL, Answer, Discovery
from jitui.clusters.kubeconfig.upstream import Kubeconfig
from jitui.clusters.pool import Pool
from jitui.values.clock import Clock, ManualClock, SystemClock
from jitui.values.errors import UpstreamError
from tests.clusters.authority import Authority, Pair
from tests.clusters.documents import SERVED, Table, aggregated, groups_of, resources, versions
from tests.clusters.peer import Asked, Peer, listen, ok
from tests.clusters.test_pool import Direct
from tests.support.clusters import GROUP, Cluster, new_kind

CRD: Table = {"acme.io": {"v1": {"rockets": {"namespaced": True, "subresources": []}}}}


@dataclass
class Server:
    """An API server's discovery: `lists` are the aggregated versions it has."""

    served: Table = field(default_factory=lambda: {group: dict(of) for group, of in SERVED.items()})
    lists: tuple[str, ...] = ("v2",)
    down: bool = False
    broken: frozenset[str] = frozenset()  # paths that answer 503

    def __call__(self, asked: Asked) -> bytes:
        if self.down or asked.target in self.broken:
            return ok(b'{"kind":"Status","message":"etcd is away"}', status="503 Service Unavailable")
        accept = asked.headers["accept"]
        for clause in accept.split(","):
            version = clause.partition("v=")[2].partition(";")[0]
            if asked.target in {"/api", "/apis"} and version in self.lists:
                part = {group: of for group, of in self.served.items() if (group == "") == (asked.target == "/api")}
                body = aggregated(part, version)
                etag = f'"{hashlib.sha256(body).hexdigest()}"'
                headers = (f"Etag: {etag}", "Cache-Control: public", "Vary: Accept", f"Content-Type: {clause}", "Audit-Id: a", "Set-Cookie: x=1")
                if asked.headers.get("if-none-match") == etag:
                    return ok(b"", *headers, status="304 Not Modified")
                return ok(body, *headers)
        return self._plain(asked.target, "Content-Type: " + accept.partition(",")[0])

    def _plain(self, path: str, kind: str) -> bytes:
        if path == "/version":
            return ok(b'{"major":"1"}', kind)
        if path == "/api":
            return ok(versions(self.served), kind)
        if path == "/apis":
            return ok(groups_of(self.served), kind)
        group, _, version = path.removeprefix("/api/" if path.startswith("/api/") else "/apis/").rpartition("/")
        if version not in self.served.get(group, {}):
            return ok(b"404 page not found", status="404 Not Found")
        return ok(resources(self.served, group, version), kind)


Begin = Callable[..., Any]


@pytest.fixture
def begin(authority: Authority, server: Pair, tmp_path: Path, clock: ManualClock) -> Begin:
    """A discovery of this server."""

    @asynccontextmanager
    async def run(respond: Server, at: Clock = clock, **options: Any) -> AsyncIterator[tuple[Discovery, Peer]]:
        async with listen(respond, server, tmp_path) as peer:
            upstream = Direct(peer.url, authority.pem)
            pool = Pool(upstream)
            yield Discovery(upstream, pool, at, **options), peer
            pool.close()

    return run


async def get(discovery: Discovery, path: str, accept: bytes = JSON, if_none_match: bytes = b"") -> Answer | None:
    """As a listener does it."""
    return discovery.answer(path, accept, if_none_match) or await discovery.fetch(path, accept, if_none_match)


@pytest.mark.parametrize(
    ("path", "covered"),
    [
        ("/version", True), ("/api", True), ("/apis", True), ("/api/v1", True), ("/apis/apps/v1", True), ("/apis/cert-manager.io/v1alpha2", True),
        ("/api/", True), ("/version/", True), ("/api/v2", True), ("/apis/apps", True), ("/apis/apps/", True), ("/apis/apps/v1/", True),
        ("/", False), ("/api/v1/pods", False), ("/apis//", False), ("/api//", False), ("/version/x", False),
        ("/apis/apps/v1/deployments", False), ("/apis/apps/../v1", False), ("/apis/a%2fb/v1", False), ("/openapi/v3", False), ("/healthz", False),
        ("/apis/apps/v1\n", False), ("//api", False), ("/apis/APPS/v1", False),
    ],
)  # fmt: skip
def test_exactly_these_paths(path: str, covered: bool) -> None:
    """Exact depth, with or without a slash at the end; everything else is judged like any request."""
    assert Discovery.covers(path) is covered


async def test_an_answer_is_the_clusters_own(begin: Begin) -> None:
    """Body, Content-Type, ETag, Vary and Cache-Control verbatim, and no other header; the second time without asking."""
    async with begin(Server()) as (discovery, peer):
        assert discovery.answer("/apis", OURS) is None
        first = await get(discovery, "/apis", OURS)
        assert first is not None
        assert (first.status, first.body) == (200, aggregated({"apps": SERVED["apps"]}))
        etag = f'"{hashlib.sha256(first.body).hexdigest()}"'.encode()
        assert dict(first.headers) == {
            b"Content-Type": OURS.partition(b",")[0], b"Etag": etag, b"Vary": b"Accept", b"Cache-Control": b"public",
        }  # fmt: skip
        assert discovery.answer("/apis", OURS) is first
        assert len(peer.asked) == 1


async def test_a_client_that_has_it_gets_304(begin: Begin) -> None:
    """Weak comparison over a list, and `*`; without a body, with the ETag."""
    async with begin(Server()) as (discovery, _):
        whole = await get(discovery, "/apis", OURS)
        assert whole is not None
        etag = dict(whole.headers)[b"Etag"]
        for match in (etag, b'"x", W/' + etag, b"*"):
            answer = discovery.answer("/apis", OURS, match)
            assert answer is not None
            assert (answer.status, answer.body, dict(answer.headers)[b"Etag"]) == (304, b"", etag)
        assert discovery.answer("/apis", OURS, b'"other"') is whole
        plain = await get(discovery, "/version", JSON, b"*")
        assert plain is not None
        assert plain.status == 200  # it has no ETag


async def test_one_copy_per_form(begin: Begin) -> None:
    """A thousand different Accept headers make no more requests than there are forms."""
    async with begin(Server()) as (discovery, peer):
        for at in range(1000):
            await get(discovery, "/api", JSON + b";x=%d," % at + PROTOBUF + b";y=%d" % at)
        assert {asked.headers["accept"] for asked in peer.asked} == {"application/json"}
        assert len(peer.asked) == 1


async def test_many_at_once_ask_once(begin: Begin) -> None:
    """A hundred clients at a cold start make one request."""
    async with begin(Server()) as (discovery, peer):
        answers = await asyncio.gather(*(get(discovery, "/version") for _ in range(100)))
        assert {answer.body for answer in answers if answer} == {b'{"major":"1"}'}
        assert len(peer.asked) == 1


async def test_group_versions_that_are_named(begin: Begin) -> None:
    """Others are None (404) and are not passed on; the names are looked at again every two seconds at most."""
    async with begin(Server()) as (discovery, peer):
        known = await get(discovery, "/apis/apps/v1")
        assert known is not None
        assert json.loads(known.body)["groupVersion"] == "apps/v1"
        for _ in range(50):
            assert await get(discovery, "/apis/acme.io/v1") is None
        assert {asked.target for asked in peer.asked} == {"/api", "/apis", "/apis/apps/v1"}
        assert len(peer.asked) == 3


async def test_a_new_group_is_found(begin: Begin, clock: ManualClock) -> None:
    """A CRD made just now is served to who asks for it two seconds later."""
    server = Server()
    async with begin(server) as (discovery, _):
        assert await get(discovery, "/apis/acme.io/v1") is None
        server.served.update(CRD)
        assert await get(discovery, "/apis/acme.io/v1") is None
        clock.advance(2)
        assert await get(discovery, "/apis/acme.io/v1") is not None
        assert await discovery.look("acme.io", "rockets") is True


@pytest.mark.parametrize("lists", [("v2",), ("v2beta1",), ()])
async def test_kinds_from_any_server(begin: Begin, lists: tuple[str, ...]) -> None:
    """1.30 and later, 1.26 to 1.29, and before: the same answers."""
    async with begin(Server(lists=lists)) as (discovery, _):
        assert discovery.namespaced("", "pods") is None
        assert await discovery.look("", "pods") is True
        found = [discovery.namespaced(group, name) for group, name in (("", "nodes"), ("apps", "deployments"), ("", "deployments"), ("apps", "pods"))]
        assert found == [False, True, None, None]
        assert [sub in discovery.served.kinds["", "pods"].subresources for sub in ("exec", "scale")] == [True, False]
        assert discovery.served.named == {("", "v1"), ("apps", "v1")}


async def test_an_old_server_with_a_group_that_is_down(begin: Begin) -> None:
    """metrics.k8s.io without its backend takes only its own kinds with it."""
    served: Table = {**SERVED, "metrics.k8s.io": {"v1beta1": {"nodes": {"namespaced": False, "subresources": []}}}}
    async with begin(Server(served, lists=(), broken=frozenset({"/apis/metrics.k8s.io/v1beta1"}))) as (discovery, _):
        assert await discovery.look("apps", "deployments") is True
        assert await discovery.look("metrics.k8s.io", "nodes") is None
        with pytest.raises(UpstreamError, match=r"answered 503 to /apis/metrics\.k8s\.io/v1beta1, which tells what it serves: etcd is away"):
            await get(discovery, "/apis/metrics.k8s.io/v1beta1")


async def test_looks_for_unknown_kinds_are_few(begin: Begin) -> None:
    """An agent that asks for nonsense makes no load: one look in two seconds."""
    async with begin(Server()) as (discovery, peer):
        assert set(await asyncio.gather(*(discovery.look("x", f"kind{at}") for at in range(100)))) == {None}
        assert len(peer.asked) == 2


async def test_a_look_just_after_another_waits_for_its_turn(begin: Begin) -> None:
    """A kind that came between the two is found, and not denied because somebody else had looked a moment before."""
    server = Server()
    async with begin(server, SystemClock()) as (discovery, peer):
        assert await discovery.look("acme.io", "rockets") is None
        server.served.update(CRD)
        began = asyncio.get_running_loop().time()
        assert await discovery.look("acme.io", "rockets") is True
        assert 1 < asyncio.get_running_loop().time() - began < 5
        assert len(peer.asked) == 4


async def test_the_old_copy_is_served_while_the_cluster_is_down(begin: Begin, clock: ManualClock) -> None:
    """For as long as that takes; kinds too; then the new one."""
    server = Server()
    async with begin(server) as (discovery, peer):
        whole = await get(discovery, "/apis", OURS)
        await discovery.look("", "pods")
        server.down = True
        for _ in range(3):
            clock.advance(3600)
            assert discovery.answer("/apis", OURS) is None  # too old to be given unasked
            assert await get(discovery, "/apis", OURS) == whole
            assert discovery.answer("/apis", OURS) == whole  # the attempt counts
            assert await discovery.look("", "pods") is True
        server.down = False
        server.served.update(CRD)
        clock.advance(3600)
        new = await get(discovery, "/apis", OURS)
        assert new is not None
        assert b"acme.io" in new.body
        peer.hang_up()


async def test_a_cluster_that_was_never_reached(begin: Begin, clock: ManualClock) -> None:
    """The cause is said, to everyone who waits, without asking again for each."""
    async with begin(Server(down=True)) as (discovery, peer):
        for path in ("/version", "/apis/apps/v1"):
            for result in await asyncio.gather(*(get(discovery, path) for _ in range(20)), return_exceptions=True):
                assert isinstance(result, UpstreamError)
                assert "which tells what it serves: etcd is away" in str(result)
        assert [asked.target for asked in peer.asked] == ["/version", "/api"]
        clock.advance(2)
        with pytest.raises(UpstreamError):
            await get(discovery, "/version")
        assert len(peer.asked) == 3


async def test_unchanged_documents_are_not_sent_again(begin: Begin, clock: ManualClock) -> None:
    """The copy is validated with its ETag."""
    async with begin(Server()) as (discovery, peer):
        await discovery.look("", "pods")
        clock.advance(3600)
        await discovery.look("", "none")
        assert [bool(asked.headers.get("if-none-match")) for asked in peer.asked] == [False, False, True, True]
        assert discovery.namespaced("", "pods") is True


async def test_it_refreshes_itself_while_used(begin: Begin) -> None:
    """Loaded at the start; asked again in the background; nobody has to wait for it."""
    server = Server()
    async with begin(server, SystemClock(), every_s=0.2) as (discovery, _), asyncio.TaskGroup() as group:
        running = group.create_task(discovery.run())
        discovery.occupy(True)
        await _until(lambda: discovery.namespaced("", "pods") is True)
        server.served.update(CRD)
        await _until(lambda: discovery.namespaced("acme.io", "rockets") is True)
        answer = discovery.answer("/apis", OURS)
        assert answer is not None
        assert b"acme.io" in answer.body
        running.cancel()


async def test_it_survives_a_cluster_that_is_away(begin: Begin) -> None:
    """`run` never ends by itself: it tries again, and knows the kinds once the cluster is there."""
    server = Server(down=True)
    async with begin(server, SystemClock(), every_s=0.2) as (discovery, peer), asyncio.TaskGroup() as group:
        running = group.create_task(discovery.run())
        await _until(lambda: len(peer.asked) > 0)
        assert discovery.namespaced("", "pods") is None
        server.down = False
        await _until(lambda: discovery.namespaced("", "pods") is True)
        running.cancel()


async def test_a_client_that_goes_away_in_the_middle(begin: Begin) -> None:
    """Its look does not count: the next one asks at once."""
    async with begin(Server()) as (discovery, _):
        asking = asyncio.ensure_future(discovery.look("", "pods"))
        await asyncio.sleep(0)  # now it connects
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert await discovery.look("", "pods") is True


async def test_an_unused_copy_is_not_refreshed(begin: Begin) -> None:
    """An idle gateway leaves the cluster alone, whatever is asked of its copies by those who have no window."""
    async with begin(Server(), SystemClock(), every_s=0.05) as (discovery, peer), asyncio.TaskGroup() as group:
        running = group.create_task(discovery.run())
        await _until(lambda: bool(discovery.served.kinds))
        for _ in range(50):
            await asyncio.sleep(0.01)
            assert discovery.kept("/apis", OURS) is not None
            assert discovery.kept("/apis", JSON) is None
            assert discovery.namespaced("x", "nothing") is None
        assert len(peer.asked) == 2
        discovery.occupy(True)
        await _until(lambda: len(peer.asked) > 3)
        running.cancel()


async def test_what_is_usual_is_there_from_the_start(begin: Begin, clock: ManualClock) -> None:
    """Each form that clients ask for, on one connection; what the cluster did not give is asked for again, and none is ever dropped."""
    server = Server(broken=frozenset({"/version"}))
    async with begin(server, usual=USUAL, every_s=0.05) as (discovery, peer), asyncio.TaskGroup() as group:
        running = group.create_task(discovery.run())
        await _until(lambda: len({(asked.target, asked.headers["accept"]) for asked in peer.asked}) == len(USUAL))
        assert discovery.kept("/version", JSON) is None
        server.broken = frozenset()
        clock.advance(3)
        await _until(lambda: discovery.kept("/version", JSON) is not None)
        asked = len(peer.asked)
        for accept in (b"", b"*/*", JSON, OURS, PROTOBUF, OURS.partition(b",")[0], b",".join(OURS.split(b",")[1:]), LISTS[b"v2", b"nopeer"] + b"," + OURS):
            assert discovery.kept("/apis", accept) is not None
            assert discovery.kept("/api", accept) is not None
        clock.advance(3600)
        await asyncio.sleep(0.1)
        assert len(peer.asked) == asked
        discovery.occupy(True)  # somebody has a window: they are old
        await _until(lambda: len(peer.asked) >= asked + len(USUAL))
        assert discovery.kept("/version", JSON) is not None
        running.cancel()


async def _until(condition: Callable[[], bool]) -> None:
    for _ in range(600):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not happen within 6 s")


@pytest.mark.cluster
async def test_a_real_cluster(real_cluster: Cluster) -> None:
    """Kinds and subresources of a real API server; a CRD made meanwhile is known and served within seconds."""
    upstream = await asyncio.to_thread(Kubeconfig.load, real_cluster.kubeconfig, "", SystemClock())
    pool = Pool(upstream)
    discovery = Discovery(upstream, pool, SystemClock())
    async with asyncio.TaskGroup() as group:
        running = group.create_task(discovery.run())
        await _until(lambda: discovery.namespaced("", "pods") is True)
        assert [discovery.namespaced("", "nodes"), discovery.namespaced("rbac.authorization.k8s.io", "clusterroles")] == [False, False]
        assert "ephemeralcontainers" in discovery.served.kinds["", "pods"].subresources
        listed = await get(discovery, "/apis/apps/v1")
        binary = await get(discovery, "/api/v1", PROTOBUF)
        assert listed is not None
        assert binary is not None
        assert (json.loads(listed.body)["kind"], binary.body[:4]) == ("APIResourceList", b"k8s\0")
        defined = new_kind(real_cluster, "rockets", "Rocket", scope="Cluster")
        await asyncio.to_thread(defined.__enter__)
        try:
            async with asyncio.timeout(20):
                while await discovery.look(GROUP, "rockets") is None:
                    pass
            assert discovery.namespaced(GROUP, "rockets") is False
            assert await get(discovery, f"/apis/{GROUP}/v1") is not None
        finally:
            await asyncio.to_thread(defined.__exit__, None, None, None)
            running.cancel()
    pool.close()
