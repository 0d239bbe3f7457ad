"""The session of a person: the screens, or one command, as a child process with a connection to the API that is theirs."""

import asyncio
import re
import signal
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol

from asyncssh import SSHServerSession

from jitui.auth.directory import Directory
from jitui.auth.standing import Current, Visiting
from jitui.listeners.porch import Spawn
from jitui.listeners.ssh.child import Child, Errand, Size
from jitui.listeners.ssh.command import words
from jitui.listeners.ssh.sieve import Sieve
from jitui.listeners.ssh.who import Known
from jitui.listeners.visitors import Visitors
from jitui.values.errors import InvalidError, JituiError, TooManyError, UnavailableError
from jitui.values.said import clean

LONGEST: Final = 32 << 10  # bytes of a command
FAILED: Final = 255  # the exit code of the gateway's own ends
SENTENCE: Final = 400  # characters
TERM: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]{0,63}", re.ASCII)
PLAIN_TERM: Final = "xterm-256color"  # where the client's is none
KEPT: Final[Mapping[str, "re.Pattern[str]"]] = {  # variables of the client that its process gets, in these forms alone
    "COLORTERM": re.compile(r"truecolor|24bit"), "NO_COLOR": re.compile(r"1"), "TZ": re.compile(r"[A-Za-z]{1,32}(?:/[A-Za-z0-9_+-]{1,32}){0,2}", re.ASCII),
}  # fmt: skip
SIGNALS: Final = {"INT": signal.SIGINT, "TERM": signal.SIGTERM, "HUP": signal.SIGHUP, "QUIT": signal.SIGQUIT}
NAMES: Final = {number.value: number.name.removeprefix("SIG") for number in signal.Signals}
STOPS: Final = "the gateway stops; nothing was decided by that"
NO_SUBSYSTEM: Final = "there are no subsystems here, and no files; name a command, as: ssh -t {name}@GATEWAY, ssh {name}@GATEWAY requests"
RESTORE: Final = b"\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1004l\x1b[?2004l\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?7h\x1b[0m"
# mouse, focus, paste, keyboard, other screen, cursor, wrapping, colours: as a program leaves a terminal that it ends on by itself

Admit = Callable[[socket.socket, Current, str], Awaitable[asyncio.BaseTransport]]


class Link(Protocol):
    """The connection of a session."""

    known: Known
    peer: str

    @property
    def blocked(self) -> bool:
        """Its socket takes no more for now; `pump` tells when it does."""
    def ended(self, session: "PersonSession") -> None:
        """Its channel is closed."""


class Reception:
    """All processes of people that run for this listener."""

    def __init__(self, admit: Admit, directory: Directory, spawn: Spawn, visitors: Visitors) -> None:
        """`admit`: serves a socket as a person's (the API). `visitors`: have the limits."""
        self.admit, self.directory, self.spawn, self._visitors = admit, directory, spawn, visitors
        self._closed = False
        self._seats: Counter[str] = Counter()
        self.running: set[PersonSession] = set()

    def enter(self, session: "PersonSession", name: str) -> None:
        """Raises TooManyError, UnavailableError."""
        if self._closed:
            raise UnavailableError(STOPS)
        caps = self._visitors.caps
        if self._seats[name] >= caps.streams_per_person:
            raise TooManyError(f"{name} has {self._seats[name]} screens and commands open here, as many as limits.ssh_sessions_per_person allows; close one",
                               limit="ssh_sessions_per_person")
        if self._seats.total() >= caps.processes:
            raise TooManyError(f"people have {self._seats.total()} screens and commands open here, as many as limits.ssh_processes or the descriptors of "
                               "this gateway allow; try again later", limit="ssh_processes")
        self._seats[name] += 1
        self.running.add(session)

    def leave(self, session: "PersonSession", name: str) -> None:
        if session in self.running:
            self.running.discard(session)
            self._seats[name] -= 1

    async def aclose(self) -> None:
        """Starts no more, ends all, and leaves their terminals as they were found."""
        self._closed = True
        for session in list(self.running):
            session.cut(STOPS)
        await asyncio.gather(*(session.gone.wait() for session in self.running))


