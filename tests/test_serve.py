"""The composition root while the gateway runs."""

import asyncio
import json
import os
import socket
import ssl
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from jitui import config
from jitui.access import Broker
from jitui.auth import tls
from jitui.demo.cluster.embedded import EmbeddedCluster
from jitui.listeners.address import ListenAddress
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

    def noted(listener: KubeListener, shared: ListenAddress, names: Sequence[str] = ()) -> None:
        bind(listener, shared, names)
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
    """The leaf is made anew while the gateway runs; from then on every TLS port shows it, and it is for every name and address that clients are given."""
    cluster = await EmbeddedCluster.start(tmp_path / "cluster")
    named = {"kind": "kubernetes", "kubeconfig": str(cluster.kubeconfig)}
    settings = {"listen": {"kube": "127.0.0.1:0", "api": "[::1]:0", "kube_names": "*.gw.example", "names": ["gw.example"]},
                "connections": {"test": named, "eu.test": named, "apart": named | {"listen": "0.0.0.0:0"}}}
    tmp_path.joinpath("jitui.yaml").write_text(yaml.safe_dump(settings))
    gateway = Gateway(config.load(tmp_path / "jitui.yaml"), tmp_path / "data", tmp_path / "socket", SystemClock())
    monkeypatch.setattr("jitui.serve.LEAF_CHECK", 0.05)
    ready = asyncio.Event()
    running = asyncio.create_task(gateway.run(lambda _: ready.set()))
    await asyncio.wait_for(ready.wait(), 10)
    urls = [gateway.addresses["kube"], gateway.addresses["api"], *gateway.addresses["kube_connections"].values()]
    hosts = [str(urlsplit(url).hostname) for url in urls]
    assert hosts == ["127.0.0.1", "::1", "gw.example", "eu.test.gw.example", "test.gw.example"]
    ports = [(host, urlsplit(url).port or 0) for host, url in zip(("127.0.0.1", "::1", "127.0.0.1"), urls, strict=False)]
    first = {await _leaf(*port) for port in ports}
    (tmp_path / "data" / "server.crt").unlink()  # as if it were due

    async def renewed() -> None:
        while first & {await _leaf(*port) for port in ports}:  # noqa: ASYNC110 - a port tells nobody that it shows another
            await asyncio.sleep(0.02)

    await asyncio.wait_for(renewed(), 5)
    assert len(first) == len({await _leaf(*port) for port in ports}) == 1
    trust = ssl.create_default_context(cafile=tmp_path / "data/ca.crt")
    for host in hosts:
        _, writer = await asyncio.open_connection(*ports[0], ssl=trust, server_hostname=host)
        writer.transport.abort()
    gateway.stop()
    await running
    await cluster.aclose()


async def _leaf(host: str, port: int) -> bytes:
    """The certificate that a port shows, DER."""
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection(host, port, ssl=trust)
    shown: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    return shown


@asynccontextmanager
async def running(folder: Path, cluster: EmbeddedCluster, listen: Mapping[str, object], names: Sequence[str]) -> AsyncIterator[Gateway]:
    """A gateway in this process with connections to one cluster, of which agent bot may use the first."""
    settings = {"listen": {"kube": "127.0.0.1:0", "api": "127.0.0.1:0", **listen},
                "connections": {name: {"kind": "kubernetes", "kubeconfig": str(cluster.kubeconfig)} for name in names},
                "rules": [{"identity": "bot", "connection": names[0], "duration": "30m", "scope": ["@view in web"]}]}
    folder.joinpath("jitui.yaml").write_text(yaml.safe_dump(settings))
    gateway, ready = Gateway(config.load(folder / "jitui.yaml"), folder / "data", folder / "socket", SystemClock()), asyncio.Event()
    task = asyncio.create_task(gateway.run(ready_at(ready)))
    await asyncio.wait({task, waiting := asyncio.create_task(ready.wait())}, return_when=asyncio.FIRST_COMPLETED, timeout=10)
    waiting.cancel()
    if task.done():
        await task
    try:
        yield gateway
    finally:
        gateway.stop()
        await task


async def asked(port: int, path: str, *, token: str = "", server: str | None = None, host: str = "127.0.0.1") -> tuple[int, str]:
    """Status and message of the gateway's answer. `server`: the name that TLS asks for."""
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust, server_hostname=server or "127.0.0.1")
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{bearer}Connection: close\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    text = body.decode()
    return int(head.split(b" ")[1]), str(json.loads(text).get("message", "")) if text.startswith("{") else text  # refused discovery is text


