"""The ten ways to use kubectl, each as what it types, when it is demonstrably live, how it ends by itself, and what its record must hold."""

import asyncio
import contextlib
import hashlib
import json
import random
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import ClassVar, Final

from jitui.recording.frame import Channel, Frame
from jitui.store import SessionRow
from tests.journeys.matrix.cells import Cause
from tests.journeys.matrix.lab import HELD, LINGER, PORT, SETTLE, Lab
from tests.journeys.matrix.wires import PATIENCE, Command, until

NUMBERS: Final = b"".join(b"%d\n" % number for number in range(1, 300_001))  # what `seq 1 300000` writes
FORWARDED: Final = 3  # connections at once through a port-forward


@dataclass(frozen=True, slots=True)
class Place:
    """Where a kind does its work: one run, one cause."""

    run: str
    cause: Cause
    lab: Lab
    folder: Path
    recorded: Callable[["Kind"], Awaitable[int]]  # bytes towards the cluster so far, of its live session

    @property
    def held(self) -> str:
        return "/free" if self.cause is Cause.WORKS else "/hold"


@dataclass(frozen=True, slots=True)
class Tape:
    """One recorded session: each frame, and whether it was handed on."""

    session: SessionRow
    frames: Sequence[tuple[Frame, bool]]

    def said(self, channel: Channel, *, delivered: bool = False) -> bytes:
        return b"".join(frame.body for frame, whole in self.frames if frame.channel is channel and (whole or not delivered))

    def by_conn(self, channel: Channel) -> list[bytes]:
        """The channel of each forwarded connection, in the order of the bytes."""
        conns = {frame.conn for frame, _ in self.frames if frame.channel is channel}
        return sorted(b"".join(frame.body for frame, _ in self.frames if frame.channel is channel and frame.conn == conn) for conn in conns)


@dataclass(slots=True)
class Kind:
    """One kubectl command of a run and cause."""

    place: Place
    name: ClassVar[str]
    word: ClassVar[str]  # names it in the pod and on record
    session: ClassVar[str] = "exec"
    terminal: ClassVar[bool] = False

    @property
    def label(self) -> str:
        return f"{self.place.run}-{self.place.cause.value}-{self.word}"

    @property
    def box(self) -> str:
        return f"box-{self.place.run}"

    @property
    def talk(self) -> str:
        return f"talk-{self.place.run}"

    @property
    def spare(self) -> str:
        return f"spare-{self.place.run}"

    @property
    def works(self) -> bool:
        return self.place.cause is Cause.WORKS

    def argv(self) -> list[str]:
        raise NotImplementedError

    def mine(self, kind: str, target: str, argv: Sequence[str]) -> bool:
        """Whether a session of its grant is this command's."""
        return kind == self.session and any(self.label in word for word in argv)

    async def live(self, command: Command) -> None:
        """Do something, and see it answered. Raises AssertionError."""
        raise NotImplementedError

    async def finish(self, command: Command) -> None:
        """Let it end by itself."""

    def fields(self, tape: Tape, command: Command) -> dict[str, bytes]:
        """The values of the fields in the table's texts: bytes of the cluster that kubectl was handed."""
        return {"out": tape.said(Channel.STDOUT, delivered=True), "err": tape.said(Channel.STDERR, delivered=True)}

    def judge(self, tape: Tape, command: Command, seen: dict[str, tuple[int, str]]) -> None:
        """The record against what the client sent and got and what the pod saw. Raises AssertionError."""
        raise NotImplementedError


class Exec(Kind):
    """A command that writes on both streams."""

    name, word = "exec", "plain"

    def argv(self) -> list[str]:
        then = "exit 7" if self.works else "sleep 2147483647"
        return ["exec", self.box, "--", "sh", "-c", f"{SETTLE}; seq 1 3000 | tee /seen/{self.label}; seq 1 400 >&2; {then}"]

    async def live(self, command: Command) -> None:
        await command.sees(b"\n3000\n")
        await command.sees(b"\n400\n")

    def judge(self, tape: Tape, command: Command, seen: dict[str, tuple[int, str]]) -> None:
        out = tape.said(Channel.STDOUT)
        assert out == NUMBERS[: NUMBERS.index(b"\n3001\n") + 1]
        assert summed(out) == seen[self.label]
        assert tape.said(Channel.STDERR) == NUMBERS[: NUMBERS.index(b"\n401\n") + 1]
        assert tape.said(Channel.STDIN) == b""


