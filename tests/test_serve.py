"""The composition root while the gateway runs."""

import asyncio
import os
import socket
import ssl
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from jitui import config
from jitui.access import Broker
from jitui.demo.cluster.embedded import EmbeddedCluster
from jitui.listeners.kube.listener import KubeListener
from jitui.policy.terms import Identity, Role
from jitui.recording.facts import Kind
from jitui.serve import Gateway, always
from jitui.store.archive import Files
from jitui.store.ledger import tape_opened
from jitui.values.clock import SystemClock
from jitui.values.errors import UnavailableError
from jitui.values.log import Log
from tests.store.life import opened


class Heard(Log):
    """A log that keeps what it is told."""

    def __init__(self) -> None:
        super().__init__("jitui.heard")
        self.said: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **facts: Any) -> None:
        self.said.append((event, facts))

    def failed(self, event: str, error: object, *, traceback: bool, **facts: Any) -> None:
        self.said.append((event, {**facts, "error": error}))

    warning = info


async def test_what_fails_in_the_background_is_said_and_begun_again() -> None:
    """It takes nobody's window with it; a stop ends it."""
    begun, log = 0, Heard()

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
    assert log.said[0][1]["error"].args == ("cluster",)


async def test_nobody_is_let_in_before_the_ledger_was_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that comes while it starts would be denied though its window is live: it waits, as does who asks the API, and then both are answered."""
    cluster = await EmbeddedCluster.start(tmp_path / "cluster")
    settings = {"listen": {"kube": "127.0.0.1:0", "api": "127.0.0.1:0"}, "connections": {"test": {"kind": "kubernetes", "kubeconfig": str(cluster.kubeconfig)}}}
    tmp_path.joinpath("jitui.yaml").write_text(yaml.safe_dump(settings))
    gateway = Gateway(config.load(tmp_path / "jitui.yaml"), tmp_path / "data", tmp_path / "socket", SystemClock())
    recovering, go_on, ready = asyncio.Event(), asyncio.Event(), asyncio.Event()
    bound: list[int] = []
    recover, bind = Broker.recover, KubeListener.bind

    async def slowly(broker: Broker) -> None:
        recovering.set()
        await go_on.wait()
        await recover(broker)

    def noted(listener: KubeListener, host: str, port: int) -> None:
        bind(listener, host, port)
        bound.append(listener.port)

    async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> bytes:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: gateway\r\n\r\n".encode())
        said = await reader.readline()
        writer.close()
        return said

    async def knock() -> bytes:
        trust = ssl.create_default_context()
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
        return await hello(*await asyncio.open_connection("127.0.0.1", bound[0], ssl=trust), "/c/test/version")

    async def ring() -> bytes:
        return await hello(*await asyncio.open_unix_connection(tmp_path / "socket"), "/v1/hello")

    monkeypatch.setattr(Broker, "recover", slowly)
    monkeypatch.setattr(KubeListener, "bind", noted)
    running = asyncio.create_task(gateway.run(lambda _: ready.set()))
    await asyncio.wait_for(recovering.wait(), 10)
    early = [asyncio.create_task(knock()), asyncio.create_task(ring())]
    await asyncio.sleep(0.3)
    assert not any(each.done() for each in early)
    go_on.set()
    await asyncio.wait_for(ready.wait(), 10)
    assert await asyncio.gather(*early) == [b"HTTP/1.1 401 Unauthorized\r\n", b"HTTP/1.1 200 OK\r\n"]
    gateway.stop()
    await running
    await cluster.aclose()


async def test_a_new_certificate_is_served_at_every_port_without_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The leaf is made anew while the gateway runs; from then on both TLS ports show it."""
    cluster = await EmbeddedCluster.start(tmp_path / "cluster")
    settings = {"listen": {"kube": "127.0.0.1:0", "api": "127.0.0.1:0"}, "connections": {"test": {"kind": "kubernetes", "kubeconfig": str(cluster.kubeconfig)}}}
    tmp_path.joinpath("jitui.yaml").write_text(yaml.safe_dump(settings))
    gateway = Gateway(config.load(tmp_path / "jitui.yaml"), tmp_path / "data", tmp_path / "socket", SystemClock())
    monkeypatch.setattr("jitui.serve.LEAF_CHECK", 0.05)
    ready = asyncio.Event()
    running = asyncio.create_task(gateway.run(lambda _: ready.set()))
    await asyncio.wait_for(ready.wait(), 10)
    ports = [int(str(gateway.addresses[listener]).rpartition(":")[2]) for listener in ("kube", "api")]
    first = {await _leaf(port) for port in ports}
    (tmp_path / "data" / "server.crt").unlink()  # as if it were due

    async def renewed() -> None:
        while first & {await _leaf(port) for port in ports}:  # noqa: ASYNC110 - a port tells nobody that it shows another
            await asyncio.sleep(0.02)

    await asyncio.wait_for(renewed(), 5)
    assert len(first) == len({await _leaf(port) for port in ports}) == 1
    gateway.stop()
    await running
    await cluster.aclose()


