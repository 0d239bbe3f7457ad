"""The composition root: it builds the gateway once, runs it under one TaskGroup, and stops it in order.

Only this module (and the tests) knows how the parts fit together.
"""

import asyncio
import contextlib
import gc
import json
import os
import signal
import ssl
import sys
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final

import uvloop

from jitui import __version__, config
from jitui.access import Broker
from jitui.access.pressure import Pressure
from jitui.access.troubles import Troubles
from jitui.api.server.listener import ApiListener
from jitui.api.service import Service
from jitui.api.service.backend import Backend, Meter
from jitui.auth import tls
from jitui.auth.callers import Callers
from jitui.auth.people import People
from jitui.clusters.discovery import USUAL, Discovery
from jitui.clusters.kind import ConnectionSettings
from jitui.clusters.pool import Pool
from jitui.clusters.port import Upstream
from jitui.clusters.registry import kind_of
from jitui.clusters.way import Way
from jitui.config import Configuration
from jitui.export.exporter import exporting
from jitui.listeners import caps
from jitui.listeners.address import ListenAddress, url
from jitui.listeners.kube.listener import KubeListener
from jitui.listeners.kube.names import HostNames
from jitui.listeners.kube.ports import Ports
from jitui.listeners.ssh.listener import SshListener
from jitui.listeners.ssh.who import Keys
from jitui.policy.terms import Grant, Rule
from jitui.proxy.entry import Proxy
from jitui.proxy.pod import lost, places as pods
from jitui.recording.facts import EVERY_COMMIT, Draft, GatewayStarted, GatewayStopped
from jitui.store import Store
from jitui.store.archive import Files
from jitui.store.bus import Bus
from jitui.store.folder import reserve
from jitui.store.index import process as index
from jitui.values import descriptors, private_file
from jitui.values.alarm import Alarm, to_beat
from jitui.values.clock import Clock, SystemClock
from jitui.values.errors import ConfigurationError, JituiError
from jitui.values.instant import rfc3339
from jitui.values.log import Log, to_stderr
from jitui.witness.keeper import keeping

FIRST_LOOK: Final = 5.0  # seconds a cluster may take to answer before the gateway starts without it
TICK: Final = 0.1  # seconds between two looks at what is due, at least
BEAT: Final = 1.0  # and at most
AGAIN: Final = 1.0  # seconds until a background task that failed is begun again
LEAF_CHECK: Final = 3600.0  # seconds between looks at the server certificate's age
SWITCH_INTERVAL: Final = 50e-6  # seconds; hands the writer thread its results sooner (measured: 0.94 against 0.75 of kubectl proxy)
KEY_LOG: Final = "SSLKEYLOGFILE"  # honoured by ssl.create_default_context and urllib3
LOG: Final = "jitui.gateway"  # logger
DEBUG: Final = bool(os.environ.get("JITUI_DEBUG"))

Work = Callable[[], Coroutine[Any, Any, None]]


