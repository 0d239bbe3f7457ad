"""An exec or attach over WebSocket, relayed frame by frame: decode, record, then forward the very bytes that came.

Two legs, each an asyncio.Protocol on its own transport. Pings are answered hop by hop and never recorded. A client whose data
direction is held back gets unsolicited pongs, since its own pings are stuck behind its data (protocol facts, 1.2: its read
deadline of 61 s is pushed by pongs alone).
"""

import asyncio
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from jitui.errors import JituiError
from jitui.session.live import End, Session, Why
from jitui.session.outlet import WINDOW, Outlet
from jitui.tape.frame import Channel
from jitui.upstream.dial import cut
from jitui.wire import channels, status, websocket

PONG_EVERY: Final = 5.0  # seconds; kubectl's own ping period
CLOSE_WITHIN: Final = 2.0  # seconds a client may take to close after its last words
SETTLE: Final = 0.2  # kubectl 1.30 to 1.33 discards what arrives before its streams stand: no words earlier than this after the 101
CLIENT_FRAME: Final = 8 << 20
CLUSTER_FRAME: Final = 1 << 20


@lru_cache(maxsize=64)
def last_words(end: End, tty: bool) -> tuple[list[tuple[Channel, bytes]], bytes]:
    """What goes on record and what goes to the client at an end; made once for all streams that end together."""
    body = status.status(end.code, end.reason, end.words)
    words = status.exec_last_words(tty=tty, note=end.words if tty else "", status=body)
    return [(Channel.GATEWAY, payload) for _, payload, _ in words if payload], b"".join(raw for _, _, raw in words)


