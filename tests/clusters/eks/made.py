"""Objects that many tests of this room make."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from jitui.clusters.call import Reply, call
from jitui.clusters.eks.settings import RoleSettings
from jitui.clusters.eks.upstream import Eks
from jitui.clusters.pool import Pool
from jitui.clusters.port import Trouble
from jitui.policy.scope import Scope
from jitui.policy.terms import Grant
from jitui.values.clock import Clock
from jitui.values.instant import Deadline
from tests.clusters.eks.account import CLUSTER, REGION, ROLE

PODS = b"/api/v1/namespaces/web/pods"


def settings(**more: Any) -> RoleSettings:
    return RoleSettings(**{"cluster": CLUSTER, "region": REGION, "role": ROLE} | more)


def grant(ident: int, clock: Clock, identity: str = "agent-deploybot", seconds: int = 1800) -> Grant:
    """An active one, its window just begun."""
    now = clock.now()
    return Grant(ident, 1, identity, "prod-eks", Scope.parse("read pods in web"), seconds, now, deadline=Deadline.after(now, seconds * 1_000_000))


async def load(clock: Clock, tell: Callable[[Trouble], None] | None = None, **more: Any) -> Eks:
    return await asyncio.to_thread(Eks.load, settings(**more), clock, tell)


async def get(eks: Eks, pool: Pool, grant: Grant | None = None, target: bytes = PODS) -> Reply:
    return await call(pool, eks, b"GET", target, grant=grant)


async def whoami(eks: Eks, pool: Pool, grant: Grant | None = None) -> dict[str, Any]:
    """As the cluster sees the caller (SelfSubjectReview)."""
    body = b'{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}'
    reply = await call(pool, eks, b"POST", b"/apis/authentication.k8s.io/v1/selfsubjectreviews", headers=((b"content-type", b"application/json"),),
                       body=body, grant=grant)  # fmt: skip
    found: dict[str, Any] = json.loads(reply.body)["status"]["userInfo"]
    return found


class Running:
    """`Eks.run` while the block runs."""

    def __init__(self, eks: Eks) -> None:
        self._eks = eks

    async def __aenter__(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._eks.run())

    async def __aexit__(self, *error: object) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})


async def until(look: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    """Raises AssertionError naming `what`."""
    loop = asyncio.get_running_loop()
    give_up = loop.time() + seconds
    while not look():
        assert loop.time() < give_up, f"no {what} after {seconds} s"
        await asyncio.sleep(0.02)