async def test_each_connection_has_a_port_of_its_own_for_good(tmp_path: Path) -> None:
    """A client that drops the path of a server's URL is served there; rights don't depend on the address; and the ports are the same at each start."""
    cluster = await EmbeddedCluster.start(tmp_path / "cluster")
    async with running(tmp_path, cluster, {}, ["prod", "staging"]) as gateway:
        _, minted = await gateway.broker.roster.add("bot", ["agent"], "ana", by=Identity("ana", frozenset({Role.ADMIN})))
        first = dict(gateway.addresses["kube_connections"])
        prod, staging = (urlsplit(first[name]).port or 0 for name in ("prod", "staging"))
        shared = urlsplit(gateway.addresses["kube"]).port or 0
        assert len({prod, staging, shared}) == 3
        assert (await asked(prod, "/version", token=minted.text))[0] == (await asked(shared, "/c/prod/version", token=minted.text))[0] == 200
        denied = [await asked(port, path + "/api/v1/namespaces/web/pods", token=minted.text) for port, path in ((staging, ""), (shared, "/c/staging"))]
        assert denied[0] == denied[1]
        assert denied[0][0] == 403
        assert (await asked(prod, "/c/staging/api/v1/namespaces/web/pods", token=minted.text))[0] == 403  # a path of prod
        code, message = await asked(shared, "/api/v1/namespaces/web/pods", token=minted.text)
        assert (code, "--append-server-path" in message) == (404, True)
        assert (await asked(prod, "/version"))[0] == 401
    async with running(tmp_path, cluster, {}, ["staging", "dev"]) as gateway:
        second = dict(gateway.addresses["kube_connections"])
    async with running(tmp_path, cluster, {}, ["dev", "prod", "staging"]) as gateway:
        assert gateway.addresses["kube_connections"] == {**second, **first}
    with socket.create_server(("127.0.0.1", prod)), pytest.raises(UnavailableError, match=f"port {prod} on 127.0.0.1 can't be opened for connection prod"):
        async with running(tmp_path, cluster, {"kube": f"127.0.0.1:{shared}"}, ["prod"]):
            pass
    await cluster.aclose()


async def test_host_names_tell_connections_apart(tmp_path: Path) -> None:
    """By what TLS asked for and the Host header, which must agree, before anything else is looked at; the path is then the cluster's."""
    cluster = await EmbeddedCluster.start(tmp_path / "cluster")
    async with running(tmp_path, cluster, {"kube_names": "*.gw.example", "names": ["gw.example", "other.gw.example"]}, ["prod", "staging"]) as gateway:
        _, minted = await gateway.broker.roster.add("bot", ["agent"], "ana", by=Identity("ana", frozenset({Role.ADMIN})))
        port = urlsplit(gateway.addresses["kube"]).port or 0
        assert gateway.addresses["kube_connections"] == {name: f"https://{name}.gw.example:{port}" for name in ("prod", "staging")}
        ours, theirs = "prod.gw.example", "staging.gw.example"
        for server, host, path, code, words in (
            (ours, f"{ours}:{port}", "/version", 200, ""),
            (ours.upper(), f"{ours.title()}.", "/version", 200, ""),
            (theirs, theirs, "/api/v1/pods", 403, "staging"),
            ("none.gw.example", "none.gw.example", "/version", 404, "no connection none here; yours: prod"),
            (ours, theirs, "/version", 421, f"TLS asked for {ours} and the request is for the host {theirs}: these are not one connection's"),
            (ours, "127.0.0.1", "/version", 421, "the host 127.0.0.1"),
            (ours, "gw.example", "/c/prod/version", 421, "the host gw.example"),
            ("gw.example", ours, "/version", 421, "TLS asked for gw.example"),
            (None, ours, "/version", 421, "TLS asked for no server name"),
            ("gw.example", "gw.example", "/c/prod/version", 200, ""),
            ("other.gw.example", "gw.example", "/c/prod/version", 200, ""),
            (None, "127.0.0.1", "/c/prod/version", 200, ""),
            (ours, ours, "/c/prod/version", 403, "prod"),
        ):
            answer = await asked(port, path, token=minted.text, server=server, host=host)
            assert (answer[0], words in answer[1]) == (code, True), (server, host, path, answer)
            if code == 421:
                assert await asked(port, path, server=server, host=host) == answer
    await cluster.aclose()


async def test_a_server_name_that_is_not_ascii_is_not_written_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Or every stranger could fill the log; the handshake fails, and other errors of that kind are said as ever."""
    monkeypatch.setattr(sys, "unraisablehook", tls.unraisable)
    context = tls.server_context(tls.ensure(tmp_path, ["localhost"], SystemClock().now()), names=True)
    client, sent = ssl.create_default_context(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        client.wrap_bio(ssl.MemoryBIO(), sent, server_hostname="name.example").do_handshake()
    async with await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0, ssl=context) as listener:
        reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname())
        writer.write(sent.read().replace(b"name.example", b"\xffame.example"))
        assert not (await reader.read()).startswith(b"\x16")  # no ServerHello
    assert capfd.readouterr().err == ""
    monkeypatch.setattr(sys, "__unraisablehook__", lambda found: print(found.err_msg, file=sys.stderr))
    tls.unraisable(SimpleNamespace(exc_value=ValueError("x"), object=None, err_msg="said"))
    assert capfd.readouterr().err == "said\n"


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
