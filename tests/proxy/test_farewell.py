"""The last words of an answer that has begun, in the form of that answer."""

import json
from dataclasses import dataclass
from typing import cast

import pytest

from jitui.policy.streams import BY_SESSION, StreamKind
from jitui.protocol.http import ResponseHead
from jitui.proxy.ends import End, Why
from jitui.proxy.farewell import farewell
from jitui.proxy.live import Session

END = End(Why.REVOKED, "ana", "jitui: access window g-1 was revoked by ana: enough")
CHUNKED = ResponseHead(200, b"OK", ((b"Content-Type", b"application/json"),), None, keep_alive=True)


@dataclass
class Kind:
    stream: StreamKind | None


def said(kind: str, answer: ResponseHead | None = CHUNKED, end: End = END, *, clean: bool = True) -> tuple[bytes, bytes] | None:
    return farewell(cast("Session", Kind(BY_SESSION.get(kind))), answer, end, clean=clean)


@pytest.mark.parametrize(("clean", "before"), [(True, b""), (False, b"\n")])
def test_a_log_ends_with_a_line_of_its_own(clean: bool, before: bytes) -> None:
    """Without the terminator, so that kubectl exits 1."""
    words, wire = said("logs", clean=clean) or (b"", b"")
    assert words == before + b"[jitui] access window g-1 was revoked by ana: enough\n"
    assert wire == b"%x\r\n%b\r\n" % (len(words), words)


def test_a_watch_ends_with_an_event_and_whole() -> None:
    """So that the event is read."""
    words, wire = said("watch") or (b"", b"")
    assert json.loads(words)["object"]["message"].endswith("was revoked by ana: enough")
    assert wire.endswith(b"\r\n0\r\n\r\n")


@pytest.mark.parametrize(("kind", "answer", "end", "clean"), [
    ("api", CHUNKED, END, True),  # words in the middle of an object would be part of it
    ("watch", CHUNKED, END, False),  # or in the middle of an event
    ("logs", ResponseHead(200, b"OK", (), 9, keep_alive=True), END, True),  # its length was promised
    ("logs", None, END, True),
    ("logs", CHUNKED, End(Why.EXIT, "cluster", ""), True),
])  # fmt: skip
def test_where_nothing_can_be_said_it_is_cut(kind: str, answer: ResponseHead | None, end: End, clean: bool) -> None:
    """None: the connection is closed, which the client sees as an error."""
    assert said(kind, answer, end, clean=clean) is None
