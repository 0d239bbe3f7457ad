"""People over SSH: screens and commands, with OpenSSH as the client."""

import asyncio
import json
import os
import pty
import signal
import termios
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import asyncssh
import pytest

from jitui.listeners.ssh import child
from jitui.listeners.ssh.person import LONGEST, RESTORE, STOPS, read
from jitui.policy.terms import Identity, Role
from jitui.values.errors import InvalidError
from tests.fakes.house import ADMIN, AGENT
from tests.listeners.ssh.world import SshHouse, ssh_house

OLGA = Identity("olga", frozenset({Role.ADMIN}))  # who made the agent would count as those they made


@dataclass
class Terminal:
    """OpenSSH on a terminal, as a person has it."""

    process: asyncio.subprocess.Process
    fd: int
    shown: bytes = b""
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    async def open(cls, argv: Sequence[str], columns: int = 100, lines: int = 30) -> Self:
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (lines, columns))
        environment = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        process = await asyncio.create_subprocess_exec(*argv, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True)
        os.close(theirs)
        found = cls(process, ours)
        asyncio.get_running_loop().add_reader(ours, found._read)
        return found

    def _read(self) -> None:
        try:
            data = os.read(self.fd, 1 << 16)
        except OSError:
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self.fd)
        self.shown += data
        self.news.set()

    async def until(self, words: bytes) -> None:
        async with asyncio.timeout(30):
            while words not in self.shown:
                self.news.clear()
                await self.news.wait()

    def press(self, keys: bytes) -> None:
        os.write(self.fd, keys)

    def resize(self, columns: int, lines: int) -> None:
        termios.tcsetwinsize(self.fd, (lines, columns))
        self.process.send_signal(signal.SIGWINCH)

    async def end(self) -> int:
        async with asyncio.timeout(20):
            return await self.process.wait()


class People(SshHouse):
    """Ana approves and operates, ida reads the record; both with keys."""

    async def prepare(self) -> None:
        roster = self.home.broker.roster
        for name, roles in (("ana", ["approver", "operator"]), ("ida", ["auditor"])):
            await roster.add(name, roles, "", by=OLGA)
            key = asyncssh.generate_private_key("ssh-ed25519")
            await self.know(name, key, by=OLGA)
            await asyncio.to_thread(self._keep, name, key)

    def _keep(self, name: str, key: asyncssh.SSHKey) -> None:
        path = self.folder / f"id-{name}"
        path.touch(0o600)
        path.write_bytes(key.export_private_key("openssh"))

    def words(self, *args: str, user: str = "ana", options: tuple[str, ...] = ()) -> list[str]:
        argv = self.argv(*args, user=user, options=options)
        return [str(self.folder / f"id-{user}") if word == str(self.folder / "id") else word for word in argv]

    async def run(self, *args: str, user: str = "ana", options: tuple[str, ...] = (), stdin: bytes = b"") -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(*self.words(*args, user=user, options=options), stdin=asyncio.subprocess.PIPE,
                                                       stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)  # fmt: skip
        async with asyncio.timeout(30):
            out, said = await process.communicate(stdin)
        assert process.returncode is not None
        return process.returncode, out.decode(), said.decode()

    async def ask(self) -> str:
        """A request of the agent."""
        view = await self.home.desk(Identity(AGENT, frozenset({Role.AGENT}))).ask("prod", duration_s=600, reason="a look")
        return view.id

    async def idle(self) -> None:
        """Until no process of a person is left."""
        async with asyncio.timeout(30):
            while self.listener.reception.running or self.api.desk.people:  # noqa: ASYNC110 - what changes has no event
                await asyncio.sleep(0.01)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[People]:
    async with ssh_house(tmp_path, made=People) as found:
        assert isinstance(found, People)
        await found.prepare()
        yield found


