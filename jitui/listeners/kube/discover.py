"""What a cluster serves, told from the gateway's own copy.

To an agent with a live window an old copy is asked for again first: kubectl looks here once, when it does not know a kind, and that kind may be
a second old. To everybody else it goes out as it is, and what there is no copy of is not asked for: no window, no byte to the cluster.
"""

import asyncio
from typing import TYPE_CHECKING, Final

from jitui.clusters.discovery import Answer
from jitui.listeners.kube.admission import Admission
from jitui.listeners.kube.call import Answered, Call, Waiting
from jitui.policy.action import Action
from jitui.policy.policy import ask_line
from jitui.protocol import http

if TYPE_CHECKING:
    from jitui.listeners.kube.client import KubeClient

NEWER_WITHIN: Final = 2.0  # seconds that a client waits for a newer copy before it gets the old one
MISSING: Final = "the server could not find the requested resource"  # the API server's own words


def discover(client: "KubeClient", head: http.RequestHead, admission: Admission, action: Action) -> Call:
    """The answer to GET of /version, /api, /apis, /api/v1 or /apis/GROUP/VERSION."""
    copies, accept, etag = admission.way.discovery, head.get(b"accept"), head.get(b"if-none-match")
    if not client.door.broker.has_window(admission.who, admission.connection):
        kept = copies.kept(action.path, accept, etag)
        return _copy(client, kept) if kept is not None else _none(client, admission, action.path)
    old = copies.answer(action.path, accept, etag)
    if old is not None and copies.is_new(action.path, accept):
        return _copy(client, old)
    waiting = Waiting(client)

    async def fetch() -> Call | None:
        found: Answer | None
        try:
            async with asyncio.timeout(NEWER_WITHIN if old is not None else None):
                found = await copies.fetch(action.path, accept, etag)
        except TimeoutError:
            found = old
        if waiting.lost:
            return None
        return _copy(client, found) if found is not None else client.say(404, "NotFound", MISSING)

    waiting.run(fetch)
    return waiting


def _none(client: "KubeClient", admission: Admission, path: str) -> Answered:
    """No copy, and nobody who may ask for one."""
    copies, connection = admission.way.discovery, admission.connection
    if copies.is_nothing(path):
        return client.say(404, "NotFound", MISSING)
    rule = client.door.broker.requests.rules.get((admission.who.name, connection))
    why = f"there is no copy of {path} in this form yet, and {connection} is asked for one only for an agent with a live window"
    if (silence := copies.silence) is not None:
        why = f"{why}; nothing was heard of it yet: {silence}"
    return client.say(503, "ServiceUnavailable", f"jitui: {why}; ask: {ask_line(connection, rule)}" if rule is not None else f"jitui: {why}")


def _copy(client: "KubeClient", answer: Answer) -> Answered:
    lines = [pair for pair in answer.headers if pair[0].lower() != b"content-length"]
    return Answered(client, lambda close: client.give(answer.status, lines, answer.body, close=close))
