"""The head of a request, rendered once for all equal ones."""

from jitui.proxy.heads import Heads

LINES = [(b"Host", b"cluster"), (b"Accept", b"application/json"), (b"X-Api-Key", b"secret")]


def test_each_request_has_its_own_id_and_the_credential_of_the_moment() -> None:
    """The record has neither the gateway's credential nor the client's; the cluster gets both, behind the prefix of its URL."""
    heads = Heads()
    for number, token in ((1, b"first"), (2, b"first"), (3, b"second")):
        audit_id = b"jitui-test-1-%d" % number
        assert heads.recorded(b"GET", b"/api", LINES, b"/k8s", audit_id) == (
            b"GET /api HTTP/1.1\r\nHost: cluster\r\nAccept: application/json\r\nAudit-ID: " + audit_id + b"\r\n\r\n"
        )
        assert heads.sent(audit_id, ((b"authorization", b"Bearer " + token),)) == (
            b"GET /k8s/api HTTP/1.1\r\nHost: cluster\r\nAccept: application/json\r\nX-Api-Key: secret\r\nAudit-ID: " + audit_id
            + b"\r\nauthorization: Bearer " + token + b"\r\n\r\n"
        )  # fmt: skip


def test_another_place_of_the_cluster_counts_at_once() -> None:
    """The prefix is of its URL as it is now; without a credential there is no line for it."""
    heads = Heads()
    heads.recorded(b"GET", b"/api", LINES, b"", b"a-1")
    assert heads.sent(b"a-1", ()).startswith(b"GET /api HTTP/1.1\r\n")
    heads.recorded(b"GET", b"/api", LINES, b"/new", b"a-2")
    assert heads.sent(b"a-2", ()) == b"GET /new/api HTTP/1.1\r\nHost: cluster\r\nAccept: application/json\r\nX-Api-Key: secret\r\nAudit-ID: a-2\r\n\r\n"
