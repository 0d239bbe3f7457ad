"""One look into a container: the gateway's own command there, over WebSocket, put on record as a session of the window.

Every order is on record before it is sent. The answers are what processes in the container let the script say: they are read strictly, never believed
beyond that container.
"""

import asyncio
import base64
import math
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from jitui.clusters import pods
from jitui.clusters.call import call
from jitui.clusters.dial import cut
from jitui.clusters.pool import Connection
from jitui.clusters.port import Headers
from jitui.clusters.way import Way
from jitui.policy.action import Hazard
from jitui.policy.terms import Grant
from jitui.protocol import channels, headers, http, probe, status, websocket
from jitui.protocol.probe import Stat
from jitui.proxy.pod import lineage
from jitui.proxy.pod.asking import Asking, LookError, Record
from jitui.recording.frame import Channel
from jitui.values import foreign
from jitui.values.clock import Clock
from jitui.values.errors import JituiError, UpstreamError

TOGETHER: Final = 6  # orders that are put on record at once
KEPT: Final = 1 << 20  # bytes of an answer that are put on record
PROTOCOLS: Final = b"v5.channel.k8s.io, v4.channel.k8s.io"
OWN_LOOK: Final = "the gateway's own look at the processes of its window"
NO_SHELL: Final = "no shell in the container"
ABSENT: Final = ('"sh"', "`sh`", "executable file", "no such file or directory")  # runtimes name the program that they can't start
OF_NODE: Final = "the pod shares the processes of its node (hostPID), where nothing tells whose a process is"


@dataclass(frozen=True, slots=True)
class Place:
    """A container of a pod, as a command names it; without a name it is the pod's only one."""

    connection: str
    namespace: str
    pod: str
    container: str

    @property
    def target(self) -> str:
        """namespace/pod/container, as sessions say it; without the last if the command named none."""
        return "/".join(filter(None, (self.namespace, self.pod, self.container)))

    @property
    def path(self) -> bytes:
        """Of the pod, as it is asked for."""
        return pods.path(self.namespace, self.pod)


@dataclass(frozen=True, slots=True)
class Identity:
    """Which pod and which run of the container it is. Empty: the cluster did not say."""

    uid: str = ""
    container_id: str = ""
    gone: bool = False  # there is no such pod
    only: str = ""  # the name of the pod's only container
    together: frozenset[str] = frozenset()  # the containers of the pod that see this one's processes, and it theirs, itself included; none if no other does

    def other_run(self, now: "Identity") -> bool:
        """Whether the container that is there now was started behind this one, as far as both are known."""
        return self.container_id != "" and now.container_id not in {"", self.container_id}


async def identify(way: Way, grant: Grant, place: Place, within_s: float) -> Identity:
    """Ask the cluster with the window's credential. A pod that may not be read has no identity."""
    try:
        reply = await call(way.pool, way.upstream, b"GET", place.path, headers=((b"accept", b"application/json"),), grant=grant, limit=pods.LIMIT,
                           timeout=within_s)  # fmt: skip
        if reply.status != 200:
            return Identity(gone=reply.status == 404)
        pod = foreign.read(reply.body)
        names = [str(each["name"]) for each in pod["spec"]["containers"]]
        only = names[0] if len(names) == 1 else ""
        statuses = [*(pod["status"].get("containerStatuses") or ()), *(pod["status"].get("ephemeralContainerStatuses") or ())]
        own = next((str(each.get("containerID") or "") for each in statuses if each["name"] == (place.container or only)), "")
        return Identity(str(pod["metadata"]["uid"]), own, only=only, together=pods.together(pod["spec"], place.container or only))
    except (UpstreamError, ValueError, KeyError, TypeError, AttributeError):
        return Identity()


def ended(said: channels.Exit) -> str:
    """Why the script of a look is over, as the runtime tells it. A container that is stopped, or can begin no more processes, may have a shell."""
    missing = any(word in said.message for word in ABSENT) if said.code is None else said.code in {126, 127} and "exec" in said.message
    return NO_SHELL if missing and not said.ok else f"the look into the container ended before it was done: {said.message or 'the script ended'}"


