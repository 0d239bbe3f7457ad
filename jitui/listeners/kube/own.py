"""An answer of the gateway's own within a window: question and answer go on record as an exchange does, and nothing goes to the cluster."""

import asyncio
from typing import TYPE_CHECKING

from jitui.policy.action import Action
from jitui.protocol import headers, http, status
from jitui.proxy.ends import End
from jitui.proxy.exchange import THAWS_WITHIN
from jitui.proxy.live import Session
from jitui.recording.frame import Channel

if TYPE_CHECKING:
    from jitui.listeners.kube.client import KubeClient


class OwnAnswer:
    """One such answer: a leg of its session until it is on record and said."""

    def __init__(self, session: Session, action: Action, client: "KubeClient", code: int, body: bytes) -> None:
        self.session, self.action, self.conn = session, action, session.open_conn(self)
        self._client, self._code, self._body = client, code, body
        self._over = False
        self._asked: list[tuple[Channel, bytes]] = []

    def give(self, head: http.RequestHead, target: bytes, lines: headers.Lines, asked: bytes) -> None:
        """Put the request, its body `asked` and the answer on record; then say it."""
        self._asked = [(Channel.REQUEST, http.render_request(head.method, target, headers.recordable(lines)))]
        if asked:
            self._asked.append((Channel.REQUEST_BODY, asked))
        self.session.record(self.conn, [*self._asked, (Channel.GATEWAY, self._body)], self._say)

    def _still_frozen(self) -> None:
        """As every other request of a frozen window is told."""
        if self._over or not self.session.frozen_by:
            return
        self._over = True
        body = status.status(503, "ServiceUnavailable", f"jitui: {self.session.frozen_words}")

        def say() -> None:
            self.session.close_conn(self.conn, self)
            self._client.answer(503, body)

        self.session.say(self.conn, [(Channel.GATEWAY, body)], say)

    def client_lost(self) -> None:
        """Nobody waits for it any more."""
        if not self._over:
            self._over = True
            self.session.close_conn(self.conn, self)

    def cut(self, end: End) -> None:
        """The session ended before the answer was on record."""
        if self._over:
            self.session.spoke()
            return
        self._over = True
        body = status.status(end.code, end.reason, end.words)

        def say() -> None:
            self._client.answer(end.code, body, close=True)
            self.session.spoke()

        self.session.say(self.conn, [(Channel.GATEWAY, body)], say)

    def freeze(self, on: bool) -> None:
        """The session itself holds what is recorded; who asked is told after a while."""
        if on:
            asyncio.get_running_loop().call_later(THAWS_WITHIN, self._still_frozen)

    def body_in(self, data: bytes) -> None:
        """All of the request is here."""

    def end_in(self) -> None:
        """As above."""

    def flush_in(self) -> None:
        """As above."""

    def _say(self) -> None:
        if self._over:
            return
        self._over = True
        for channel, body in (*self._asked, (Channel.GATEWAY, self._body)):  # the question went no further than here
            self.session.handed(self.conn, channel, len(body))
        self.session.close_conn(self.conn, self)
        self._client.answer(self._code, self._body)
