"""The gateway's own copy of discovery, and what it does when somebody asks for what it has never seen."""

import gzip
import json
import re
import ssl
from itertools import product
from pathlib import Path

import httpx
import pytest
import yaml

from tests.clusters.documents import SERVED, aggregated
from tests.fakes.house import house, rule
from tests.fakes.upstream import Asked
from tests.listeners.kube.test_client import TEXT
from tests.support.clusters import Cluster as RealCluster

WIDGETS = "/apis/x.io/v1/namespaces/web/widgets"


async def test_a_window_makes_an_old_copy_new(tmp_path: Path) -> None:
    """kubectl looks once when it does not know a kind. Without a window the copy goes out as it is, whatever its age."""
    async with house(tmp_path) as home:
        kubectl = await home.dial()
        assert await home.way.discovery.fetch("/apis", b"") is not None
        home.clock.advance(10)
        assert (await kubectl.ask("GET", "/apis"))[0] == 200
        assert len(home.cluster.asked) == 1
        await home.window()
        assert (await kubectl.ask("GET", "/apis"))[0] == 200
        assert len(home.cluster.asked) == 2
        assert (await kubectl.ask("GET", "/apis"))[0] == 200
        assert len(home.cluster.asked) == 2, "it is new"


async def test_an_old_copy_is_better_than_none(tmp_path: Path) -> None:
    """A cluster that fails, with a live window: what was copied goes on being served."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        known = await kubectl.ask("GET", "/apis")

        async def fail(asked: Asked) -> None:
            asked.line.hang_up()

        home.cluster.answerer = fail
        home.clock.advance(10)
        assert (await kubectl.ask("GET", "/apis"))[::2] == known[::2]


async def test_an_unknown_kind_is_looked_for_once(tmp_path: Path) -> None:
    """Before it is denied, and for an agent with a window only; nothing of the request itself goes to the cluster."""
    async with house(tmp_path) as home:
        kubectl = await home.dial()
        assert (await kubectl.ask("GET", WIDGETS))[0] == 403
        assert home.cluster.got == b""
        await home.window()
        home.cluster.answerer = serves
        code, _, body = await kubectl.ask("GET", WIDGETS)
        assert (code, b"has no kind widgets in the group x.io" in body) == (403, True)
        assert {asked.target for asked in home.cluster.asked} <= {"/api", "/apis"}
        assert home.cluster.asked


async def test_a_cluster_that_was_never_reached_is_not_a_denial(tmp_path: Path) -> None:
    """Nothing is known of what it serves, so nothing can be judged: the agent is told what is wrong, and no denial is on record. Then it is back."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()

        async def fail(asked: Asked) -> None:
            asked.line.hang_up()

        home.cluster.answerer = fail
        code, _, body = await kubectl.ask("GET", WIDGETS)
        assert (code, b"the cluster closed the connection" in body) == (502, True)
        assert home.files.actions() == []
        home.cluster.answerer = serves
        home.clock.advance(3)
        assert (await kubectl.ask("GET", WIDGETS))[0] == 403


async def serves(asked: Asked) -> None:
    asked.line.answer(aggregated({group: kinds for group, kinds in SERVED.items() if (group == "") == (asked.target == "/api")}))


async def test_a_denied_watch_is_told_as_text(tmp_path: Path) -> None:
    """kubectl before 1.32 shows "unknown" of a Status there."""
    async with house(tmp_path) as home:
        await home.window()
        code, headers, body = await (await home.dial()).ask("GET", "/api/v1/namespaces/payments/pods?watch=1")
        assert (code, headers["content-type"]) == (403, TEXT)
        assert body.startswith(b"watch pods in payments: no rule allows it")


LISTS = ("/apis", "/apis/apps")
OTHERS = ("/version", "/api", "/api/v1", "/apis/apps/v1")


async def test_discovery_in_every_spelling(tmp_path: Path) -> None:
    """With a slash at its end a document is the same, from the same copy; HEAD and other methods are answered as the API server does, and ask it nothing."""
    async with house(tmp_path) as home:
        await home.window()
        home.cluster.answerer = documents
        kubectl = await home.dial()
        for path in (*LISTS, *OTHERS):
            code, headers, body = await kubectl.ask("GET", path)
            assert (code, body) == (200, document(path))
            asked = len(home.cluster.asked)
            assert (await kubectl.ask("GET", f"{path}/"))[::2] == (200, body)
            code, lines, _ = await kubectl.ask("HEAD", f"{path}/")
            assert (code, lines["content-type"]) == (200 if path in LISTS else 405, "application/json")
            if path in LISTS:
                assert lines["content-length"] == headers["content-length"]
            for method in ("OPTIONS", "POST"):
                code, _, answer = await kubectl.ask(method, path)
                assert (code, answer == body) == ((200, True) if path in LISTS else (405, False))
            assert len(home.cluster.asked) == asked, path
        assert home.files.actions() == []