class ExecInput(Kind):
    """A command that reads stdin and writes it back."""

    name, word = "exec -i", "input"

    @property
    def input(self) -> bytes:
        return random.Random(self.label).randbytes(100_000)

    def argv(self) -> list[str]:
        return ["exec", "-i", self.box, "--", "sh", "-c", f"tee /seen/{self.label}; exit 3"]

    async def live(self, command: Command) -> None:
        command.write(self.input)
        await command.sees(self.input)

    async def finish(self, command: Command) -> None:
        command.close_stdin()

    def judge(self, tape: Tape, command: Command, seen: dict[str, tuple[int, str]]) -> None:
        assert tape.said(Channel.STDIN) == self.input == bytes(command.sent)
        assert tape.said(Channel.STDOUT) == self.input == bytes(command.out)
        assert seen[self.label] == summed(self.input)


class ExecTerminal(Kind):
    """A shell on a terminal."""

    name, word = "exec -it", "shell"
    terminal = True

    def argv(self) -> list[str]:
        return ["exec", "-it", self.box, "--", "env", "PS1=pod> ", f"NAME={self.label}", "sh"]

    async def live(self, command: Command) -> None:
        await command.sees(b"pod> ")
        command.write(b"echo $((6 * 7)) | tee /seen/$NAME\r")
        await command.sees(b"\r\n42\r\npod> ")

    async def finish(self, command: Command) -> None:
        command.write(b"exit 3\r")

    def judge(self, tape: Tape, command: Command, seen: dict[str, tuple[int, str]]) -> None:
        assert tape.said(Channel.STDIN) == bytes(command.sent)
        assert seen[self.label] == summed(b"42\n")
        assert tape.said(Channel.RESIZE).startswith(b'{"Width":80,"Height":24}\n')


class Attach(Kind):
    """Attaches to a container that goes on writing; for its end, to one that reads a line."""

    name, word = "attach", "attach"
    session = "attach"

    def argv(self) -> list[str]:
        return ["attach", "-i", self.talk, "-c", "attached"] if self.works else ["attach", self.talk, "-c", "ticker"]

    def mine(self, kind: str, target: str, argv: Sequence[str]) -> bool:
        return kind == self.session and self.talk in target

    async def live(self, command: Command) -> None:
        if self.works:
            command.write(b"now\n")
            await command.sees(b"bye now\n")
        else:
            await command.sees(b"tick ")

    def judge(self, tape: Tape, command: Command, seen: dict[str, tuple[int, str]]) -> None:
        assert tape.said(Channel.STDIN) == bytes(command.sent)
        if self.works:
            assert tape.said(Channel.STDOUT) == b"bye now\n"
        else:
            assert is_ticking(tape.said(Channel.STDOUT))


class CopyTo(Kind):
    """A file into the pod; the pod stops reading in the middle unless it is to work."""

    name, word = "cp to", "upload"

    @property
    def file(self) -> Path:
        return self.place.folder / f"{self.label}.bin"

    def argv(self) -> list[str]:
        self.file.write_bytes(random.Random(self.label).randbytes(4_000_000))
        return ["cp", str(self.file), f"{self.place.lab.namespace}/{self.box}:{self.place.held}/{self.label}/file"]

    def mine(self, kind: str, target: str, argv: Sequence[str]) -> bool:
        return kind == self.session and argv[0] == "tar" and argv[-1].endswith(f"/{self.label}")

    async def live(self, command: Command) -> None:
        async def far() -> bool:
            return command.process.returncode is not None or await self.place.recorded(self) >= HELD

        await until(far, "in the middle")
        assert self.works or command.process.returncode is None, command
        if not self.works:  # what is on record may still be on its way, and a lost connection drops that
            await self.place.lab.saw(self.box, self.label, HELD)

    def judge(self, tape: Tape, command: Command, seen: dict[str, tuple[int, str]]) -> None:
        stream, content = tape.said(Channel.STDIN), self.file.read_bytes()
        size, digest = seen[self.label]
        assert size == (len(stream) if self.works else HELD)
        assert hashlib.sha256(stream[:size]).hexdigest() == digest
        begins = stream.index(content[:512])
        assert stream[begins:].startswith(content) or content.startswith(stream[begins:])
        if self.works:
            assert len(stream) > len(content)


