"""An upgraded stream, relayed frame by frame: decode, record, then forward the very bytes that came.

Two legs, each an asyncio.Protocol on its own transport; what their bytes mean is the speech's business (protocol/speech.py). Pings are answered hop by hop and
never recorded. A client whose data direction is held back gets signs of life unasked, since its own pings are stuck behind its data (docs/protocol.md,
1.2: its read deadline of 61 s is pushed by pongs alone).
"""

import asyncio
from collections.abc import Callable
from functools import lru_cache
from math import inf
from typing import Final

from jitui.protocol import status
from jitui.protocol.speech import Said, Speech, Unit, Wire, joined, mark
from jitui.proxy.ends import End, Why
from jitui.proxy.leg import Leg
from jitui.proxy.live import Session
from jitui.proxy.rest import Rest
from jitui.proxy.turns import Turns
from jitui.recording.frame import COST, Channel
from jitui.values.errors import JituiError

ALIVE_EVERY: Final = 5.0  # seconds; kubectl's own ping period
CLOSE_WITHIN: Final = 2.0  # seconds a client may take to close after its last words
TURN: Final = 128  # frames that one turn of the loop reads of one leg, about a millisecond; a read of bulk has less
SETTLE: Final = 0.2  # kubectl 1.30 to 1.33 discards what arrives before its streams stand: no words earlier than this after the 101


@lru_cache(maxsize=64)
def body_of(end: End) -> bytes:
    """The Status of an end; made once for all streams that end together. Clients other than kubectl look for an exit code in it whatever its reason is."""
    return status.status(end.code, end.reason, end.words, causes=[{"reason": "ExitCode", "message": "1"}])


