"""Freezing and thawing. Each is one pass without an await, as an end is; its fact is written afterwards.

A window's flag is on record and outlives the gateway. A session may be frozen alone; its flag ends with it, as every session does with
its gateway. A window that says FROZEN lets nothing pass: no session of it is thawed alone, and thawing the window thaws all that is in it.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from jitui.access.windows import Windows
from jitui.policy import grant as grants
from jitui.policy.grant import Event
from jitui.proxy.live import Session, Window
from jitui.recording.facts import Draft, GrantFrozen, GrantThawed, SessionFrozen, SessionThawed
from jitui.values.errors import ConflictError


@dataclass(frozen=True, slots=True)
class Frost:
    """The outcome of a freeze or a thaw."""

    windows: tuple[str, ...] = ()  # whose flag it moved
    streams: int = 0  # sessions that stand still, or go on; plain requests are not counted
    held: int = 0  # bytes that were recorded and not handed on: let go by a thaw
    skipped: tuple[str, ...] = ()  # windows that wait for their first use: nothing is open in them, and they can't be frozen


class Freezer:
    """Freezes and thaws the windows and sessions of one gateway."""

    def __init__(self, windows: Windows) -> None:
        self._windows = windows

    # -- a window ----------------------------------------------------------------------------------------------------------

    def freeze(self, window: Window, *, by: str) -> Frost:
        """Freezes a window: nothing passes in any session of it, open now or opened later. Raises ConflictError: frozen already, or not active."""
        window.grant = grants.freeze(window.grant, by=by)
        moved = [session for session in window.sessions.values() if not session.muted and not session.frozen_by]
        _each(moved, lambda session: session.freeze(by))
        grant = window.grant
        frozen = GrantFrozen(by=by, streams=_streams(moved), identity=grant.identity, connection=grant.connection)
        self._windows.owe([frozen.draft(grant.label, by)])
        return Frost((window.grant.label,), _streams(moved))

    def thaw(self, window: Window, *, by: str) -> Frost:
        """Thaws a window: everything in it goes on, in order. Raises ConflictError if nothing of it is frozen."""
        moved = [session for session in window.sessions.values() if session.frozen_by]
        flag = bool(window.grant.frozen_by)
        if flag or not moved:
            window.grant = grants.thaw(window.grant)
        grant, held = window.grant, sum(session.held for session in moved)
        thawed = GrantThawed(streams=_streams(moved), held=held, identity=grant.identity, connection=grant.connection)
        # owed before it flows: what flows may end a session, and its end comes behind this in the ledger
        self._windows.owe([thawed.draft(grant.label, by)] if flag else [_thawed(session, by) for session in moved])
        _each(moved, lambda session: session.thaw())
        return Frost((window.grant.label,), _streams(moved), held)

    # -- all ---------------------------------------------------------------------------------------------------------------

    def freeze_all(self, *, by: str) -> Frost:
        """Freezes every active window that is not frozen. A window that is granted later is not frozen; lockdown is for that."""
        windows = [window for window in self._windows.live.values() if not window.grant.frozen_by]
        can = [window for window in windows if Event.FREEZE in grants.MOVES[window.grant.state]]
        return _sum([self.freeze(window, by=by) for window in can], tuple(window.grant.label for window in windows if window not in can))

    def thaw_all(self, *, by: str) -> Frost:
        """Thaws every window of which anything is frozen."""
        windows = list(self._windows.live.values())
        return _sum([self.thaw(w, by=by) for w in windows if w.grant.frozen_by or any(s.frozen_by for s in w.sessions.values())])

    # -- one session -------------------------------------------------------------------------------------------------------

    def freeze_session(self, session: Session, *, by: str) -> Frost:
        """Freezes one session; its window goes on. Raises ConflictError: ending, or frozen already."""
        grant = session.window.grant
        if session.muted:
            raise ConflictError(f"session {session.label} is ending already")
        if grant.frozen_by:
            raise ConflictError(f"{session.label} was already frozen by {grant.frozen_by} with its window {grant.label}; thaw or revoke {grant.label}")
        if session.frozen_by:
            raise ConflictError(f"{session.label} was already frozen by {session.frozen_by}; thaw or kill it")
        session.freeze(by)
        frozen = SessionFrozen(by=by, grant=grant.id, identity=grant.identity, connection=grant.connection)
        self._windows.owe([frozen.draft(session.label, by)])
        return Frost((), _streams([session]))

    def thaw_session(self, session: Session, *, by: str) -> Frost:
        """Thaws one session. Raises ConflictError if it is not frozen, or if its whole window is frozen, which is thawed whole."""
        grant = session.window.grant
        if grant.frozen_by:
            with_it = f"{session.label} is frozen with its window {grant.label}, by {grant.frozen_by}"
            raise ConflictError(f"{with_it}; a window is thawed whole: jitui thaw {grant.label}")
        if not session.frozen_by:
            raise ConflictError(f"{session.label} is not frozen; nothing to thaw")
        held = session.held
        self._windows.owe([_thawed(session, by)])
        session.thaw()
        return Frost((), _streams([session]), held)


def _each(sessions: Iterable[Session], move: Callable[[Session], None]) -> None:
    """Freezes or thaws each session; an error in one does not stop the others."""
    for session in sessions:
        try:
            move(session)
        except Exception as error:  # noqa: BLE001 - it is said in the log
            context = {"message": f"{session.label} could not be frozen or thawed as a whole", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)


def _streams(sessions: Iterable[Session]) -> int:
    return sum(1 for session in sessions if session.stream is not None)


def _thawed(session: Session, by: str) -> Draft:
    grant = session.window.grant
    return SessionThawed(grant=grant.id, held=session.held, identity=grant.identity, connection=grant.connection).draft(session.label, by)


def _sum(frosts: list[Frost], skipped: tuple[str, ...] = ()) -> Frost:
    windows = tuple(label for frost in frosts for label in frost.windows)
    return Frost(windows, sum(frost.streams for frost in frosts), sum(frost.held for frost in frosts), skipped)
