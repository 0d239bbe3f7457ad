"""Every end of an exec over SSH: the words that kubectl is told, on one line of standard error, and 255."""

import asyncio
import hashlib
import os
import shlex
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncssh
import pytest

from jitui.listeners.ssh import listener
from jitui.policy.terms import Identity, Role
from jitui.proxy.outlet import WINDOW
from jitui.recording.frame import Channel
from tests.fakes.house import ADMIN, AGENT, ANA, rule
from tests.listeners.ssh.world import SshHouse, ssh_house

FLOOD = ("prod", "web/web-1", "sh", "-c", "'while :; do echo tick; sleep 0.01; done'")
BOSS = Identity("ana", frozenset({Role.APPROVER, Role.OPERATOR, Role.ADMIN}))


async def deadline(world: SshHouse) -> None:
    world.home.clock.advance(601)
    world.home.tick()


async def revoke(world: SshHouse) -> None:
    await world.home.desk(ANA).revoke("g-1", reason="enough")


async def kill(world: SshHouse) -> None:
    await world.home.desk(BOSS).kill("s-1", reason="wrong pod")


async def lockdown(world: SshHouse) -> None:
    await world.home.broker.lockdown(True, by=ADMIN, reason="fire")


async def disable(world: SshHouse) -> None:
    await world.home.broker.disable(AGENT, by=ADMIN, reason="gone")


async def stop(world: SshHouse) -> None:
    await world.home.broker.windows.stop()()


async def hang_up(world: SshHouse) -> None:
    world.home.cluster.lines[-1].hang_up()


@pytest.mark.parametrize(("end", "says", "why"), [
    (deadline, "window g-1 ended", "expired"), (revoke, "enough", "revoked"), (kill, "wrong pod", "killed"), (lockdown, "lockdown: fire", "lockdown"),
    (disable, f"{AGENT} was disabled", "disabled"), (stop, "stopp", "gateway-stopped"), (hang_up, "the cluster closed the connection", "upstream-lost"),
])  # fmt: skip
async def test_an_end_is_one_line(tmp_path: Path, end: Callable[[SshHouse], Awaitable[None]], says: str, why: str) -> None:
    """Behind all that was handed on before it; what the client has is what the record says was delivered, and the pod's side is closed."""
    async with ssh_house(tmp_path) as world:
        await world.home.window()
        process = await world.start(*FLOOD)
        assert process.stdout is not None
        before = await process.stdout.readexactly(100)
        await end(world)
        async with asyncio.timeout(30):
            out, said = await process.communicate()
        assert (process.returncode, said.count(b"\n"), said[:7]) == (255, 1, b"jitui: ")
        assert says in said.decode()
        (ended,) = await world.home.facts("session.ended")
        assert ended.what["why"] == why
        frames = await world.home.frames(1)
        recorded = b"".join(frame.body for frame in frames if frame.channel is Channel.STDOUT)
        assert recorded.startswith(before + out)
        assert ended.what["bytes_out"] >= len(before + out)
        await world.home.until(lambda: not world.home.cluster.open_lines)


async def test_a_client_that_vanishes_ends_its_command(tmp_path: Path) -> None:
    """The pod's side is closed, and the record says who left."""
    async with ssh_house(tmp_path) as world:
        await world.home.window()
        process = await world.start(*FLOOD)
        assert process.stdout is not None
        await process.stdout.readexactly(10)
        process.kill()
        await process.wait()
        await world.home.until(lambda: not world.home.cluster.open_lines)
        (ended,) = await world.home.facts("session.ended")
        assert ended.what["why"] == "client-closed"
        await world.home.until(lambda: not world.listener.connections)
        assert (world.listener.sessions, world.listener.rooms.visitors.agents) == (0, 0)


async def test_a_client_that_reads_no_more_ends_its_command(tmp_path: Path) -> None:
    """As kubectl's does behind `| head`, which takes one line of many."""
    async with ssh_house(tmp_path) as world:
        await world.home.window()
        argv = shlex.join(world.argv(*FLOOD))
        process = await asyncio.create_subprocess_shell(f"{argv} | head -n 1", stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE)
        async with asyncio.timeout(10):
            assert (await process.communicate())[0] == b"tick\n"
        await world.home.until(lambda: not world.home.cluster.open_lines)
        (ended,) = await world.home.facts("session.ended")
        assert ended.what["why"] == "client-closed"


async def test_a_freeze_holds_every_byte_until_the_thaw(tmp_path: Path) -> None:
    """In both directions; thawed, all of it goes on in order."""
    async with ssh_house(tmp_path) as world:
        grant = await world.home.window()
        client = await world.connect()
        process = await client.create_process("prod web/web-1 cat", encoding=None)
        process.stdin.write(b"one")
        assert await process.stdout.readexactly(3) == b"one"
        await world.home.desk(ANA).freeze(grant.label)
        process.stdin.write(b"two")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await process.stdout.readexactly(3)
        await world.home.desk(ANA).thaw(grant.label)
        async with asyncio.timeout(30):
            assert await process.stdout.readexactly(3) == b"two"
        process.stdin.write_eof()
        assert (await process.wait()).exit_status == 0
        client.close()


