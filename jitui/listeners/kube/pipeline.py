"""The way of a request's head, one step after the other: admit, read, judge, dispatch. Parsing is behind it, the proxy is before it.

Each step sets its part of the request, or raises what the client is told. Nothing of the request has gone anywhere before it is dispatched. A step that has
to wait ends the pass; `Waiting` takes the request up again at the step behind it.
"""

import asyncio
import re
from dataclasses import replace
from typing import Final

from jitui.auth.callers import Caller
from jitui.listeners.admission import Admission
from jitui.listeners.kube.client import KubeClient
from jitui.listeners.kube.discover import discover
from jitui.listeners.kube.names import HostNames
from jitui.listeners.kube.reading import Reading
from jitui.listeners.kube.request import KubeRequest, Rooms
from jitui.listeners.kube.review import Review, is_review
from jitui.listeners.visitors import Visitors
from jitui.policy import kube
from jitui.policy.action import Action
from jitui.policy.policy import is_discovery
from jitui.policy.streams import LOGS, UPGRADES_LISTED, of_action
from jitui.protocol import headers, http
from jitui.protocol.plan import UNHEEDED, Plan, plan, streamed
from jitui.proxy.brief import Brief
from jitui.proxy.entry import Proxy
from jitui.proxy.heads import Heads
from jitui.proxy.port import Handler
from jitui.proxy.waiting import Waiting
from jitui.values.errors import JituiError, MisdirectedError, NotFoundError, RefusedError, UnknownCallerError
from jitui.values.said import clean

LONG: Final = 1 << 16  # bytes of a target
TARGET: Final = re.compile(rb"/c/([a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?)(/.*|\?.*|)", re.DOTALL)