class PersonSession(SSHServerSession[bytes]):
    """One session channel of a person."""

    def __init__(self, connection: Link, reception: Reception) -> None:
        self._connection, self._reception = connection, reception
        self._name = connection.known.who.name
        self._visiting = Visiting(reception.directory, connection.known.standing, connection.known.how)
        self._channel: Any
        self._command = ""
        self._refusal = ""
        self._term: str | None = None  # of the terminal, once there is one
        self._size = Size(0, 0)
        self._child: Child | None = None
        self._sieve = Sieve()
        self._early = bytearray()  # input before the process has started
        self._variables: dict[str, str] = {}
        self._early_eof = self._lost = self._slow = False
        self._why = ""  # the reason for which the gateway ends it
        self.gone = asyncio.Event()

    # -- requests ----------------------------------------------------------------------------------------------------------

    def connection_made(self, chan: Any) -> None:
        self._channel = chan

    def pty_requested(self, term_type: str, term_size: tuple[int, int, int, int], term_modes: Mapping[int, int]) -> bool:  # noqa: ARG002
        self._term = term_type if TERM.fullmatch(term_type) else PLAIN_TERM
        self._size = Size(*term_size[:2])
        return True

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:  # noqa: ARG002 - cells are all that there is
        self._size = Size(width, height)
        if self._child is not None:
            self._child.resize(self._size.bounded())

    def exec_requested(self, command: str) -> bool:
        self._command = command
        return True

    def shell_requested(self) -> bool:
        return True

    def subsystem_requested(self, subsystem: str) -> bool:  # noqa: ARG002 - whichever it is
        self._refusal = NO_SUBSYSTEM.format(name=self._name)
        return True

    def signal_received(self, signal: str) -> None:
        if self._child is not None and signal in SIGNALS:
            self._child.signal(SIGNALS[signal])

    def break_received(self, msec: int) -> bool:  # noqa: ARG002 - no command here knows one
        return False

    def session_started(self) -> None:
        try:
            if self._refusal:
                raise InvalidError(self._refusal)
            terminal = {"TERM": self._term} if self._term is not None else {}
            errand = Errand(read(self._command), self._variables | terminal, self._size.bounded() if terminal else None)
            self._reception.enter(self, self._name)
        except JituiError as error:
            self._why = str(error)
            self.over(0)
            return
        self._reception.spawn(lambda: self._run(errand))

    def variable(self, name: str, value: str) -> bool:
        """A variable of the client, which counts if it is known to say something about its terminal alone."""
        known = name in KEPT and KEPT[name].fullmatch(value) is not None
        if known:
            self._variables[name] = value
        return known

    async def _run(self, errand: Errand) -> None:
        """From the start of the process to its end, or to that of the person's right to be here."""
        try:
            child = await Child.start(errand, self, lambda sock: self._reception.admit(sock, self._visiting, self._connection.peer))
        except OSError as error:
            self._why = f"no process can be started here: {error.strerror}; ask whoever runs this gateway"
            self.over(0)
            return
        self._child = child
        if self._lost or self._why:
            child.hang_up()
        child.resize(self._size.bounded())
        if self._early:
            child.write(bytes(self._early))
            self._early.clear()
        if self._early_eof:
            child.end_input()
        self.full(full=child.full)
        losing, going = asyncio.ensure_future(self._visiting.lost(lambda _: None)), asyncio.ensure_future(child.gone())
        try:
            await asyncio.wait({losing, going}, return_when=asyncio.FIRST_COMPLETED)
            if losing.done():
                self.cut(str(losing.result()))
            await going
        finally:
            losing.cancel()
            going.cancel()

    # -- the stream --------------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes, datatype: int | None) -> None:  # noqa: ARG002 - a client has no other kind
        if self._child is not None:
            self._child.write(data)
            return
        self._early += data
        if len(self._early) > LONGEST:
            self._channel.pause_reading()

    def eof_received(self) -> bool:
        """The rest of the output is still to come."""
        if self._child is not None:
            self._child.end_input()
        self._early_eof = True
        return True

    def pause_writing(self) -> None:
        self._slow = True
        if self._child is not None:
            self._child.pause()

    def resume_writing(self) -> None:
        self._slow = False
        self.pump()

    def pump(self) -> None:
        """There is room again."""
        if self._child is not None and not self._slow and not self._connection.blocked:
            self._child.resume()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - however it was lost
        self._connection.ended(self)
        self._lost = True
        self._visiting.leave()
        if self._child is not None:
            self._child.hang_up()

    def cut(self, why: str) -> None:
        """The gateway ends it, and says why."""
        self._why = self._why or why
        self._visiting.leave()
        if self._child is not None:
            self._child.hang_up()

    # -- what the process does ---------------------------------------------------------------------------------------------

    def said(self, data: bytes, *, error: bool) -> None:
        if self._lost:
            return
        if error:
            self._channel.write_stderr(data)
        elif kept := self._sieve.feed(data) if self._term is not None else data:
            self._channel.write(kept)
        if self._connection.blocked and self._child is not None:
            self._child.pause()

    def full(self, *, full: bool) -> None:
        if not self._lost:
            (self._channel.pause_reading if full else self._channel.resume_reading)()

    def over(self, code: int) -> None:
        """The process has ended, or never began."""
        self._reception.leave(self, self._name)
        self.gone.set()
        if self._lost:
            return
        if self._term is not None and (self._why or code < 0) and self._child is not None:
            self._channel.write(RESTORE)
        if self._why:
            line = f"jitui: {clean(self._why, SENTENCE)}" + ("\r\n" if self._term is not None else "\n")
            self._channel.write_stderr(line.encode())
            self._channel.exit(FAILED)
        elif code < 0:
            self._channel.exit_with_signal(NAMES.get(-code, "KILL"))
        else:
            self._channel.exit(code)


def read(command: str) -> list[str]:
    """The words of a command, split as a shell would; nothing is expanded. Raises InvalidError."""
    text = command.encode("utf-8", "surrogateescape")
    if len(text) > LONGEST:
        raise InvalidError(f"the command has {len(text)} bytes; {LONGEST} at most are read here")
    try:
        return [word.decode("utf-8") for word in words(text)]
    except UnicodeDecodeError:
        raise InvalidError("the command is not UTF-8; set a locale that is, as LC_ALL=C.UTF-8") from None
