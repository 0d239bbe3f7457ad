"""An answer of the gateway's own within a window: question and answer go on record as an exchange does, and nothing goes to the cluster."""

import asyncio

from jitui.protocol import headers, http, status
from jitui.proxy.ends import End
from jitui.proxy.exchange import THAWS_WITHIN
from jitui.proxy.live import Session
from jitui.proxy.port import ProxyRequest
from jitui.recording.frame import Channel


class OwnAnswer:
    """One such answer: a leg of its session until it is on record and said."""

    def __init__(self, request: ProxyRequest, session: Session, asked: bytes, code: int, body: bytes) -> None:
        """`asked`: the whole body of the request."""
        self.action, self.conn = request.action, session.open_conn(self)
        self._request, self._session, self._code, self._body = request, session, code, body
        self._over = self._begun = False
        self._asked = [(Channel.REQUEST, http.render_request(request.method, request.target, headers.recordable(request.lines)))]
        if asked:
            self._asked.append((Channel.REQUEST_BODY, asked))

    def body_in(self, data: bytes) -> None:
        """All of the request is here."""

    def end_in(self) -> None:
        """All of the request is here."""

    def flush_in(self) -> None:
        """Put the request and the answer on record; then say it."""
        if not self._begun and not self._over:
            self._begun = True
            self._session.record(self.conn, [*self._asked, (Channel.GATEWAY, self._body)], self._say)

    def client_lost(self) -> None:
        """Nobody waits for it any more."""
        if not self._over:
            self._over = True
            self._session.close_conn(self.conn, self)

    def freeze(self, on: bool) -> None:
        """The session itself holds what is recorded; who asked is told after a while."""
        if on:
            asyncio.get_running_loop().call_later(THAWS_WITHIN, self._still_frozen)

    def cut(self, end: End) -> None:
        """The session ended before the answer was on record."""
        session, request = self._session, self._request
        if self._over:
            session.spoke()
            return
        self._over = True
        body = status.status(end.code, end.reason, end.words)

        def say() -> None:
            request.answer(end.code, body, close=True)
            session.spoke()

        session.say(self.conn, [(Channel.GATEWAY, body)], say)

    def _still_frozen(self) -> None:
        """As every other request of a frozen window is told."""
        session = self._session
        if self._over or not session.frozen_by:
            return
        self._over = True
        body = status.status(503, "ServiceUnavailable", f"jitui: {session.frozen_words}")

        def say() -> None:
            session.close_conn(self.conn, self)
            self._request.answer(503, body)

        session.say(self.conn, [(Channel.GATEWAY, body)], say)

    def _say(self) -> None:
        if self._over:
            return
        self._over = True
        for channel, body in (*self._asked, (Channel.GATEWAY, self._body)):  # the question went no further than here
            self._session.handed(self.conn, channel, len(body))
        self._session.close_conn(self.conn, self)
        self._request.answer(self._code, self._body)
