"""One exec over SSH, from its words to its end: judged, recorded and ended as kubectl's is, because to the proxy it is the same request."""

import asyncio
import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from jitui.access import Broker
from jitui.listeners.admission import Admission
from jitui.listeners.ssh.command import Asked, read
from jitui.listeners.ssh.pipe import ChannelOutlet, Pipe
from jitui.listeners.ssh.who import Known
from jitui.listeners.visitors import Visitor, Visitors
from jitui.policy import kube
from jitui.policy.action import Action
from jitui.policy.policy import Allow, Deny
from jitui.policy.streams import EXEC
from jitui.protocol import channels, headers
from jitui.protocol.messages import RequestHead
from jitui.protocol.plan import Plan, asked, plan
from jitui.protocol.speech import Said, Speech, Unit, WebSocketCommand, Wire
from jitui.protocol.websocket import Frame, ProtocolError
from jitui.proxy.entry import Proxy
from jitui.proxy.port import Handler
from jitui.proxy.rest import Rest
from jitui.recording.frame import Channel
from jitui.values.errors import JituiError, TooManyError
from jitui.values.said import clean

AGENT: Final = b"jitui-ssh"  # User-Agent, in the cluster's audit log
NOTHING: Final = Action("")


@dataclass(frozen=True, slots=True)
class Rooms:
    """The parts of the gateway that every exec of the listener needs."""

    broker: Broker
    proxy: Proxy
    visitors: Visitors
    admission: Admission


class Quiet(WebSocketCommand):
    """The speech of an exec over SSH. Its last words are a Status alone: over SSH standard error is apart from a terminal's output."""

    def __init__(self, asked: frozenset[Channel]) -> None:
        super().__init__(channels.COMMANDS[channels.V5], asked)
        self._stdin = Channel.STDIN in asked

    def last_words(self, words: str, body: bytes, *, tty: bool) -> tuple[list[Said], Wire]:  # noqa: ARG002 - as of all speeches
        return super().last_words(words, body, tty=False)

    def _data(self, frame: Frame, *, client: bool) -> Unit | None:
        if client and not self._stdin and frame.payload[:1] == bytes((Channel.STDIN,)):
            raise ProtocolError("this command is allowed without standard input alone, and there is some; say ssh -n, or ask for a window with any command")
        return super()._data(frame, client=client)


class Told:
    """The handler of a request that is over."""

    def body_in(self, data: bytes) -> None:
        """It has none."""

    def end_in(self) -> None:
        """It is over."""

    def flush_in(self) -> None:
        """It is over."""

    def client_lost(self) -> None:
        """It is over."""


