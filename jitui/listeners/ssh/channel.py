"""One session channel: asyncssh's, without the requests that nobody here heeds, and with commands as the bytes that came."""

from asyncssh import SSHServerChannel
from asyncssh.packet import SSHPacket

from jitui.listeners.ssh.person import PersonSession


class SessionChannel(SSHServerChannel[bytes]):
    """asyncssh finds the handler of a request by its name, so each of these takes the place of its own."""

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

    def _process_x11_req_request(self, packet: SSHPacket) -> bool:  # noqa: ARG002 - asyncssh's signature
        return False

    def _process_auth_agent_req_at_openssh_dot_com_request(self, packet: SSHPacket) -> bool:  # type: ignore[override]  # noqa: ARG002
        return False
