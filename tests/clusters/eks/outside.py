"""A gateway from outside: an agent that knocks with plain HTTP, and a search for credentials in all that the gateway wrote."""

import base64
import http.client
import json
import ssl
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from jitui.store.archive import Files
from tests.support.gateway import Agent, Gateway

PODS = "/api/v1/namespaces/web/pods"


class Knock:
    """One keep-alive connection of an agent's to the Kubernetes listener."""

    def __init__(self, agent: Agent) -> None:
        kubeconfig = yaml.safe_load(agent.kubeconfig.read_text())
        server = kubeconfig["clusters"][0]["cluster"]
        host, slash, path = server["server"].removeprefix("https://").partition("/")
        self._path = slash + path
        trust = ssl.create_default_context(cadata=base64.b64decode(server["certificate-authority-data"]).decode())
        self._connection = http.client.HTTPSConnection(host, context=trust, timeout=60)
        self._token = kubeconfig["users"][0]["user"]["token"]
        self.codes: Counter[int] = Counter()
        self.worst_s = 0.0

    def get(self, target: str = PODS, **headers: str) -> tuple[int, Any]:
        """Status and JSON body."""
        began = time.monotonic()
        self._connection.request("GET", f"{self._path}{target}", headers={"Authorization": f"Bearer {self._token}", **headers})
        answer = self._connection.getresponse()
        body = json.loads(answer.read())
        self.codes[answer.status] += 1
        self.worst_s = max(self.worst_s, time.monotonic() - began)
        return answer.status, body

    def poll(self, seconds: float, every: float = 0.2) -> Iterator[tuple[int, Any]]:
        """One get after the other."""
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up:
            due = time.monotonic() + every
            yield self.get()
            time.sleep(max(0.0, due - time.monotonic()))


def written(gateway: Gateway) -> dict[str, bytes]:
    """All that a gateway wrote or shows: its files, what is in its tapes uncompressed, its output, its arguments."""
    told = gateway.program.snapshot()
    found = {"stdout": told.out, "stderr": told.err, "argv": Path(f"/proc/{gateway.program.pid}/cmdline").read_bytes()}
    for path in gateway.data.rglob("*"):
        if path.is_file() and path.name != "reserve":
            found[str(path)] = path.read_bytes()
    files = Files(gateway.data)
    try:
        for session in files.sessions(limit=1000):
            found[f"s-{session.id}"] = b"\n".join(frame.body for frame in files.frames(session.id, limit=1000))
        found["facts"] = "\n".join(str(fact.what) for fact in files.facts(limit=1000)).encode()
    finally:
        files.close()
    return found


def leaks(gateway: Gateway, secrets: Iterable[str]) -> list[str]:
    """Where a secret is found; each is looked for whole, and as the half of it that stands in its middle."""
    parts = {part.encode() for secret in secrets for part in (secret, secret[len(secret) // 4 : len(secret) * 3 // 4])}
    return [place for place, data in written(gateway).items() if any(part in data for part in parts)]