class SshRequest:
    """One exec. For the proxy it is the client's end (`jitui.proxy.port.ProxyRequest`)."""

    action: Action
    verdict: Allow
    lines: headers.Lines
    before: Allow | None
    length: int | None

    def __init__(self, rooms: Rooms, known: Known, visitor: Visitor, pipe: Pipe, peer: str, *, tty: bool) -> None:
        """`visitor`: of this session alone; its connection's may have several."""
        self._rooms, self._known, self._visitor, self._pipe, self.peer, self._tty = rooms, known, visitor, pipe, peer, tty
        self.who, self.connection, self.method, self.target = known.who, "", b"GET", b""
        self.action, self.before, self.lines = NOTHING, None, []
        self.length, self.keep_alive, self.prefix, self.group = 0, False, "", ""
        self.outlet: ChannelOutlet = pipe.outlet
        self.current: Handler = Told()

    def begin(self, command: bytes, owner: Visitor) -> None:
        """All steps: admit, read, judge, dispatch. `owner`: the visitor that the connection is."""
        rooms = self._rooms
        try:
            rooms.admission.open()
            self.standing()
            rooms.admission.agent(owner, self.who, asyncio.get_running_loop().time(), "SSH listener, with a command,")
            self._visitor.owner = owner.owner
            found = read(command)
            rooms.admission.connection(owner, self.who, found.connection)
            self.connection = found.connection
            handler = self._decide(found)
        except JituiError as error:
            handler = self.refuse(error)
        self.become(handler)
        handler.end_in()
        handler.flush_in()

    def _read(self, found: Asked, *, stdin: bool) -> Plan:
        """The action of the very bytes that will go to the cluster, and their upgrade. Raises JituiError; that is on record as a denial."""
        target = self.target = found.target(stdin=stdin, tty=self._tty)
        key = base64.b64encode(secrets.token_bytes(16))
        host = self._rooms.proxy.host(found.connection)
        head = RequestHead(b"GET", target, (
            (b"Host", host), (b"User-Agent", AGENT), (b"Connection", b"Upgrade"), (b"Upgrade", b"websocket"), (b"Sec-WebSocket-Version", b"13"),
            (b"Sec-WebSocket-Key", key), (b"Sec-WebSocket-Protocol", channels.V5),
        ), 0, b"websocket", keep_alive=False)  # fmt: skip
        try:
            self.action = kube.read(b"GET", target)
            self.lines = headers.to_upstream(head, host=host, upgrade=True)
            streams = asked(kube.query_of(target))
            self._pipe.stdin = stdin
            return replace(plan(head, EXEC, host), make=partial(_speech, streams))
        except JituiError as error:
            self.denied(Action("get", path=clean(target.decode("latin-1"), 200)), str(error))
            raise

    def _decide(self, found: Asked) -> Handler:
        """May it pass, now? Over SSH standard input is always there; a clause with a command of its own is for one without, so that is tried, too."""
        proxy = self._rooms.proxy
        for stdin in (True,) if self._tty else (True, False):
            switch = self._read(found, stdin=stdin)
            denial = proxy.judge(self)
            if denial is None or proxy.by_default(self) is not None:
                return self._pass(switch)
        return self._pass(self._read(found, stdin=True))

    def _pass(self, switch: Plan) -> Handler:
        proxy = self._rooms.proxy
        denial = proxy.judge(self)
        return proxy.stream(self, switch) if denial is None else proxy.denied(self, denial, lambda: self._pass(switch))

    def lost(self) -> None:
        """The channel is closed before its stream stands."""
        self.current.client_lost()

    # -- the client's end, for the proxy -----------------------------------------------------------------------------------

    def standing(self) -> None:
        _ = self._known.standing()

    def streams(self) -> None:
        self._rooms.visitors.stream(self._visitor, self.verdict.grant.id)

    def become(self, handler: Handler) -> None:
        self.current = handler

    def pause_reading(self) -> None:
        """Nothing is read before the stream stands."""

    def resume_reading(self) -> None:
        """Nothing is read before the stream stands."""

    def finished(self, *, keep: bool, rest: Rest | None = None) -> None:  # noqa: ARG002 - there is one request
        """The pipe has read the answer's end."""
        self.current = Told()

    def abort(self) -> None:
        self._pipe.abort()

    def leave(self, close: Callable[[], None]) -> tuple[asyncio.Transport, ChannelOutlet, bytes]:
        self._visitor.close = close
        self.current = Told()
        return self._pipe, self.outlet, b""

    def closed(self) -> None:
        self._rooms.visitors.still(self._visitor)

    # -- answers of the gateway's own --------------------------------------------------------------------------------------

    def answer(self, code: int, body: bytes, *, close: bool = False) -> None:  # noqa: ARG002 - a Status says all
        self.say(code, "", channels.exit_of(body).message)

    def say(self, code: int, reason: str, message: str) -> Handler:  # noqa: ARG002 - SSH has one status for all of them
        self.current = Told()
        self._pipe.tell(message)
        self.closed()
        return self.current

    def refuse(self, error: JituiError, *, close: bool = False) -> Handler:  # noqa: ARG002 - a session ends with it in any case
        again = f"; try again in {error.retry_after} s" if isinstance(error, TooManyError) and error.retry_after and "try again" not in str(error) else ""
        return self.say(error.code, error.reason, f"jitui: {error}{again}")

    def deny(self, verdict: Deny) -> Handler:
        self.denied(self.action, verdict.why)
        return self.say(verdict.code, "Forbidden", clean(verdict.sentence, 1000))

    def denied(self, action: Action, why: str) -> None:
        self._rooms.broker.denied(self.who.name, self.connection, action, why, group=self.group)


def _speech(streams: frozenset[Channel], _: bytes) -> Speech:
    return Quiet(streams)
