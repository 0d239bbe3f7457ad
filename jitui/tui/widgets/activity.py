"""Draws an agent's actions, one line each: time, hazard, verb, object, outcome."""

from collections.abc import Callable, Mapping

from textual.content import Content

from jitui.api.views import ActionView, SessionView
from jitui.policy.streams import API, UPGRADED
from jitui.tui.figures import runs_on, short, size
from jitui.tui.lines import FLEX, Cell, row
from jitui.tui.theme import state
from jitui.tui.words import words


def key_of(action: ActionView) -> str:
    """An id of an action that stays the same from one look to the next."""
    return f"{action.audit_id}/{action.at}/{action.session}/{action.conn}"


def action_row(action: ActionView, sessions: Mapping[str, SessionView]) -> Callable[[int], Content]:
    """`23 Nov 16:04:07 CHANGE  PATCH  deployments.apps  web  200  4 KB`."""
    session = sessions.get(action.session)
    return lambda width: row([Cell(short(action.at), 15, "$state-quiet"), *outline(action, width, session)], width)


def outline(action: ActionView, width: int, session: SessionView | None = None) -> list[Cell]:
    """All but the time, on a line of this width."""
    denied = action.verdict == "denied"
    cells = [Cell("DENIED" if denied else action.hazard, 6, f"bold {state('denied' if denied else action.hazard)}")]
    if action.argv or (session is not None and session.kind in UPGRADED):
        argv = " ".join(words(part, 120) for part in action.argv)
        tty = " tty" if session is not None and session.tty else ""
        what = f"{words(action.name, 60)} {f'[{argv}]' if argv else ''}{tty}{_left(session)}{_more(action)}"
        cells += [Cell(what, FLEX, "bold"), Cell(_stream(session, action), 12, "$state-denied" if denied else _colour(session), right=True)]
    else:
        failed = denied or (action.code or 500) >= 400
        cells += [Cell(action.verb.upper(), 6 if width < 90 else 8), Cell(_object(action), FLEX)]
        cells.append(Cell(_code(action), 4, "$state-denied" if failed else "$state-quiet", right=True))
    if width >= 44:
        cells.append(Cell("" if denied else size(_passed(action, session)), 6, "$state-quiet", right=True))
    return cells


def _passed(action: ActionView, session: SessionView | None) -> int:
    """Bytes both ways: of a stream its session knows them, as they grow."""
    if session is not None and session.kind != API:
        return session.bytes_in + session.bytes_out
    return action.bytes_in + action.bytes_out


def _object(action: ActionView) -> str:
    """`deployments.apps/web in web`, and of a denial what there is to say."""
    name = f"/{words(action.name, 80)}" if action.name.raw else ""
    namespace = f" in {words(action.namespace, 60)}" if action.namespace.raw else ""
    return f"{words(action.resource, 80)}{name}{namespace}{_more(action)}"


def _more(action: ActionView) -> str:
    """How often, if an equal denial came again; why, for a denial."""
    again = f"  x{action.count}" if action.count > 1 else ""
    why = f"  {words(action.clause)}" if action.verdict == "denied" else ""
    return f"{again}{why}"


def _code(action: ActionView) -> str:
    return "?" if action.code is None else str(action.code)


def _stream(session: SessionView | None, action: ActionView) -> str:
    if session is None:
        return _code(action)
    return _state(session)


def _left(session: SessionView | None) -> str:
    return f"  {runs_on(session.may_run_on)}" if session is not None and session.may_run_on else ""


def _state(session: SessionView) -> str:
    if session.state == "ended":
        return session.ended_why or session.state
    return "FROZEN" if session.frozen_by else session.state


def _colour(session: SessionView | None) -> str:
    if session is None or session.state == "ended":
        return "$state-quiet"
    return "bold $state-frozen" if session.frozen_by else "bold $state-live"


def session_row(session: SessionView) -> Callable[[int], Content]:
    """A stream whose action is not on the list: `23 Nov 16:04:11 EXEC  web/web-7c [sh] tty  open`."""
    argv = " ".join(words(part, 120) for part in session.argv)

    def draw(width: int) -> Content:
        cells = [Cell(short(session.started), 15, "$state-quiet"), Cell(session.kind, 6, "bold $state-exec" if session.kind in UPGRADED else "$state-quiet"),
                 Cell(f"{words(session.target, 80)} {f'[{argv}]' if argv else ''}{' tty' if session.tty else ''}{_left(session)}", FLEX, "bold"),
                 Cell(_state(session), 12, _colour(session), right=True)]  # fmt: skip
        if width >= 44:
            cells.append(Cell(size(session.bytes_in + session.bytes_out), 6, "$state-quiet", right=True))
        return row(cells, width)

    return draw
