"""The session of a person."""

from typing import Any, Final, Protocol

from asyncssh import EXTENDED_DATA_STDERR, SSHServerSession

WORDS: Final = b"jitui: people have no sessions over SSH here; use jitui on the gateway's machine\n"


class Link(Protocol):
    """The connection of a session."""

    def ended(self, session: "PersonSession") -> None:
        """Its channel is closed."""


class PersonSession(SSHServerSession[bytes]):
    """One session channel of a person: it is refused with a sentence."""

    def __init__(self, connection: Link) -> None:
        self._connection = connection
        self._channel: Any

    def connection_made(self, chan: Any) -> None:
        self._channel = chan

    def shell_requested(self) -> bool:
        return True

    def exec_requested(self, command: str) -> bool:  # noqa: ARG002 - whatever it is
        return True

    def session_started(self) -> None:
        self._channel.write(WORDS, EXTENDED_DATA_STDERR)
        self._channel.exit(255)

    def pump(self) -> None:
        """There is room again."""

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - however it was lost
        self._connection.ended(self)
