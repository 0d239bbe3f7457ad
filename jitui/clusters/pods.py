"""Pods as the gateway itself asks for them: above all for the default container, which it has to know before it can judge a command there."""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

from jitui.clusters.call import call
from jitui.clusters.pool import Pool
from jitui.clusters.port import Upstream
from jitui.policy.terms import Grant
from jitui.values import foreign
from jitui.values.errors import UpstreamError

ANNOTATION: Final = "kubectl.kubernetes.io/default-container"
LIMIT: Final = 4 << 20  # bytes; etcd holds no pod that is half as large
PATIENCE_S: Final = 10.0


def path(namespace: str, name: str) -> bytes:
    """Of one pod."""
    return f"/api/v1/namespaces/{quote(namespace, safe='')}/pods/{quote(name, safe='')}".encode()


def together(spec: dict[str, Any], container: str) -> frozenset[str]:
    """`spec`: of the pod, as the cluster tells it. An ephemeral container may have its target's processes without those of the pod's others."""
    beside = spec.get("ephemeralContainers") or ()
    if spec.get("shareProcessNamespace"):
        names = {str(each["name"]) for each in (*spec["containers"], *(spec.get("initContainers") or ()), *beside)}
    else:
        targets = {str(each["name"]): str(each.get("targetContainerName") or each["name"]) for each in beside}
        names = {container, *(name for name in (*targets, *targets.values()) if targets.get(name, name) == targets.get(container, container))}
    return frozenset(names) if len(names) > 1 else frozenset()


async def default_container(pool: Pool, upstream: Upstream, grant: Grant, namespace: str, name: str, may: Callable[[], bool]) -> str:
    """The container that kubectl means when none is named: the annotation's, if the pod has that one, else its first.

    As in kubectl (podcmd.FindOrDefaultContainerByName), but never one for debugging. Asked with the grant's credential, if it `may` be when all is ready.
    Empty if there is no such pod, or it may not be read. Raises UpstreamError.
    """
    reply = await call(pool, upstream, b"GET", path(namespace, name), headers=((b"accept", b"application/json"),), grant=grant, limit=LIMIT,
                       timeout=PATIENCE_S, may=may)  # fmt: skip
    if reply.status != 200:
        return ""
    try:
        pod = foreign.read(reply.body)
        names = [str(each["name"]) for each in pod["spec"]["containers"]]
        meant = (pod["metadata"].get("annotations") or {}).get(ANNOTATION)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UpstreamError("the cluster's answer to a get of the pod can't be read") from error
    return meant if meant in names else names[0] if names else ""
