"""URLs in an answer's headers lead back to the gateway, and to the same connection."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from jitui.proxy.links import are_in, led_back, url
from jitui.recording.frame import Channel
from tests.fakes.house import house
from tests.fakes.upstream import Asked


@dataclass(frozen=True)
class Cluster:
    host: bytes
    prefix: bytes = b""


PLAIN, BEHIND = Cluster(b"10.0.0.1:6443"), Cluster(b"Rancher.example", b"/k8s/c")


@pytest.mark.parametrize(("cluster", "found", "below", "alone"), [
    (PLAIN, b"/api/v1/namespaces/web/services/web/proxy/?x", b"/c/prod/api/v1/namespaces/web/services/web/proxy/?x",
     b"/api/v1/namespaces/web/services/web/proxy/?x"),
    (PLAIN, b"https://10.0.0.1:6443/a#f", b"/c/prod/a#f", b"/a#f"),
    (PLAIN, b"//10.0.0.1:6443/a", b"/c/prod/a", b"/a"),
    (PLAIN, b"HTTPS://10.0.0.1:6443?q", b"/c/prod/?q", b"/?q"),
    (PLAIN, b"/c/staging/api", b"/c/prod/c/staging/api", b"/c/staging/api"),  # another connection is never meant
    (PLAIN, b"https://10.0.0.1:6443//evil.example/", b"/c/prod//evil.example/", b"/.//evil.example/"),  # nor another host
    (PLAIN, b"https://10.0.0.1/a", b"https://10.0.0.1/a", b"https://10.0.0.1/a"),
    (PLAIN, b"http://10.0.0.1:6443/a", b"http://10.0.0.1:6443/a", b"http://10.0.0.1:6443/a"),
    (PLAIN, b"https://x@10.0.0.1:6443/a", b"https://x@10.0.0.1:6443/a", b"https://x@10.0.0.1:6443/a"),
    (PLAIN, b"//evil.example/", b"//evil.example/", b"//evil.example/"),
    (PLAIN, b"next/page", b"next/page", b"next/page"),
    (PLAIN, b"?page=2", b"?page=2", b"?page=2"),
    (PLAIN, b"", b"", b""),
    (BEHIND, b"/k8s/c/a", b"/c/prod/a", b"/a"),
    (BEHIND, b"/k8s/c", b"/c/prod/", b"/"),
    (BEHIND, b"/k8s/c?x", b"/c/prod/?x", b"/?x"),
    (BEHIND, b"/k8s/cd/a", b"/c/prod/k8s/cd/a", b"/k8s/cd/a"),
    (BEHIND, b"/api/v1", b"/c/prod/api/v1", b"/api/v1"),  # as the API server itself writes it
    (BEHIND, b"https://rancher.example:443/k8s/c/api", b"/c/prod/api", b"/api"),
    (BEHIND, b"/k8s/c//evil.example/", b"/c/prod//evil.example/", b"/.//evil.example/"),
])  # fmt: skip
def test_a_url_of_the_cluster_is_one_of_the_gateway(cluster: Cluster, found: bytes, below: bytes, alone: bytes) -> None:
    """Below /c/NAME and at an address of the connection's own; others stay as they are."""
    assert (url(found, b"/c/prod", cluster), url(found, b"", cluster)) == (below, alone)


def test_every_header_that_holds_urls() -> None:
    """In any letter case; other headers may have whatever they like."""
    lines = [(b"LOCATION", b"/a"), (b"Content-Location", b"/b"), (b"Link", b'</c?x=1>; rel="next", <https://o.example/d>; rel=up'), (b"Refresh", b"5; URL=/e"),
             (b"Refresh", b"0;url='/f'"), (b"Refresh", b"7"), (b"Location1", b"/g"), (b"Date", b"/h")]
    assert are_in(lines)
    assert led_back(lines, b"/c/p", PLAIN) == [
        (b"LOCATION", b"/c/p/a"), (b"Content-Location", b"/c/p/b"), (b"Link", b'</c/p/c?x=1>; rel="next", <https://o.example/d>; rel=up'),
        (b"Refresh", b"5; URL=/c/p/e"), (b"Refresh", b"0;url='/c/p/f'"), (b"Refresh", b"7"), (b"Location1", b"/g"), (b"Date", b"/h"),
    ]  # fmt: skip


def test_an_answer_without_urls_is_known_at_once() -> None:
    """By the names of its headers."""
    assert not are_in([(b"Content-Type", b"application/json"), (b"Audit-Id", b"/x")])


@pytest.mark.parametrize(("own", "below"), [(False, "/c/prod"), (True, "")])
async def test_a_redirect_leads_to_where_the_client_came_in(tmp_path: Path, own: bool, below: str) -> None:
    """That is what is on record, too. The index of OpenAPI leads there as well, and where nothing is to be changed it passes as it is."""
    index = json.dumps({"paths": {"version": {"serverRelativeURL": "/openapi/v3/version?hash=B"}}}).encode()

    async def answer(asked: Asked) -> None:
        if asked.target.startswith("/openapi"):
            asked.line.answer(index, "200 OK", 'Etag: "AB"')
        else:
            asked.line.answer(b"", "301 Moved Permanently", f"Location: https://cluster{asked.target}/")

    async with house(tmp_path) as home:
        await home.window()
        home.cluster.answerer = answer
        kubectl = await home.dial(own=own)
        code, headers, _ = await kubectl.ask("GET", "/metrics")
        assert (code, headers["location"]) == (301, f"{below}/metrics/")
        (head,) = [frame.body for frame in await home.frames(1) if frame.channel is Channel.RESPONSE]
        assert f"Location: {below}/metrics/\r\n".encode() in head
        code, headers, body = await kubectl.ask("GET", "/openapi/v3")
        assert json.loads(body)["paths"]["version"]["serverRelativeURL"] == f"{below}/openapi/v3/version?hash=B"
        assert (headers["etag"], body == index) == (('"AB"', True) if own else ('"AB-jitui"', False))
