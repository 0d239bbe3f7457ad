"""One exec: bytes between a client and a program, and the Status that ends it (client-go: tools/remotecommand)."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Protocol

from jitui.demo.cluster.programs import STDIN, Program
from jitui.demo.cluster.websocket import CLOSE, RESIZE


class Peer(Protocol):
    """The client's end of a remote command, whatever carries it."""

    gone: bool

    def messages(self) -> AsyncIterator[tuple[int, bytes]]: ...

    async def send(self, channel: int, data: bytes) -> None: ...

    async def end_output(self) -> None:
        """Ends stdout and stderr."""

    async def finish(self, status: bytes) -> None: ...

    def hang_up(self) -> None: ...


def ended(argv: Sequence[str], code: int) -> bytes:
    """The Status of a command that ran."""
    if code == 0:
        return b'{"metadata":{},"status":"Success"}'
    message = f"command terminated with non-zero exit code: error executing command [{' '.join(argv)}], exit code {code}"
    return json.dumps({"metadata": {}, "status": "Failure", "message": message, "reason": "NonZeroExitCode",
                       "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]}}, separators=(",", ":")).encode()


def not_started(argv: Sequence[str], why: str = "executable file not found in $PATH") -> bytes:
    """The Status of a command that could not be started, in the runtime's words."""
    message = ('error executing command in container: failed to exec in container: failed to start exec: OCI runtime exec failed: '
               f'exec failed: unable to start container process: exec: "{argv[0]}": {why}: unknown')
    return failed(message)


def failed(message: str) -> bytes:
    """The Status of a request that failed before any command."""
    return json.dumps({"metadata": {}, "status": "Failure", "message": f"Internal error occurred: {message}", "reason": "InternalError",
                       "details": {"causes": [{"message": message}]}, "code": 500}, separators=(",", ":")).encode()


async def run(peer: Peer, program: Program, argv: Sequence[str], wanted: Collection[int]) -> None:
    """Relays until the program has ended; of its output only the `wanted` channels. A client that leaves lets it run: only a piped stdin ends."""
    try:
        async with asyncio.TaskGroup() as group:
            intake = group.create_task(_intake(peer, program))
            pumps = [group.create_task(_pump(peer, program, channel, wanted=channel in wanted)) for channel in program.outputs]
            code = await program.wait()
            for pump in pumps:
                await pump
            intake.cancel()
        if not peer.gone:
            with contextlib.suppress(ConnectionError):
                await peer.end_output()
                await peer.finish(ended(argv, code))
    finally:
        program.release()


async def _intake(peer: Peer, program: Program) -> None:
    async for channel, data in peer.messages():
        if channel == STDIN:
            await program.feed(data)
        elif channel == RESIZE:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                size = json.loads(data)
                program.resize(int(size["Width"]), int(size["Height"]))
        elif channel == CLOSE and data == bytes([STDIN]):
            program.end_input()
    peer.hang_up()
    program.abandon()


async def _pump(peer: Peer, program: Program, channel: int, *, wanted: bool) -> None:
    async for data in program.read(channel):
        if not wanted:
            continue
        try:
            await peer.send(channel, data)
        except ConnectionError:
            return