async def test_a_command_has_its_exit_code_and_its_streams(world: People) -> None:
    """JSON on stdout alone, one line on stderr for an error, and what is decided is the person's."""
    ident = await world.ask()
    code, out, said = await world.run("requests", "--json")
    assert (code, json.loads(out)["id"], said) == (0, ident, "")
    code, out, said = await world.run("approve", ident, "--duration", "5m", "--reason", "'as we said, Bo'", "--json")
    assert (code, json.loads(out)["state"], json.loads(out)["decided_by"], said) == (0, "approved", "ana", "")
    (fact,) = await world.home.facts("request.approved")
    assert (fact.who, fact.what["reason"]) == ("ana", "as we said, Bo")
    code, out, said = await world.run("approve", ident)
    assert (code, out, said.startswith(f"jitui: {ident} was already approved by ana at ")) == (1, "", True)
    code, out, said = await world.run("nonsense")
    assert (code, out, "No such command 'nonsense'" in said) == (2, "", True)
    code, out, said = await world.run("kill", "s-1", "--reason", "x", user="ida")
    assert (code, out) == (1, "")
    assert "ida may not" in said
    await world.idle()


@pytest.mark.parametrize(("command", "code", "says"), [
    ("", 1, "jitui: the screens need a terminal: ssh -t; without one name a command"),
    ("serve", 1, "jitui: serve is not offered over SSH: it starts a gateway; this one runs"),
    ("requests; id", 255, "jitui: ; outside of quotes means something to a shell"),
    ("deny r-1 --reason 'no end", 255, "jitui: the command has a single quote without its end"),
    ("deny r-1 --reason '" + "\x01" * (LONGEST - 20) + "'", 1, "jitui: "),
    ("deny r-1 --reason '" + "❤" * 10_000 + "'", 1, "jitui: "),
    ("deny r-1 --reason " + "x" * LONGEST, 255, f"jitui: the command has {LONGEST + 18} bytes; {LONGEST} at most are read here"),
])
async def test_a_refusal_is_a_sentence(world: People, command: str, code: int, says: str) -> None:
    """On stderr, and 255 if no process was started for it."""
    found, out, said = await world.run(*([command] if command else []), options=("-T",))
    assert (found, out) == (code, "")
    assert said.startswith(says)
    assert said.count("\n") == 1


