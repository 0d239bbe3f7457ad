"""Discovery, answered from the gateway's own copy in each spelling that the API server knows, and to each method as it answers it.

The lists of groups (/apis, /apis/GROUP), and the documents of custom resources, answer every method there; the other documents answer GET alone.
Sources: kube-aggregator pkg/apiserver/handler_discovery.go and handler_apis.go, apiextensions-apiserver pkg/apiserver/customresource_discovery.go.
"""

import re
from typing import Final

from jitui.listeners.kube.client import Answered
from jitui.listeners.kube.request import KubeRequest
from jitui.policy.policy import ask_line
from jitui.policy.terms import Rule
from jitui.protocol import headers, status
from jitui.proxy.copies import Answer, Copies
from jitui.proxy.entry import Proxy
from jitui.proxy.port import Handler
from jitui.proxy.waiting import Waiting

# custom resources are in groups of other domains; apiregistration.k8s.io is the group of the server of groups itself
GET_ONLY: Final = re.compile(r"/version/?|/api(?:/[^/]*)?/?|/apis/(?:[^/.]+|[^/]+\.k8s\.io)/[^/]+/?|/apis/apiregistration\.k8s\.io/?")
MISSING: Final = status.as_served(404, "NotFound", "the server could not find the requested resource")
NO_PAGE: Final = b"404 page not found\n"


def discover(request: KubeRequest, proxy: Proxy) -> Handler:
    """The copy at once, or once it is there."""
    copies, path = proxy.copies(request), request.action.path
    accept, etag = request.head.get(b"accept"), request.head.get(b"if-none-match")
    found = copies.now(path, accept, etag)
    if found is not None:
        return _copy(request, found)
    if not copies.may():
        return _none(request, copies, request.rule)
    waiting = Waiting(request, proxy.spawn)

    async def fetch() -> Handler | None:
        found = await copies.newest(path, accept, etag)
        if waiting.lost():
            return None
        return _copy(request, found) if found is not None else _missing(request, copies)

    return waiting.run(fetch)


def _missing(request: KubeRequest, copies: Copies) -> Answered:
    if copies.is_group(request.action.path):
        return request.answered(lambda late: request.answer(404, MISSING, close=late))
    lines = [(b"Content-Type", b"text/plain; charset=utf-8"), (b"X-Content-Type-Options", b"nosniff"), (b"Cache-Control", b"no-cache, private")]
    return request.answered(lambda late: request.give(404, lines, NO_PAGE, close=late))


def _none(request: KubeRequest, copies: Copies, rule: Rule | None) -> Answered:
    """No copy, and nobody who may ask for one."""
    path, connection = request.action.path, request.connection
    if copies.is_nothing(path):
        return _missing(request, copies)
    why = f"there is no copy of {path} in this form yet, and {connection} is asked for one only for an agent with a live window"
    if (silence := copies.silence) is not None:
        why = f"{why}; nothing was heard of it yet: {silence}"
    return request.say(503, "ServiceUnavailable", f"jitui: {why}; ask: {ask_line(connection, rule)}" if rule is not None else f"jitui: {why}")


def _copy(request: KubeRequest, answer: Answer) -> Answered:
    if request.method != b"GET" and GET_ONLY.fullmatch(request.action.path):
        return request.not_allowed()
    lines, body = list(answer.headers), answer.body
    if answer.packed and headers.takes_gzip(request.head):
        lines, body = [*lines, (b"Content-Encoding", b"gzip"), (b"Vary", b"Accept-Encoding")], answer.packed
    return request.answered(lambda close: request.give(answer.status, lines, body, close=close))
