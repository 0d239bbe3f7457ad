"""One SSH connection: whoever is at the other end has few tries and little time to say who they are; behind that, sessions alone."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import Any, Final, NoReturn, Protocol, cast

from asyncssh import (
    DISC_BY_APPLICATION,
    DISC_NO_MORE_AUTH_METHODS_AVAILABLE,
    DISC_PROTOCOL_ERROR,
    DISC_TOO_MANY_CONNECTIONS,
    OPEN_ADMINISTRATIVELY_PROHIBITED,
    OPEN_RESOURCE_SHORTAGE,
    ChannelOpenError,
    DisconnectError,
    IllegalUserName,
    SSHKey,
    SSHServer,
    SSHServerChannel,
    SSHServerConnection,
    SSHServerConnectionOptions,
    SSHServerSession,
)
from asyncssh.constants import MSG_USERAUTH_REQUEST
from asyncssh.packet import SSHPacket

from jitui.auth.sshkeys import type_of
from jitui.listeners.address import shown
from jitui.listeners.porch import SHUTDOWN_S
from jitui.listeners.ssh.agent import AgentSession
from jitui.listeners.ssh.channel import SessionChannel
from jitui.listeners.ssh.inflow import Inflow, Wire
from jitui.listeners.ssh.person import PersonSession, Reception
from jitui.listeners.ssh.request import Rooms
from jitui.listeners.ssh.who import Keys, Known
from jitui.listeners.turnstile import Turnstile
from jitui.listeners.visitors import Visitor
from jitui.proxy.ends import End, Why
from jitui.proxy.outlet import Outlet
from jitui.values.errors import JituiError
from jitui.values.said import clean

TRIES: Final = 6  # refused attempts of one connection, as OpenSSH's MaxAuthTries
SESSIONS: Final = 10  # of one connection, as OpenSSH's MaxSessions
ASKS: Final = 40  # attempts of one connection, refused or not: for each key OpenSSH asks and then signs
DEFERRED: Final = 4096  # answers that wait for an exchange of keys; a client asks for nothing in it (RFC 4253, 7.1)
PACKET: Final = 4096  # bytes that a client takes at once, at least: in packets of one byte, the output would keep the loop for seconds
TOGETHER: Final = 64 << 10  # bytes of slices that sessions pass on at once, if there are as many
WINDOW: Final = 1 << 20  # bytes that a client may send ahead on one channel
SIGNATURES: Final = (
    "ssh-ed25519", "sk-ssh-ed25519@openssh.com", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com", "rsa-sha2-512", "rsa-sha2-256",
)  # fmt: skip
SIGNED: Final = frozenset(each.encode("ascii") for each in SIGNATURES)  # they prove a key; asyncssh would take RSA over SHA-1, too
NO_LINGER: Final = struct.pack("ii", 1, 0)
CARRIED: Final = "the SSH listener carries sessions alone"


class Listener(Protocol):
    """The listener that the connection came in at."""

    rooms: Rooms
    keys: Keys
    reception: Reception
    options: SSHServerConnectionOptions
    turnstile: Turnstile
    connections: set["Connection"]
    sessions: int  # open ones of agents, of all connections

    def room(self) -> None:
        """Raises TooManyError if no further session of an agent may begin."""


def _named(connection: "Connection", kind: int, number: int, packet: SSHPacket) -> Any:
    """A name counts as it was sent: asyncssh would take one in full-width letters for the same in ASCII (RFC 4013). Raises DisconnectError."""
    connection.asks()
    payload = packet.get_full_payload()
    if not payload[5 : 5 + int.from_bytes(payload[1:5], "big")].isascii():
        raise IllegalUserName("jitui: the names of identities are in ASCII")
    return connection._process_userauth_request(kind, number, packet)  # noqa: SLF001 - the handler in whose place this one stands


class Connection(SSHServerConnection):
    """asyncssh's connection, read in slices, with its socket's back pressure and the number of bytes it has taken."""

    _packet_handlers = {**SSHServerConnection._packet_handlers, MSG_USERAUTH_REQUEST: _named}  # noqa: RUF012, SLF001 - as asyncssh has it

    caller: "Caller"
    known: Known

    def __init__(self, listener: Listener, visitor: Visitor) -> None:
        super().__init__(asyncio.get_running_loop(), listener.options)
        self.listener, self.visitor, self.rooms = listener, visitor, listener.rooms
        self.peer = ""
        self.sessions: set[AgentSession | PersonSession] = set()
        self._wire: Wire
        self._outlet: Outlet
        self._inflow: Inflow
        self._timer: asyncio.TimerHandle | None = None
        self._fed: dict[AgentSession, None] = {}
        self._unflushed = 0  # bytes of slices of which the sessions have not passed on their part
        self._feeding = self._full = self._deferred = False
        self._asked = 0  # attempts to say who it is, refused or not
        self._leaving = ""  # the words with which it does

    # -- transport ---------------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire = Wire(cast("asyncio.Transport", transport))
        self._outlet = Outlet(self._wire.transport)
        self._inflow = Inflow(self, self._wire.transport)
        self.peer = shown(transport.get_extra_info("peername"))
        self.visitor.close = self.cut
        self.visitor.resting = lambda: not self.sessions
        self.listener.connections.add(self)
        self._outlet.begin()
        caps = self.rooms.visitors.caps
        self._timer = asyncio.get_running_loop().call_later(caps.first_s, self._late)
        super().connection_made(cast("asyncio.BaseTransport", self._wire))

    def data_received(self, data: bytes, datatype: int | None = None) -> None:  # noqa: ARG002 - asyncssh's signature
        self.visitor.silent = False
        self._inflow.came(data)

    @property
    def unparsed(self) -> int:
        return len(self._inpbuf)

    def through(self, work: Callable[[], None]) -> bool:
        return self.visitor.owner is not None or self.listener.turnstile.through(work)

    def feed(self, data: bytes) -> None:
        self._feeding = True
        super().data_received(data)
        self._feeding = False
        self._unflushed += len(data)
        if not self._inflow.waits or self._unflushed >= TOGETHER:
            self._unflushed, fed, self._fed = 0, self._fed, {}
            for session in fed:
                session.flush()
        if len(self._deferred_packets) > DEFERRED:
            self.cut()
        elif self._deferred and not self._deferred_packets:  # keys were exchanged, and all that waited for it went out
            self._pump()

    def fed(self, session: AgentSession) -> None:
        """A session has got something; it takes it once all of this read is there."""
        if self._feeding:
            self._fed[session] = None
        else:
            session.flush()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._pump()
        self._inflow.resume()

    def _pump(self) -> None:
        for session in list(self.sessions):
            if self.blocked:
                return
            session.pump()

    @property
    def written(self) -> int:
        return self._wire.written

    @property
    def blocked(self) -> bool:
        """Its socket is full, or keys are being exchanged: then asyncssh keeps what is written."""
        self._deferred = bool(self._deferred_packets) or self._kexinit_sent
        return self._full or self._deferred

    @property
    def unread(self) -> int:
        return self._outlet.unread

    def cut(self) -> None:
        sock = self._wire.transport.get_extra_info("socket")
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        self.abort()

    # -- who ---------------------------------------------------------------------------------------------------------------

    @property
    def strict(self) -> bool:
        """Whether the key exchange counts its packets (CVE-2023-48795)."""
        return self._strict_kex

    @property
    def label(self) -> str:
        """Where it comes from and how it is known, for the record: no other connection has the same."""
        return f"{self.peer} by {self.known.how}"

    async def validate_public_key(self, username: str, key_data: bytes, msg: bytes, signature: bytes) -> bool:
        """The gateway judges the very bytes that were shown; then asyncssh checks the signature, if there is one. Raises DisconnectError."""
        address = self.get_extra_info("peername")[0]
        good = self.caller.offers(lambda: self.listener.keys.by_key(username, key_data, address)) and (not msg or type_of(signature) in SIGNED)
        if not good or not await super().validate_public_key(username, key_data, msg, signature):
            self.caller.refused()
            return False
        return True

    def asks(self) -> None:
        """One more attempt, by whatever method. Raises DisconnectError."""
        self._asked += 1
        if self._asked > ASKS:
            raise DisconnectError(DISC_NO_MORE_AUTH_METHODS_AVAILABLE, f"jitui: {ASKS} attempts are enough for one connection")

    def welcome(self, known: Known) -> None:
        """It is authenticated. Raises TooManyError."""
        self.known = known
        self.rooms.visitors.known(self.visitor, known.who.name, agent=known.who.is_agent)
        self._calm()

    def ended(self, session: AgentSession | PersonSession) -> None:
        """The channel of a session is closed."""
        if session in self.sessions:
            self.sessions.discard(session)
            self.listener.sessions -= self.known.who.is_agent
            if self._leaving and not self.sessions:
                self.disconnect(DISC_BY_APPLICATION, self._leaving)

    def lost(self) -> None:
        self._calm()
        self._inflow.clear()
        self.listener.connections.discard(self)
        self.rooms.visitors.gone(self.visitor)

    def leave(self, words: str) -> None:
        """Ends it with a sentence, which OpenSSH shows: once its sessions are over, which may have words of their own to say, or soon."""
        if self._leaving:
            return
        self._leaving = clean(f"jitui: {words}", 1000)
        if self.sessions:
            self._timer = asyncio.get_running_loop().call_later(SHUTDOWN_S, self.disconnect, DISC_BY_APPLICATION, self._leaving)
        else:
            self.disconnect(DISC_BY_APPLICATION, self._leaving)

    def look(self) -> None:
        """Once its key, its certificate or its identity has ended, nothing passes any more: what runs is told so, and it leaves."""
        if self.visitor.owner is None:
            return
        try:
            self.known.standing()
        except JituiError as error:
            windows, end = self.rooms.broker.windows, End(Why.DISABLED, "gateway", f"jitui: {error}", error.code, error.reason)
            for session in [session for session in windows.sessions.values() if session.peer == self.label and not session.muted]:
                windows.over(session, end)
            self.leave(str(error))

    def _late(self) -> None:
        self._timer = None
        self.rooms.visitors.late(self.visitor)

    def _calm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- sessions ----------------------------------------------------------------------------------------------------------

    def _process_session_open(self, packet: SSHPacket) -> tuple[SSHServerChannel[bytes], SSHServerSession[bytes]]:
        """The last field of the packet is the largest one that the client takes."""
        if int.from_bytes(packet.get_full_payload()[-4:]) < PACKET:
            raise ChannelOpenError(OPEN_RESOURCE_SHORTAGE, f"jitui: packets of less than {PACKET} bytes are too small; OpenSSH takes 32768")
        return super()._process_session_open(packet)

    def session(self) -> tuple[SSHServerChannel[bytes], SSHServerSession[bytes]]:
        """Raises ChannelOpenError if there are too many."""
        if len(self.sessions) >= SESSIONS:
            raise ChannelOpenError(OPEN_RESOURCE_SHORTAGE, f"jitui: a connection has {SESSIONS} sessions at most; open another connection")
        agent = self.known.who.is_agent
        try:
            if agent:
                self.listener.room()
            self.known.standing()
        except JituiError as error:
            raise ChannelOpenError(OPEN_RESOURCE_SHORTAGE, clean(f"jitui: {error}", 1000)) from None
        session = AgentSession(self) if agent else PersonSession(self, self.listener.reception)
        self.sessions.add(session)
        self.listener.sessions += agent
        channel = SessionChannel(self, asyncio.get_running_loop(), True, False, False, 0, 0, None, "strict", WINDOW, 32768)
        return channel, session


class Caller(SSHServer):
    """asyncssh's questions about one connection."""

    _connection: Connection

    def __init__(self) -> None:
        self._offered: Known | None = None
        self._refused = 0

    def connection_made(self, conn: SSHServerConnection) -> None:
        assert isinstance(conn, Connection)
        self._connection, conn.caller = conn, self

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - however it was lost
        self._connection.lost()

    # -- who ---------------------------------------------------------------------------------------------------------------

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002 - nobody is let in without more than a name
        if not self._connection.strict:
            raise DisconnectError(DISC_PROTOCOL_ERROR, "jitui: this client does not offer strict key exchange (CVE-2023-48795), so its first packets could be "
                                  "taken away unseen; use OpenSSH 9.6 or newer, or one with that fix")  # fmt: skip
        self.refused()
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: SSHKey) -> bool:  # noqa: ARG002 - `Connection.validate_public_key` has judged it
        return self._offered is not None

    def validate_ca_key(self, username: str, key: SSHKey) -> bool:  # noqa: ARG002 - as above
        return self._offered is not None

    def password_auth_supported(self) -> bool:
        return self._connection.listener.keys.passwords

    def validate_password(self, username: str, password: str) -> bool:
        good = self.offers(lambda: self._connection.listener.keys.by_password(username, password))
        if not good:
            self.refused()
        return good

    def offers(self, look: Callable[[], Known]) -> bool:
        """Whether somebody is known by what is shown now; nothing that was shown before counts any more."""
        self._offered = None
        with contextlib.suppress(JituiError):
            self._offered = look()
        return self._offered is not None

    def refused(self) -> None:
        """One more attempt that nobody known made. Raises DisconnectError."""
        connection, self._offered = self._connection, None
        self._refused += 1
        try:
            connection.rooms.admission.unknown(connection.visitor, asyncio.get_running_loop().time())
        except JituiError as error:
            raise DisconnectError(DISC_TOO_MANY_CONNECTIONS, clean(f"jitui: {error}", 1000)) from None
        if self._refused > TRIES:
            raise DisconnectError(DISC_NO_MORE_AUTH_METHODS_AVAILABLE, f"jitui: {TRIES} attempts were refused, and there are no more; none of the keys is "
                                  "known here for that name")  # fmt: skip

    def auth_completed(self) -> None:
        known, connection = self._offered, self._connection
        if known is None or known.who.name != connection.get_extra_info("username"):
            connection.cut()
            return
        try:
            connection.welcome(known)
        except JituiError as error:
            connection.disconnect(DISC_TOO_MANY_CONNECTIONS, clean(f"jitui: {error}", 1000))

    # -- what may be opened ------------------------------------------------------------------------------------------------

    def session_requested(self) -> Any:
        return self._connection.session()

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> NoReturn:  # noqa: ARG002 - whatever it is
        raise ChannelOpenError(OPEN_ADMINISTRATIVELY_PROHIBITED, f"jitui: {CARRIED}, and no forwarding; kubectl port-forward reaches a pod's port")

    def unix_connection_requested(self, dest_path: str) -> NoReturn:  # noqa: ARG002 - whatever it is
        raise ChannelOpenError(OPEN_ADMINISTRATIVELY_PROHIBITED, f"jitui: {CARRIED}, and no forwarding of sockets")

    def tun_requested(self, unit: int | None) -> NoReturn:  # noqa: ARG002 - whatever it is
        raise ChannelOpenError(OPEN_ADMINISTRATIVELY_PROHIBITED, f"jitui: {CARRIED}, and no tunnels")

    def tap_requested(self, unit: int | None) -> NoReturn:  # noqa: ARG002 - whatever it is
        raise ChannelOpenError(OPEN_ADMINISTRATIVELY_PROHIBITED, f"jitui: {CARRIED}, and no tunnels")

    def server_requested(self, listen_host: str, listen_port: int) -> bool:  # noqa: ARG002 - whatever it is
        return False

    def unix_server_requested(self, listen_path: str) -> bool:  # noqa: ARG002 - whatever it is
        return False
