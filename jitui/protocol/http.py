"""HTTP/1.1 on one connection, one message at a time, as events.

    parser = RequestParser()
    parser.feed(data)  ->  [RequestHead, Body, ..., End]       then it is paused: the bytes that follow are kept, until it is `full`
    parser.resume()    ->  the events of the kept bytes        or, after an upgrade: parser.rest() -> the bytes behind the head
                           parser.same(data) and parser.ready() do that for a head that is known, and for no bytes

    parser = ResponseParser()
    parser.expect(b"GET"); parser.feed(data)  ->  [ResponseHead, Body, ..., End]; parser.eof() when the connection is closed
                           parser.whole(data, heads, value)  ->  KnownHead and body, if that is all of a usual answer; else feed it, or wait for more

No byte of a body is handed out before `messages` has accepted its head. Bodies are counted here, because httptools can't pause behind a message.
A parser that has raised raises the same error again; events from before the error in the same piece of input are dropped.
Each hop has its own framing: bodies come decoded, and the caller that writes a message adds a Content-Length or `chunk`s.
"""

from dataclasses import replace
from typing import Final

from jitui.protocol.answers import MARK, KnownHead, KnownHeads
from jitui.protocol.chunked import LAST as LAST_CHUNK, Chunked, chunk, in_one_chunk, unchunked
from jitui.protocol.messages import (
    Body,
    End,
    Event,
    RequestHead,
    ResponseHead,
    read_request,
    read_response,
    render_request,
    render_response,
)  # fmt: skip
from jitui.protocol.strict import ANSWER_LIMIT, AnswerMalformed, HeadCutter, HeadTooLong, Malformed

__all__ = [
    "LAST_CHUNK", "MARK", "AnswerMalformed", "Body", "End", "Event", "HeadTooLong", "KnownHead", "KnownHeads", "Malformed",
    "RequestHead", "RequestParser", "ResponseHead", "ResponseParser", "chunk", "in_one_chunk", "render_request", "render_response",
]  # fmt: skip

KEPT_LIMIT: Final = 64 << 10  # bytes kept behind a message: from here on the parser is full
SAME_LIMIT: Final = 4 << 10  # bytes of a head that is kept, so that the same one is not read again
INTERIM_LIMIT: Final = 8  # 1xx answers before the one that counts
UNASKED: Final = "there are bytes that no request asked for"
_END: Final = End()


