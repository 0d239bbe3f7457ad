"""The deletion of a pod in which something may run on: all of it ends with the pod, whatever it is and whoever it belongs to."""

import asyncio
import json
from typing import Final

from jitui.clusters.call import call
from jitui.clusters.way import Way
from jitui.policy.terms import Grant
from jitui.protocol import status
from jitui.proxy.pod.look import Identity, Place, identify
from jitui.recording.facts import ProcessEnded, ProcessTold
from jitui.recording.facts.processes import ENDED, GONE
from jitui.values.errors import UpstreamError

WITHIN_S: Final = 10.0  # seconds that the pod may take to be gone
AGAIN_S: Final = 0.2  # seconds between two looks at whether it is
DELETED: Final = "its pod was deleted, as the rule says"


async def delete(way: Way, grant: Grant, place: Place, where: Identity) -> str:
    """Delete the pod of that uid, with the window's credential and without grace; why it is not seen to be gone, or nothing if it is."""
    body = json.dumps({"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0, "preconditions": {"uid": where.uid}}).encode()
    try:
        reply = await call(way.pool, way.upstream, b"DELETE", place.path, headers=((b"content-type", b"application/json"),), body=body, grant=grant,
                           timeout=WITHIN_S)  # fmt: skip
    except UpstreamError as error:
        return f"the pod could not be deleted: {error}"
    if reply.status not in {200, 202, 404, 409}:
        return f"the pod could not be deleted: the cluster answered {reply.status}{status.told(reply.body)}"
    for _ in range(round(WITHIN_S / AGAIN_S)):
        now = await identify(way, grant, place, WITHIN_S)
        if now.gone or now.uid not in {"", where.uid}:
            return ""
        await asyncio.sleep(AGAIN_S)
    return "its pod is being deleted"


def gone(told: ProcessTold) -> ProcessEnded:
    """The same process, which ended with its pod."""
    return ProcessEnded(**{name: getattr(told, name) for name in FIELDS}, state=ENDED, proof=(GONE,), why=DELETED)


FIELDS: Final = ("grant", "session", "pod", "pod_uid", "container", "container_id", "pid", "start", "argv", "took_ms")
