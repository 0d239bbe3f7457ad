"""The process of a person's command, over a real API listener."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from jitui.auth.standing import Visiting
from jitui.listeners.ssh import child as module
from jitui.listeners.ssh.child import CONNECTIONS, FULL, Child, Errand, Size
from jitui.policy.terms import Identity
from jitui.values.errors import UnknownCallerError
from tests.fakes.desk import request_view
from tests.fakes.gateway import ANA, Address, serving

TERMINAL = {"TERM": "xterm-256color"}


@dataclass
class Person:
    """The client's end: what came, and what it was told."""

    out: bytes = b""
    err: bytes = b""
    told: list[bool] = field(default_factory=list)
    code: int | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def said(self, data: bytes, *, error: bool) -> None:
        self.out, self.err = (self.out, self.err + data) if error else (self.out + data, self.err)
        self.news.set()

    def full(self, *, full: bool) -> None:
        self.told.append(full)

    def over(self, code: int) -> None:
        assert self.code is None
        self.code = code
        self.news.set()

    async def until(self, words: bytes = b"") -> None:
        """Until it has said so; without words, until its end."""
        async with asyncio.timeout(20):
            while words not in self.out if words else self.code is None:
                assert not words or self.code is None, self
                self.news.clear()
                await self.news.wait()


@dataclass
class Gate:
    """A gateway, and ana as she stands."""

    address: Address
    ana: Identity | None = ANA
    visiting: Visiting = field(init=False)

    def __post_init__(self) -> None:
        self.visiting = Visiting(self.address.directory, self._standing, "by ssh, key SHA256:x")

    def _standing(self) -> Identity:
        if self.ana is None:
            raise UnknownCallerError("ana is disabled here; ask an admin")
        return self.ana

    async def admit(self, sock: socket.socket) -> asyncio.BaseTransport:
        return await self.address.listener.admit(sock, self.visiting, "192.0.2.7")

    async def start(self, *words: str, size: Size | None = None, **environment: str) -> tuple[Child, Person]:
        person = Person()
        return await Child.start(Errand(words, environment, size), person, self.admit), person

    async def following(self) -> None:
        """Until a process has a stream open."""
        async with asyncio.timeout(20):
            while not self.address.house.listeners:  # noqa: ASYNC110 - what changes has no event
                await asyncio.sleep(0.02)


def running(pid: int) -> bool:
    return Path("/proc", str(pid)).exists()


def opened(pid: int) -> set[str]:
    return {str(each.readlink()) for each in Path("/proc", str(pid), "fd").iterdir()}


@pytest.fixture
async def gate(tmp_path: Path) -> AsyncIterator[Gate]:
    async with serving(tmp_path) as address:
        yield Gate(address)


async def test_a_command_is_done_as_the_person_and_as_nobody_else(gate: Gate) -> None:
    """Output, errors and exit code come apart; the gateway's own user, who the process runs as, is nobody on its connections."""
    gate.address.house.requests["r-1"] = request_view("r-1", "agent-a", "prod", 600)
    child, person = await gate.start("requests", "--json")
    child.end_input()
    await person.until()
    assert (json.loads(person.out)["id"], person.err, person.code) == ("r-1", b"", 0)
    assert set(gate.address.house.calls) == {("requests", "ana", "192.0.2.7", "", False)}
    child, person = await gate.start("approve", "r-9")
    await person.until()
    assert (person.out, person.err, person.code) == (b"", b"jitui: no request r-9\n", 1)