class CopyFrom(Kind):
    """A file out of the pod; the pod stops writing in the middle unless it is to work."""

    name, word = "cp from", "download"

    @property
    def file(self) -> Path:
        return self.place.folder / f"{self.label}.bin"

    def argv(self) -> list[str]:
        return ["cp", f"{self.place.lab.namespace}/{self.box}:{self.place.held}/{self.label}/file", str(self.file)]

    def mine(self, kind: str, target: str, argv: Sequence[str]) -> bool:
        return kind == self.session and argv[0] == "tar" and f"/{self.label}/" in argv[-1]

    async def live(self, command: Command) -> None:
        async def far() -> bool:
            return command.process.returncode is not None or (self.file.exists() and self.file.stat().st_size >= HELD - 512)  # less its header

        await until(far, "in the middle")
        assert self.works or command.process.returncode is None, command

    def judge(self, tape: Tape, command: Command, seen: dict[str, tuple[int, str]]) -> None:
        stream, copied = tape.said(Channel.STDOUT), self.file.read_bytes()
        assert summed(stream) == seen[self.label]
        begins = stream.index(NUMBERS[:512])
        if self.works:
            assert copied == NUMBERS == stream[begins : begins + len(NUMBERS)]
        else:
            assert len(stream) == HELD
            assert stream[begins:].startswith(copied)
            assert NUMBERS.startswith(stream[begins:])


@dataclass(slots=True)
class PortForward(Kind):
    """Three connections at once to a port whose server writes back what it reads."""

    name, word = "port-forward", "forward"
    session = "port-forward"
    local: int = 0
    got: dict[str, bytes] = field(default_factory=dict)
    _open: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)

    def argv(self) -> list[str]:
        return ["port-forward", "--address", "127.0.0.1", self.box, f":{PORT}"]

    def mine(self, kind: str, target: str, argv: Sequence[str]) -> bool:
        return kind == self.session

    def names(self) -> list[str]:
        return [f"{self.label}-{number}" for number in range(FORWARDED)]

    @staticmethod
    def said(name: str) -> bytes:
        return random.Random(name).randbytes(60_000)

    async def live(self, command: Command) -> None:
        await command.sees(f" -> {PORT}\n".encode())
        found = re.search(rb"127\.0\.0\.1:(\d+)", command.out)
        assert found, command
        self.local = int(found[1])
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(self._one(name) for name in self.names()))

    async def _one(self, name: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.local)
        self._open.append((reader, writer))
        writer.write(name.encode() + b"\n" + self.said(name))
        self.got[name] = await reader.readexactly(len(self.said(name)))

    async def finish(self, command: Command) -> None:
        for reader, writer in self._open:
            writer.write_eof()
            assert await reader.read() == b""
            writer.close()
        command.interrupt()

    def close(self) -> None:
        for _, writer in self._open:
            writer.transport.abort()

    def fields(self, tape: Tape, command: Command) -> dict[str, bytes]:
        return {"port": str(self.local).encode()}

    def judge(self, tape: Tape, command: Command, seen: dict[str, tuple[int, str]]) -> None:
        assert tape.by_conn(Channel.FORWARD_IN) == sorted(name.encode() + b"\n" + self.said(name) for name in self.names())
        assert tape.by_conn(Channel.FORWARD_OUT) == sorted(self.got[name] for name in self.names()) == sorted(map(self.said, self.names()))
        assert {name: seen[name] for name in self.names()} == {name: summed(self.said(name)) for name in self.names()}


