"""Live windows: what is judged against them, what is open under them, and how they end.

Ending is one pass without an await: every session of the grant is muted, then every leg is cut. What has to be written about it is
written afterwards, from memory, and owed until it can be.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import Any, Final, TypeVar

from jitui.access.debt import Debt, ended, ending
from jitui.policy import grant as grants
from jitui.policy.action import Action
from jitui.policy.streams import API, of_action
from jitui.policy.terms import Grant, GrantState
from jitui.proxy.ends import End, Why
from jitui.proxy.live import Aftermath, Cut, Session, Window
from jitui.recording.facts import Draft, GrantActive, GrantEnded, SessionOpened
from jitui.store import Store
from jitui.store.actions import beginning
from jitui.store.queue import DECISIONS
from jitui.values import size, span
from jitui.values.clock import Clock
from jitui.values.errors import ConflictError, JituiError, NotFoundError, RefusedError, UnavailableError
from jitui.values.instant import NEVER_US, Instant, rfc3339
from jitui.values.said import cut

SCAN_US: Final = 1_000_000  # between two looks at all windows of which none is due before
REST: Final = 0.5  # seconds after its last window until a connection's idle upstream connections are closed
SESSION: Final = 2048  # bytes that any session takes in the ledger beside its target and command, each twice: three facts, a row, a signed head
TEXT: Final = 800  # characters kept of a session's target, three names of 253 at most
PATIENCE: Final = 0.1  # seconds that a person waits for facts of sessions, once the window's own are written
QUIET: Final = 1.0  # seconds to wait for last words before a session's closing fact is written
BY_ITSELF: Final = frozenset({Why.EXIT, Why.CLIENT_CLOSED, Why.CLUSTER_CLOSED})
STOPPED: Final = End(Why.GATEWAY_STOPPED, "gateway", "jitui: the gateway was stopped; the window stays open, try again when it is back", 503,
                     "ServiceUnavailable")  # fmt: skip
T = TypeVar("T")

Spawn = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]


class Windows:
    """All live grants of this gateway and the sessions under them."""

    def __init__(self, store: Store, clock: Clock, spawn: Spawn) -> None:
        self.live: dict[int, Window] = {}
        self._pairs: dict[tuple[str, str], list[Window]] = {}  # the same by identity and connection, oldest first
        self.sessions: dict[int, Session] = {}
        self._nothing_until, self._soonest = 0, NEVER_US  # boot time (us) until which windows are not looked at, and at which the first one is due
        self.owed = 0  # facts since the start that were true before they were on record
        self.stopping, self.full = False, ""  # the gateway stops; why nothing new may be opened: the disk has too little room
        self._store, self._clock, self._spawn = store, clock, spawn
        self._api: dict[int, Session] = {}
        self._keyless: dict[str, End] = {}  # by identity: how the newest of its tokens that ended did
        self._opening: dict[int, asyncio.Future[Session]] = {}
        self._activating: dict[int, asyncio.Future[None]] = {}
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._ends, self._others = Debt(store, spawn, noted=True), Debt(store, spawn)
        self.changed: Callable[[Grant, Action | None], End | None] = lambda grant, action: None  # noqa: ARG005 - why the rules do not allow it any more
        self.ended: Callable[[Grant], None] = lambda grant: None  # noqa: ARG005 - told of each grant's end, once nothing is asked of its cluster any more
        self.aftermath: Aftermath | None = None  # ends in the pods what sessions started
        self.occupied: Callable[[str, bool], None] = lambda connection, live: None  # noqa: ARG005 - told when a connection gets its first window or lost its last

    # -- judged against ----------------------------------------------------------------------------------------------------

    def of(self, identity: str, connection: str) -> list[Grant]:
        """Returns the live grants of one agent on one connection."""
        return [window.grant for window in self._pairs.get((identity, connection), ()) if not window.closed]

    def only(self, pair: tuple[str, str]) -> Window | None:
        """Returns the live window of an agent on a connection, if there is exactly one."""
        windows = self._pairs.get(pair)
        return windows[0] if windows is not None and len(windows) == 1 else None

    def window(self, ident: int) -> Window:
        if (window := self.live.get(ident)) is None:
            raise NotFoundError(f"no live grant g-{ident}; jitui grants lists them")
        return window

    def session(self, ident: int) -> Session:
        if (session := self.sessions.get(ident)) is None:
            raise NotFoundError(f"session s-{ident} is not live; jitui sessions --live lists those that are")
        return session

    # -- opening -----------------------------------------------------------------------------------------------------------

    def add(self, grant: Grant, allowed: int, used: tuple[int, int, int] = (0, 0, 0)) -> Window:
        """Opens the window of a grant that is on record. `allowed`: bytes either way, of which `used` (in, out, frames) are on record already."""
        window = Window(grant, allowed, used)
        self.live[grant.id] = window
        self._pairs.setdefault((grant.identity, grant.connection), []).append(window)
        self._arm(window)
        self.occupied(grant.connection, True)
        return window

    def session_now(self, grant: Grant, action: Action) -> Session | None:
        """Returns the open `api` session of an active grant, which plain requests share; None if something must be written first."""
        session = self._api.get(grant.id)
        return None if session is None or session.gate.muted or session.full or of_action(action) is not None else session

    async def begin(self, grant: Grant) -> Window:
        """Returns the window of a grant, for something new that goes to the cluster. Activates a waiting grant first. Raises as `open_session` does."""
        if self.stopping or self.full:
            raise UnavailableError("the gateway is stopping; ask again when it is back" if self.stopping else self.full)
        window = self.window(grant.id)
        if window.grant.state is GrantState.WAITING:
            await self._shared(self._activating, window, self._activate)
        return window

    async def open_session(self, grant: Grant, action: Action, *, peer: str, command_group: str) -> Session:
        """Opens a session, and returns it once that is on record. Activates a waiting grant first. Raises JituiError: it is too late, or can't be recorded."""
        keyless = self._keyless.get(grant.identity)
        window = await self.begin(grant)
        if of_action(action) is not None:
            return await self._open(window, action, keyless, peer=peer, command_group=command_group)
        present = self._api.get(grant.id)
        if present is not None and not present.muted and not present.full:
            return present

        async def open_api(window: Window) -> Session:
            session = await self._open(window, action, keyless, peer=peer, command_group="")
            self._api[grant.id] = session
            return session

        return await self._shared(self._opening, window, open_api)

    async def _shared(self, going: dict[int, asyncio.Future[T]], window: Window, work: Callable[[Window], Coroutine[Any, Any, T]]) -> T:
        """Runs `work` once for all callers that ask for it at the same time."""
        if (ident := window.grant.id) in going:
            return await asyncio.shield(going[ident])
        future = going[ident] = asyncio.get_running_loop().create_future()
        try:
            result = await work(window)
        except BaseException as error:
            future.set_exception(error if isinstance(error, JituiError) else UnavailableError("the gateway failed at it; try again"))
            future.exception()  # perhaps nobody else waits
            raise
        finally:
            del going[ident]
        future.set_result(result)
        return result

    async def _open(self, window: Window, action: Action, keyless: End | None, *, peer: str, command_group: str) -> Session:
        """Opens a session. `keyless`: the end of the newest token that had ended when the session was asked for; a newer one ends the session at once."""
        now, stream = self._clock.now(), of_action(action)
        kind, argv = (API, ()) if stream is None else (stream.session, action.argv)
        target = "" if stream is None else "/".join(filter(None, (action.namespace, action.name or action.kind, action.container)))
        session = Session(
            self._store.next_session(), kind, window, now, journal=self._store, clock=self._clock, over=self.over, late=self.late, spent=self.spent,
            target=target, argv=argv, tty=action.tty, stdin=action.stdin, peer=peer,
        )  # fmt: skip
        session.action = None if stream is None else action
        target, begins = cut(target, TEXT), beginning(session.argv)
        window.charge(SESSION + 2 * (len(target) + sum(map(len, begins))))
        await self._store.commit([
            SessionOpened(
                grant=window.grant.id, kind=kind, target=target, argv=tuple(begins), tty=action.tty, stdin=action.stdin or None, peer=peer,
                command_group=command_group, started_us=now.wall_us, started_boot_us=now.boot_us, boot_id=now.boot_id,
            ).draft(session.label, window.grant.identity)
        ])  # fmt: skip
        self.sessions[session.id] = session
        if self.stopping:
            self.over(session, STOPPED)
            raise UnavailableError(STOPPED.words.removeprefix("jitui: "))
        if self.full:
            self.over(session, End(Why.UNRECORDABLE, "gateway", f"jitui: {self.full}", 503, "ServiceUnavailable"))
            raise UnavailableError(self.full)
        end = self.changed(window.grant, session.action) if session.passing() else window.end or self._end_of(window)
        if end is None and (newest := self._keyless.get(window.grant.identity)) is not keyless:
            end = newest
        if end is not None:  # the window ended, or a rule or a token did, while the opening was written: it is over before a byte of it passed
            self.over(session, end)
            raise RefusedError(end.words.removeprefix("jitui: "))
        window.sessions[session.id] = session
        if window.grant.frozen_by:
            session.freeze(window.grant.frozen_by)
        return session

    async def _activate(self, window: Window) -> None:
        """Activates a waiting grant at its first allowed action: its deadline is fixed once, and committed first."""
        active = grants.activate(window.grant, self._clock.now())
        assert active.deadline is not None
        await self._store.commit([GrantActive(started_us=active.started_us, deadline=active.deadline).draft(active.label, active.identity)])
        if window.grant.state is GrantState.WAITING:
            window.grant = active
            self._arm(window)

    # -- ending ------------------------------------------------------------------------------------------------------------

    def late(self, window: Window) -> None:
        """Ends a window of which a frame came after the deadline: the timer is late, and the frame is not let through."""
        if not window.closed:
            self._due(window, self._clock.now())

    def keyless(self, identity: str, end: End) -> None:
        """Ends the sessions of an identity whose token ended, and those that are being opened. Its windows stay, for its next token."""
        self._keyless[identity] = end
        for window in [window for window in self.live.values() if window.grant.identity == identity]:
            for session in list(window.sessions.values()):
                if session.stream is None:
                    session.cut_those(lambda _: end)
                else:
                    self.over(session, end)

    def spent(self, window: Window) -> None:
        """Ends a window whose budget is used up."""
        if not window.closed:
            self.end(window, grants.Event.CANCEL, by="gateway", why=f"budget: {size.show(window.allowed)} used", session_why=Why.BUDGET)

    def allow(self, window: Window, allowed: int) -> None:
        """Sets the budget of a window to `allowed` bytes; those on record count."""
        window.allowed = allowed
        if window.left <= 0:
            self.spent(window)

    def end(self, window: Window, event: grants.Event, *, by: str, why: str, session_why: Why | None = None) -> Callable[[], Coroutine[Any, Any, Cut]]:
        """Ends a grant now; the returned coroutine function waits until all last words are said and all facts written."""
        if window.closed:
            raise ConflictError(f"{window.grant.label} has ended already")
        began = asyncio.get_running_loop().time()
        now = self._clock.now()
        window.closed = True
        window.grant = grants.end(window.grant, event, by=by, why=why, now=now)
        self._forget(window)
        self._api.pop(window.grant.id, None)
        if (timer := self._timers.pop(window.grant.id, None)) is not None:
            timer.cancel()
        end = window.end = self._end_of(window, session_why)
        sessions = [session for session in window.sessions.values() if session.mute(end)]
        streams = sum(session.cut() for session in sessions)
        self.owe([
            GrantEnded(
                state=str(window.grant.state), why=why, identity=window.grant.identity, connection=window.grant.connection, ended_us=now.wall_us
            ).draft(window.grant.label, by)
        ])  # fmt: skip
        asyncio.get_running_loop().call_later(REST, self._rest, window.grant.connection)
        return self._settle(sessions, streams, began, window.grant)

    def _forget(self, window: Window) -> None:
        pair = window.grant.identity, window.grant.connection
        if self.live.pop(window.grant.id, None) is not None:
            self._pairs[pair].remove(window)
            if not self._pairs[pair]:
                del self._pairs[pair]

    def _rest(self, connection: str) -> None:
        """Closes a connection's idle connections to the cluster once nobody has a window on it."""
        if not any(window.grant.connection == connection for window in self.live.values()):
            self.occupied(connection, False)

    def over(self, session: Session, end: End) -> None:
        """Ends one session: by itself, by a kill, or because it can't be recorded or decoded."""
        if session.mute(end):
            self._conclude(session)

    def kill(self, session: Session, *, by: str, reason: str) -> Callable[[], Coroutine[Any, Any, Cut]]:
        """Ends one session with the person's reason as its words."""
        end = End(Why.KILLED, by, f"jitui: killed by {by}: {reason}")
        if not session.mute(end):
            raise ConflictError(f"session {session.label} is ending already")
        return self._conclude(session)

    def stop(self) -> Callable[[], Coroutine[Any, Any, Cut]]:
        """Ends every session with its words, as the gateway stops; the grants stay as they are."""
        self.stopping = self._ends.ending = self._others.ending = True
        began = asyncio.get_running_loop().time()
        late = [session for session in self.sessions.values() if session.muted and session.untaken]
        sessions = [session for session in self.sessions.values() if session.mute(STOPPED)]
        streams = sum(session.cut() for session in sessions)
        for session in late:
            session.abandon()
        for timer in self._timers.values():
            timer.cancel()
        return self._settle([*sessions, *late], streams, began)

    def _conclude(self, session: Session) -> Callable[[], Coroutine[Any, Any, Cut]]:
        began = asyncio.get_running_loop().time()
        streams = session.cut()
        session.window.sessions.pop(session.id, None)
        if self._api.get(session.window.grant.id) is session:
            del self._api[session.window.grant.id]
        return self._settle([session], streams, began)

    def _settle(self, sessions: list[Session], streams: int, began: float, grant: Grant | None = None) -> Callable[[], Coroutine[Any, Any, Cut]]:
        """Writes the facts of an end once the last words are on their way, which facts of hundreds of sessions would hold up.

        What the sessions started in pods is ended before; of a `grant` that ended, all that its sessions started.
        """
        done: asyncio.Future[Cut] = asyncio.get_running_loop().create_future()

        async def work() -> None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(QUIET):
                    for session in sessions:
                        await session.quiet()
            took_ms = (asyncio.get_running_loop().time() - began) * 1000
            told = await self.aftermath.settle(sessions, grant, began) if self.aftermath is not None else ()
            if grant is not None:
                self.ended(grant)
            places = tuple(dict.fromkeys(session.target for session in sessions if session.may_run_on))
            forced = [session for session in sessions if session.end is not None and session.end.why not in BY_ITSELF]
            self.owe(ending(session) for session in forced)
            for session in sessions:
                if session.untaken and not self.stopping:
                    self._spawn(partial(self._close_once_taken, session))
                else:
                    await self._close_once_taken(session)
            done.set_result(Cut(streams, took_ms, places, sum(session.may_run_on for session in sessions),
                                [(session.kind, session.target) for session in sessions if session.stream is not None], told))

        self._spawn(work)

        async def wait() -> Cut:
            return await asyncio.shield(done)

        return wait

    async def _close_once_taken(self, session: Session) -> None:
        """Writes the closing fact of a session, which tells how much its clients can have read."""
        await session.taken()
        if not session.gone:
            session.gone = True
            self.owe([ended(session, self._clock.now().wall_us)])
            self.sessions.pop(session.id, None)
            session.window.sessions.pop(session.id, None)

    def _end_of(self, window: Window, why: Why | None = None) -> End:
        """Returns the end of a window's sessions, with the words for its clients."""
        grant = window.grant
        again = f'ask again: jitui request {grant.connection} --duration {span.show(grant.duration_s)} --reason "..."'
        if why is None:
            why = {GrantState.EXPIRED: Why.EXPIRED, GrantState.REVOKED: Why.REVOKED, GrantState.RELEASED: Why.RELEASED}.get(grant.state, Why.EXPIRED)
        if why is Why.EXPIRED and grant.deadline is not None:
            at = rfc3339(grant.deadline.wall_us)[11:19]
            return End(why, "clock", f"jitui: access window {grant.label} ended at {at}Z; {again}")
        if why is Why.REVOKED:
            return End(why, grant.ended_by, f"jitui: access window {grant.label} was revoked by {grant.ended_by}: {grant.why}")
        if why is Why.BUDGET:
            return End(why, grant.ended_by, f"jitui: access window {grant.label} has used its {size.show(window.allowed)}; {again}")
        if why is Why.RELEASED:
            return End(why, grant.ended_by, f"jitui: access window {grant.label} was released; {again}")
        return End(why, grant.ended_by, f"jitui: access window {grant.label} ended ({grant.why or why}); {again}")

    # -- what is owed to the ledger ----------------------------------------------------------------------------------------

    def owe(self, drafts: Iterable[Draft]) -> None:
        """Takes facts that are true already, to be written soon: decisions and ends of windows first, facts of sessions behind them."""
        for draft in drafts:
            self.owed += 1
            (self._ends if draft.kind in DECISIONS else self._others).owe([draft])

    async def settled(self) -> None:
        """Waits until every fact that is owed now is written, a few seconds at most."""
        await self._ends.settled()
        await self._others.settled()

    async def decided(self) -> None:
        """Waits for decisions and ends of windows as `settled` does, and for other facts 0.1 s: a person waits, and those can be written later."""
        await self._ends.settled()
        await self._others.settled(PATIENCE)

    # -- time --------------------------------------------------------------------------------------------------------------

    def tick(self, now: Instant) -> int:
        """Ends windows that are due, whatever became of their timers. Returns the boot time (us) at which the next one is."""
        boot, at, soonest = now.boot_id, now.boot_us, NEVER_US
        if self._nothing_until - SCAN_US <= at < self._nothing_until:
            return self._soonest
        for window in list(self.live.values()):  # of most of two hundred nothing is due, which is seen without a call
            limit = window.grant.deadline if window.grant.state is GrantState.ACTIVE else window.grant.use_by
            if limit is None or limit.boot_id != boot or limit.boot_us <= at:
                self._due(window, now)
                soonest = at
            else:
                soonest = min(soonest, limit.boot_us)
        self._soonest, self._nothing_until = soonest, min(soonest, at + SCAN_US)
        return soonest

    def _due(self, window: Window, now: Instant) -> bool:
        """Ends a window whose time is over; returns whether it did."""
        event = grants.due(window.grant, now)
        if event is not None:
            self.end(window, event, by="clock", why="not used in time" if event is grants.Event.USE_BY else "")
        return event is not None

    def _arm(self, window: Window) -> None:
        self._nothing_until = 0
        if (old := self._timers.pop(window.grant.id, None)) is not None:
            old.cancel()
        if (limit := window.grant.deadline or window.grant.use_by) is None:
            return
        wait = max(0.0, limit.remaining_us(self._clock.now()) / 1e6)
        self._timers[window.grant.id] = asyncio.get_running_loop().call_later(min(wait, 86400.0), self._fire, window)

    def _fire(self, window: Window) -> None:
        """Runs when the timer of a window fires. Uvloop fires up to 1.3 ms early, so the clock is looked at again."""
        if not window.closed and not self._due(window, self._clock.now()):
            self._arm(window)