async def test_what_is_typed_ahead_gets_there(world: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """Input that comes before the process has started is kept, however much there is, and its end too; the longest command gets there whole."""
    begin = child._begin

    def later(*given: Any) -> Any:
        time.sleep(0.3)
        return begin(*given)

    monkeypatch.setattr(child, "_begin", later)
    code, _, said = await world.run("deny", "r-1", "--reason", "\u00e9" * ((LONGEST - 100) // 2))
    assert (code, said) == (1, "jitui: a request's body is at most 65536 bytes\n")  # the API's own limit
    monkeypatch.setattr(child, "MODULE", "encodings.rot_13")  # a program that copies its input
    lines = "".join(f"{number}\n" for number in range(400_000))
    code, out, said = await world.run("x", stdin=lines.encode())
    assert (code, out == lines, said) == (0, True, "")
    await world.idle()


async def test_no_subsystem_and_no_strange_bytes(world: People) -> None:
    """sftp is refused with a sentence, and so are words that are not UTF-8."""
    code, _, said = await world.run("-s", "sftp")
    assert (code, "no subsystems here" in said) == (255, True)
    with pytest.raises(InvalidError, match="not UTF-8"):
        read("deny r-1 --reason \udcff")


async def test_the_screens(world: People) -> None:
    """Drawn in the terminal's size and in true colour, resized, used with keys, left; the terminal is as before."""
    ident = await world.ask()
    terminal = await Terminal.open(world.words("-t", options=("-o", "SendEnv=COLORTERM")))
    await terminal.until(AGENT.encode())
    await terminal.until(b"\x1b[30;")
    assert b"\x1b[38;2;" in terminal.shown
    terminal.resize(120, 40)
    await terminal.until(b"\x1b[40;")
    terminal.press(b"\r")
    await terminal.until(b"edit terms")
    await asyncio.sleep(1)  # drawn first, then it takes keys
    terminal.press(b"d")
    await terminal.until(b"stock reasons")
    terminal.press(b"1")
    await asyncio.sleep(0.3)
    terminal.press(b"\r")
    async with asyncio.timeout(10):
        while not (denied := await world.home.facts("request.denied")):  # noqa: ASYNC110 - what changes has no event
            await asyncio.sleep(0.05)
    assert [(fact.who, fact.subject) for fact in denied] == [("ana", ident)]
    terminal.press(b"q")
    assert await terminal.end() == 0
    assert b"\x1b[?1049l" in terminal.shown
    assert b"\x1b]52" not in terminal.shown
    await world.idle()


async def test_a_connection_that_drops_decides_nothing(world: People) -> None:
    """Its process ends with all it has open, and the request goes on waiting."""
    ident = await world.ask()
    terminal = await Terminal.open(world.words("-tt", "approve", ident))
    await terminal.until(b"grant ")
    (running,) = world.listener.reception.running
    terminal.process.kill()
    await world.idle()
    assert running.gone.is_set()
    assert (await world.home.desk(ADMIN).request(ident)).state == "pending"


async def test_ctrl_c_ends_a_command_and_signals_reach_it(world: People) -> None:
    """On a terminal by its key; without one as a signal of the protocol."""
    terminal = await Terminal.open(world.words("-tt", "requests", "--follow"))
    async with asyncio.timeout(20):
        while not world.api.desk.people:  # noqa: ASYNC110 - what changes has no event
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)
    terminal.press(b"\x03")
    assert await terminal.end() == 130
    await world.idle()


@pytest.mark.parametrize("end", ["disabled", "stops"])
async def test_the_gateway_ends_it_with_a_sentence(world: People, end: str) -> None:
    """Who is disabled is cut at once, and at the gateway's stop everybody is; the terminal is left as it was found."""
    await world.ask()
    terminal = await Terminal.open(world.words("-t", *([] if end == "disabled" else ["requests", "--follow"])))
    await terminal.until(AGENT.encode())
    began = asyncio.get_running_loop().time()
    if end == "disabled":
        await world.home.broker.roster.disable("ana", by=ADMIN, reason="left")
    else:
        await world.listener.reception.aclose()
    await terminal.until(b"ana is disabled here" if end == "disabled" else STOPS.encode())
    assert asyncio.get_running_loop().time() - began < 1
    assert RESTORE in terminal.shown
    assert await terminal.end() == 255
    await world.idle()


async def test_agents_take_no_session_of_peoples(world: People) -> None:
    """As many sessions as all agents may have are open: one more of theirs is refused, and a person comes in."""
    await world.home.window()
    world.limit(agents=2)
    async with await world.connect() as client:
        for _ in range(2):
            await client.create_process("prod web/web-1 cat")
        with pytest.raises(asyncssh.ChannelOpenError, match="2 SSH sessions of agents are open"):
            await client.run("prod web/web-1 true")
        assert (await world.run("requests"))[0] == 0
    await world.idle()


async def test_so_many_at_a_time(world: People) -> None:
    """Of one person, and of all together; the sentence says which limit it is."""
    world.limit(streams_per_person=1, processes=2)
    terminals = [await Terminal.open(world.words("-tt", "requests", "--follow", user=user)) for user in ("ana", "ida")]
    async with asyncio.timeout(20):
        while len(world.listener.reception.running) < 2:  # noqa: ASYNC110 - what changes has no event
            await asyncio.sleep(0.02)
    code, _, said = await world.run("requests")
    assert (code, "ana has 1 screens and commands open here, as many as limits.ssh_sessions_per_person allows" in said) == (255, True)
    world.limit(streams_per_person=2)
    code, _, said = await world.run("requests")
    assert (code, "limits.ssh_processes" in said) == (255, True)
    for terminal in terminals:
        terminal.process.kill()
    await world.idle()