async def test_an_end_under_a_freeze_is_told(tmp_path: Path) -> None:
    """The words are the gateway's own, and are not held; what was held goes nowhere."""
    async with ssh_house(tmp_path) as world:
        grant = await world.home.window()
        process = await world.start("prod", "web/web-1", "cat")
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"one")
        assert await process.stdout.readexactly(3) == b"one"
        await world.home.desk(ANA).freeze(grant.label)
        process.stdin.write(b"two")
        await asyncio.sleep(0.2)
        await revoke(world)
        async with asyncio.timeout(30):
            out, said = await process.communicate()
        assert (process.returncode, out, said.count(b"\n")) == (255, b"", 1)
        assert b"enough" in said


async def test_half_a_close_leaves_the_other_half(tmp_path: Path) -> None:
    """The end of standard input reaches the command, whose output goes on behind it."""
    async with ssh_house(tmp_path) as world:
        await world.home.window()
        result = await world.ssh("prod", "web/web-1", "sh", "-c", "'cat; sleep 0.3; echo more'", stdin=b"in\n")
        assert (result.code, result.out) == (0, b"in\nmore\n")
        assert (await world.ssh("prod", "web/web-1", "cat", options=("-n",))).out == b""


async def test_a_client_that_does_not_read_is_not_waited_for_in_memory(tmp_path: Path) -> None:
    """The pod is held back; at the mute what waits is taken back, so the record's delivered bytes are those that the client got."""
    async with ssh_house(tmp_path) as world:
        await world.home.window()
        client = await world.connect()
        process = await client.create_process("prod web/web-1 cat /dev/zero", encoding=None, window=1 << 16)
        process.channel.pause_reading()
        session = None
        for _ in range(200):
            session = next(iter(world.home.broker.windows.sessions.values()), None)
            before = session.bytes_out if session is not None else 0
            await asyncio.sleep(0.1)
            if session is not None and before and session.bytes_out == before:
                break
        assert session is not None
        assert session.bytes_out < 12 << 20
        await revoke(world)
        await world.home.until(lambda: session.gone)
        (ended,) = await world.home.facts("session.ended")
        (lost,) = ended.what["conns"]
        process.channel.resume_reading()
        got = await process.stdout.read()
        assert 0 <= lost["out_handed"] - len(got) < 1000  # the answer to the upgrade
        client.close()


async def test_many_megabytes_are_those_of_the_record(tmp_path: Path) -> None:
    """Both ways, by their hash."""
    data = os.urandom(4 << 20)
    async with ssh_house(tmp_path) as world:
        await world.home.window()
        result = await world.ssh("prod", "web/web-1", "cat", stdin=data)
        assert hashlib.sha256(result.out).digest() == hashlib.sha256(data).digest()
        frames = await world.home.frames(1)
        for channel in (Channel.STDIN, Channel.STDOUT):
            assert b"".join(frame.body for frame in frames if frame.channel is channel) == data


async def test_keys_are_exchanged_anew_within_a_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the client's limit or the server's, nothing of it is lost."""
    data = os.urandom(2 << 20)
    async with ssh_house(tmp_path) as world:
        await world.home.window()
        result = await world.ssh("prod", "web/web-1", "cat", stdin=data, options=("-o", "RekeyLimit=100K"))
        assert (result.code, result.out == data) == (0, True)
    monkeypatch.setattr(listener, "REKEY_BYTES", 100 << 10)
    async with ssh_house(tmp_path / "often") as world:
        await world.home.window()
        result = await world.ssh("prod", "web/web-1", "cat", stdin=data)
        assert (result.code, result.out == data) == (0, True)


async def test_a_connection_ends_with_its_identity(tmp_path: Path) -> None:
    """Also one without a session: with a sentence, at once."""
    async with ssh_house(tmp_path) as world:
        client = await world.connect()
        await disable(world)
        async with asyncio.timeout(30):
            await client.wait_closed()
        with pytest.raises(asyncssh.PermissionDenied):
            await world.connect()


async def test_a_budget_ends_it(tmp_path: Path) -> None:
    """With the byte that uses it up."""
    async with ssh_house(tmp_path, rules=(rule(budget=1 << 20),)) as world:
        await world.home.window()
        result = await world.ssh("prod", "web/web-1", "cat", "/dev/zero")
        assert (result.code, result.said.count("\n")) == (255, 1)
        assert "has used its 1 MiB" in result.said
        assert 0 < len(result.out) <= (1 << 20) + WINDOW  # the last read counts whole, as kubectl's does
