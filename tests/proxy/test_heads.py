"""The head of a request, rendered once for all equal ones."""

import gc
from pathlib import Path

from jitui.policy.grant import Event
from jitui.proxy.heads import Heads, Proof
from tests.fakes.house import house

LINES = [(b"Host", b"cluster"), (b"Accept", b"application/json"), (b"X-Api-Key", b"secret")]


def test_each_request_has_its_own_id_and_the_credential_of_the_moment() -> None:
    """The record has neither the gateway's credential nor the client's; the cluster gets both, behind the prefix of its URL."""
    heads, proof = Heads(), Proof()
    for number, token in ((1, b"first"), (2, b"first"), (3, b"second")):
        audit_id = b"jitui-test-1-%d" % number
        assert heads.recorded(b"GET", b"/api", LINES, b"/k8s", audit_id) == (
            b"GET /api HTTP/1.1\r\nHost: cluster\r\nAccept: application/json\r\nAudit-ID: " + audit_id + b"\r\n\r\n"
        )
        assert heads.sent(audit_id, proof.rendered(((b"authorization", b"Bearer " + token),))) == (
            b"GET /k8s/api HTTP/1.1\r\nHost: cluster\r\nAccept: application/json\r\nX-Api-Key: secret\r\nAudit-ID: " + audit_id
            + b"\r\nauthorization: Bearer " + token + b"\r\n\r\n"
        )  # fmt: skip


def test_another_place_of_the_cluster_counts_at_once() -> None:
    """The prefix is of its URL as it is now; without a credential there is no line for it."""
    heads = Heads()
    heads.recorded(b"GET", b"/api", LINES, b"", b"a-1")
    assert heads.sent(b"a-1", Proof().rendered(())).startswith(b"GET /api HTTP/1.1\r\n")
    heads.recorded(b"GET", b"/api", LINES, b"/new", b"a-2")
    sent = heads.sent(b"a-2", Proof().rendered(()))
    assert sent == b"GET /new/api HTTP/1.1\r\nHost: cluster\r\nAccept: application/json\r\nX-Api-Key: secret\r\nAudit-ID: a-2\r\n\r\n"


def kept(begins: bytes) -> list[object]:
    """The objects of this process that refer to bytes in which there is more than this beginning of a secret."""
    gc.collect()
    return [one for one in gc.get_objects() if any(type(each) is bytes and begins in each and each != begins for each in gc.get_referents(one))]


async def test_the_credential_goes_with_its_window(tmp_path: Path) -> None:
    """While a window lives its credential is at hand; once it has ended nothing keeps it, though the client's connection and its head stay."""
    async with house(tmp_path) as home:
        home.cluster.tokens = [b"0f5e-secret"]
        await home.window()
        kubectl = await home.dial()
        for _ in range(3):
            assert (await kubectl.ask("GET", "/api/v1/namespaces/web/pods"))[0] == 200
        (window,) = home.broker.windows.live.values()
        assert kept(b"Bearer 0f5e")
        home.broker.windows.end(window, Event.REVOKE, by="ana", why="over")
        assert kept(b"Bearer 0f5e") == []
        assert len(home.listener.clients) == 1
