"""What holds the gateway together while it runs."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from jitui import config
from jitui.broker import Broker
from jitui.clock import SystemClock
from jitui.demo.cluster.embedded import EmbeddedCluster
from jitui.serve import Gateway, always


class Log:
    def __init__(self) -> None:
        self.said: list[tuple[str, dict[str, Any]]] = []

    def exception(self, event: str, **more: Any) -> None:
        self.said.append((event, more))


async def test_what_fails_in_the_background_is_said_and_begun_again() -> None:
    """It takes nobody's window with it; a stop ends it."""
    begun, log = 0, Log()

    async def work() -> None:
        nonlocal begun
        begun += 1
        raise KeyError("cluster")

    task = asyncio.create_task(always(work, log, 0.0))
    while begun < 3:  # noqa: ASYNC110 - what changes has no event
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert log.said[0][0] == "a background task failed and is begun again"
    assert log.said[0][1]["error"] == "KeyError('cluster')"


async def test_nobody_is_let_in_before_the_ledger_was_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that comes while it starts would be denied though its window is live: it is not answered at all, until it is let in."""
    cluster = await EmbeddedCluster.start(tmp_path / "cluster")
    settings = {"listen": {"kube": "127.0.0.1:0", "api": "127.0.0.1:0"}, "connections": {"test": {"kind": "kubernetes", "kubeconfig": str(cluster.kubeconfig)}}}
    tmp_path.joinpath("jitui.yaml").write_text(yaml.safe_dump(settings))
    gateway = Gateway(config.load(tmp_path / "jitui.yaml"), tmp_path / "data", tmp_path / "socket", SystemClock())
    recovering, go_on, ready = asyncio.Event(), asyncio.Event(), asyncio.Event()
    bound: list[int] = []
    recover, create_server = Broker.recover, asyncio.get_running_loop().create_server

    async def slowly(broker: Broker) -> None:
        recovering.set()
        await go_on.wait()
        await recover(broker)

    async def noted(*args: Any, **more: Any) -> asyncio.Server:
        server = await create_server(*args, **more)
        bound.append(server.sockets[0].getsockname()[1])
        return server

    monkeypatch.setattr(Broker, "recover", slowly)
    monkeypatch.setattr(asyncio.get_running_loop(), "create_server", noted)
    running = asyncio.create_task(gateway.run(lambda _: ready.set()))
    await asyncio.wait_for(recovering.wait(), 10)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", bound[0])
    reader, writer = await asyncio.open_unix_connection(tmp_path / "socket")
    writer.write(b"GET /v1/hello HTTP/1.1\r\nHost: gateway\r\n\r\n")
    early = asyncio.create_task(reader.readline())
    await asyncio.sleep(0.2)
    assert not early.done()
    go_on.set()
    await asyncio.wait_for(ready.wait(), 10)
    assert await early == b"HTTP/1.1 200 OK\r\n"
    _, agent = await asyncio.open_connection("127.0.0.1", bound[0])
    for each in (agent, writer):
        each.close()
    gateway.stop()
    await running
    await cluster.aclose()
