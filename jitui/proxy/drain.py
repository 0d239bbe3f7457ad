"""The connection of a muted command, on which the cluster still says something.

Closing that connection would end nothing in the pod, and would hand a shell an end of its input, at which it runs its unfinished last line. So it stays
open while the processes are ended from inside: it is read, its pings are answered, what comes is put on record and forwarded to nobody.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from jitui.protocol.channels import Exit
from jitui.protocol.speech import Said, Unit
from jitui.proxy.dye import Cutter
from jitui.proxy.typed import Typed
from jitui.recording.frame import BYTES, Channel
from jitui.values.errors import JituiError

KEPT: Final = 256 << 10  # bytes of one session that are put on record; of the others their number


class Cluster(Protocol):
    """The cluster's side of the stream."""

    closing: bool
    transport: asyncio.Transport | None

    @property
    def open(self) -> bool: ...

    def listen(self) -> None: ...

    def answer(self, frame: bytes) -> None: ...

    def abort(self) -> None: ...


class Speaker(Protocol):
    """The codec of the stream."""

    @property
    def exited(self) -> Exit | None: ...

    def read(self, data: bytes, *, client: bool, most: int) -> list[Unit]: ...

    def reworded(self, unit: Unit, body: bytes, *, alone: bool = False) -> Unit: ...


class Drain:
    """The muted connection of one command, until it is closed. Without `wanted` it is closed at once, as every other stream's is."""

    def __init__(self, *, wanted: bool = False) -> None:
        self.wanted = wanted
        self.open = False
        self.exited: Exit | None = None  # the runtime's own word about the command's first process, once it came
        self.unheard = False  # the gateway closed it before that came
        self._news: asyncio.Event | None = None
        self._typed = Typed()
        self.cutters: dict[Channel, Cutter] = {}  # that look for nonces
        self.wanted_nonces: frozenset[bytes] = frozenset()
        self.push: Callable[[Unit], None] = lambda unit: None  # noqa: ARG005 - passes a unit of the cluster on, as if it had been read; the relay's
        self._last: dict[Channel, Unit] = {}  # by channel the newest unit of a live stream that is dyed
        self._size = 0
        self._held = self._flowing = False  # no more is read for now; all is read, however much it is
        self._cluster: Cluster
        self._speech: Speaker
        self._say: Callable[[Sequence[tuple[Channel, bytes]]], None]

    # -- while it is live --------------------------------------------------------------------------------------------------

    @property
    def news(self) -> asyncio.Event:
        """Set once the runtime's word about the command's first process, a nonce, or the loss of the connection was heard."""
        if self._news is None:
            self._news = asyncio.Event()
        return self._news

    def cut(self, units: list[Unit], speech: Speaker) -> list[Unit]:
        """The units of the cluster without the nonces in them. What is left is what the client gets, and is on record."""
        kept = []
        self._speech = speech
        for unit in units:
            channel, body = unit.said[0][1:] if unit.said else (Channel.MARK, b"")
            if channel not in BYTES or not body:
                kept.append(unit)
                continue
            self._last[channel] = Unit(bytes(unit.raw[:4]), ((0, channel, b""),))
            clean = self._look(channel, body)
            if clean == body:
                kept.append(unit)
            elif clean or len(unit.said) > 1:
                kept.append(speech.reworded(unit, clean))
        return kept

    def typed(self, said: Sequence[Said]) -> None:
        """Remember how the input of the client ends; call it with all that is about to go to the cluster."""
        if self.wanted:
            self._typed.see(said)

    @property
    def unfinished(self) -> bool:
        """Whether the client is in the middle of its input. A shell without a terminal may execute the rest if its input ended here."""
        return self._typed.unfinished

    def dye(self, nonces: set[bytes]) -> None:
        """Words were or will be written into processes of its container, perhaps into its own."""
        self.wanted_nonces |= nonces

    def undye(self, nonces: set[bytes]) -> None:
        """These were seen, here or elsewhere, or will never be. What was held back for them goes on."""
        self.wanted_nonces -= nonces
        if self.wanted_nonces or self.open:
            return
        for channel, cutter in self.cutters.items():
            if rest := cutter.rest():
                self.push(self._speech.reworded(self._last[channel], rest, alone=True))

    # -- after the mute ----------------------------------------------------------------------------------------------------

    def begin(self, cluster: Cluster, speech: Speaker, say: Callable[[Sequence[tuple[Channel, bytes]]], None]) -> None:
        """The session is muted: keep its connection, if it is wanted and the command runs. `say` puts pieces on record."""
        if not self.wanted:
            return
        self._cluster, self._speech, self._say = cluster, speech, say
        self.exited = speech.exited
        if not self.exited and cluster.open and not cluster.closing:
            self.open = True
            cluster.listen()

    def spare(self, cluster: Cluster) -> None:
        """The connection goes nowhere any more: close it, unless it is still to be read."""
        if not self.open:
            cluster.abort()

    def hear(self, data: bytes, most: int) -> None:
        """Read a turn's worth."""
        try:
            units = self._speech.read(data, client=False, most=most)
        except JituiError:  # nothing more can be read of it; its record stands
            self.close()
            return
        said: list[Said] = []
        for unit in units:
            if unit.closes:
                said += unit.said
                self._keep(said)
                self.close()
                return
            if unit.reply:
                self._cluster.answer(unit.reply)
            said += unit.said
        self._keep(said)

    def flow(self) -> None:
        """From now on all is read: the end of the command comes behind what was held back. Before that, a flood is read only so far."""
        self._flowing = True
        if self._held and self.open and self._cluster.transport is not None:
            self._held = False
            self._cluster.transport.resume_reading()

    def _hold(self) -> None:
        """A flood would keep the gateway busy: its pipe may fill up until it is killed."""
        transport = self._cluster.transport
        if not self._held and not self._flowing and self._size > KEPT and transport is not None and not transport.is_closing():
            self._held = True
            transport.pause_reading()

    def _keep(self, said: Sequence[Said]) -> None:
        pieces = []
        for _, channel, body in said:
            if channel in BYTES and body:
                self._look(channel, body)
            if body and channel is not Channel.MARK:
                room = max(0, KEPT - self._size) if channel in BYTES else len(body)
                self._size += len(body)
                if room:
                    pieces.append((Channel.DRAINED, body[:room]))
        if pieces:
            self._say(pieces)
        self._hold()
        if self.exited is None and self._speech.exited is not None:
            self.exited = self._speech.exited
            self.news.set()

    def _look(self, channel: Channel, body: bytes) -> bytes:
        """The bytes without nonces, which are noted."""
        if not self.wanted_nonces:
            return body
        cutter = self.cutters.setdefault(channel, Cutter())
        cutter.wanted, before = self.wanted_nonces, len(cutter.seen)
        clean = cutter.feed(body)
        if len(cutter.seen) > before:
            self.news.set()
        return clean

    @property
    def seen(self) -> set[bytes]:
        """The nonces that came out here."""
        return {each for cutter in self.cutters.values() for each in cutter.seen}

    def lost(self) -> None:
        """The connection is gone, or was closed."""
        if self.wanted:
            self.open = False
            self.news.set()

    def leave(self) -> None:
        """Close the connection, whatever the runtime may still say."""
        self.unheard = self.open and self.exited is None
        self.close()

    def close(self) -> None:
        """Close the connection, and put on record how much was not kept."""
        if self.open:
            self.lost()
            if self._size > KEPT:
                self._say([(Channel.MARK, b'{"drained":%d}' % self._size)])
            self._cluster.closing = True
            self._cluster.abort()


NEVER: Final = Drain()  # of every stream that ends with its connection
