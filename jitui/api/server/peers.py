"""The other end of a connection, and the server's protocol that finds out who it is.

uvicorn shows no peer of a Unix socket and bounds neither heads nor what waits behind a request, so its protocol is extended: SO_PEERCRED is read when
the connection is made, a head must be small, a whole request must arrive in time, few may wait, and an answer must be read.
"""

import asyncio
import os
import socket
from dataclasses import dataclass
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from jitui.auth import peer
from jitui.auth.standing import Current
from jitui.listeners.address import unmapped
from jitui.listeners.patience import Patience
from jitui.listeners.visitors import Visitor, Visitors
from jitui.policy.terms import Identity
from jitui.values.errors import TooManyError

HEAD_LIMIT: Final = 64 << 10  # bytes of request line and headers
STALLED_S: Final = 30.0  # for a client to take some of an answer; who follows events may rest
WAITING: Final = 8  # requests behind the one that is being answered
TOO_LARGE: Final = (b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
                    b"content-length: 37\r\nconnection: close\r\n\r\na request's head is at most 64 KiB.\r\n")


@dataclass(frozen=True, slots=True)
class Guest:
    """A caller whom the gateway itself knows by another way than this connection."""

    caller: Current
    label: str  # where they come from, as approvers see it


class Peer:
    """The other end of one connection."""

    __slots__ = ("_client", "_owner", "_seated", "_visitor", "_visitors", "guest", "uid")

    def __init__(self, uid: int | None, client: tuple[str, int] | None, owner: int | peer.Unseen | None = None, guest: Guest | None = None) -> None:
        """`owner`: whose process a TCP client is, as its accept found. `guest`: the caller of every request on it."""
        self.uid = uid  # of a Unix socket's other end
        self.guest = guest
        self._visitors: Visitors | None = None
        self._visitor: Visitor | None = None
        self._seated = False  # the request in progress is somebody's
        self._client, self._owner = client, owner if uid is None else uid

    @property
    def label(self) -> str:
        """The origin of a request, as approvers see it: an address, or the Unix user."""
        if self.guest is not None:
            return self.guest.label
        return self._client[0] if self._client else f"uid {self.uid}" if self.uid is not None else "unknown"

    def visits(self, visitors: Visitors, visitor: Visitor) -> None:
        """It counts among them."""
        self._visitors, self._visitor = visitors, visitor

    def known(self, who: Identity) -> None:
        """The request in progress is theirs. Raises TooManyError: too many connections, or requests a second."""
        self._seated = True
        if self._visitors is not None and self._visitor is not None:
            owner = self._visitors.known(self._visitor, who.name, agent=who.is_agent)
            if who.is_agent:
                self._visitors.take(owner, asyncio.get_running_loop().time())

    def stream(self) -> None:
        """Events will go out on it, until the request is over. Raises TooManyError."""
        if self._visitors is not None and self._visitor is not None:
            self._visitors.stream(self._visitor)

    def over(self) -> bool:
        """The request is answered; False if the connection has to be closed, as its address asks too much without being anybody."""
        seated, self._seated = self._seated, False
        if self._visitors is None or self._visitor is None:
            return True
        self._visitors.still(self._visitor)
        if seated:
            return True
        try:
            now = asyncio.get_running_loop().time()
            self._visitors.unknown(self._visitor, now)
            self._visitors.refused(self._visitor, now)
        except TooManyError:
            return False
        return True

    def same_user(self) -> bool:
        """Whether a process of the gateway's own Unix user is at the other end, or one of this machine that the kernel does not show."""
        return self._owner in {os.geteuid(), peer.Unseen.CLOSING}


class PeerProtocol(HttpToolsProtocol):
    """One connection whose requests know their peer: `request.state.peer`."""

    def __init__(self, config: Config, state: ServerState, app_state: dict[str, Any], visitors: Visitors, visitor: Visitor,
                 guest: Guest | None = None) -> None:  # fmt: skip
        super().__init__(config, state, app_state)
        self._guest = guest
        self._visitors, self._visitor = visitors, visitor
        self._patience = Patience(visitors, visitor)
        self._head = 0  # bytes of the head that is being read
        self._in_head = True
        self._stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        found = peer_of(transport, self._visitor) if self._guest is None else Peer(None, None, guest=self._guest)
        found.visits(self._visitors, self._visitor)
        self._visitor.resting = self._resting
        self.app_state = {**self.app_state, "peer": found, "hang_up": transport.close}
        self._patience.begin(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._patience.gone()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head += len(data)
            self._patience.heading(min(self._head, HEAD_LIMIT))
        super().data_received(data)
        if self._in_head and self._head > HEAD_LIMIT and not self.transport.is_closing():
            self.transport.write(TOO_LARGE)
            self.transport.close()

    def on_headers_complete(self) -> None:
        self._in_head, self._head = False, 0
        self._visitors.holds(self._visitor, 0)
        if len(self.pipeline) >= WAITING:
            raise ValueError(f"more than {WAITING} requests wait behind one")  # uvicorn answers 400 and closes
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head = True
        self._patience.calm()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._visitor.owner is None:  # a stranger has only so much time, whatever they ask
            self._patience.head()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self.loop.call_later(STALLED_S, self._stall)

    def resume_writing(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        super().resume_writing()

    def _stall(self) -> None:
        if not self._visitor.streaming:
            self.transport.abort()

    def _resting(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # None until the first request
        return cycle is None or cycle.response_complete


def name_of(sock: socket.socket) -> str:
    """The name that a connection counts for while nobody is known on it: the Unix user, or the address. Raises OSError."""
    return f"uid {peer.credentials(sock).uid}" if sock.family == socket.AF_UNIX else str(sock.getpeername()[0])


def peer_of(transport: asyncio.BaseTransport, visitor: Visitor | None = None) -> Peer:
    """The peer of a connection that was just made."""
    sock: Any = transport.get_extra_info("socket")
    if sock is not None and sock.family == socket.AF_UNIX:
        return Peer(peer.credentials(sock).uid, None)
    client = transport.get_extra_info("peername")
    return Peer(None, (unmapped(client[0]), client[1]) if client else None, visitor.uid if visitor is not None else None)
