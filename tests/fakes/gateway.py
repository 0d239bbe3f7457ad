"""The API listener over the fake gateway: a real server on a Unix socket and a TLS port, with an agent, a person and the local user."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jitui.api.server import ApiListener
from jitui.auth.callers import Callers
from jitui.auth.directory import Directory
from jitui.auth.people import People
from jitui.auth.tokens import Minted, Tokens, mint
from jitui.listeners.address import ListenAddress
from jitui.listeners.porch import Spawn
from jitui.policy.terms import Identity, Role
from jitui.values.clock import SystemClock
from tests.fakes.authority import server_context
from tests.fakes.desk import FakeGateway

AGENT = Identity("agent-a", frozenset({Role.AGENT}), owner="bo")
ANA = Identity("ana", frozenset({Role.APPROVER, Role.OPERATOR}))


@dataclass(frozen=True, slots=True)
class Row:
    id: str
    identity: str
    sha256: bytes = field(repr=False)
    expires_us: int
    revoked_us: int = 0
    issued_by: str = "root"


@dataclass(frozen=True, slots=True)
class Address:
    """Where it listens, and the tokens it knows."""

    socket: Path
    url: str
    ca: Path
    agent: str
    ana: str
    expired: str
    house: FakeGateway
    listener: ApiListener
    callers: Callers
    directory: Directory
    limited: list[tuple[str, str, str]]  # what limits at work said: which, whose, and the words
    spawn: Spawn


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Address]:
    """The listener, open in `folder` (the socket) and on a free port of 127.0.0.1."""
    clock, house = SystemClock(), FakeGateway()
    now = clock.now().wall_us
    agent, ana, expired = mint(now), mint(now), mint(now, -1)
    tokens = Tokens([_row(agent, "agent-a"), _row(ana, "ana"), _row(expired, "agent-a")])
    directory = Directory(People(os.getuid(), {}), {identity.name: identity for identity in (AGENT, ANA)}, tokens)
    callers = Callers(directory, clock)
    context, ca = server_context(folder)
    tasks: list[asyncio.Task[None]] = []
    limited: list[tuple[str, str, str]] = []

    def spawn(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        tasks.append(asyncio.get_running_loop().create_task(work()))

    listener = ApiListener(house, callers, spawn, at_work=lambda *said: limited.append(said))
    path = folder / "desk.sock"
    listener.bind(unix=path, tcp=ListenAddress("127.0.0.1", 0), tls=context)
    await listener.open()
    try:
        yield Address(path, f"https://127.0.0.1:{listener.port}", ca, agent.text, ana.text, expired.text, house, listener, callers,
                      directory, limited, spawn)
    finally:
        await listener.aclose()
        await asyncio.gather(*tasks)


def _row(made: Minted, identity: str) -> Row:
    return Row(made.id, identity, made.sha256, made.expires_us)
