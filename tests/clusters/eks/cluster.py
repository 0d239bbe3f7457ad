"""The embedded cluster with EKS's way to know who calls: a token is verified, its role must have an access entry."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from jitui.demo.cluster.embedded import EmbeddedCluster
from jitui.demo.cluster.http import Connection, Request
from jitui.demo.cluster.server import Server
from tests.clusters.eks.account import CLUSTER, REGION, ROLE, Account
from tests.clusters.eks.verifier import RefusedError, verify


@dataclass
class Entries:
    """The access entries of the cluster, and the tokens that it saw."""

    account: Account
    name: str = CLUSTER
    roles: set[str] = field(default_factory=lambda: {ROLE})  # with an access entry
    refused: list[str] = field(default_factory=list)  # why, for each token that was
    callers: list[str] = field(default_factory=list)  # session names, a request each
    tokens: list[str] = field(default_factory=list)  # every token that came, in order, without repetition

    def check(self, token: str) -> bool:
        if token not in self.tokens:
            self.tokens.append(token)
        try:
            key_id = verify(token, cluster=self.name, partition="aws", region=REGION, secrets=self.account.secrets)
            session = next(one for one in self.account.sessions if one.access_key_id == key_id)
            if session.role_arn not in self.roles:
                raise RefusedError(f"no access entry for {session.role_arn}")  # noqa: TRY301
        except RefusedError as error:
            self.refused.append(str(error))
            return False
        self.callers.append(session.session_name)
        return True


class Verifying(Server):
    """Takes tokens that the entries take."""

    entries: Entries

    async def _answer(self, connection: Connection, request: Request, headers: list[tuple[str, str]]) -> None:
        token = request.header("authorization").removeprefix("Bearer ")
        known = self._token if self.entries.check(token) else "none"
        others = tuple((name, value) for name, value in request.headers if name != "authorization")
        await super()._answer(connection, replace(request, headers=(*others, ("authorization", f"Bearer {known}"))), headers)


async def start(folder: Path, entries: Entries) -> EmbeddedCluster:
    """One in this loop, known to the account."""
    cluster = await EmbeddedCluster.start(folder)
    cluster._server.__class__ = Verifying
    cluster._server.entries = entries  # type: ignore[attr-defined]
    entries.account.cluster(cluster.url, authority(cluster))
    return cluster


def authority(cluster: EmbeddedCluster) -> bytes:
    """Its CA, PEM."""
    import base64  # noqa: PLC0415

    import yaml  # noqa: PLC0415

    data = yaml.safe_load(cluster.kubeconfig.read_text())["clusters"][0]["cluster"]["certificate-authority-data"]
    return base64.b64decode(data)


@contextmanager
def beside(folder: Path, entries: Entries) -> Iterator[EmbeddedCluster]:
    """One on a loop and a thread of its own, for gateways that are processes."""
    ready, made = threading.Event(), []
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def live() -> None:
        made.append(await start(folder, entries))
        ready.set()
        await stop.wait()
        await made[0].aclose()

    thread = threading.Thread(target=lambda: loop.run_until_complete(live()), daemon=True)
    thread.start()
    assert ready.wait(30)
    try:
        yield made[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        loop.close()