class Logs(Kind):
    """A followed log."""

    name, word = "logs -f", "logs"
    session = "logs"

    def argv(self) -> list[str]:
        return ["logs", "-f", self.talk, "-c", "logged" if self.works else "ticker", "--tail", "3"]

    def mine(self, kind: str, target: str, argv: Sequence[str]) -> bool:
        return kind == self.session

    async def live(self, command: Command) -> None:
        await command.sees(b"tick ")

    async def finish(self, command: Command) -> None:
        await self.place.lab.sh(f"{self.talk}/logged", "touch /tmp/go")

    def judge(self, tape: Tape, command: Command, seen: dict[str, tuple[int, str]]) -> None:
        assert is_ticking(tape.said(Channel.STDOUT))


class Watch(Kind):
    """One pod, watched while it changes."""

    name, word = "get -w", "watch"
    session = "watch"

    def argv(self) -> list[str]:
        return ["get", "pod", self.box, "-w"]

    def mine(self, kind: str, target: str, argv: Sequence[str]) -> bool:
        return kind == self.session and self.box in target

    async def live(self, command: Command) -> None:
        await command.sees(self.box.encode())
        numbers = count()

        async def changed() -> bool:
            await self.place.lab.touch(self.box, f"{self.label}-{next(numbers)}")
            return command.out.count(b"\n") >= 3

        await until(changed, "told of a change")

    async def finish(self, command: Command) -> None:
        command.interrupt()

    def fields(self, tape: Tape, command: Command) -> dict[str, bytes]:
        """The rows of the events as they were recorded and handed on, as they were printed. Of the first, kubectl has had the object before."""
        rows = list(_rows(tape.said(Channel.RESPONSE_BODY, delivered=True)))
        printed = [line for line in bytes(command.out).splitlines(keepends=True) if line.startswith(self.box.encode())]
        same = [line.split() for line in printed[1:]] == rows[1:]
        return {"rows": b"".join(printed) if same else b"not these rows: %r" % rows}

    def judge(self, tape: Tape, command: Command, seen: dict[str, tuple[int, str]]) -> None:
        assert list(_rows(tape.said(Channel.RESPONSE_BODY)))


class Debug(Kind):
    """An ephemeral container, and an attach to it."""

    name, word = "debug", "debug"
    session = "attach"

    @property
    def container(self) -> str:
        return f"debug-{self.place.cause.value}"

    def argv(self) -> list[str]:
        script = f"read a; echo got $a; read b; echo bye $b; {LINGER}"
        return ["debug", self.spare, "-i", "--image=localhost/busybox:1", "--image-pull-policy=Never", "-c", self.container, "--", "sh", "-c", script]

    def mine(self, kind: str, target: str, argv: Sequence[str]) -> bool:
        return kind == self.session and self.spare in target

    async def live(self, command: Command) -> None:
        command.write(b"one\n")
        await command.sees(b"got one\n")

    async def finish(self, command: Command) -> None:
        command.write(b"two\n")

    def judge(self, tape: Tape, command: Command, seen: dict[str, tuple[int, str]]) -> None:
        assert tape.said(Channel.STDIN) == bytes(command.sent)
        assert tape.said(Channel.STDOUT) == (b"got one\nbye two\n" if self.works else b"got one\n")


KINDS: Final = (Exec, ExecInput, ExecTerminal, Attach, CopyTo, CopyFrom, PortForward, Logs, Watch, Debug)


def summed(data: bytes) -> tuple[int, str]:
    return len(data), hashlib.sha256(data).hexdigest()


def is_ticking(data: bytes) -> bool:
    """`tick 7`, `tick 8`, ... each once and in order; the last may be cut."""
    first = re.match(rb"tick (\d+)\n", data)
    if first is None:
        return False
    start = int(first[1])
    return b"".join(b"tick %d\n" % number for number in range(start, start + data.count(b"\n") + 1)).startswith(data)


def _rows(events: bytes) -> list[list[bytes]]:
    """The words of each row of a watch's Table events, as `get` prints them."""
    rows = []
    for line in events.splitlines():
        with contextlib.suppress(json.JSONDecodeError):
            event = json.loads(line)
            if event["type"] in {"ADDED", "MODIFIED"}:
                rows += [b" ".join(str(cell).encode() for cell in row["cells"][:5]).split() for row in event["object"]["rows"]]
    return rows
