"""A house with an SSH listener in front of a pod that runs real processes, and OpenSSH as the client."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import asyncssh

from jitui.api.server import ApiListener
from jitui.auth.callers import Callers
from jitui.auth.sshkeys import read_keys
from jitui.listeners import caps
from jitui.listeners.address import ListenAddress
from jitui.listeners.ssh.listener import SshListener
from jitui.listeners.ssh.who import Keys
from jitui.policy import kube
from jitui.policy.terms import Identity
from jitui.protocol import websocket
from jitui.values.clock import SystemClock
from jitui.values.limits import Limits
from tests.fakes.house import ADMIN, AGENT, House, house
from tests.fakes.upstream import Asked

OWN_UID: Final = 54321
CLOSED: Final = 255


@dataclass
class Result:
    code: int
    out: bytes
    said: str  # on standard error


async def pod(asked: Asked) -> None:
    """An exec as the kubelet does it: the command as a process of this machine, its streams as channels of v5."""
    query = kube.query_of(asked.target.encode())
    asked.line.switch(asked)
    merged = not query.flag("stderr")
    process = await asyncio.create_subprocess_exec(
        *query.values["command"], stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT if merged else asyncio.subprocess.PIPE,
    )  # fmt: skip

    async def out(channel: int, reader: asyncio.StreamReader | None) -> None:
        while reader is not None and (data := await reader.read(32768)):
            asked.line.message(channel, data)
            await asked.line.writer.drain()

    typing = asyncio.ensure_future(_typed(asked, process))
    try:
        await asyncio.gather(out(1, process.stdout), out(2, process.stderr))
        asked.line.message(3, status(await process.wait()))
        asked.line.say(websocket.encode(websocket.CLOSE, websocket.close(1000)))
        await typing
    finally:
        typing.cancel()
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]


async def _typed(asked: Asked, process: asyncio.subprocess.Process) -> None:
    decoder = websocket.Decoder(masked=True, limit=1 << 24)
    assert process.stdin is not None
    with contextlib.suppress(ConnectionError):
        while data := await asked.line.reader.read(1 << 16):
            for frame in decoder.feed(data):
                if frame.opcode == websocket.BINARY and frame.payload[0] == 0:
                    process.stdin.write(frame.payload[1:])
                    await process.stdin.drain()
                elif frame.opcode == websocket.BINARY and frame.payload[0] == CLOSED:
                    process.stdin.close()
    with contextlib.suppress(ProcessLookupError):
        process.kill()


def status(code: int) -> bytes:
    """The Status of the error channel."""
    if not code:
        return b'{"metadata":{},"status":"Success"}'
    return json.dumps({"metadata": {}, "status": "Failure", "reason": "NonZeroExitCode", "message": f"command terminated with exit code {code}",
                       "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]}}).encode()  # fmt: skip


class SshHouse:
    """The listener, the agent's key, and `ssh`."""

    def __init__(self, home: House, folder: Path) -> None:
        self.home, self.folder = home, folder
        self.api = ApiListener(home.service, Callers(home.broker.roster.directory, home.clock), home.spawn)
        self.key = asyncssh.generate_private_key("ssh-ed25519")
        self.identity = folder / "id"  # the private key that OpenSSH takes
        self.listener = SshListener(home.broker, home.proxy, Keys(Callers(home.broker.roster.directory, SystemClock())), OWN_UID,
                                    caps.at_ssh(Limits(), 400), self.api.admit)  # fmt: skip

    async def know(self, name: str, key: asyncssh.SSHKey, by: Identity = ADMIN) -> None:
        """The key is theirs from now on; who adds it counts as them."""
        await self.home.broker.roster.add_keys(name, read_keys(key.export_public_key("openssh").decode()), by=by)

    async def open(self) -> None:
        await self.know(AGENT, self.key)
        self.listener.bind(ListenAddress("127.0.0.1", 0), ["localhost"])
        await self.listener.open(self.folder / "keys")
        await asyncio.to_thread(self._write)

    def _write(self) -> None:
        path = self.folder / "id"
        path.touch(0o600)
        path.write_bytes(self.key.export_private_key("openssh"))
        public = asyncssh.read_private_key(self.folder / "keys" / "ssh_host_ed25519_key").export_public_key("openssh").decode()
        (self.folder / "known_hosts").write_text(f"[127.0.0.1]:{self.listener.port} {public}")

    def limit(self, **more: Any) -> None:
        self.listener.rooms.visitors.tune(replace(self.listener.rooms.visitors.caps, **more))

    def argv(self, *args: str, user: str = AGENT, options: tuple[str, ...] = ()) -> list[str]:
        """OpenSSH as a machine has it: no other key than `identity`, no terminal to ask at, the host key pinned."""
        return ["ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-i", str(self.identity), "-o", "LogLevel=ERROR",
                "-o", f"UserKnownHostsFile={self.folder / 'known_hosts'}", "-o", "StrictHostKeyChecking=yes", *options,
                "-p", str(self.listener.port), f"{user}@127.0.0.1", *args]  # fmt: skip

    async def start(self, *args: str, user: str = AGENT, options: tuple[str, ...] = ()) -> asyncio.subprocess.Process:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("SSH_")}
        return await asyncio.create_subprocess_exec(*self.argv(*args, user=user, options=options), stdin=asyncio.subprocess.PIPE,
                                                    stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=environment)  # fmt: skip

    async def ssh(self, *args: str, stdin: bytes = b"", user: str = AGENT, options: tuple[str, ...] = ()) -> Result:
        """OpenSSH to its end."""
        process = await self.start(*args, user=user, options=options)
        async with asyncio.timeout(20):
            out, said = await process.communicate(stdin)
        assert process.returncode is not None
        return Result(process.returncode, out, said.decode())

    async def connect(self, **more: Any) -> asyncssh.SSHClientConnection:
        """asyncssh as the client."""
        options: dict[str, Any] = {"username": AGENT, "client_keys": [self.key], "known_hosts": None, "config": None, "agent_path": None}
        return await asyncssh.connect("127.0.0.1", self.listener.port, **options | more)


@contextlib.asynccontextmanager
async def ssh_house(folder: Path, made: "type[SshHouse] | None" = None, **more: Any) -> AsyncIterator[SshHouse]:
    async with house(folder, **more) as home:
        found = (made or SshHouse)(home, folder)
        home.cluster.answerer = pod
        await found.open()
        try:
            yield found
        finally:
            await home.broker.windows.stop()()
            await found.listener.reception.aclose()
            await found.api.aclose()
            await found.listener.aclose()
            assert [error for error in home.failed if not isinstance(error, ConnectionError)] == []
