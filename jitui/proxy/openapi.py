"""The index of OpenAPI v3, whose entries are links: those get the connection's own prefix.

client-go before 0.28 follows `serverRelativeURL` as it stands, from the root of the server; later ones do the same with a link that
does not begin with /openapi/v3 (kubernetes#117463). So the prefixed link serves all of them. What is recorded is what the client gets.
"""

import json
from dataclasses import replace
from typing import Any, Final

from jitui.policy.action import Action
from jitui.protocol import headers, http
from jitui.proxy.download import Download, Sender
from jitui.proxy.live import Session
from jitui.proxy.port import PlainRequest
from jitui.values import foreign

PATH: Final = "/openapi/v3"
LIMIT: Final = 4 << 20  # bytes of an index; a longer one passes as it is
MARK: Final = b"-jitui"  # ends the entity tags of what was rewritten: other bytes, another tag


def is_index(action: Action) -> bool:
    """Whether it asks for the index itself."""
    return not action.resource and action.path == PATH and action.verb in {"get", "options"}


def conditions(lines: headers.Lines) -> headers.Lines:
    """The request's headers with the tags as the cluster gave them, for an answer that can be read. A tag of no rewritten index is no use to anybody."""
    kept = []
    for name, value in lines:
        low = name.lower()
        if low == b"accept-encoding":
            continue
        if low != b"if-none-match":
            kept.append((name, value))
            continue
        marked = [tag.strip() for tag in value.split(b",") if tag.strip().endswith(MARK + b'"')]
        if marked:
            kept.append((name, b", ".join(tag.removesuffix(MARK + b'"') + b'"' for tag in marked)))
    return kept


def _with(head: http.ResponseHead, length: int | None) -> http.ResponseHead:
    """The head with its entity tag marked, and another length."""
    lines = tuple((name, value[:-1] + MARK + b'"') if name.lower() == b"etag" and value.endswith(b'"') else (name, value) for name, value in head.headers)
    return replace(head, headers=lines, length=head.length if length is None else length)


def rewritten(body: bytes, prefix: str) -> bytes | None:
    """The index with `prefix` before each of its links; None if it is not one."""
    try:
        document = foreign.read(body)
        for entry in document["paths"].values():
            link: Any = entry["serverRelativeURL"]
            if not isinstance(link, str):
                return None
            if link.startswith("/"):
                entry["serverRelativeURL"] = prefix + link
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return json.dumps(document, separators=(",", ":")).encode()


class Index(Download):
    """An answer that is held until it is whole, rewritten, and passed on with its own length and tag."""

    __slots__ = ("_body", "_head")

    def __init__(self, sender: Sender, request: PlainRequest, session: Session, conn: int) -> None:
        super().__init__(sender, request, session, conn)
        self._head: http.ResponseHead | None = None  # while it is held
        self._body = b""

    def head(self, head: http.ResponseHead) -> None:
        if head.status == 304:
            super().head(_with(head, None))
        elif head.status == 200:
            self._head, self._body = head, b""
        else:
            super().head(head)

    def body(self, data: bytes) -> None:
        if self._head is None:
            super().body(data)
            return
        self._body += data
        if len(self._body) > LIMIT:
            self._let_go(self._head, self._body)

    def end(self) -> None:
        if self._head is not None:
            body = rewritten(self._body, self._request.prefix)
            if body is None:
                self._let_go(self._head, self._body)
            else:
                self._let_go(_with(self._head, len(body)), body)
        super().end()

    def _let_go(self, head: http.ResponseHead, body: bytes) -> None:
        self._head, self._body = None, b""
        super().head(head)
        super().body(body)