class Gateway:
    """One running gateway: `run` runs it, `stop` stops it from anywhere on its loop."""

    def __init__(self, configuration: Configuration, data_dir: Path, socket: Path, clock: Clock) -> None:
        self.configuration, self.data_dir, self.socket, self.clock = configuration, data_dir, socket, clock
        self.bus = Bus()
        self.addresses: dict[str, Any] = {}
        self.broker: Broker
        self.log = Log(LOG)
        self.pressure = Pressure(clock, lambda event, more: self.log.warning(event, **more))
        self._stop = asyncio.Event()
        listen = configuration.listen
        self._names = HostNames(listen.kube_names, [*listen.names, ListenAddress.parse(listen.kube).host]) if listen.kube_names else None
        self._works: list[Work] = [self._tick]  # in the background, and what renews credentials
        self.shares: descriptors.Shares  # once it runs
        self._kube: KubeListener
        self._api: ApiListener
        self._ssh: SshListener | None
        self._tasks: asyncio.TaskGroup

    def stop(self) -> None:
        self._stop.set()

    def spawn(self, work: Work) -> None:
        """Runs work under the gateway's task group. An error in it is logged; it never ends the gateway, and with it everybody's windows."""

        async def guarded() -> None:
            try:
                await work()
            except Exception as error:  # noqa: BLE001 - it is logged; nobody else waits for this work
                self.log.failed("task failed", error, work=getattr(work, "__qualname__", repr(work)), traceback=DEBUG)

        self._tasks.create_task(guarded())

    def trouble(self, context: Mapping[str, Any]) -> None:
        """Logs an error that reached the event loop: one line, and a traceback only with JITUI_DEBUG."""
        error = context.get("exception")
        if not isinstance(error, ConnectionError | TimeoutError | ssl.SSLError):
            self.log.failed(context.get("message", "event loop"), error, traceback=DEBUG)

    async def run(self, ready: Callable[[Mapping[str, Any]], None]) -> None:
        """Runs until `stop`. Raises JituiError, in one line, if it can't start."""
        self.shares = descriptors.share(descriptors.raise_limit(), self.configuration.limits.strangers, len(self.configuration.own_ports),
                                        ssh=bool(self.configuration.listen.ssh))
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(self.shares.threads, "jitui"))
        store = await Store.open(self.data_dir, self.clock, self.bus, reserve_bytes=reserve(self.data_dir))
        try:
            async with asyncio.TaskGroup() as self._tasks:
                await self._serve(store, ready)
        except* JituiError as errors:
            raise errors.exceptions[0] from None
        finally:
            await store.aclose()

    async def _serve(self, store: Store, ready: Callable[[Mapping[str, Any]], None]) -> None:
        settings = self.configuration
        async with contextlib.AsyncExitStack() as stack:
            troubles = Troubles(store, self.clock, self.spawn)
            ways = await self._ways(troubles)
            for way in ways.values():
                stack.callback(way.pool.close)
            broker = self.broker = Broker(
                store, self.clock, gateway=store.key_id[:8], people=People(os.geteuid(), settings.people), trust=settings.trust, pressure=self.pressure,
                rules=by_pair(settings), spawn=self.spawn, kinds={name: way.discovery for name, way in ways.items()}, limits=settings.limits,
            )  # fmt: skip
            broker.windows.occupied = lambda name, live: ways[name].occupied(live) if name in ways else None
            callers = Callers(broker.roster.directory, self.clock)
            proxy, most = Proxy(broker, ways, self.spawn), caps.at_kube(settings.limits, self.shares)
            kube = self._kube = KubeListener(broker, callers, proxy, os.geteuid(), most, self._names)
            stack.push_async_callback(kube.aclose)
            self._ssh = self._ssh_listener(broker, callers, proxy, stack)
            ports = self._bind(kube)
            material = self._material()
            context = tls.server_context(material, names=self._names is not None)
            shared, own = self._urls(material)
            meter, files = Meter(store), Files(self.data_dir)
            stack.callback(files.close)
            broker.retention.open(files, self.bus, troubles.say, settings.retention)
            self._works.append(partial(broker.roster.keep_uses, self.data_dir / "used.json"))
            self._works += exporting(self.data_dir, files, self.bus, troubles.say, settings.export)
            self._works.append(await stack.enter_async_context(keeping(store, files, self.bus, troubles.say, settings.witness, self.clock)))
            self._works.append(partial(index.keep, files, lambda word: self.log.info("index", word=word)))
            service = Service(Backend(
                broker, files, self.bus, meter, kube=shared, connections=tuple(settings.connections), ca_pem=material.pinned, reload=self.reload,
                stop=self.stop, trouble=lambda: troubles.newest, kube_connections=own, ways=ways, ssh=lambda: self._ssh.told if self._ssh else ("", ""),
            ))  # fmt: skip
            stack.callback(service.close)
            desk, tcp = caps.at_api(settings.limits, self.shares.desk), caps.at_api(settings.limits, self.shares.api)
            self._api = api = ApiListener(service, callers, self.spawn, desk=desk, tcp=tcp, at_work=self.pressure.at_work)
            stack.push_async_callback(self._close_api)
            stack.callback(self.bus.close)
            api.bind(unix=self.socket, group=settings.listen.socket_group, tcp=ListenAddress.parse(settings.listen.api), tls=context)
            ports.keep()
            await store.commit([self._started(store)])
            await broker.room.look()
            await self._recover(proxy, ways, store, files, stack)  # nobody is answered before: a live window would be denied, and what is asked would be lost
            await kube.open(context)
            if self._ssh:
                await self._ssh.open(self.data_dir / "keys")
            await api.open()
            self._works += [meter.run, broker.room.run, broker.retention.run, partial(self._renew, context), *(way.discovery.run for way in ways.values())]
            for work in self._works:
                stack.callback(self._tasks.create_task(always(work, self.log)).cancel)
            gc.collect()
            gc.freeze()
            self.addresses = self._reached(shared, own, material)
            ready(self.addresses)
            await self._stop.wait()
            await broker.windows.stop()()
            broker.quota.close()
            await broker.windows.settled()
            with contextlib.suppress(JituiError):
                await store.commit([GatewayStopped(why="stopped").draft(__version__, "gateway")])

    async def _recover(self, proxy: Proxy, ways: Mapping[str, Way], store: Store, files: Files, stack: contextlib.AsyncExitStack) -> None:
        """Takes up what lives. Windows end in the pods too, those of before as well; then their credentials are dropped."""
        windows, rule = self.broker.windows, self.broker.requests.rule_of
        places = proxy.places = windows.aftermath = pods.Places(ways, store, self.clock, self.spawn, gateway=store.key_id[:8], owe=windows.owe, rule=rule)
        windows.ended = lambda grant: self._forget(ways, grant)
        stack.callback(places.close)
        await self.broker.recover()
        self.spawn(partial(lost.recover, places, files, windows.live))

    def _started(self, store: Store) -> Draft:
        now, settings, found = self.clock.now(), self.configuration, store.found
        if found.seq:
            self.log.info("the newest fact found; who notes it elsewhere sees whether the folder was set back", fact=found.seq, at=rfc3339(found.at_us),
                          hash=found.hash.hex())  # fmt: skip
        for tape in store.gone_tapes:
            self.log.warning("a tape that the ledger names is gone: what was recorded on it can't be shown or proved; restore it from a copy", tape=tape)
        return GatewayStarted(
            boot_id=now.boot_id, boot_us=now.boot_us, config=settings.digest[:12], solo=settings.solo, key_id=store.key_id, signs=EVERY_COMMIT,
            found=found.seq, found_us=found.at_us, found_hash=found.hash,
        ).draft(__version__, "gateway")  # fmt: skip

    async def _ways(self, troubles: Troubles) -> dict[str, Way]:
        ways = {}
        for name, connection in self.configuration.connections.items():
            upstream = await self._upstream(name, connection, troubles)
            pool = Pool(upstream, max(1, self.shares.kept // len(self.configuration.connections)))
            discovery = Discovery(upstream, pool, self.clock, usual=USUAL)
            ways[name] = Way(name, upstream, pool, discovery, self.spawn, connection.isolation == "required")
        await asyncio.gather(*(self._first_look(way) for way in ways.values()))
        return ways

    async def _upstream(self, name: str, connection: ConnectionSettings, troubles: Troubles) -> Upstream:
        kind = kind_of(connection)
        try:
            upstream: Upstream = await asyncio.to_thread(kind.load, connection, self.clock, partial(troubles.tell, name))
        except ConfigurationError as error:
            raise ConfigurationError(f"connections.{name}: {error}") from None
        for sentence in kind.exposed_by(upstream):
            if connection.isolation == "required":
                raise ConfigurationError(f"connections.{name}: isolation is required, but {sentence}")
            self.log.warning("the cluster's credential is in others' reach", connection=name, why=sentence)
        if (work := kind.renewing(upstream)) is not None:
            self._works.append(work)
        return upstream

    def _forget(self, ways: Mapping[str, Way], grant: Grant) -> None:
        """Drops the credentials of a grant that has ended."""
        if grant.connection in ways:
            self.spawn(partial(ways[grant.connection].upstream.forget, grant))

    async def _first_look(self, way: Way) -> None:
        """Reads a cluster's discovery, so that the first request is judged by it. A cluster that is down is logged, and does not stop the start."""
        try:
            async with asyncio.timeout(FIRST_LOOK):
                await way.discovery.fetch("/version", b"application/json")
                await way.discovery.look("", "pods")
            with contextlib.suppress(TimeoutError):  # the rest is asked for in the background
                async with asyncio.timeout(FIRST_LOOK):
                    await way.discovery.prepare()
        except (JituiError, TimeoutError) as error:
            why = str(error) or f"no answer within {FIRST_LOOK:g} s"
            self.log.warning("cluster unreachable; its requests are answered 502 until it is back", connection=way.name, why=why)

    async def _close_api(self) -> None:
        if self._ssh is not None:
            await self._ssh.reception.aclose()  # while the API still answers their processes
        await self._api.aclose()

    def _reached(self, kube: str, own: Mapping[str, str], material: tls.Material) -> dict[str, Any]:
        """All addresses, as ready.json has them. `kube`, `own`: URLs of the Kubernetes listener."""
        api = self._url(ListenAddress.parse(self.configuration.listen.api).public(self.configuration.listen.names), self._api.port, material)
        ssh = {"ssh": self._ssh.place, "ssh_fingerprint": self._ssh.fingerprint} if self._ssh else {"ssh": None}
        return {"kube": kube, "kube_connections": own, "socket": str(self.socket), "api": api, "ca": str(material.authority), **ssh}

    def _ssh_listener(self, broker: Broker, callers: Callers, proxy: Proxy, stack: contextlib.AsyncExitStack) -> SshListener | None:
        """Takes its address; None if there is none in the settings. `stack` closes it. Raises UnavailableError."""
        settings, listen = self.configuration, self.configuration.listen
        if not listen.ssh:
            return None
        ssh = SshListener(broker, proxy, Keys(callers), os.geteuid(), caps.at_ssh(settings.limits, self.shares.ssh),
                          lambda *given: self._api.admit(*given))  # noqa: PLW0108 - the API is built after it
        stack.push_async_callback(ssh.aclose)
        ssh.bind(ListenAddress.parse(listen.ssh), listen.names)
        return ssh

    def _bind(self, kube: KubeListener) -> Ports:
        """Takes the Kubernetes listener's addresses; the ports of connections as they are by then, to be kept once the gateway can start."""
        settings = self.configuration
        listen, ports = settings.listen, Ports(self.data_dir / "ports.json")
        kube.bind(ListenAddress.parse(listen.kube), listen.names)
        own = {name: ListenAddress.parse(text) if text else None for name, text in settings.own_ports.items()}
        kube.bind_own(own, ports, {ListenAddress.parse(listen.api).port})
        return ports

    def _material(self) -> tls.Material:
        """The certificate, and what belongs to it: for the names of the settings, and where these are the gateway's to choose, for all it listens at."""
        settings, names, now = self.configuration, self._names, self.clock.now()
        listen, certificate = settings.listen, settings.certificate
        named = [name for name in settings.connections if name not in settings.own_ports]
        if certificate is not None:
            return tls.own(certificate.cert, certificate.key, [*listen.names, *(names.of(name) for name in named if names is not None)], now)
        hosts = [*(host for host, _ in self._kube.places.values()), ListenAddress.parse(listen.api).public(listen.names)]
        return tls.ensure(self.data_dir, [*listen.names, *hosts, *(names.certified(named) if names is not None else ())], now)

    def _url(self, host: str, port: int, material: tls.Material) -> str:
        """The URL of a port, by a host that the certificate is for."""
        if self.configuration.certificate is not None and not tls.covers(material, host):
            host = next((name.strip("[]") for name in self.configuration.listen.names if "*" not in name), host)
        return url(host, port)

    def _urls(self, material: tls.Material) -> tuple[str, dict[str, str]]:
        """The URL of the address for kubectl that connections share, and of each one's own."""
        names, places, port = self._names, self._kube.places, self._kube.port
        own = {name: self._url(*places[name], material) if names is None or name in places else url(names.of(name), port)
               for name in self.configuration.connections}
        return self._url(*places[""], material), own

    async def reload(self) -> str:
        """Reads the configuration again and returns a sentence. Rules and people take effect at once; connections and addresses need a restart."""
        settings = await asyncio.to_thread(config.load, self.configuration.path)
        settings.must_start()
        old = self.configuration
        if any(getattr(old, name) != getattr(settings, name) for name in ("connections", "listen", "certificate", "witness", "export")):
            raise ConfigurationError(f"{settings.path}: connections, listen, certificate, witness and export are read at start; restart the gateway for them")
        await self.broker.retention.check(settings.retention)
        await self.broker.reload(by_pair(settings), People(os.geteuid(), settings.people), settings.digest, settings.trust)
        self.broker.quota.limits = self.broker.room.limits = settings.limits
        self.broker.retention.use(settings.retention)
        self.configuration = settings
        self._kube.visitors.tune(caps.at_kube(settings.limits, self.shares))
        if self._ssh is not None:
            self._ssh.rooms.visitors.tune(caps.at_ssh(settings.limits, self.shares.ssh))
        self._api.desk.tune(caps.at_api(settings.limits, self.shares.desk))
        self._api.tcp.tune(caps.at_api(settings.limits, self.shares.api))
        return f"{len(settings.rules)} rules and {len(settings.people)} people in force, configuration {settings.digest[:12]}"

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        with Alarm() as alarm:
            while True:
                due = self.broker.tick(self.clock.now())
                await alarm.wait(min(max(due, TICK), to_beat(loop.time(), BEAT)) if alarm.whole else TICK)

    async def _renew(self, context: Any) -> None:
        while True:
            await asyncio.sleep(LEAF_CHECK)
            tls.refresh(context, await asyncio.to_thread(self._material))


async def always(work: Work, log: Log, pause: float = AGAIN) -> None:
    """Repeats work until the gateway stops. An error in it is logged, and the work begins again: one connection's error does not end all windows."""
    while True:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - it is logged, and the work begins again
            log.failed("a background task failed and is begun again", error, work=getattr(work, "__qualname__", repr(work)), traceback=DEBUG)
        await asyncio.sleep(pause)


def by_pair(settings: Configuration) -> dict[tuple[str, str], Rule]:
    return {(rule.identity, rule.connection): rule for rule in settings.rules}


def run(config_path: Path, data_dir: Path, socket: Path, ready_file: Path | None = None, *, announce: Callable[[str], None] = print) -> None:
    """Runs `jitui serve` until SIGTERM, SIGINT or `jitui stop`. SIGHUP reads the configuration again. Raises JituiError."""
    os.umask(0o077)
    sys.unraisablehook = tls.unraisable
    if os.environ.get(KEY_LOG):
        raise ConfigurationError(f"{KEY_LOG} is set: libraries would write the keys of every TLS connection there, and their reader could read all traffic; "
                                 f"start without it: env -u {KEY_LOG} jitui serve")
    sys.setswitchinterval(SWITCH_INTERVAL)
    settings = config.load(config_path)
    settings.must_start()
    to_stderr(LOG)

    async def main() -> None:
        gateway = Gateway(settings, data_dir, socket, SystemClock())
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: gateway.trouble(context))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, gateway.stop)

        def ready(addresses: Mapping[str, Any]) -> None:
            if ready_file is not None:
                private_file.write_private(ready_file, f"{json.dumps(addresses)}\n".encode())
            announce(f"jitui {__version__}: agents knock at {addresses['kube']}, people at {addresses['socket']}"
                     + (f", both by ssh at {addresses['ssh']}" if addresses["ssh"] else ""))

            async def again() -> None:
                try:
                    announce(await gateway.reload())
                except JituiError as error:
                    announce(f"jitui: nothing was changed: {error}")

            loop.add_signal_handler(signal.SIGHUP, lambda: gateway.spawn(again))

        try:
            await gateway.run(ready)
        finally:
            if ready_file is not None:
                await asyncio.to_thread(private_file.remove_own, ready_file)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
