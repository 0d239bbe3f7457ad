"""Pods of the test's own: a box that keeps what it saw, and a pod that talks. And a spare one to debug. For each run, in a namespace that goes with the tests.

In the box each stream has a name, and what the pod saw of it lies in /seen under that name. `tar`, as kubectl cp runs it, is found
before the real one: it keeps the stream too, and below /hold it stops reading or writing in the middle.
"""

import asyncio
import ssl
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

import httpx
import yaml

from tests.journeys.matrix.wires import until
from tests.support.kubectls import Kubectl

HELD: Final = 300_000  # bytes after which a tar below /hold stands still
SETTLE: Final = "usleep 300000"  # kubectl 1.30 to 1.33 discards what comes before its streams stand (docs/protocol.md, 1.2)
TICKS: Final = "i=0; until [ -e /tmp/go ]; do echo tick $i; i=$((i+1)); usleep 100000; done"
TAR: Final = f"""#!/bin/sh
for word; do case $word in /free/*|/hold/*) place=$word;; esac; done
name=${{place#/*/}}; name=${{name%%/*}}
case "$place $*" in
/free/*-C*) tee /seen/$name | /bin/tar "$@";;
/free/*) {SETTLE}; /bin/tar "$@" | tee /seen/$name;;
/hold/*-C*) head -c {HELD} | tee /seen/$name | cat >/dev/null; exec sleep 2147483647;;
/hold/*) {SETTLE}; /bin/tar "$@" | head -c {HELD} | tee /seen/$name; exec sleep 2147483647;;
esac
"""
SERVE: Final = "read name; exec tee /seen/$name\n"
PORT: Final = 7000
LINGER: Final = "usleep 500000"  # the runtime may lose what is written right before the end of a container that is attached to
BOX: Final = f"""mkdir -p /lab /seen /free /hold
cat >/lab/tar <<'END'
{TAR}END
chmod +x /lab/tar
cat >/lab/serve <<'END'
{SERVE}END
exec nc -ll -p {PORT} -e sh /lab/serve
"""


class Lab:
    """The namespace, through the API as an admin."""

    def __init__(self, kubeconfig: Path, namespace: str, kubectl: Kubectl) -> None:
        self.kubeconfig, self.namespace, self.kubectl = kubeconfig, namespace, kubectl
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        context = ssl.create_default_context(cafile=cluster["certificate-authority"])
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.load_cert_chain(user["client-certificate"], user["client-key"])
        self.server = str(cluster["server"])
        self._http = httpx.AsyncClient(base_url=self.server, verify=context, timeout=30)

    async def __aenter__(self) -> Self:
        await self._http.post("/api/v1/namespaces", json={"metadata": {"name": self.namespace}})
        return self

    async def __aexit__(self, *_: object) -> None:
        """The pods at once; the namespace goes by itself."""
        for path in (self._pods, f"/api/v1/namespaces/{self.namespace}"):
            await self._http.delete(path)
        await self._http.aclose()

    @property
    def _pods(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/pods"

    async def pods(self, run: str) -> None:
        """box-RUN, talk-RUN and spare-RUN, ready. Raises AssertionError if they don't come."""
        environment = [{"name": "PATH", "value": "/lab:/bin"}]
        talkers = [_container("ticker", TICKS), _container("logged", TICKS), _container("attached", f"read line; echo bye $line; {LINGER}") | {"stdin": True}]
        await asyncio.gather(
            self._create(f"box-{run}", [_container("box", BOX) | {"env": environment}]),
            self._create(f"talk-{run}", talkers),
            self._create(f"spare-{run}", [_container("spare", "exec sleep 2147483647")]),
        )
        for name in (f"box-{run}", f"talk-{run}", f"spare-{run}"):
            await until(partial(self._running, name), f"running: {name}", 60)

    async def _create(self, name: str, containers: list[dict[str, Any]]) -> None:
        spec = {"containers": containers, "restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "automountServiceAccountToken": False}

        async def created() -> bool:  # not before the namespace has its service account, a moment after it was made
            return (await self._http.post(self._pods, json={"metadata": {"name": name}, "spec": spec})).status_code == 201

        await until(created, f"created: {name}")

    async def _running(self, name: str) -> bool:
        status = (await self._http.get(f"{self._pods}/{name}")).json()["status"]
        found = status.get("containerStatuses", [])
        return bool(found) and all("running" in one["state"] for one in found)

    async def touch(self, pod: str, value: str) -> None:
        """Change an annotation: an event for who watches."""
        answer = await self._http.patch(f"{self._pods}/{pod}", json={"metadata": {"annotations": {"matrix": value}}},
                                        headers={"Content-Type": "application/merge-patch+json"})
        assert answer.status_code == 200, answer.text

    async def sh(self, pod: str, script: str) -> str:
        """Run a script in POD/CONTAINER, past the gateway; what it wrote."""
        pod, _, container = pod.partition("/")
        argv = [*self.kubectl.argv, "--kubeconfig", str(self.kubeconfig), "-n", self.namespace, "exec", pod, "-c", container]
        process = await asyncio.create_subprocess_exec(*argv, "--", "sh", "-c", script, env={"HOME": "/nonexistent"}, stdout=asyncio.subprocess.PIPE)
        out, _ = await process.communicate()
        assert process.returncode == 0, script
        return out.decode()

    async def saw(self, box: str, name: str, size: int) -> None:
        """Wait until the box has read so much of a stream. Raises AssertionError after 20 s."""
        await self.sh(f"{box}/box", f"for i in $(seq 1000); do [ $(cat /seen/{name} | wc -c) -ge {size} ] && exit; usleep 20000; done; exit 1")

    async def seen(self, box: str, prefix: str) -> dict[str, tuple[int, str]]:
        """Size and sha256 of each stream as the box saw it, by name."""
        script = f'cd /seen; for name in {prefix}*; do [ -e "$name" ] && echo "$name $(wc -c <"$name") $(sha256sum <"$name")"; done; true'
        lines = [line.split() for line in (await self.sh(f"{box}/box", script)).splitlines()]
        return {name: (int(size), digest) for name, size, digest, _ in lines}


def _container(name: str, script: str) -> dict[str, Any]:
    return {"name": name, "image": "localhost/busybox:1", "imagePullPolicy": "Never", "command": ["sh", "-c", script]}
