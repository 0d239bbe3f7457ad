"""A fake cluster that answers each request as it was told, and objects to answer with."""

import json
from collections.abc import Mapping
from typing import Any, Final

from tests.fakes.house import House
from tests.fakes.upstream import Asked

CM: Final = "/api/v1/namespaces/web/configmaps"
WEB: Final = "/apis/apps/v1/namespaces/web/deployments"
_CLAUSES: Final = (
    "@debug in web", "create,update,patch,delete,deletecollection configmaps,pods in web", "update,patch,delete deployments.apps,deployments.apps/scale in web",
    "read configmaps,deployments.apps in web", "read,patch secrets:db in web", "create serviceaccounts/token in web", "patch pods/ephemeralcontainers in web",
)
SCOPE: Final = "; ".join(_CLAUSES)


def cm(name: str = "c", uid: str = "u-c", generation: int = 0, **data: str) -> dict[str, Any]:
    meta: dict[str, Any] = {"name": name, "namespace": "web", "uid": uid, **({"generation": generation} if generation else {})}
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": meta, "data": data}


def deployment(image: str, replicas: int = 2, generation: int = 1) -> dict[str, Any]:
    return {"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "web", "namespace": "web", "uid": "u-web", "generation": generation},
            "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"name": "app", "image": image}]}}}}  # fmt: skip


def scale(replicas: int) -> dict[str, Any]:
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": {"name": "web", "namespace": "web", "uid": "u-web"}, "spec": {"replicas": replicas}}


class Talk:
    """An agent with a window asks one request after the other, each with the answer that the cluster will give."""

    def __init__(self, house: House, token: str = "") -> None:
        self.house, self.token = house, token
        self.answers: dict[str, tuple[str, Any]] = {}  # by method and target
        house.cluster.answerer = self._answer

    async def _answer(self, asked: Asked) -> None:
        await asked.body()
        status, body = self.answers.get(f"{asked.method} {asked.target}", ("404 Not Found", {"kind": "Status", "status": "Failure"}))
        if body is None:
            asked.line.hang_up()
            return
        asked.line.answer(body if isinstance(body, bytes) else json.dumps(body).encode(), status)

    async def ask(self, method: str, target: str, answer: Any, sent: Any = None, *, status: str = "200 OK", media: str = "application/json") -> int:
        """The code that the client gets, once it is on record; answer None: the cluster hangs up."""
        self.answers[f"{method} {target}"] = status, answer
        kubectl = await self.house.dial(self.token or None)
        headers = (f"Content-Type: {media}",) if sent is not None else ()
        code, _, _ = await kubectl.ask(method, target, *headers, body=json.dumps(sent).encode() if sent is not None else b"")
        kubectl.close()
        self.house.clock.advance(1)
        await self.house.store.commit([])
        return code

    async def merge(self, target: str, answer: Any, sent: Mapping[str, Any], **more: Any) -> int:
        return await self.ask("PATCH", target, answer, sent, media="application/merge-patch+json", **more)
