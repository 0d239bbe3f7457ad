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
from jitui.recording.frame import Channel
from tests.fakes.desk import FakeGateway
from tests.fakes.gateway import Address, serving
from tests.store.life import attempted, began, ended, frames, opened, record, window


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


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A data folder that a gateway left: a terminal session s-1, an exec without one s-2 whose end was not delivered, a denial."""
    folder = tmp_path / "state"

    async def make() -> None:
        async with opened(folder) as store:
            await store.commit([*window(), began(1), began(2, tty=False, argv=["sh", "-c", "echo \x1b"])])
            await record(store, frames(1, [b"/ $ ", b"ls\r\n", b"\x1b[31mred\x1b[0m\r\n", b"/ $ ", b"one\rtwo", b"\x1b]0;title\x07"]))
            await record(store, [*frames(2, [b"caf\xc3", b"\xa9\nplain \x1b[1mbold\x1b[0m\n" + b"x\n" * 250]), *frames(2, [b"in\n"], 2, Channel.STDIN),
                                 *frames(2, [b"window ended"], 3, Channel.GATEWAY)])
            store.deny(attempted())
            await store.commit([ended(1), ended(2, "expired", conns=[{"conn": 0, "in": 3, "in_handed": 0, "out": 600, "out_handed": 600}])])

    asyncio.run(make())
    return folder
