"""Exchanges out of frames."""

import gzip
from typing import Final

import pytest

from jitui.recording.frame import Channel, Frame
from jitui.recording.objects.exchange import Exchange, code_of, exchange

PATCH: Final = b"PATCH /apis/apps/v1/namespaces/web/deployments/web?fieldManager=me HTTP/1.1\r\nContent-Type: Application/Merge-Patch+JSON\r\n\r\n"
OK: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"


def of(*pieces: tuple[Channel, bytes]) -> Exchange | None:
    return exchange(Frame(7, seq, seq * 10, 3, channel, body) for seq, (channel, body) in enumerate(pieces))


def test_a_whole_one() -> None:
    """Heads and bodies, in as many pieces as they came."""
    sent = [(Channel.REQUEST_BODY, b'{"a"'), (Channel.REQUEST_BODY, b":1}")]
    found = of((Channel.REQUEST, PATCH), *sent, (Channel.RESPONSE, OK), (Channel.RESPONSE_BODY, b"{}"))
    assert found is not None
    assert (found.session, found.conn, found.at_us, found.code, found.unknown, found.manager) == (7, 3, 0, 200, False, "me")
    assert (found.action.verb, found.action.kind, found.action.name) == ("patch", "deployments.apps", "web")
    assert (found.request.media, found.request.body, found.answer.body) == (b"application/merge-patch+json", b'{"a":1}', b"{}")


def test_a_compressed_answer_is_opened() -> None:
    """Cut anywhere; one that is no gzip says so."""
    head, whole = OK[:-2] + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(b'{"kind":"Pod"}')
    for at in range(1, len(whole)):
        found = of((Channel.REQUEST, PATCH), (Channel.RESPONSE, head), (Channel.RESPONSE_BODY, whole[:at]), (Channel.RESPONSE_BODY, whole[at:]))
        assert found is not None
        assert found.answer.body == b'{"kind":"Pod"}'
    broken = of((Channel.REQUEST, PATCH), (Channel.RESPONSE, head), (Channel.RESPONSE_BODY, b"no gzip"))
    other = of((Channel.REQUEST, PATCH), (Channel.RESPONSE, head.replace(b"gzip", b"br")), (Channel.RESPONSE_BODY, b"x"))
    assert broken is not None
    assert "can't be opened" in broken.answer.why
    assert other is not None
    assert other.answer.why == "it crossed in the coding br"


def test_an_unknown_outcome() -> None:
    """The gateway's mark says it."""
    found = of((Channel.REQUEST, PATCH), (Channel.MARK, b'{"outcome":"unknown"}'), (Channel.GATEWAY, b"{}"))
    assert found is not None
    assert (found.code, found.unknown, found.own) == (None, True, True)


@pytest.mark.parametrize("first", [b"", b"PATCH\r\n\r\n", b"BREW /pot HTTP/1.1\r\n\r\n", b"GET /api/v1/pods%2fx HTTP/1.1\r\n\r\n"])
def test_what_is_no_request_is_no_exchange(first: bytes) -> None:
    """As in a file that somebody else wrote."""
    assert of((Channel.REQUEST, first)) is None
    assert of((Channel.RESPONSE, OK)) is None


def test_the_code_of_a_head() -> None:
    """None where there is none."""
    assert [code_of(head) for head in (OK, b"", b"HTTP/1.1", b"HTTP/1.1 99 x", b"HTTP/1.1 2x0 OK")] == [200, None, None, None, None]