async def test_it_has_nothing_of_the_gateway_in_its_environment(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither what the gateway was started with, nor its words as arguments, nor any descriptor but its own."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    leaked = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(leaked, True)
    child, person = await gate.start("requests", "--follow", size=Size(80, 24), **TERMINAL)
    proc = Path("/proc", str(child.pid))
    await gate.following()
    environment = dict(line.split("=", 1) for line in proc.joinpath("environ").read_text().split("\0") if line)
    assert environment.keys() <= {"TERM", "LANG", "PATH", "LD_LIBRARY_PATH"}
    assert "follow" not in proc.joinpath("cmdline").read_text()
    assert not opened(child.pid) & {str(gate.address.socket), "/dev/null"}
    status = dict(line.split(":\t", 1) for line in proc.joinpath("status").read_text().splitlines() if ":\t" in line)
    assert (status["NoNewPrivs"], status["Seccomp"], int(status["CapEff"], 16)) == ("1", "2", 0)
    child.write(b"\x03")  # the terminal makes SIGINT of it
    await person.until()
    assert person.code == 130
    os.close(leaked)


@pytest.mark.parametrize("ended", [signal.SIGTERM, None], ids=["dies", "hung up"])
async def test_its_connections_end_with_it(gate: Gate, ended: signal.Signals | None) -> None:
    """However it ends: no stream of the API is left open, and no process."""
    child, person = await gate.start("requests", "--follow", "--json")
    await gate.following()
    if ended is None:
        child.hang_up()
        child.hang_up()
    else:
        child.signal(ended)
    await child.gone()
    assert person.code == -(ended or signal.SIGHUP)
    assert not running(child.pid)
    async with asyncio.timeout(30):
        while gate.address.house.listeners or gate.address.listener.desk.people:  # noqa: ASYNC110 - what changes has no event
            await asyncio.sleep(0.01)


async def test_who_is_disabled_is_nobody_at_the_next_call(gate: Gate) -> None:
    """A stream that is open ends with the reason."""
    _, person = await gate.start("requests", "--follow", "--json")
    await gate.following()
    gate.ana = None
    gate.address.directory.put(replace(ANA, disabled=True))
    await person.until()
    assert (person.err, person.code) == (b"jitui: ana is disabled here; ask an admin\n", 1)


async def test_too_many_connections_are_refused(gate: Gate) -> None:
    """A process that goes on asking gets no more than so many, and holds up nobody."""
    child, _ = await gate.start("requests", "--follow", "--json")
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    theirs.settimeout(5)
    asyncio.get_running_loop().remove_reader(child.control)
    child.control.close()
    child.take(ours)
    got = []
    for _ in range(CONNECTIONS + 3):
        await asyncio.to_thread(theirs.send, b"?")
        said, fds, _, _ = await asyncio.to_thread(socket.recv_fds, theirs, 1, 1)
        got.append((said, len(fds)))
        for fd in fds:
            socket.socket(fileno=fd).detach()
    assert got.count((b"-", 0)) >= 3
    assert got[0] == (b"+", 1)
    theirs.close()
    child.hang_up()
    await child.gone()


async def test_input_that_nobody_reads_is_held_back(gate: Gate) -> None:
    """The client is told to wait, and nothing is kept beyond that."""
    child, person = await gate.start("requests", "--follow", "--json")
    child.write(b"x" * (FULL + 100_000))
    assert person.told == [True]
    child.hang_up()
    await child.gone()


async def test_a_client_that_reads_slowly_loses_nothing(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that was said before the end comes before the end is told."""
    for number in range(40):  # less than a pipe holds, so that it ends
        gate.address.house.requests[f"r-{number}"] = request_view(f"r-{number}", "agent-a", "prod", 600)
    monkeypatch.setattr(module, "DRAIN_S", 0.1)
    child, person = await gate.start("requests", "--json")
    child.pause()
    async with asyncio.timeout(20):
        while running(child.pid):  # noqa: ASYNC110 - what changes has no event
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)
    assert (person.out, person.code) == (b"", None)
    child.resume()
    await person.until()
    assert (person.out.count(b"\n"), person.code) == (40, 0)


async def test_a_client_that_never_reads_is_not_waited_for_without_end(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever still holds the output open: it is told the end, and nothing of the process is left."""
    gate.address.house.requests["r-1"] = request_view("r-1", "agent-a", "prod", 600)
    monkeypatch.setattr(module, "DRAIN_S", 0.05)
    monkeypatch.setattr(module.Child._drained, "__defaults__", (2,))
    child, person = await gate.start("requests", "--json")
    child.pause()
    await person.until()
    assert (person.out, person.code) == (b"", 0)
    await child.gone()
