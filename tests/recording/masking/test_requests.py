"""The heads of an exchange say whether its bodies hold secrets, and how they are encoded."""

import pytest

from jitui.recording.masking.requests import about, holds_secrets, in_head, media_of
from jitui.recording.masking.spans import masked


@pytest.mark.parametrize(("path", "expected"), [
    (b"/api/v1/namespaces/web/secrets", True), (b"/api/v1/secrets", True), (b"/api/v1/namespaces/web/secrets/db", True),
    (b"/API/v1/Secrets", True), (b"/api/v1/watch/secrets", True), (b"/api/v1/namespaces/web/serviceaccounts/x/token", True),
    (b"/apis/authentication.k8s.io/v1/tokenreviews", True), (b"/api/v1/namespaces/web/services/x/proxy/api/v1/secrets", True),
    (b"/api/v1/namespaces/secrets", False), (b"/api/v1/namespaces/web/pods/secrets", False), (b"/api/v1/namespaces/web/serviceaccounts/x", False),
    (b"/version", False),
])  # fmt: skip
def test_paths(path: bytes, expected: bool) -> None:
    """Secrets, tokens and their reviews, also behind a proxy and in odd spellings."""
    assert holds_secrets(path) is expected


def test_a_head_tells_kind_media_and_watch() -> None:
    found = about(b"GET /api/v1/s%65crets?watch=1 HTTP/1.1\r\nContent-Type: Application/YAML\r\nContent-Encoding: gzip\r\n\r\n")
    assert (found.secret, found.watch, found.media, found.coding) == (True, True, b"application/yaml", b"gzip")
    assert not about(b"GET /api/v1/pods?watch=false HTTP/1.1\r\n\r\n").watch


def test_a_head_that_can_not_be_read_counts_as_one_about_secrets() -> None:
    assert about(b"\x00\x01").secret


def test_media_of_an_answer() -> None:
    """identity is no encoding."""
    assert media_of(b"HTTP/1.1 200 OK\r\ncontent-encoding: identity\r\n\r\n") == (b"", b"")


def test_a_token_in_a_target_is_masked_also_in_percent_form() -> None:
    """As many bytes stay in its place."""
    token = "jt_0123abcd_" + "x" * 43
    for spelt in (token, token.replace("_", "%5F")):
        head = f"GET /x?a={spelt} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
        said = masked(head, in_head(head))
        assert len(said) == len(head)
        assert b"x" * 20 not in said
