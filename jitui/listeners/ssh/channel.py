"""One session channel: asyncssh's, without the requests that nobody here heeds, and with commands as the bytes that came."""

from typing import Final

from asyncssh import SSHServerChannel
from asyncssh.constants import MSG_CHANNEL_WINDOW_ADJUST
from asyncssh.packet import SSHPacket

from jitui.listeners.ssh.agent import AgentSession
from jitui.listeners.ssh.person import PersonSession

PIECE: Final = 32 << 10  # bytes


def _adjusted(channel: SSHServerChannel[bytes], kind: int, number: int, packet: SSHPacket) -> None:
    """There is room again; asyncssh tells that only if it holds something itself."""
    channel._process_window_adjust(kind, number, packet)  # noqa: SLF001 - the handler in whose place this one stands
    session = channel._session  # noqa: SLF001 - there is no other way to it
    if isinstance(session, AgentSession):
        session.pump()


class SessionChannel(SSHServerChannel[bytes]):
    """asyncssh finds the handler of a request by its name, so each of these takes the place of its own."""

    _packet_handlers = {**SSHServerChannel._packet_handlers, MSG_CHANNEL_WINDOW_ADJUST: _adjusted}  # noqa: RUF012, SLF001 - as asyncssh has it

    def _process_exec_request(self, packet: SSHPacket) -> bool:
        """Any bytes; asyncssh's refuses those that are not UTF-8, and has the rest in its log."""
        command = packet.get_string()
        packet.check_end()
        return self._start_session(command=command.decode("utf-8", "surrogateescape"))

    def _process_env_request(self, packet: SSHPacket) -> bool:
        """No variable of a client has an effect on an agent's command; a person's session knows the few that tell something about a terminal."""
        name, value = packet.get_string(), packet.get_string()
        packet.check_end()
        session = self._session
        return isinstance(session, PersonSession) and session.variable(name.decode("ascii", "replace"), value.decode("ascii", "replace"))

    def _process_eow_at_openssh_dot_com_request(self, packet: SSHPacket) -> bool:
        """Nobody reads the output any more (OpenSSH's PROTOCOL, 2.1), as behind `| head`: no command here goes on for itself alone."""
        packet.check_end()
        self.abort()
        return True

    def _process_x11_req_request(self, packet: SSHPacket) -> bool:  # noqa: ARG002 - asyncssh's signature
        return False

    def _process_auth_agent_req_at_openssh_dot_com_request(self, packet: SSHPacket) -> bool:  # type: ignore[override]  # noqa: ARG002
        return False

    @property
    def room(self) -> int:
        """Bytes that the client takes now."""
        return 0 if self._send_buf else self._send_window

    def _accept_data(self, data: bytes, datatype: int | None = None) -> None:
        """While nothing is read, data of many small packets waits as few pieces: asyncssh's list has one for each packet, which takes a hundred times the
        memory, and a time that grows with its square.
        """
        waiting = self._recv_buf
        if self._recv_paused and waiting and len(waiting[-1][0]) + len(data) <= PIECE and self._send_state not in {"close_pending", "closed"}:
            self._recv_window -= len(data)
            waiting[-1] = (waiting[-1][0] + data, datatype)
            return
        super()._accept_data(data, datatype)