class Pipeline:
    """The steps of all requests at one listener."""

    def __init__(self, rooms: Rooms, proxy: Proxy, visitors: Visitors, own_uid: int, names: HostNames | None = None) -> None:
        self.admission = Admission(rooms.broker, proxy, visitors, own_uid)
        self._names = names
        self._rooms, self._proxy = rooms, proxy
        self._broker = rooms.broker

    def begin(self, client: KubeClient, head: http.RequestHead) -> Handler:
        """All steps, as far as they need not wait."""
        request = KubeRequest(self._rooms, client, head)
        try:
            self._admit(request)
            self._read(request)
        except JituiError as error:
            return request.refuse(error)
        action, reading = request.action, client.reading
        if not action.resource and is_discovery(action):
            return discover(request, self._proxy)
        if head.method == b"OPTIONS" and action.resource and action.subresource != "proxy":
            return request.not_allowed()  # by no API server either, whoever asks
        request.as_text = action.verb == "watch" and request.stream is None
        namespaced = request.namespaced(action)
        if reading is not None:
            if reading.namespaced is not namespaced:
                reading.namespaced, reading.verdict = namespaced, None
            request.before = reading.verdict
        return self._look(request) if namespaced is None else self._decide(request)

    def again(self, client: KubeClient, reading: Reading) -> Handler | None:
        """All steps for the head of the last request once more, at once: each is a look at whether all that it found out then stands, now.

        None: something has changed, or is to be refused; nothing has happened, and `begin` takes every step.
        """
        broker, proxy, caller, verdict = self._broker, self._proxy, reading.caller, reading.verdict
        who, connection, action, now = caller.who, reading.connection, reading.action, broker.clock.now()
        if (
            verdict is None
            or reading.namespaced is None  # its kind is looked for each time
            or broker.windows.stopping
            or not self._rooms.callers.stands(caller, now.wall_us)
            or connection in proxy.isolated
            or proxy.host(connection) != reading.host
            or (broker.kinds[connection].namespaced(action.group, action.resource) if action.resource else False) is not reading.namespaced
            or not broker.stands(verdict, who.name, connection, now)
            or broker.store.recording_error is not None
            or not self.admission.again(client.visitor, who)
        ):
            return None
        brief = reading.brief
        if brief is not None and brief.again(now):
            return brief
        request = KubeRequest(self._rooms, client, reading.head)
        request.caller, request.who, request.connection, request.target = caller, who, connection, reading.target
        request.lines, request.action, request.heads, request.verdict, request.as_text = reading.lines, action, reading.heads, verdict, False
        handler = proxy.plain(request)
        reading.brief = handler if isinstance(handler, Brief) else None
        return handler

    # -- admit -------------------------------------------------------------------------------------------------------------

    def _admit(self, request: KubeRequest) -> None:
        """Find out the agent and the connection. Raises UnavailableError, UnknownCallerError, TooManyError, RefusedError, NotFoundError."""
        self.admission.open()
        visitor, now = request.client.visitor, asyncio.get_running_loop().time()
        reading = request.client.reading
        if reading is not None:
            reading.brief = None
            if reading.head is not request.head:
                reading = request.client.reading = None
        try:
            own = self._addressed(request) if reading is None else reading.connection
            caller = self._caller(request) if reading is None else self._rooms.callers.again(reading.caller)
            if reading is not None:
                reading.caller = caller  # its identity may have changed, and stands as it is now
        except JituiError:
            self.admission.unknown(visitor, now)
            raise
        who = caller.who
        self.admission.agent(visitor, who, now, "Kubernetes listener")
        name, target = self._where(request, own) if reading is None else (own, reading.target)
        self.admission.connection(visitor, who, name)
        request.caller, request.who, request.connection, request.target = caller, who, name, target

    def _caller(self, request: KubeRequest) -> Caller:
        """The owner of the request's token. Raises UnknownCallerError."""
        token = headers.credentials(request.head)
        if token is None:
            raise UnknownCallerError("no token in the request; a kubeconfig with one is written by: jitui kubeconfig CONNECTION")
        return self._rooms.callers.by_token(token.decode("latin-1"))

    def _where(self, request: KubeRequest, own: str) -> tuple[str, bytes]:
        """The connection, by its `own` address or the request's target, and the target there. Raises NotFoundError."""
        if own:
            return own, request.target
        match = TARGET.fullmatch(request.target)
        if match is None:
            raise NotFoundError("nothing is served here but below /c/CONNECTION: kubectl proxy needs --append-server-path to send that; or use the "
                                "connection's own address, which needs no path: jitui kubeconfig CONNECTION")
        return match[1].decode(), match[2] or b"/"

    def _addressed(self, request: KubeRequest) -> str:
        """The connection that the request's address is for, whether or not there is one; empty if it is in the path. Raises MisdirectedError."""
        client, names = request.client, self._names
        if names is None:
            return client.connection
        server, host = client.server_name, request.head.get(b"host").decode("latin-1")
        named = names.connection(host)
        if named != names.connection(server) or (named and client.connection not in {"", named}):
            at = f", at the port of {client.connection}" if client.connection else ""
            raise MisdirectedError(f"TLS asked for {clean(server, 100) or 'no server name'} and the request is for the host {clean(host, 100)}{at}: these "
                                   "are not one connection's; use the server URL that this writes: jitui kubeconfig CONNECTION")
        return named or client.connection

    # -- read --------------------------------------------------------------------------------------------------------------

    def _read(self, request: KubeRequest) -> None:
        """Read the action from the very bytes that will go to the cluster. Raises InvalidError, RefusedError; that is on record as a denial."""
        head, target, client, host = request.head, request.target, request.client, self._proxy.host(request.connection)
        if client.reading is not None and client.reading.host == host:
            request.lines, request.action, request.heads = client.reading.lines, client.reading.action, client.reading.heads
            return
        request.heads = Heads()
        if len(target) > LONG and not self._broker.windows.of(request.who.name, request.connection):
            target = target.partition(b"?")[0]  # it is denied anyway, and nobody waits while a megabyte of argv is read for that
        try:
            action = request.action = kube.read(head.method, target, content_type=head.get(b"content-type"))
            stream = request.stream = streamed(head, action)
            if stream is LOGS:
                action = request.action = replace(action, follow=True)  # over a WebSocket any log is a conversation of its own
            request.lines = headers.to_upstream(head, host=host, upgrade=stream is not None and head.upgrade != b"", packed=of_action(action) is None)
        except JituiError as error:
            method = head.method.decode("latin-1").lower()
            request.denied(Action(method, path=clean(target.decode("latin-1"), 200)), str(error))
            raise
        if stream is None and client.parser.remembers(head):
            client.reading = Reading(head, request.caller, request.connection, target, host, request.lines, request.action, request.heads)

    def _look(self, request: KubeRequest) -> Handler:
        """A kind that nobody has seen may be a second old: look once before it is denied, but for nobody without a window."""
        copies = self._proxy.copies(request)
        if not copies.may():
            return self._decide(request)
        waiting = Waiting(request, self._proxy.spawn)

        async def look() -> Handler | None:
            await copies.look(request.action.group, request.action.resource)
            if (silence := copies.silence) is not None:
                raise silence  # a request that can't be judged is not denied: it is the cluster that is missing, not a permission
            request.standing()
            return None if waiting.lost() else self._decide(request)

        return waiting.run(look)

    # -- judge, and dispatch -----------------------------------------------------------------------------------------------

    def _decide(self, request: KubeRequest) -> Handler:
        """May it pass, now? Then it goes to whoever sees to it."""
        proxy, action, head = self._proxy, request.action, request.head
        try:
            denial = proxy.judge(request)
            if denial is not None:
                return proxy.denied(request, denial, lambda: self._decide(request))
            if request.client.reading is not None and request.client.reading.action is action:
                request.client.reading.verdict = request.verdict
            if request.stream is not None or (head.upgrade and action.subresource not in UNHEEDED):
                return proxy.stream(request, self._plan(request))
            if action.verb == "create" and is_review(action):
                return Review(request, proxy)
            reading = request.client.reading
            if reading is not None and reading.action is action:
                reading.again = head.length == 0 and not head.get(b"expect") and of_action(action) is None
            return proxy.plain(request)
        except JituiError as error:
            return request.refuse(error)

    def _plan(self, request: KubeRequest) -> Plan:
        """Read the protocols that an upgrade asks for. Raises RefusedError, InvalidError; that is on record as a denial."""
        head, action = request.head, request.action
        try:
            if request.stream is None:  # a server behind a proxy subresource, or one that is aggregated, might heed it
                what = f"an upgrade to {clean(head.upgrade.decode('latin-1'), 40)} is not for {clean(kube.describe(action))}"
                raise RefusedError(f"{what}; {UPGRADES_LISTED} of a pod are, and over WebSocket a log and a watch")
            return plan(head, request.stream, self._proxy.host(request.connection))
        except JituiError as error:
            request.denied(action, str(error))
            raise
