"""A look at a container without a shell: an ephemeral container beside it, of the image that the rule names, which shares its processes.

There is one for each window and container. It is asked for with the credential of the window and is on record before; nothing can take it out of the pod
again, so its program is ended with the window's last look. It runs as the same user as the container, since a kill and a look at open files need that.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote

from jitui.clusters.call import call
from jitui.clusters.way import Way
from jitui.policy import kube
from jitui.policy.action import Hazard
from jitui.policy.terms import Grant
from jitui.protocol import headers, http
from jitui.proxy.pod.look import GATEWAY, KIND, POD_LIMIT, LookError, Place, Record
from jitui.recording.facts import SessionEnded, SessionOpened
from jitui.recording.frame import Channel, Frame
from jitui.store.actions import ActionRow, bounded
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
            reply = await call(way.pool, way.upstream, b"GET", _target(place), headers=((b"accept", b"application/json"),), grant=grant, limit=POD_LIMIT,
                               timeout=WITHIN_S)  # fmt: skip
            pod: Mapping[str, Any] = foreign.read(reply.body)
        except (UpstreamError, ValueError) as error:
            raise LookError(f"no shell in the container, and its pod can't be read: {error}") from error
        if reply.status != 200:
            raise LookError(f"no shell in the container, and its pod can't be read: the cluster answered {reply.status}{_words(pod)}")
        return pod

    async def _make(self, way: Way, grant: Grant, place: Place, made: Mapping[str, Any]) -> None:
        """Ask for it, on record. Raises LookError."""
        session, now = self._record.next_session(), self._clock.now()
        target = _target(place) + b"/ephemeralcontainers"
        body = json.dumps({"spec": {"ephemeralContainers": [made]}}).encode()
        lines = [(b"Content-Type", PATCH), (b"Accept", b"application/json"), (b"Audit-ID", self._audit_id(session).encode())]
        opened = SessionOpened(grant=grant.id, kind=KIND, target=place.target, argv=("patch",), started_us=now.wall_us, started_boot_us=now.boot_us,
                               boot_id=now.boot_id)  # fmt: skip
        try:
            await self._record.commit([opened.draft(f"s-{session}", GATEWAY)])
            head = http.render_request(b"PATCH", target, headers.recordable(lines))
            await self._put(session, 0, now.boot_us, [(Channel.REQUEST, head), (Channel.REQUEST_BODY, body)])
            try:
                reply = await call(way.pool, way.upstream, b"PATCH", target, headers=lines, body=body, grant=grant, limit=POD_LIMIT, timeout=WITHIN_S)
                answer = [(b"Content-Type", reply.head.get(b"content-type") or b"")]
                await self._put(session, 2, now.boot_us, [(Channel.RESPONSE, http.render_response(reply.status, answer, framed=False)),
                                                          (Channel.RESPONSE_BODY, reply.body)])  # fmt: skip
                action = bounded(kube.read(b"PATCH", target, content_type=PATCH))
                self._record.note(ActionRow(
                    at_us=self._clock.now().wall_us, identity=GATEWAY, connection=place.connection, action=action, hazard=Hazard.ESCAPE.value,
                    verdict="allowed", clause=OWN, session=session, code=reply.status, audit_id=self._audit_id(session), grant=grant.id))  # fmt: skip
            finally:
                ended = SessionEnded(why="exit", by=GATEWAY, ended_us=self._clock.now().wall_us, conns=(), may_run_on=0)
                with suppress(JituiError):
                    await self._record.commit([ended.draft(f"s-{session}", GATEWAY)])
        except LookError:
            raise
        except JituiError as error:
            raise LookError(f"no shell in the container, and an ephemeral container can't be made: {error}") from error
        if reply.status not in {200, 201}:
            try:
                words = _words(foreign.read(reply.body))
            except ValueError:
                words = ""
            raise LookError(f"no shell in the container, and an ephemeral container can't be made: the cluster answered {reply.status}{words}")

    async def _put(self, session: int, first: int, since_us: int, parts: list[tuple[Channel, bytes]]) -> None:
        """Raises LookError if it can't be recorded."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def told(error: Exception | None) -> None:
            if not done.done():
                done.set_result(None) if error is None else done.set_exception(LookError(f"a look can't be recorded: {error}"))

        at_us = max(0, self._clock.now().boot_us - since_us)
        self._record.put_all([Frame(session, first + at, at_us, 0, channel, body) for at, (channel, body) in enumerate(parts)], told)
        await done


def _target(place: Place) -> bytes:
    return f"/api/v1/namespaces/{quote(place.namespace, safe='')}/pods/{quote(place.pod, safe='')}".encode()


def _only(pod: Mapping[str, Any]) -> str:
    """The container that a command without one runs in: the cluster takes such a command only where there is one."""
    return str(pod["spec"]["containers"][0]["name"])


def _words(status: Any) -> str:
    return f": {status.get('message')}"[:300] if isinstance(status, dict) else ""
