"""The session of an agent: one command in one pod, from the channel's requests to the pipe."""

from collections.abc import Mapping
from typing import Any, Protocol

from asyncssh import SSHServerSession

from jitui.listeners.ssh.command import COPY, USAGE
from jitui.listeners.ssh.pipe import Line, Pipe
from jitui.listeners.ssh.request import Rooms, SshRequest
from jitui.listeners.ssh.who import Known
from jitui.listeners.visitors import Visitor


class Link(Line, Protocol):
    """The connection of a session."""

    rooms: Rooms
    known: Known
    visitor: Visitor

    @property
    def label(self) -> str:
        """Where it comes from and how it is known, for the record."""

    def fed(self, session: "AgentSession") -> None:
        """It has got something, and takes it by `flush`."""

    def ended(self, session: "AgentSession") -> None:
        """Its channel is closed."""


class AgentSession(SSHServerSession[bytes]):
    """One session channel of an agent. It is told of each request in turn, and once one of them has started it, it begins."""

    def __init__(self, connection: Link) -> None:
        self._connection = connection
        self._channel: Any
        self._pipe: Pipe | None = None
        self._request: SshRequest | None = None
        self._visitor = Visitor(connection.visitor.address, 0.0, lambda: None)
        self._size: tuple[int, int] | None = None  # of the terminal, once there is one
        self._command: str | None = None
        self._refusal = ""
        self._came: list[bytes] = []

    # -- requests ----------------------------------------------------------------------------------------------------------

    def connection_made(self, chan: Any) -> None:
        self._channel = chan
        chan.set_write_buffer_limits(high=0, low=0)

    def pty_requested(self, term_type: str, term_size: tuple[int, int, int, int], term_modes: Mapping[int, int]) -> bool:  # noqa: ARG002
        self._size = term_size[0], term_size[1]
        return True

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:  # noqa: ARG002 - cells are all that there is
        if self._size is None or not (0 < width < 1 << 16 and 0 < height < 1 << 16):
            return
        self._size = width, height
        if self._pipe is not None:
            self.flush()
            self._pipe.resized(width, height)

    def exec_requested(self, command: str) -> bool:
        self._command = command
        return True

    def shell_requested(self) -> bool:
        self._refusal = f"there is no shell on the gateway, only commands in pods; {USAGE}"
        return True

    def subsystem_requested(self, subsystem: str) -> bool:
        self._refusal = COPY if subsystem == "sftp" else "there are no subsystems here, only commands in pods"
        return True

    def session_started(self) -> None:
        connection = self._connection
        pipe = self._pipe = Pipe(self._channel, connection, tty=self._size is not None)
        if self._command is None:
            pipe.tell(self._refusal)
            return
        self._request = SshRequest(connection.rooms, connection.known, self._visitor, pipe, connection.label, tty=self._size is not None)
        if self._size is not None and all(self._size):
            pipe.resized(*self._size)
        self._request.begin(self._command.encode("utf-8", "surrogateescape"), connection.visitor)

    # -- the stream --------------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes, datatype: int | None) -> None:  # noqa: ARG002 - a client has no other kind
        self._came.append(data)
        self._connection.fed(self)

    def flush(self) -> None:
        """All that one read of the connection brought is one piece."""
        if self._came and self._pipe is not None:
            data, self._came = b"".join(self._came), []
            self._pipe.came(data)

    def eof_received(self) -> bool:
        """The rest of the output is still to come."""
        self.flush()
        if self._pipe is not None:
            self._pipe.closed_stdin()
        return True

    def pause_writing(self) -> None:
        """The pipe asks the channel."""

    def resume_writing(self) -> None:
        self.pump()

    def pump(self) -> None:
        """There is room again."""
        if self._pipe is not None:
            self._pipe.pump()

    def break_received(self, msec: int) -> bool:  # noqa: ARG002 - an exec has none
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - however it was lost
        self._connection.ended(self)
        if self._request is not None:
            self._request.lost()
        if self._pipe is not None:
            self._pipe.lost()
        self._connection.rooms.visitors.still(self._visitor)