class Leg(asyncio.Protocol):
    """One side of the relay: bytes in to the relay, bytes out through its outlet."""

    def __init__(self, relay: "Relay", *, client: bool) -> None:
        self.relay, self.client = relay, client
        self.transport: asyncio.Transport | None = None
        self.outlet: Outlet | None = None
        self.decoder = websocket.Decoder(masked=client, limit=CLIENT_FRAME if client else CLUSTER_FRAME)
        self.reader: channels.Reader
        self.held = 0  # bytes read from here, not yet handed to the other side
        self.paused = False
        self.closing = False  # its close frame was seen, or it is gone
        self.gone = False  # its transport is closed
        self._ponging = False  # a pong waits to be written

    def take(self, transport: asyncio.Transport, outlet: Outlet | None = None) -> None:
        """From now on this leg owns the transport."""
        self.transport = transport
        self.outlet = outlet or Outlet(transport)
        self.outlet.gate = self.relay.session.passing
        transport.set_protocol(self)
        if outlet is None:
            self.outlet.begin()

    def data_received(self, data: bytes) -> None:
        self.relay.received(self, data)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        known, self.closing, self.gone = self.closing, True, True
        self.relay.lost(self, exc, known=known)

    def pause_writing(self) -> None:
        if self.outlet:
            self.outlet.blocked()

    def resume_writing(self) -> None:
        if self.outlet:
            self.outlet.unblocked()

    def hold(self, size: int) -> None:
        self.held += size
        if self.held > WINDOW and not self.paused and self.transport is not None:
            self.paused = True
            self.transport.pause_reading()
            self.relay.paused(self)

    def let_go(self, size: int) -> None:
        self.held -= size
        if self.paused and self.held < WINDOW // 2 and self.transport is not None and not self.transport.is_closing():
            self.paused = False
            self.transport.resume_reading()

    def send(self, opcode: int, payload: bytes, handed: Callable[[], None] | None = None) -> None:
        """A frame of the gateway's own. Towards the cluster it is masked (RFC 6455, 5.3)."""
        if self.outlet is not None and self.transport is not None and not self.transport.is_closing():
            self.outlet.write(websocket.encode(opcode, payload, mask=not self.client), handed)

    def pong(self, payload: bytes) -> None:
        """Answer a ping; one answer at a time waits, and the pings meanwhile have theirs in it (RFC 6455, 5.5.3)."""

        def handed() -> None:
            self._ponging = False

        if not self._ponging:
            self._ponging = True
            if self.outlet is not None and self.transport is not None and not self.transport.is_closing():
                self.outlet.hop(websocket.encode(websocket.PONG, payload, mask=not self.client), handed)

    def close(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.close()

    def abort(self) -> None:
        """Close at once: what is written and not yet sent is dropped, by the kernel too."""
        if self.transport is not None and not self.gone:
            cut(self.transport)


class Relay:
    """Both legs of one upgraded stream. A Leg of its session: `cut` ends it with words."""

    def __init__(self, session: Session, conn: int, version: channels.Version, over: Callable[["Relay", End], None]) -> None:
        self.session, self.conn = session, conn
        self.client = Leg(self, client=True)
        self.cluster = Leg(self, client=False)
        self.client.reader = channels.Reader(version=version, client=True)
        self.cluster.reader = channels.Reader(version=version, client=False)
        self.exit: channels.Exit | None = None  # what the runtime's Status said
        self._over = over
        self._ended = False
        self._begun = 0.0
        self._seen = False  # a frame of the cluster was passed on
        self._loop = asyncio.get_running_loop()
        self._pong: asyncio.TimerHandle | None = None
        self._closer: asyncio.TimerHandle | None = None

    def begin(self, surplus_client: bytes, surplus_cluster: bytes) -> None:
        """Both transports are attached and the 101 is written; what came behind the heads comes first."""
        self._begun = self._loop.time()
        if surplus_cluster:
            self.received(self.cluster, surplus_cluster)
        if surplus_client:
            self.received(self.client, surplus_client)

    # -- frames ------------------------------------------------------------------------------------------------------------

    def received(self, leg: Leg, data: bytes) -> None:
        if self._ended:
            if leg.client:
                self._client_closing(data)
            return
        try:
            frames = leg.decoder.feed(data)
            batch: list[tuple[Channel, bytes]] = []
            raw: list[bytes] = []
            for frame in frames:
                if frame.opcode == websocket.PING:
                    leg.pong(frame.payload)
                elif frame.opcode == websocket.PONG:
                    continue
                elif frame.opcode == websocket.CLOSE:
                    self._flush(leg, batch, raw)
                    batch, raw = [], []
                    self._closed(leg, frame)
                    return
                else:
                    piece = leg.reader.read(frame)
                    if piece is None:
                        continue
                    if piece.closes is not None:
                        batch.append((Channel.MARK, b'{"closes":"%b"}' % piece.closes.label.encode()))
                    else:
                        batch.append((piece.channel, piece.body))
                    raw.append(frame.raw)
            self._flush(leg, batch, raw)
        except JituiError as error:
            words = f"jitui: this stream can't be decoded, so it does not pass ({error})"
            self._over(self, End(Why.UNDECODABLE, "gateway", words, 400, "BadRequest"))

    def _flush(self, leg: Leg, batch: list[tuple[Channel, bytes]], raw: list[bytes]) -> None:
        if not raw:
            return
        data = raw[0] if len(raw) == 1 else b"".join(raw)
        leg.hold(len(data))
        self.session.record(self.conn, batch, lambda: self._pass(leg, batch, data))

    def _pass(self, leg: Leg, batch: list[tuple[Channel, bytes]], data: bytes) -> None:
        other = self.cluster if leg.client else self.client
        assert other.outlet is not None
        if not leg.client:
            self._seen = True

        def handed() -> None:
            leg.let_go(len(data))
            for channel, body in batch:
                self.session.handed(self.conn, channel, len(body))

        if other.transport is not None and not other.transport.is_closing():
            other.outlet.write(data, handed)

    def paused(self, leg: Leg) -> None:
        """A held-back client would miss the pongs of pings it can't get through."""
        if leg.client and self._pong is None:
            self._pong = self._loop.call_later(PONG_EVERY, self._unsolicited)

    def _unsolicited(self) -> None:
        self._pong = None
        if self.client.paused and not self.client.closing:
            self.client.pong(b"")
            self._pong = self._loop.call_later(PONG_EVERY, self._unsolicited)

    # -- ends that come by themselves --------------------------------------------------------------------------------------

    def _closed(self, leg: Leg, frame: websocket.Frame) -> None:
        """A close frame, behind everything that came before it."""
        leg.closing = True
        mark = b'{"close":"%b"}' % (b"client" if leg.client else b"cluster")

        def then() -> None:
            if leg.client:
                leg.send(websocket.CLOSE, frame.payload[:2])
                end = End(Why.EXIT if self._exited() else Why.CLIENT_CLOSED, "client", "")
                if self.cluster.outlet is None or self.cluster.closing:
                    self._finish(end)
                    return
                self._arm()  # what the client typed before it left still goes to the cluster: for two seconds, and within the window
                self.cluster.outlet.write(frame.raw, lambda: self._finish(end))
            elif self._exited():
                leg.send(websocket.CLOSE, frame.payload[:2])
                self._pass_close(frame.raw)
            else:  # never pass on a close without a Status: kubectl would exit 0 (protocol facts, 0.2)
                self._upstream_lost("without saying how the command ended")

        self.session.record(self.conn, [(Channel.MARK, mark)], then)

    def _pass_close(self, raw: bytes) -> None:
        """The command is over once the client's socket has been handed all of it."""
        if self.client.outlet is not None and not self.client.closing:
            self.client.outlet.write(raw, lambda: self._finish(End(Why.EXIT, "cluster", "")))

    def lost(self, leg: Leg, error: Exception | None, *, known: bool) -> None:
        """A transport is gone; `known` if its close frame said so before."""
        if self.client.gone and self.cluster.gone:
            self._release()
        if self._ended or known:  # of a client that said so: the end comes with the last of what it sent
            return
        if self.client.closing and not leg.client:
            self._finish(End(Why.EXIT if self._exited() else Why.CLIENT_CLOSED, "client", ""))
            return
        mark = b'{"lost":"%b"}' % (b"client" if leg.client else b"cluster")
        if leg.client:
            self.session.record(self.conn, [(Channel.MARK, mark)], lambda: self._finish(End(Why.CLIENT_CLOSED, "client", "")))
        elif self._exited():
            close = websocket.encode(websocket.CLOSE, websocket.close(1000, ""))
            self.session.record(self.conn, [(Channel.MARK, mark)], lambda: self._pass_close(close))
        else:
            text = f"({error})" if error else "without saying how the command ended"
            self.session.record(self.conn, [(Channel.MARK, mark)], lambda: self._upstream_lost(text))

    def _upstream_lost(self, text: str) -> None:
        self._over(self, End(Why.UPSTREAM_LOST, "gateway", f"jitui: the cluster closed the connection {text}", 502, "ServiceUnavailable"))

    def _exited(self) -> bool:
        if self.exit is None and self.cluster.reader.status:
            self.exit = channels.exit_of(self.cluster.reader.status)
        return self.exit is not None

    def _left(self) -> int:
        """Processes that this stream started and that may go on: one, unless the runtime said how it ended. An attach starts none."""
        return 0 if self.session.kind != "exec" or self._exited() else 1

    def _finish(self, end: End) -> None:
        """Both sides know: let what is queued go out, then close."""
        if self._ended:
            return
        self._ended = True
        self.session.may_run_on = self._left()
        self._over(self, end)
        self.cluster.close()
        if self.client.closing:
            self.client.close()
        self._arm()

    def freeze(self, on: bool) -> None:
        for leg in (self.client, self.cluster):
            if leg.outlet is not None:
                leg.outlet.freeze(on)

    # -- the end that the gateway makes ------------------------------------------------------------------------------------

    def cut(self, end: End) -> None:
        """The session is muted. Note, Status and close go to the client; right behind them the cluster's side is closed."""
        if self._ended:
            self.session.spoke()
            return
        self._ended = True
        if self.client.outlet is not None:
            self.client.outlet.drop()
        if self.cluster.outlet is not None:
            self.cluster.outlet.drop()
        self.session.may_run_on = self._left()
        if self.client.closing or not end.words:
            self.cluster.abort()
            self.client.abort()
            self.session.spoke()
            return
        self._arm()
        early = self._begun + SETTLE - self._loop.time()
        if early > 0 and not self._seen:
            self._loop.call_later(early, self._speak, end)
        else:
            self._speak(end)

    def _speak(self, end: End) -> None:
        pieces, wire = last_words(end, self.session.tty)

        def said() -> None:
            if self.client.outlet is not None and self.client.transport is not None and not self.client.transport.is_closing():
                self.client.outlet.write(wire)
            self.cluster.abort()  # what its socket still holds goes nowhere
            self.session.spoke()

        self.session.say(self.conn, pieces, said)

    def _client_closing(self, data: bytes) -> None:
        """After the last words: wait for the client's close frame, pass nothing."""
        try:
            for frame in self.client.decoder.feed(data):
                if frame.opcode == websocket.CLOSE:
                    self.client.closing = True
                    self.client.close()
                elif frame.opcode == websocket.PING:
                    continue
        except JituiError:
            self.client.abort()

    def _arm(self) -> None:
        if self._closer is None:
            self._closer = self._loop.call_later(CLOSE_WITHIN, self._too_late)

    def _too_late(self) -> None:
        self.cluster.abort()
        self.client.abort()
        self._release()
        self._finish(End(Why.EXIT if self._exited() else Why.CLIENT_CLOSED, "client", ""))

    def _release(self) -> None:
        for handle in (self._pong, self._closer):
            if handle is not None:
                handle.cancel()
        self._pong = self._closer = None