class Relay:
    """Both legs of one upgraded stream. A Leg of its session: `cut` ends it with words."""

    def __init__(self, session: Session, conn: int, speech: Speech, turns: Turns, over: Callable[["Relay", End], None],
                 gone: Callable[["Relay"], None] = lambda relay: None) -> None:  # noqa: ARG005 - of a relay nobody waits for
        """`gone` is told once both transports are closed."""
        self.session, self.conn, self.speech, self.turns, self.action = session, conn, speech, turns, session.action
        self._drain, self._over, self._gone = session.drain, over, gone
        self.client = Leg(self, client=True)
        self.cluster = Leg(self, client=False)
        self._ended, self._begun = False, 0.0
        self._drain.push = lambda unit: self._flush(self.cluster, [unit])
        self._seen = False  # a frame of the cluster was passed on
        self._told = False  # the client has all of the command's output, and a whole Status: nothing is to be said behind that
        self._unsaid: bytes | None = None  # answers for after the last words
        self._substreams: dict[int, int] = {}  # units of each open substream that are on record and not handed on
        self._over_substreams: set[int] = set()  # those that ended with one of them
        self._loop = asyncio.get_running_loop()
        self._alive: asyncio.TimerHandle | None = None
        self._closer: asyncio.TimerHandle | None = None
        self._rest: Rest | None = None  # of what is still on its way to the client behind the end
        self._lost: End | None = None  # the cluster went away, and the client is told behind all that came

    def begin(self, surplus_client: bytes, surplus_cluster: bytes) -> None:
        """Both transports are attached and the 101 is written; what came behind the heads comes first."""
        self._begun = self._loop.time()
        if surplus_cluster:
            self.received(self.cluster, surplus_cluster)
        if surplus_client:
            self.received(self.client, surplus_client)

    # -- frames ------------------------------------------------------------------------------------------------------------

    @property
    def ended(self) -> bool:
        return self._ended

    def received(self, leg: Leg, data: bytes) -> None:
        """Read a turn's worth of it, and the rest in turns to come: who says much in small pieces holds up nobody else."""
        if self._hears(leg):
            most = 0 if leg.behind else TURN
            if not self._ended:
                self._read(leg, data, most)
            elif leg.client:
                self._client_closing(data, most)
            else:
                self._drain.hear(data, most)
        leg.had_turn(more=self._hears(leg) and self.speech.waits(client=leg.client))

    def _hears(self, leg: Leg) -> bool:
        """Behind a goodbye there is nothing; after the end only the client is of interest, and a cluster that is drained."""
        return not leg.closing and (leg.client or not self._ended or self._drain.open)

    def _read(self, leg: Leg, data: bytes, most: int) -> None:
        try:
            units = self.speech.read(data, client=leg.client, most=most)
        except JituiError as error:
            words = f"jitui: this stream can't be decoded, so it does not pass ({error})"
            self._over(self, End(Why.UNDECODABLE, "gateway", words, 400, "BadRequest"))
            return
        if self._drain.wanted_nonces and not leg.client:
            units = self._drain.cut(units, self.speech)
        batch: list[Unit] = []
        pong = b""  # the newest: one answers all before it
        for unit in units:
            if unit.closes:
                self._flush(leg, batch)
                self._closed(leg, unit)
                return
            pong = unit.reply or pong
            if not unit.reply:
                batch.append(unit)
        self._flush(leg, batch)
        if pong:
            leg.answer(pong)

    def _flush(self, leg: Leg, batch: list[Unit]) -> None:
        """All that one turn brought: one commit, then one write."""
        if not batch:
            return
        first = batch[0].raw
        data = first if len(batch) == 1 and isinstance(first, bytes) else b"".join([unit.raw for unit in batch])  # a view would keep the whole read
        size = len(data) + COST * len(batch)
        said, notable, substreams = list[Said](), list[Unit](), list[int]()
        for unit in batch:
            if unit.opens:
                self.session.open_flow(self.conn + unit.opens)
            if substream := unit.said[0][0]:
                substreams.append(substream)
                self._substreams[substream] = self._substreams.get(substream, 0) + 1
            if unit.answers or unit.ends or unit.tells or unit.over:
                notable.append(unit)
            said += unit.said if not self.conn else [(self.conn + number, channel, body) for number, channel, body in unit.said]
        said = joined(said)
        sizes = [(conn, channel, len(body)) for conn, channel, body in said]

        def handed() -> None:
            leg.let_go(size)
            (self.cluster if leg.client else self.client).sent(len(data), sizes)
            for conn, channel, number in sizes:
                self.session.handed(conn, channel, number)
            self._settled(notable, substreams)

        if leg.client:
            self.turns.heard(len(data))
            self._drain.typed(said)
        leg.hold(size)
        self.session.record_all(said, lambda: self._pass(leg, data, handed))

    def _pass(self, leg: Leg, data: bytes, handed: Callable[[], None]) -> None:
        self._seen |= not leg.client
        (self.cluster if leg.client else self.client).write(data, handed)

    def _settled(self, notable: list[Unit], substreams: list[int]) -> None:
        """A turn was handed on: its units that mean more than their bytes, and of each unit its substream, which is closed once all of it is, either way."""
        for unit in notable:
            if unit.answers or unit.ends:
                self.speech.handed(unit)
            self._told |= unit.tells
            if unit.over:
                self._over_substreams.add(unit.over)
        for substream in substreams:
            self._substreams[substream] -= 1
            if not self._substreams[substream]:
                del self._substreams[substream]
                if substream in self._over_substreams:
                    self._over_substreams.discard(substream)
                    self.session.close_flow(self.conn + substream)

    def paused(self, leg: Leg) -> None:
        """A held-back client would miss the answers to pings it can't get through."""
        if leg.client and self._alive is None:
            self._alive = self._loop.call_later(ALIVE_EVERY, self._unsolicited)

    def _unsolicited(self) -> None:
        self._alive = None
        if self.client.paused and not self.client.closing:
            self.client.answer(self.speech.alive)
            self._alive = self._loop.call_later(ALIVE_EVERY, self._unsolicited)

    # -- ends that come by themselves --------------------------------------------------------------------------------------

    def _closed(self, leg: Leg, unit: Unit) -> None:
        """A goodbye, behind everything that came before it."""
        leg.closing = True
        batch = [(self.conn + substream, channel, body) for substream, channel, body in unit.said]
        closed = (self.conn, Channel.MARK, mark("close", "client" if leg.client else "cluster", unit.how))

        def then() -> None:
            if leg.client:
                if unit.reply:
                    leg.write(unit.reply)
                end = End(self._exit if self.speech.exited else Why.CLIENT_CLOSED, "client", "")
                if not self.cluster.open or self.cluster.closing:
                    self._finish(end)
                    return
                self._arm()  # the bytes that the client typed before it left still go to the cluster: for two seconds, and within the window
                self.cluster.write(bytes(unit.raw), lambda: self._finish(end))
            elif self.speech.exited:
                if unit.reply:
                    leg.write(unit.reply)
                self._pass_close([(0.0, bytes(unit.raw))])
            else:  # never pass on a goodbye without a Status: kubectl would exit 0
                self._upstream_lost()

        self.session.record_all([*batch, closed], then)

    def _pass_close(self, wire: Wire) -> None:
        """The command is over once the client's socket has been handed all of it, but for what is said later."""
        if self.client.closing or self.client.outlet is None:
            return
        outlet, (first, *later) = self.client.outlet, wire

        def handed() -> None:
            outlet.gate = None
            self.client.sent(len(first[1]))
            for after, data in later:
                self._loop.call_later(after, self.client.write, data)
            self._finish(End(self._exit, "cluster", ""))

        self.client.write(first[1], handed)

    def lost(self, leg: Leg, error: Exception | None, *, known: bool) -> None:
        """A transport is gone; `known` if its goodbye said so before."""
        if not leg.client:
            self._drain.lost()
        if self.client.gone and self.cluster.gone:
            self._release()
            self._gone(self)
        if self._ended:
            return
        gone = mark("lost", "client" if leg.client else "cluster")
        if leg.client and self.session.frozen_by:  # nobody waits for the thaw any more: what is held goes nowhere
            self.session.record(self.conn, [(Channel.MARK, gone)], lambda: None)
            self._over(self, End(Why.CLIENT_CLOSED, "client", ""))
            return
        if known:  # of a client that said so: the end comes with the last of what it sent
            return
        if self.client.closing and not leg.client:
            self._finish(End(self._exit if self.speech.exited else Why.CLIENT_CLOSED, "client", ""))
            return
        if leg.client:
            self.session.record(self.conn, [(Channel.MARK, gone)], lambda: self._finish(End(Why.CLIENT_CLOSED, "client", "")))
        elif self.speech.exited:
            self.session.record(self.conn, [(Channel.MARK, gone)], lambda: self._pass_close(self.speech.goodbye()))
        else:
            self.session.record(self.conn, [(Channel.MARK, gone)], lambda: self._upstream_lost(error))

    def _upstream_lost(self, error: Exception | None = None) -> None:
        """The client is told behind all that came; that is on record, and its own to take at its pace while its window is open."""
        stream = self.session.stream
        how = f" ({error})" if error else " without saying how the command ended" if stream is not None and stream.exits else ""
        self._lost = end = End(Why.UPSTREAM_LOST, "gateway", f"jitui: the cluster closed the connection{how}", 502, "ServiceUnavailable")
        if not self.client.open or self.client.closing:
            self._over(self, end)
            return
        assert self.client.outlet is not None
        self._rest = Rest(self.client.outlet, self.session.window, patience=inf)
        self._arm()
        words, wire = self.speech.last_words(end.words, body_of(end), tty=self.session.tty)
        said = [(self.conn + substream, channel, body) for substream, channel, body in words]
        self._when_settled(lambda: self.session.record_all(said, lambda: self._tell(end, said, wire)))

    def _tell(self, end: End, said: list[Said], wire: Wire) -> None:
        """The words that are on record, and the end once the client's socket has been handed them."""
        if self._ended:
            return

        def handed() -> None:
            assert self.client.outlet is not None
            self.client.outlet.gate = None
            self.client.sent(len(first), [(conn, channel, len(body)) for conn, channel, body in said])
            for conn, channel, body in said:
                self.session.handed(conn, channel, len(body))
            for after, data in later:
                self._loop.call_later(after, self.client.write, data)
            self._finish(end)

        first = b"".join(data for after, data in wire if not after)
        later = [(after, data) for after, data in wire if after]
        self.client.write(first, handed)

    def _when_settled(self, say: Callable[[], None]) -> None:
        """No words before the client's streams stand."""
        early = self._begun + SETTLE - self._loop.time()
        if early > 0 and not self._seen:
            self._loop.call_later(early, say)
        else:
            say()

    @property
    def _exit(self) -> Why:
        """How a stream ends that has come to its own end: only a command has an exit."""
        return Why.EXIT if self.session.stream is None or self.session.stream.exits else Why.CLUSTER_CLOSED

    def _left(self) -> int:
        """Processes that this stream started and that may go on: one, unless the runtime said how it ended. An attach starts none."""
        stream = self.session.stream
        return 1 if stream is not None and stream.leaves_process and not self.speech.exited else 0

    def _finish(self, end: End) -> None:
        """Both sides know: let what is queued go out, then close."""
        if self._ended:
            return
        self._ended = True
        self.session.may_run_on = self._left()
        self.client.await_taken()
        self._over(self, end)
        self.cluster.close()
        if self.client.closing:
            self.client.close()
        if end.why in {Why.EXIT, Why.CLUSTER_CLOSED, Why.UPSTREAM_LOST} and self.client.outlet is not None:
            self._rest = Rest(self.client.outlet, self.session.window, patience=inf)
        self.client.listen()
        self._arm()

    # -- freezing ----------------------------------------------------------------------------------------------------------

    def freeze(self, on: bool) -> None:
        if on and self.client.gone and not self._ended:  # a client that left just now waits for no thaw
            self._loop.call_soon(self._over, self, End(Why.CLIENT_CLOSED, "client", ""))
        for leg in (self.client, self.cluster):
            if leg.outlet is not None:
                leg.outlet.freeze(on)

    # -- the end that the gateway makes ------------------------------------------------------------------------------------

    def cut(self, end: End) -> None:
        """The session is muted. Last words go to the client; right behind them the cluster's side is closed, unless it is drained."""
        if self._ended:
            self.session.spoke()
            return
        self._ended = True
        self.client.drop()
        self.cluster.drop()
        self.session.may_run_on = self._left()
        self._drain.begin(self.cluster, self.speech, lambda pieces: self.session.say(self.conn, pieces, lambda: None))
        if self.client.closing or not end.words:
            self._drain.spare(self.cluster)
            self.client.abort()
            self.session.spoke()
            return
        self._unsaid, self._rest = b"", None
        self.client.await_taken()
        self.client.listen()
        self._arm()
        self._when_settled(lambda: self._speak(end))

    def _speak(self, end: End) -> None:
        if self._told:
            words, wire = [(0, Channel.MARK, b'{"close":"gateway"}')], self.speech.goodbye()
        else:
            words, wire = self.speech.last_words(end.words, body_of(end), tty=self.session.tty)

        def said() -> None:
            for after, data in wire:
                if after:
                    self._loop.call_later(after, self.client.write, data)
                else:
                    self.client.write(data)
            behind, self._unsaid = self._unsaid, None
            if behind:
                self.client.write(behind)
            self._drain.spare(self.cluster)  # bytes that its socket still holds go nowhere
            self.session.spoke()

        self.session.say_all([(self.conn + substream, channel, body) for substream, channel, body in words], said)

    def _client_closing(self, data: bytes, most: int) -> None:
        """After the end: wait for the client's goodbye, pass nothing."""
        try:
            reply, closed = self.speech.deaf(data, most)
        except JituiError:  # it is still to read the last words; the two seconds run
            return
        if self._unsaid is not None:
            self._unsaid += reply
        elif reply:
            self.client.write(reply)
        if closed:
            self.client.closing = True
            self.client.close()

    def _arm(self) -> None:
        """Two seconds from now."""
        if self._closer is not None:
            self._closer.cancel()
        self._closer = self._loop.call_later(CLOSE_WITHIN, self._too_late)

    def _too_late(self) -> None:
        self._drain.close()
        self.cluster.abort()
        if self._rest is not None and self._rest.on_its_way():
            self._arm()
            return
        self.client.abort()
        self._release()
        self._finish(self._lost or End(self._exit if self.speech.exited else Why.CLIENT_CLOSED, "client", ""))

    def _release(self) -> None:
        for leg in (self.client, self.cluster):
            self.turns.narrow(leg)
        for handle in (self._alive, self._closer):
            if handle is not None:
                handle.cancel()
        self._alive = self._closer = None
