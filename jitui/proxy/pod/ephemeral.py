"""A look at a container without a shell: an ephemeral container beside it, of the image that the rule names, which shares its processes.

There is one for each window and container. It is asked for with the credential of the window and is on record before; nothing can take it out of the pod
again, so its program is ended with the window's last look. It runs as the same user as the container, since a kill and a look at open files need that.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final

from jitui.clusters import pods
from jitui.clusters.call import call
from jitui.clusters.way import Way
from jitui.policy.action import Hazard
from jitui.policy.terms import Grant
from jitui.protocol import headers, http, status
from jitui.proxy.pod.asking import Asking, LookError, Record
from jitui.proxy.pod.look import Place
from jitui.recording.frame import Channel
from jitui.values import foreign
from jitui.values.clock import Clock
from jitui.values.errors import JituiError, UpstreamError

WITHIN_S: Final = 10.0  # seconds that one request may take
AGAIN_S: Final = 0.05  # seconds between two looks at whether it runs
BEHIND_S: Final = 3600  # seconds that its program outlives the longest window of the grant, if no gateway ends it
STARTING: Final = frozenset({"", "ContainerCreating", "PodInitializing"})  # reasons of a container that waits as it should
NOT_KEPT: Final = ("privileged", "procMount", "windowsOptions")  # of the container's security context
OWN: Final = "the gateway's own container, for a look at the processes of its window"
PATCH: Final = b"application/strategic-merge-patch+json"


def name_of(gateway: str, grant: Grant, place: Place) -> str:
    """The same for the same gateway, window and container, so that a gateway that was started anew finds it."""
    digest = sha256(f"{gateway} {grant.id} {place.container}".encode()).hexdigest()[:8]
    return f"jitui-{grant.label}-{digest}"


def manifest(name: str, image: str, pod: Mapping[str, Any], container: str, lives_s: int) -> dict[str, Any]:
    """Of the ephemeral container. Raises KeyError, TypeError for a pod that is none."""
    spec = pod["spec"]
    target: Mapping[str, Any] = next((each for each in spec["containers"] if each["name"] == container), {})
    security = {name: value for name, value in (target.get("securityContext") or {}).items() if name not in NOT_KEPT}
    return {"name": name, "image": image, "imagePullPolicy": "IfNotPresent", "targetContainerName": container,
            "command": ["sh", "-c", f"exec sleep {lives_s}"], **({"securityContext": security} if security else {})}  # fmt: skip


def ready(pod: Mapping[str, Any], name: str) -> bool | None:
    """Whether it runs; None if the pod has no such container. Raises LookError if it never will, KeyError, TypeError for a pod that is none."""
    if not any(each["name"] == name for each in pod["spec"].get("ephemeralContainers") or ()):
        return None
    state = next((each.get("state") or {} for each in pod["status"].get("ephemeralContainerStatuses") or () if each["name"] == name), {})
    if "terminated" in state:
        raise LookError("no shell in the container, and the ephemeral container for the look has ended")
    waiting = state.get("waiting") or {}
    if (why := str(waiting.get("reason") or "")) not in STARTING:
        raise LookError(f"no shell in the container, and the ephemeral container for the look does not start: {why}: {waiting.get('message') or ''}"[:300])
    return "running" in state


class Ephemeral:
    """The ephemeral containers of one gateway."""

    def __init__(self, record: Record, clock: Clock, gateway: str, audit_id: Callable[[int], str]) -> None:
        self._record, self._clock, self._gateway, self._audit_id = record, clock, gateway, audit_id

    async def stand(self, way: Way, grant: Grant, place: Place, image: str) -> Place:
        """Have one run beside the container, and wait until it does. Raises LookError."""
        name = name_of(self._gateway, grant, place)
        pod = await self._pod(way, grant, place)
        try:
            while not (state := ready(pod, name)):
                if state is None:
                    made = manifest(name, image, pod, place.container or _only(pod), grant.duration_s + BEHIND_S)
                    await self._make(way, grant, replace(place, container=name), made)
                await asyncio.sleep(AGAIN_S)
                pod = await self._pod(way, grant, place)
        except (KeyError, TypeError, AttributeError) as error:
            raise LookError("no shell in the container, and its pod can't be read") from error
        return replace(place, container=name)

    async def _pod(self, way: Way, grant: Grant, place: Place) -> Mapping[str, Any]:
        try:
            reply = await call(way.pool, way.upstream, b"GET", place.path, headers=((b"accept", b"application/json"),), grant=grant, limit=pods.LIMIT,
                               timeout=WITHIN_S)  # fmt: skip
            pod: Mapping[str, Any] = foreign.read(reply.body)
        except (UpstreamError, ValueError) as error:
            raise LookError(f"no shell in the container, and its pod can't be read: {error}") from error
        if reply.status != 200:
            raise LookError(f"no shell in the container, and its pod can't be read: the cluster answered {reply.status}{status.told(reply.body)}")
        return pod

    async def _make(self, way: Way, grant: Grant, place: Place, made: Mapping[str, Any]) -> None:
        """Ask for it, on record. Raises LookError."""
        asking = Asking(self._record, self._clock, grant, place.connection, place.target, self._audit_id)
        target, body = place.path + b"/ephemeralcontainers", json.dumps({"spec": {"ephemeralContainers": [made]}}).encode()
        try:
            await asking.begin("patch")
            lines = [(b"Content-Type", PATCH), (b"Accept", b"application/json"), (b"Audit-ID", asking.audit_id.encode())]
            await asking.ask(b"PATCH", target, Hazard.ESCAPE, OWN, (Channel.REQUEST, http.render_request(b"PATCH", target, headers.recordable(lines))),
                             (Channel.REQUEST_BODY, body), content_type=PATCH)  # fmt: skip
            reply = await call(way.pool, way.upstream, b"PATCH", target, headers=lines, body=body, grant=grant, limit=pods.LIMIT, timeout=WITHIN_S)
            asking.answered(reply.status)
            answer = [(b"Content-Type", reply.head.get(b"content-type") or b"")]
            await asking.put((Channel.RESPONSE, http.render_response(reply.status, answer, framed=False)), (Channel.RESPONSE_BODY, reply.body))
        except LookError:
            raise
        except JituiError as error:
            raise LookError(f"no shell in the container, and an ephemeral container can't be made: {error}") from error
        finally:
            await asking.end("exit")
        if reply.status not in {200, 201}:
            said = f"the cluster answered {reply.status}{status.told(reply.body)}"
            raise LookError(f"no shell in the container, and an ephemeral container can't be made: {said}")


def _only(pod: Mapping[str, Any]) -> str:
    """The container that a command without one runs in: the cluster takes such a command only where there is one."""
    return str(pod["spec"]["containers"][0]["name"])