class RequestParser:
    """Requests of one connection. Holds at most one head, or KEPT_LIMIT bytes and one read behind a message.

    A request whose head is the very bytes of the one before has the very same RequestHead.
    """

    def __init__(self) -> None:
        self._cutter = HeadCutter()
        self._raw = b""  # of `_head`
        self._head: RequestHead | None = None  # the last one, if it is short
        self._paused = False
        self._kept = b""
        self._left: int | None = None  # bytes of body to come; None: in the head
        self._chunked: Chunked | None = None
        self._error: Malformed | None = None

    @property
    def paused(self) -> bool:
        """Whether a message has ended and `resume` was not called since."""
        return self._paused

    @property
    def full(self) -> bool:
        """Whether as many bytes came behind the message as are kept: the caller stops reading until `resume`."""
        return len(self._kept) >= KEPT_LIMIT

    @property
    def holding(self) -> int:
        """Bytes held back."""
        return len(self._kept) + self._cutter.holding + (self._chunked.holding if self._chunked else 0)

    def remembers(self, head: RequestHead) -> bool:
        """Whether the next head, if it has the same bytes, will be this very object."""
        return self._head is head

    def feed(self, data: bytes) -> list[Event]:
        """The events of these bytes. Raises Malformed."""
        if self._error is not None:
            raise self._error
        if self._paused:
            if self.full and data:
                raise self._broken(Malformed(f"more than {KEPT_LIMIT} bytes were sent behind a request that is not answered yet"))
            self._kept += data
            return []
        try:
            return self._take(data)
        except Malformed as error:
            raise self._broken(error) from error.__cause__

    def same(self, data: bytes) -> bool:
        """Whether these bytes are the head of the message before once more, which has no body, and nothing else. Then it is taken: the parser is paused, and
        `feed` would have given that head and End. Else nothing is taken, feed them.
        """
        head = self._head
        if (
            head is None or head.length != 0 or data != self._raw or self._paused or self._left is not None or self._chunked is not None
            or self._cutter.held or self._error is not None
        ):  # fmt: skip
            return False
        self._paused = True
        return True

    def ready(self) -> bool:
        """Whether nothing came behind the message; then the parser is not paused any more. Else `resume`."""
        if self._kept or self._error is not None:
            return False
        self._paused = False
        return True

    def resume(self) -> list[Event]:
        """The events of the next message, once the one before is answered. Raises Malformed."""
        if self._error is not None:
            raise self._error
        if not self._paused:
            return []
        self._paused = False
        data, self._kept = self._kept, b""
        return self.feed(data) if data else []

    def rest(self) -> bytes:
        """Hands over the bytes behind an upgrade request's head, and keeps them no longer; from here on the connection does not speak HTTP."""
        data, self._kept = self._kept, b""
        return data

    def _broken(self, error: Malformed) -> Malformed:
        self._error = error
        self._kept, self._chunked = b"", None
        self._cutter.clear()
        return error

    def _read(self, raw: bytes) -> RequestHead:
        head = read_request(raw)
        self._raw, self._head = (raw, head) if len(raw) <= SAME_LIMIT else (b"", None)
        return head

    def _take(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        if self._left is None and self._chunked is None:
            cut = self._cutter.cut(data)
            if cut is None:
                return events
            raw, data = cut
            head = self._head if raw == self._raw and self._head is not None else self._read(raw)
            events.append(head)
            if head.length is None:
                self._chunked = Chunked()
            else:
                self._left = head.length
        if self._chunked is not None:
            body, at = self._chunked.feed(data)
            if body:
                events.append(Body(body))
            if not self._chunked.done:
                return events
            data = data[at:]
        else:
            assert self._left is not None
            if self._left:
                body = data[: self._left]
                if body:
                    events.append(Body(body))
                self._left -= len(body)
                if self._left:
                    return events
                data = data[len(body) :]
        events.append(_END)
        self._left, self._chunked = None, None
        self._paused, self._kept = True, data
        return events


class ResponseParser:
    """Answers on one connection to the cluster, each announced by `expect`. Every error is an AnswerMalformed (502)."""

    def __init__(self) -> None:
        self._cutter = HeadCutter(ANSWER_LIMIT)
        self._method: bytes | None = None  # of the request whose answer is due
        self._may_switch = False
        self._fresh = False  # not a byte of the answer that is due has come
        self._interim = 0
        self._left: int | None = None
        self._chunked: Chunked | None = None
        self._until_close = False
        self._switched = False
        self._kept = b""
        self._error: Malformed | None = None

    @property
    def holding(self) -> int:
        """Bytes held back."""
        return len(self._kept) + self._cutter.holding + (self._chunked.holding if self._chunked else 0)

    @property
    def switched(self) -> bool:
        """A 101 was read: what follows is not HTTP."""
        return self._switched

    def expect(self, method: bytes, *, upgrade: bool = True) -> None:
        """Call it once a request with this method was sent: its answer may come. Without `upgrade` a 101 is an error."""
        if self._method is not None or self._switched:
            raise RuntimeError("an answer is due already")
        self._method, self._may_switch, self._interim, self._fresh = method, upgrade, 0, self._error is None

    def whole(self, data: bytes, heads: KnownHeads, value: bytes) -> tuple[KnownHead | None, bytes | None]:
        """The head and the body of the answer to a GET with this Audit-ID, if these bytes are all of it. Else nothing is taken. Raises nothing.

        Without a body they are the beginning of such an answer: call it again with what follows as well, or feed them. With neither, feed them.
        """
        if not self._fresh or self._method != b"GET":
            return None, None
        known, body = heads.find(data, value)
        if known is None:
            return None, None
        if known.chunked:
            try:
                plain = unchunked(body)
            except Malformed:
                return None, None
            if plain is None:
                return known, None
            body = plain
        elif len(body) != known.head.length:
            return (known if len(body) < (known.head.length or 0) else None), None
        self._method, self._fresh = None, False
        return known, body

    def feed(self, data: bytes) -> list[Event]:
        """The events of these bytes, without 1xx answers other than 101; the bytes behind a 101 are kept for `rest`. Raises Malformed."""
        if self._error is not None:
            raise self._error
        try:
            return self._take(data)
        except Malformed as error:
            raise self._broken(str(error)) from error.__cause__

    def eof(self) -> list[Event]:
        """Call it when the cluster has closed the connection: an End if that ended the message. Raises Malformed if it cut a message short."""
        if self._error is not None:
            raise self._error
        if self._until_close:
            self._reset()
            return [_END]
        if self._method is None:
            return []
        raise self._broken("the connection was closed before its end")

    def rest(self) -> bytes:
        """Hands over the bytes behind a 101, and keeps them no longer."""
        data, self._kept = self._kept, b""
        return data

    def _broken(self, why: str) -> Malformed:
        self._error = AnswerMalformed(f"the cluster's answer is not usable: {why}")
        self._kept, self._chunked = b"", None
        self._cutter.clear()
        return self._error

    def _reset(self) -> None:
        self._method, self._left, self._chunked, self._until_close = None, None, None, False

    def _take(self, data: bytes) -> list[Event]:
        self._fresh = False
        if self._switched:
            if len(self._kept) >= KEPT_LIMIT and data:
                raise Malformed(f"more than {KEPT_LIMIT} bytes were kept behind a 101")
            self._kept += data
            return []
        events: list[Event] = []
        while self._left is None and self._chunked is None and not self._until_close:
            if self._method is None:
                if data:
                    raise Malformed(UNASKED)
                return events
            cut = self._cutter.cut(data)
            if cut is None:
                return events
            raw, data = cut
            if not self._begin(raw, data, events):
                return events
        self._body(data, events)
        return events

    def _begin(self, raw: bytes, behind: bytes, events: list[Event]) -> bool:
        """Reads a head; False if what follows is no longer HTTP."""
        head, chunked = read_response(raw)
        if head.status == 101:
            if not self._may_switch:
                raise Malformed("it switches protocols, which was not asked for")
            self._reset()
            self._switched, self._kept = True, behind
            events += [head, _END]
            return False
        if head.status < 200:
            self._interim += 1
            if self._interim > INTERIM_LIMIT:
                raise Malformed(f"more than {INTERIM_LIMIT} interim answers came before it")
            return True
        if self._method == b"HEAD" or head.status in {204, 304}:
            self._left = 0
        elif chunked:
            self._chunked = Chunked(trailers=True)
        elif head.length is None:
            self._until_close = True
            head = replace(head, keep_alive=False)
        else:
            self._left = head.length
        events.append(head)
        return True

    def _body(self, data: bytes, events: list[Event]) -> None:
        if self._until_close:
            if data:
                events.append(Body(data))
            return
        if self._chunked is not None:
            body, at = self._chunked.feed(data)
            whole = self._chunked.done
        else:
            assert self._left is not None
            body = data[: self._left]
            at = len(body)
            self._left -= at
            whole = not self._left
        if body:
            events.append(Body(body))
        if whole:
            if at < len(data):
                raise Malformed(UNASKED)
            events.append(_END)
            self._reset()