async def _leaf(port: int) -> bytes:
    """The certificate that a port shows, DER."""
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust)
    shown: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    return shown


async def test_when_a_token_was_used_last_outlives_the_gateway(tmp_path: Path) -> None:
    """It is noted at the stop, for the gateway's user alone; and what can't be read of the note is forgotten, without a word."""
    tmp_path.joinpath("jitui.yaml").write_text(yaml.safe_dump({"listen": {"kube": "127.0.0.1:0", "api": "127.0.0.1:0"}, "connections": {}}))
    minted, note = "", tmp_path / "data/used.json"
    for start in range(3):
        gateway, ready = Gateway(config.load(tmp_path / "jitui.yaml"), tmp_path / "data", tmp_path / "socket", SystemClock()), asyncio.Event()
        running = asyncio.create_task(gateway.run(ready_at(ready)))
        await asyncio.wait_for(ready.wait(), 10)
        roster = gateway.broker.roster
        if not start:
            _, made = await roster.add("bot", ["agent"], "ana", by=Identity("ana", frozenset({Role.ADMIN})))
            roster.tokens.identify(made.text, 1_795_449_600_000_000)
            minted = made.id
        while start < 2 and not roster.tokens.used_us:  # noqa: ASYNC110 - it is read in the background
            await asyncio.sleep(0.01)
        assert roster.tokens.used_us == ({minted: 1_795_449_600_000_000} if start < 2 else {})
        gateway.stop()
        await running
        assert stat.S_IMODE(note.stat().st_mode) == 0o600
        if start:
            note.write_bytes(b"[1]")


def ready_at(event: asyncio.Event) -> Callable[[object], None]:
    return lambda _: event.set()


async def test_the_start_names_tapes_that_are_gone(tmp_path: Path) -> None:
    """The ledger names them and they are not there: that is said, and the gateway starts."""
    async with opened(tmp_path / "data") as store:
        await store.commit([tape_opened("000007.db")])
    tmp_path.joinpath("jitui.yaml").write_text(yaml.safe_dump({"listen": {"kube": "127.0.0.1:0", "api": "127.0.0.1:0"}, "connections": {}}))
    gateway, log = Gateway(config.load(tmp_path / "jitui.yaml"), tmp_path / "data", tmp_path / "socket", SystemClock()), Heard()
    gateway.log, ready = log, asyncio.Event()
    running = asyncio.create_task(gateway.run(lambda _: ready.set()))
    await asyncio.wait_for(ready.wait(), 10)
    assert [more for event, more in log.said if "tape" in event] == [{"tape": "000007.db"}]
    gateway.stop()
    await running


async def test_a_port_that_is_taken_is_said_before_anything_is_written(tmp_path: Path) -> None:
    """One line that names the port; the ledger says of no start, and the address is free of us again."""
    cluster = await EmbeddedCluster.start(tmp_path / "cluster")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = {"listen": {"kube": f"127.0.0.1:{port}", "api": "127.0.0.1:0"},
                    "connections": {"test": {"kind": "kubernetes", "kubeconfig": str(cluster.kubeconfig)}}}
        tmp_path.joinpath("jitui.yaml").write_text(yaml.safe_dump(settings))
        gateway = Gateway(config.load(tmp_path / "jitui.yaml"), tmp_path / "data", tmp_path / "socket", SystemClock())
        with pytest.raises(UnavailableError, match=f"port {port} on 127.0.0.1 can't be opened for the Kubernetes listener"):
            await gateway.run(lambda _: None)
    with closing(Files(tmp_path / "data")) as files:
        assert Kind.GATEWAY_STARTED not in {fact.kind for fact in files.facts()}
    await cluster.aclose()


def test_a_gateway_does_not_start_while_keys_of_tls_are_to_be_written(tmp_path: Path) -> None:
    """SSLKEYLOGFILE is refused in one line that says what to do, and the file is not made."""
    env = {**os.environ, "SSLKEYLOGFILE": str(tmp_path / "keys"), "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "jitui", "serve", "--config", str(tmp_path / "none.yaml"), "--data-dir", str(tmp_path / "data")]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "SSLKEYLOGFILE is set" in done.stderr
    assert "env -u SSLKEYLOGFILE jitui serve" in done.stderr
    assert not (tmp_path / "keys").exists()
