"""The only way to a cluster for what agents ask: `Proxy`, one for each gateway.

A listener reads a request, has it judged here, and hands it to `plain` or `stream`; here its session is opened or found, what passes is recorded, then
forwarded, and ended with its window. What is awaited may take long, so whatever was judged before is judged again behind it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from jitui.clusters.pods import default_container
from jitui.clusters.way import Way
from jitui.policy.action import Action
from jitui.policy.policy import Allow, Deny, rests_on_default
from jitui.policy.terms import Grant
from jitui.protocol import status
from jitui.proxy import openapi
from jitui.proxy.brief import Brief, is_brief
from jitui.proxy.copies import Copies
from jitui.proxy.download import Download
from jitui.proxy.ends import End, Why
from jitui.proxy.exchange import Exchange
from jitui.proxy.live import Session
from jitui.proxy.own import OwnAnswer
from jitui.proxy.pod.places import Places
from jitui.proxy.port import Access, Handler, PlainRequest, ProxyRequest, Spawn
from jitui.proxy.upgrade import Streams, Switch, Upgrade
from jitui.proxy.waiting import Waiting
from jitui.values.errors import JituiError, UnrecordableError, UpstreamError

GONE: Final = End(Why.CLIENT_CLOSED, "client", "")
FAILED: Final = End(Why.UPSTREAM_LOST, "gateway", "", 500)  # by a mistake of the gateway's own


class Proxy:
    """Everything between a listener and the clusters."""

    def __init__(self, access: Access, ways: Mapping[str, Way], spawn: Spawn) -> None:
        self.spawn = spawn
        self.streams = Streams()
        self.places: Places | None = None  # where processes of commands are ended
        self.connections = frozenset(ways)
        self.isolated = frozenset(name for name, way in ways.items() if way.isolated)  # their agents must run as other Unix users than the gateway's
        self._access, self._ways = access, ways
        self._windows, self._notes = access.windows, access.notes

    # -- connections -------------------------------------------------------------------------------------------------------

    def host(self, connection: str) -> bytes:
        """The Host header for a connection. A cluster that AWS names may get another one meanwhile."""
        return self._ways[connection].upstream.host

    def copies(self, request: ProxyRequest) -> Copies:
        """The gateway's own copy of what the cluster serves, as far as the request's agent may have it asked for anew."""
        return Copies(self._ways[request.connection].discovery, lambda: self._access.has_window(request.who, request.connection))

    # -- judging -----------------------------------------------------------------------------------------------------------

    def judge(self, request: ProxyRequest) -> Deny | None:
        """Whether its action may pass, now; then `verdict` says under which grant. Raises UnrecordableError: nothing may, as nothing can be recorded."""
        denial = self._judge(request, request.before)
        if denial is None and (broken := self._access.store.recording_error) is not None:
            raise UnrecordableError(f"this can't be recorded, so it does not pass ({broken}); it passes again once there is room")
        return denial

    def judge_again(self, request: ProxyRequest) -> Deny | None:
        """The same of a request that waited for something: meanwhile rules and windows may have changed."""
        return self._judge(request, None)

    def verdict_on(self, request: ProxyRequest, action: Action) -> Allow | Deny:
        """The verdict on another action of the request's agent, now."""
        return self._access.judge(request.who, request.connection, action)

    # -- the entries -------------------------------------------------------------------------------------------------------

    def again(self, request: PlainRequest) -> Handler:
        """A plain request that waited for something: its token still stands, and it still may pass. Raises JituiError."""
        request.standing()
        denial = self.judge_again(request)
        return self.plain(request) if denial is None else request.deny(denial)

    def plain(self, request: PlainRequest) -> Handler:
        """A plain request that was allowed, also a followed log or a watch: in the window's session, which may have to be opened first."""
        session = self._windows.session_now(request.verdict.grant, request.action)
        if session is not None:
            return self._exchange(request, session)
        request.streams()
        waiting = Waiting(request, self.spawn)

        async def opened() -> Handler | None:
            session = await self._open(request)
            if session.stream is None:  # of all plain requests of the grant: it may have been opened for another one long before this came to it
                return None if waiting.lost() else self.again(request)
            if waiting.lost():
                self._windows.over(session, GONE)
                return None
            return self._exchange(request, session)

        return waiting.run(opened)

    def stream(self, request: ProxyRequest, switch: Switch) -> Handler:
        """An upgrade that was allowed, to exec, attach or port-forward, in a session of its own. Raises TooManyError."""
        request.streams()
        request.pause_reading()
        waiting = Waiting(request, self.spawn, close=True)

        async def opened() -> Handler | None:
            session = await self._open(request)
            if self.places is not None and session.stream is not None and session.stream.leaves_process:
                await self.places.begin(session, request.connection, request.action)
            if waiting.lost():
                self._windows.over(session, GONE)
                return None
            if session.muted:
                assert session.end is not None
                self._tell(request, session.end, close=True)
                return None
            try:
                request.standing()
            except JituiError as error:  # its key, or whatever it came by, ended while the opening was written
                self._windows.over(session, End(Why.DISABLED, "gateway", f"jitui: {error}", error.code, error.reason))
                raise
            try:
                return Upgrade(request, session, self._ways[request.connection], switch, self._access, self.streams)
            except Exception:
                self._windows.over(session, FAILED)
                raise

        return waiting.run(opened)

    def denied(self, request: ProxyRequest, denial: Deny, decide: Callable[[], Handler]) -> Handler:
        """A command may be denied only because it names its container, which is the pod's default one: then that is asked for once, and `decide` goes on."""
        grant = self.by_default(request)
        if grant is None:
            return request.deny(denial)
        if grant.frozen_by:
            return request.say(503, "ServiceUnavailable", f"jitui: {grant.label} is frozen by {grant.frozen_by}; try again once it is thawed")
        request.before = None
        waiting = Waiting(request, self.spawn)

        async def ask() -> Handler | None:
            default = await self.is_default(request, grant, waiting)
            if waiting.lost():
                return None
            request.standing()
            if default is False:
                return request.deny(denial)
            if default:
                request.action = replace(request.action, default=True)
            return decide()  # also of a window that ended, or was frozen, meanwhile: that is what is said

        return waiting.run(ask)

    async def own(self, request: ProxyRequest, waiting: Waiting, code: int, body: bytes) -> Handler | None:
        """An answer of the gateway's own to a request that was allowed, in the window's session. Raises JituiError."""
        if waiting.lost():
            return None
        session = self._windows.session_now(request.verdict.grant, request.action) or await self._open(request)
        if waiting.lost():
            return None
        if session.muted:
            assert session.end is not None
            self._tell(request, session.end)
            return None
        asked = waiting.held
        own = OwnAnswer(request, session, asked, code, body)
        self._notes.answered(session, own.conn, request.who.name, request.connection, request.action, request.verdict, code, len(asked), len(body))
        return own

    # -- the default container ---------------------------------------------------------------------------------------------

    def by_default(self, request: ProxyRequest) -> Grant | None:
        """Of a denied command: the grant that covers it if the container which it names is the pod's default one. kubectl always names one, and a clause
        without a container is for the default one alone.
        """
        action = request.action
        return self._covering(request, replace(action, default=True)) if rests_on_default(action) else None

    async def is_default(self, request: ProxyRequest, grant: Grant, waiting: Waiting) -> bool | None:
        """Whether it is, asked of the cluster with the credential of `grant`, of which it is the first use if there was none; a frozen one asks nothing.

        None: the window ended, or was frozen, meanwhile. Raises JituiError.
        """
        action, way = request.action, self._ways[request.connection]
        known = replace(action, default=True)

        def may() -> bool:
            covering = self._covering(request, known)
            return not waiting.lost() and covering is not None and not covering.frozen_by

        window = await self._windows.begin(grant)
        found = ""
        try:
            found = await default_container(way.pool, way.upstream, window.grant, action.namespace, action.name, may)
        except UpstreamError:
            if may():
                raise
        return found == action.container if may() else None

    # -- steps -------------------------------------------------------------------------------------------------------------

    def _judge(self, request: ProxyRequest, before: Allow | None) -> Deny | None:
        verdict = self._access.judge(request.who, request.connection, request.action, before)
        if isinstance(verdict, Deny):
            return verdict
        request.verdict = verdict
        return None

    def _covering(self, request: ProxyRequest, action: Action) -> Grant | None:
        verdict = self.verdict_on(request, action)
        return verdict.grant if isinstance(verdict, Allow) else None

    async def _open(self, request: ProxyRequest) -> Session:
        """A session whose opening is on record. Raises JituiError."""
        return await self._windows.open_session(request.verdict.grant, request.action, peer=request.peer, command_group=request.group)

    def _exchange(self, request: PlainRequest, session: Session) -> Handler:
        if session.gate.muted:
            assert session.end is not None
            return request.say(session.end.code, session.end.reason, session.end.words)
        action, download = request.action, Download
        if not action.resource and request.prefix and openapi.is_index(action):
            request.lines, download = openapi.conditions(request.lines), openapi.Index
        now = session.recorder.clock.now()
        note = self._notes.noting(session, request.who.name, request.connection, action, request.verdict, now)
        if download is Download and is_brief(request, session):
            return Brief(request, session, self._ways[request.connection], note, now)
        return Exchange(request, session, self._ways[request.connection], note, download)

    def _tell(self, request: ProxyRequest, end: End, *, close: bool = False) -> None:
        request.answer(end.code, status.status(end.code, end.reason, end.words), close=close)
