"""The whole cluster: it starts, runs, and leaves nothing behind, however it ends."""

import asyncio
import base64
import contextlib
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from jitui.demo.cluster import certificate, controllers, nurse, seed
from jitui.demo.cluster.audit import Audit
from jitui.demo.cluster.http import HEAD_LIMIT, Connection
from jitui.demo.cluster.kubelet import Kubelet, monotonic
from jitui.demo.cluster.objects import Objects
from jitui.demo.cluster.server import Server


class EmbeddedCluster:
    """One running cluster. `start` makes it, `aclose` ends it; if the process dies, the nurse ends its processes and its scratch folder."""

    url: str
    token: str
    kubeconfig: Path  # 0600, with the token and the authority pinned
    audit: Path  # one JSON line for each request received, and each answered

    def __init__(self, folder: Path, *, chatter_s: float) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = folder.resolve()
        self.kubeconfig = folder / "kubeconfig"
        self.audit = folder / "audit.jsonl"
        self.token = secrets.token_urlsafe(24)
        mark = secrets.token_hex(4)
        self._mark = f"POD_UID={mark}"
        self._scratch = Path(tempfile.mkdtemp(prefix="pods-", dir=folder))
        self._nurse = subprocess.Popen(  # noqa: S603 - our own file
            [sys.executable, "-I", nurse.__file__, str(self._scratch), self._mark], stdin=subprocess.PIPE, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={})  # without the marks of the process that started this cluster
        self._objects = Objects(mark)
        self._kubelet = Kubelet(self._objects, self._scratch)
        self._log = Audit(self.audit)
        self._server = Server(self._objects, self._kubelet, self._log, token=self.token, chatter_s=chatter_s)
        self._stop = asyncio.Event()
        self._owner: asyncio.Task[None] | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @classmethod
    async def start(cls, folder: Path, *, chatter_s: float = 0.5) -> "EmbeddedCluster":
        """A cluster that listens on 127.0.0.1, with its files in `folder` (made if missing, 0700). `chatter_s`: seconds between two lines of a pod's log."""
        cluster = cls(folder, chatter_s=chatter_s)
        try:
            seed.plant(cluster._objects, cluster._kubelet)
            context, authority = certificate.make(cluster._scratch)
            listener = await asyncio.start_server(cluster._accept, "127.0.0.1", 0, ssl=context, limit=HEAD_LIMIT, backlog=1024)
        except BaseException:
            await cluster.aclose()
            raise
        cluster.url = f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        cluster._write_kubeconfig(authority)
        cluster._owner = asyncio.get_running_loop().create_task(cluster._live(listener), name="embedded cluster")
        return cluster

    async def aclose(self) -> None:
        """Ends connections and processes and removes the scratch folder. A second call does nothing."""
        self._stop.set()
        if self._owner is not None:
            await asyncio.wait({self._owner})
        self._log.close()
        nurse.end(self._mark)
        shutil.rmtree(self._scratch, ignore_errors=True)
        if self._nurse.stdin is not None:
            self._nurse.stdin.close()
        await asyncio.to_thread(self._nurse.wait)

    async def _live(self, listener: asyncio.Server) -> None:
        """Owns everything that runs, until it is told to stop."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._work()), group.create_task(self._kubelet.run())]
                await self._stop.wait()
                for task in tasks:
                    task.cancel()
        finally:
            listener.close()
            for task in self._connections:
                task.cancel()
            if self._connections:
                await asyncio.wait(self._connections)

    async def _work(self) -> None:
        """The work of control plane and node: a step after each change, and while pods start or end."""
        while True:
            version = self._objects.version
            try:
                controllers.step(self._objects)
                busy = self._kubelet.step(monotonic())
            except Exception as error:  # noqa: BLE001 - one odd object must not stop the cluster
                sys.stderr.write(f"embedded cluster: a step failed: {error!r}\n")
                busy = True
                await asyncio.sleep(0.1)
            if self._objects.version == version:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.1 if busy else None):
                        await self._objects.changed(version)
            else:
                await asyncio.sleep(0)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._connections.add(task)
        try:
            await self._server.serve(Connection(reader, writer))
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._connections.discard(task)
            writer.close()

    def _write_kubeconfig(self, authority: bytes) -> None:
        text = yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "demo",
            "clusters": [{"name": "demo", "cluster": {"server": self.url, "certificate-authority-data": base64.b64encode(authority).decode()}}],
            "contexts": [{"name": "demo", "context": {"cluster": "demo", "user": "gateway", "namespace": "web"}}],
            "users": [{"name": "gateway", "user": {"token": self.token}}]})
        self.kubeconfig.unlink(missing_ok=True)
        self.kubeconfig.touch(mode=0o600)
        self.kubeconfig.write_text(text, encoding="utf-8")
