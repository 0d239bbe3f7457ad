"""Requests and responses as they are recorded."""

import pytest

from jitui.recording.frame import Channel, Frame
from jitui.store.asked import asked_in


def head(text: str) -> Frame:
    return Frame(1, 0, 7, 0, Channel.REQUEST, text.encode("latin-1"))


def test_a_head_is_read_as_it_was_sent() -> None:
    """Names of headers in any case, blanks around values; bytes of a body are no header."""
    found = asked_in(head("GET /api/v1/namespaces/web/pods/web-1 HTTP/1.1\r\naudit-ID:  jitui-a-1-0 \r\n\r\nAudit-ID: of-the-body\r\n"))
    assert found is not None
    assert (found.at_us, found.audit_id) == (7, "jitui-a-1-0")
    assert (found.action.verb, found.action.resource, found.action.namespace, found.action.name) == ("get", "pods", "web", "web-1")
    assert (found.code, found.bytes_in, found.bytes_out) == (None, 0, 0)


@pytest.mark.parametrize("text", ["", "GET /api", "GET / HTTP/1.1 more", "\x16\x03\x01", "BREW /api/v1/pods HTTP/1.1", "GET /api/v1/../secrets HTTP/1.1"])
def test_bytes_that_are_no_request(text: str) -> None:
    """None, and no error: a tape may hold the head of a request that was refused."""
    assert asked_in(head(text)) is None


def test_an_audit_id_of_any_bytes() -> None:
    """It is text, byte for byte."""
    found = asked_in(head("GET /api/v1/pods HTTP/1.1\r\nAudit-ID: \xff\x00\r\n\r\n"))
    assert found is not None
    assert found.audit_id == "\xff\x00"
