"""One head, read: the next request of the connection with the very same bytes is not read again."""

from dataclasses import dataclass

from jitui.auth.callers import Caller
from jitui.policy.action import Action
from jitui.policy.policy import Allow
from jitui.protocol import headers, http
from jitui.proxy.brief import Brief
from jitui.proxy.heads import Heads


@dataclass(slots=True)
class Reading:
    """Everything that follows from the bytes of a head alone, and the verdict on it, which `Broker.judge` gives again only while nothing has changed."""

    head: http.RequestHead
    caller: Caller  # as its token was found last; whether that still stands is asked for each request
    connection: str
    target: bytes
    host: bytes  # of the cluster, in `lines`
    lines: headers.Lines
    action: Action
    heads: Heads
    namespaced: bool | None = None  # by the copy of discovery at the time of `verdict`
    verdict: Allow | None = None
    again: bool = False  # it had no body, and went to the cluster: while all of this stands, so does the next one
    brief: Brief | None = None  # that the last request was since all of this was found out, if it went the short way
