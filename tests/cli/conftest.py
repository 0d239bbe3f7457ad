"""The fake gateway on a thread of its own, and the command line in front of it."""

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from jitui.cli.root import cli
from tests.fakes.desk import FakeGateway
from tests.fakes.gateway import Address, serving


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def jsons(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True, slots=True)
class Front:
    """The command line before a gateway, as one caller or another."""

    address: Address
    loop: asyncio.AbstractEventLoop

    @property
    def house(self) -> FakeGateway:
        return self.address.house

    def __call__(self, *args: str, by: str = "", env: dict[str, str] | None = None) -> Result:
        """`by`: agent or ana come over TLS with their token; otherwise the local user over the socket."""
        tls = {"JITUI_GATEWAY": self.address.url, "JITUI_CA": str(self.address.ca), "JITUI_TOKEN": getattr(self.address, by) if by else ""}
        there = tls if by else {"JITUI_GATEWAY": f"unix:{self.address.socket}", "JITUI_CA": "", "JITUI_TOKEN": ""}
        return jitui(*args, env=there | (env or {}))

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Something on the gateway's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)


def jitui(*args: str, env: dict[str, str] | None = None) -> Result:
    """One command, in this process."""
    done = CliRunner().invoke(cli, list(args), prog_name="jitui", env=env)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Result(done.exit_code, done.stdout, done.stderr)


@pytest.fixture(autouse=True)
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing of this machine's own gateways and kubeconfigs."""
    for name in ("STATE_HOME", "CONFIG_HOME", "RUNTIME_DIR"):
        monkeypatch.setenv(f"XDG_{name}", str(tmp_path / name.lower()))
    for name in ("GATEWAY", "TOKEN", "CA", "DEBUG"):
        monkeypatch.delenv(f"JITUI_{name}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    """The command line before the fake gateway."""
    opened = threading.Event()
    made: list[Front] = []
    end: Callable[[], object] = opened.set

    async def serve() -> None:
        nonlocal end
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        end = lambda: loop.call_soon_threadsafe(stop.set)  # noqa: E731
        async with serving(tmp_path) as address:
            made.append(Front(address, loop))
            opened.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert opened.wait(10)
    try:
        yield made[0]
    finally:
        end()
        thread.join(10)