async def test_documents_that_are_not_there(tmp_path: Path) -> None:
    """404 as the API server says it: in text for a group that nobody knows, else as a Status; 406 for a form that nobody serves."""
    async with house(tmp_path) as home:
        await home.window()
        home.cluster.answerer = documents
        kubectl = await home.dial()
        for path in ("/apis/nosuch", "/apis/nosuch/", "/apis/nosuch/v1", "/apis/nosuch/v1/"):
            code, headers, body = await kubectl.ask("GET", path)
            assert (code, headers["content-type"], body) == (404, "text/plain; charset=utf-8", b"404 page not found\n")
        for path in ("/api/v2", "/apis/apps/v9", "/apis/apps/v9/"):
            code, headers, body = await kubectl.ask("GET", path)
            assert (code, headers["content-type"], json.loads(body)["reason"]) == (404, "application/json", "NotFound")
        code, headers, body = await kubectl.ask("GET", "/apis/apps", "Accept: text/html")
        assert (code, headers["content-type"], json.loads(body)["reason"]) == (406, "application/json", "NotAcceptable")


async def test_a_large_document_is_compressed(tmp_path: Path) -> None:
    """Beyond 128 KiB, as the API server does, for a client that takes gzip; the tag is the same."""
    large = json.dumps({"path": "x" * (129 << 10)}).encode()
    async with house(tmp_path) as home:
        await home.window()

        async def answer(asked: Asked) -> None:
            asked.line.answer(large if asked.target == "/api/v1" else document(asked.target), "200 OK", 'Etag: "A"')

        home.cluster.answerer = answer
        kubectl = await home.dial()
        code, lines, body = await kubectl.ask("GET", "/api/v1", "Accept-Encoding: gzip")
        assert (code, lines["content-encoding"], lines["etag"], gzip.decompress(body)) == (200, "gzip", '"A"', large)
        assert (await kubectl.ask("GET", "/api/v1", "Accept-Encoding: br"))[2] == large
        assert "content-encoding" not in (await kubectl.ask("GET", "/apis/apps", "Accept-Encoding: gzip"))[1]


async def test_options_of_a_resource(tmp_path: Path) -> None:
    """No resource answers OPTIONS in an API server; a server behind a proxy may, if reading it is granted."""
    async with house(tmp_path, rules=(rule(scope="read pods in web; get services/proxy in web"),)) as home:
        await home.window()
        kubectl = await home.dial()
        code, _, body = await kubectl.ask("OPTIONS", "/api/v1/namespaces/web/pods")
        assert (code, json.loads(body)["reason"]) == (405, "MethodNotAllowed")
        assert home.cluster.asked == []
        assert (await kubectl.ask("OPTIONS", "/api/v1/namespaces/web/services/x/proxy/"))[0] == 200
        assert [asked.method for asked in home.cluster.asked] == ["OPTIONS"]
        assert (await kubectl.ask("OPTIONS", "/api/v1/namespaces/web/pods/x/proxy/"))[0] == 403


def document(path: str) -> bytes:
    """The fake cluster's, of that path."""
    if path in {"/api", "/apis"}:
        return aggregated({group: kinds for group, kinds in SERVED.items() if (group == "") == (path == "/api")})
    return json.dumps({"path": path}).encode()


async def documents(asked: Asked) -> None:
    asked.line.answer(document(asked.target))


@pytest.mark.cluster
async def test_every_route_of_a_real_cluster(tmp_path: Path, real_cluster: RealCluster) -> None:
    """Every document of discovery, in both spellings, to GET, HEAD and OPTIONS: code, type and body as the API server itself has them."""
    pki = real_cluster.kubeconfig.parent / "pki"
    context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
    context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
    server = yaml.safe_load(real_cluster.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    async with httpx.AsyncClient(base_url=server, verify=context) as direct, house(tmp_path) as home:

        async def relay(asked: Asked) -> None:
            answer = await direct.request(asked.method, asked.target, headers={"accept": asked.get("accept")})
            lines = f"Content-Type: {answer.headers['content-type']}\r\nContent-Length: {len(answer.content)}"
            asked.line.say(f"HTTP/1.1 {answer.status_code} As There\r\n{lines}\r\n\r\n".encode() + answer.content)

        home.cluster.answerer = relay
        await home.window()
        kubectl = await home.dial()
        routes = [path.rstrip("/") for path in (await direct.get("/")).json()["paths"] if re.match("/(api|apis|version)(/|$)", path)]
        for path in [*dict.fromkeys(routes), "/apis/no.such", "/apis/apps/v9", "/api/v9"]:
            for method, spelling in product(("GET", "HEAD", "OPTIONS"), (path, f"{path}/")):
                wanted = await direct.request(method, spelling)
                code, headers, body = await kubectl.ask(method, spelling)
                assert (code, headers["content-type"]) == (wanted.status_code, wanted.headers["content-type"]), (method, spelling)
                assert body == wanted.content, (method, spelling)