class Look(asyncio.Protocol):
    """One run of the script. `open` it, `ask` as often as needed, `aclose` it in any case."""

    def __init__(self, way: Way, grant: Grant, place: Place, record: Record, clock: Clock, audit_id: Callable[[int], str], *,
                 apart: bool = False) -> None:  # fmt: skip
        """`audit_id` makes the Audit-ID of a session's request. `apart`: the place is a container beside the one that is looked at."""
        self.own = self.start = 0  # of the script: pid and session; when it began
        self.there = tuple[probe.Process, ...]()  # every process of the container as the script began
        self._there_at = (0.0, 0.0)  # loop times between which they were seen
        self.said_at = 0.0  # loop time at which it said so: it began before
        self.asked_at = 0.0  # loop time at which it was asked for: it began behind it
        self.waits = False  # whether the container's shell can look again and again by itself
        self.name = secrets.token_hex(8)  # a word of its command line
        self._way, self._grant, self._place = way, grant, place
        self._asking = Asking(record, clock, grant, place.connection, place.target, audit_id)
        self._apart, self._keepers = apart, frozenset[tuple[int, int]]()
        self._loop = asyncio.get_running_loop()
        self._key = secrets.token_hex(16).encode()
        self._answers = probe.Answers(self._key)
        self._decoder = websocket.Decoder(masked=False)
        self._reader = channels.Reader(channels.COMMANDS[channels.V5], client=False)
        self._connection: Connection | None = None
        self._head: asyncio.Future[http.ResponseHead] = self._loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._heard: list[probe.Answer] = []
        self._news = asyncio.Event()
        self._error, self._closed = "", False
        self._late: list[tuple[Channel, bytes]] | None = None  # answers that are put on record together
        self._body = b""
        self._kept = 0

    @property
    def session(self) -> int:
        """Its number, once it is on record; before, 0."""
        return self._asking.session

    @property
    def opening(self) -> bool:
        """Whether its process may be there and has not said so."""
        return not self.own and not self._error and not self._closed

    # -- its life ----------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Start the script, and see what is `there`. Raises LookError; then, too, it is to be closed.

        Its first orders are put on record with its request, and go out once the cluster has answered that: a commit and a way there and back less.
        """
        orders = self._dump
        first = self._key + b"\n" + b"".join(orders)
        try:
            connection, credential, _ = await asyncio.gather(
                self._way.pool.connect(stream=True), self._way.upstream.authorization(self._grant), self._begin())
            await self._upgrade(connection, credential, first)
        except LookError:
            raise
        except JituiError as error:
            raise LookError(f"the cluster can't be asked: {error}") from error
        written = self._loop.time()
        self._write(first)
        heard = await self._answered(len(orders))
        self._there_at = written, self._loop.time()
        if not self.own:
            raise LookError("the container's shell does not say which process it is")
        self.there = self._processes(heard)
        if any(each.pid == self.own and each.ppid for each in self.there):  # an exec's process has a parent only where it is seen from outside
            raise LookError(OF_NODE)

    async def ask(self, orders: Sequence[bytes]) -> list[probe.Answer]:
        """Send orders, and wait until all of them are carried out; what was answered, without the program of a container beside. Raises LookError."""
        return [Stat(self._without(each.processes)) if isinstance(each, Stat) else each for each in await self._ask(orders)]

    async def _ask(self, orders: Sequence[bytes]) -> list[probe.Answer]:
        self._heard = [each for each in self._heard if not isinstance(each, probe.Done)]
        await self._send(Channel.STDIN, b"".join(orders))
        return await self._answered(len(orders))

    async def _answered(self, orders: int) -> list[probe.Answer]:
        await self._until(lambda: sum(isinstance(each, probe.Done) for each in self._heard) >= orders)
        heard, self._heard = self._heard, []
        return heard

    async def follow(self, times: int, gap_s: float, spin: int, heard: Callable[[list[probe.Answer]], bool], stop: asyncio.Event) -> None:
        """Hear of new processes as they come, so many times at most with so many seconds between.

        It goes on until `heard` says of answers that it is enough, or `stop` is set. Of orders that are alike all
        are put on record at once, and so are the answers. Raises LookError.
        """
        order = probe.order("w", spin, times, f"{gap_s:.3f}") if self.waits else probe.order("n", spin)
        orders = [order] * (1 if self.waits else min(times, TOGETHER))
        await self._asking.put((Channel.STDIN, b"".join(orders)))
        self._late, enough, told = [], False, asyncio.Event()
        try:
            for each in orders:
                self._heard, done = [], False
                self._write(each)
                while not done:
                    await self._until(lambda: self._heard or (stop.is_set() and self.waits and not told.is_set()))
                    answers, self._heard = self._heard, []
                    done = any(isinstance(answer, probe.Done) for answer in answers)
                    enough = heard(answers) or enough or stop.is_set()
                    if enough and self.waits and not told.is_set() and not done:
                        told.set()
                        await self._send(Channel.STDIN, b"\n")
                if not enough and not self.waits:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(gap_s):
                            await stop.wait()
        finally:
            late, self._late = self._late, None
            if late:
                self._asking.put_soon(late, lambda why: self._fail(why) if why else None)

    def before(self, begun: float) -> tuple[lineage.Before, tuple[str, ...]]:
        """The baseline of a window whose first command was let go at that loop time, and its words in a fact. Infinite: behind the look.

        Else what may have begun behind the command is not in it, and unsure unless that is certain. Raises LookError.
        """
        if begun < math.inf and not self.start:
            raise LookError("the container does not show when the look began, and it did not answer in time")
        others = lineage.outside(self.there, self.own)
        if begun == math.inf:
            return lineage.Before.of(others), lineage.written(others)
        # the program that reads the processes is one of them, and began when they were read; a shell that reads them itself began before
        sid = lineage.session(self.there, self.own)
        read = max((each.start for each in self.there if each.sid == sid and each.pid != self.own), default=0)
        tick, (low, high) = (read, self._there_at) if read else (self.start, (self.asked_at, self.said_at))
        before, unsure = lineage.parted(others, tick, begun - high, begun - low)
        return lineage.Before.of(before, unsure), lineage.written(before)

    @property
    def full(self) -> bool:
        """Whether no more answers of it are put on record."""
        return self._kept > KEPT

    async def stat(self) -> tuple[probe.Process, ...]:
        """Every process of the container; of one beside it, only the script's own. Raises LookError."""
        return self._processes(await self._ask(self._dump))

    @property
    def _dump(self) -> list[bytes]:
        return [probe.order("d"), *([probe.order("m")] if self._apart else [])]

    def _processes(self, heard: Sequence[probe.Answer]) -> tuple[probe.Process, ...]:
        there = next((each.processes for each in heard if isinstance(each, Stat)), None)
        if there is None:
            raise LookError("the container shows no processes")
        if not there:
            raise LookError("the container shows no processes: there is no /proc in it")
        mine, sid = {each.pid for each in heard if isinstance(each, probe.Mine)}, lineage.session(there, self.own)
        self._keepers = frozenset((each.pid, each.start) for each in there if each.pid in mine and each.sid != sid)
        return self._without(there)

    def _without(self, processes: tuple[probe.Process, ...]) -> tuple[probe.Process, ...]:
        return tuple(each for each in processes if (each.pid, each.start) not in self._keepers) if self._keepers else processes

    async def leave(self) -> None:
        """End the program of the container beside, after `stat`. Raises LookError."""
        if self._keepers:
            await self._send(Channel.STDIN, b"".join(probe.signals("k", [*self._keepers])))

    async def aclose(self) -> None:
        """End the script, close the connection, and put the end of its session on record."""
        broken, self._closed = bool(self._error), True
        if self._transport is not None and not self._transport.is_closing() and not broken:
            with suppress(LookError, TimeoutError):
                async with asyncio.timeout(0.2):
                    await self._send(Channel.STDIN, probe.order("q"))
        self._kept = KEPT  # behind the end nothing is put on record
        if self._transport is not None:
            self._transport.close() if not broken else cut(self._transport)
        elif self._connection is not None:
            self._connection.abort()
        await self._asking.end("exit" if not broken else "cluster-closed")

    # -- the request -------------------------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        """Its session, on record. Raises LookError."""
        try:
            await self._asking.begin("sh")
        except JituiError as error:
            raise LookError(f"a look can't be recorded: {error}") from error

    async def _upgrade(self, connection: Connection, credential: Headers, first: bytes) -> None:
        """Raises LookError, JituiError."""
        place, key = self._place, base64.b64encode(secrets.token_bytes(16))
        query = "&".join([f"container={quote(place.container, safe='')}", "stdin=true", "stdout=true", *(f"command={quote(each, safe='')}"
                                                                                                      for each in (*probe.COMMAND, self.name))])  # fmt: skip
        target = place.path + f"/exec?{query}".encode()
        lines = [(b"Host", self._way.upstream.host), (b"User-Agent", b"jitui"), (b"Audit-ID", self._asking.audit_id.encode()),
                 (b"Connection", b"Upgrade"), (b"Upgrade", b"websocket"), (b"Sec-WebSocket-Version", b"13"), (b"Sec-WebSocket-Key", key),
                 (b"Sec-WebSocket-Protocol", PROTOCOLS)]  # fmt: skip
        await self._asking.ask(b"GET", target, Hazard.EXEC, OWN_LOOK, (Channel.REQUEST, http.render_request(b"GET", target, headers.recordable(lines))),
                               (Channel.STDIN, first))  # fmt: skip
        self._connection, self.asked_at = connection, self._loop.time()
        connection.exchange(b"GET", self, upgrade=True)
        connection.send(http.render_request(b"GET", self._way.upstream.prefix + target, [*lines, *credential]))
        head = await self._head
        self._asking.answered(head.status)
        took = head.get(b"sec-websocket-protocol")
        if head.status != 101 or took not in channels.COMMANDS or head.get(b"sec-websocket-accept") != websocket.accept_key(key):
            raise LookError(f"the cluster answered {head.status} to a look into the container{status.told(self._body)}")
        transport = connection.transport
        if transport is None:
            raise LookError("the cluster closed the connection of a look")
        self._keep(Channel.RESPONSE, http.render_response(101, [(b"Sec-WebSocket-Protocol", took)], framed=False))
        self._transport, self._connection = transport, None
        transport.set_protocol(self)
        behind = connection.switch()
        transport.resume_reading()
        if behind:
            self.data_received(behind)

    def head(self, head: http.ResponseHead) -> None:
        """Of the answer to the upgrade; it is whole with its body."""
        self._answer = head
        if head.status == 101 and self._connection is not None:
            self._connection.pause_reading()

    def body(self, data: bytes) -> None:
        self._body = (self._body + data)[: 64 << 10]

    def end(self) -> None:
        if not self._head.done():
            self._head.set_result(self._answer)

    def lost(self, error: UpstreamError) -> None:
        if not self._head.done():
            self._head.set_exception(error)

    def writable(self, yes: bool) -> None:
        """The request is small."""

    # -- the stream --------------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._decoder.feed(data):
                self._frame(frame)
        except JituiError as error:
            self._fail(str(error))

    def _frame(self, frame: websocket.Frame) -> None:
        if frame.opcode == websocket.PING and self._transport is not None:
            self._transport.write(websocket.encode(websocket.PONG, frame.payload, mask=True))
        if frame.opcode == websocket.CLOSE:
            self._fail(self._error or "the script in the container ended")
        piece = self._reader.read(frame)
        if piece is None or not piece.body:
            return
        self._keep(piece.channel, piece.body)
        if piece.channel is Channel.STDOUT:
            self._heard += self._answers.feed(piece.body)
            for hello in self._heard if not self.own else ():
                if isinstance(hello, probe.Hello):
                    self.own, self.start, self.waits, self.said_at = hello.pid, hello.start, hello.waits, self._loop.time()
            self._news.set()
        elif piece.channel is Channel.ERROR:
            self._fail(ended(channels.exit_of(self._reader.status)))

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail("the cluster closed the connection of a look" if exc is None else f"the connection of a look was lost: {exc}")

    def _fail(self, why: str) -> None:
        self._error = self._error or why
        self._news.set()

    async def _until(self, true: Callable[[], object]) -> None:
        """Wait for an answer. Raises LookError once no more will come."""
        while not true():
            if self._error:
                raise LookError(self._error)
            self._news.clear()
            await self._news.wait()

    async def _send(self, channel: Channel, body: bytes) -> None:
        """On record, then to the container. Raises LookError."""
        await self._asking.put((channel, body))
        self._write(body)

    def _write(self, body: bytes) -> None:
        """To the container, what is on record. Raises LookError."""
        if self._error or self._transport is None or self._transport.is_closing():
            raise LookError(self._error or "the cluster closed the connection of a look")
        self._transport.write(websocket.encode(websocket.BINARY, b"\0" + body, mask=True))

    # -- its record --------------------------------------------------------------------------------------------------------

    def _keep(self, channel: Channel, body: bytes) -> None:
        """An answer, as far as there is room for it."""
        room = KEPT - self._kept
        self._kept += len(body)
        if room > 0 and self._late is not None:
            self._late.append((channel, body[:room]))
        elif room > 0:
            self._asking.put_soon([(channel, body[:room])], lambda why: self._fail(why) if why else None)
