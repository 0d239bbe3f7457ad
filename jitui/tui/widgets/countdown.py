"""Counts down the rest of a window: the seconds that the gateway said, minus the local monotonic time since. It never reads the wall clock."""

from textual.content import Content

from jitui.tui.figures import left

SOON_S = 60.0


def remaining(said_s: float, passed_s: float) -> float:
    """Seconds left now; never below zero."""
    return max(0.0, said_s - passed_s)


def style(seconds: float) -> str:
    """The last minute looks different."""
    return "bold $state-ending" if seconds < SOON_S else "$state-live"


def bar(seconds: float, whole_s: float, cells: int) -> Content:
    """The share of the window that is left, as a line."""
    share = min(1.0, seconds / whole_s) if whole_s > 0 else 0.0
    full = min(cells, max(1 if seconds > 0 else 0, round(share * cells)))
    return Content.assemble(("━" * full, style(seconds)), ("╌" * (cells - full), "$state-faint"))


def clock(seconds: float) -> Content:
    """`17m28s`, in its colour."""
    return Content.styled(left(seconds), style(seconds))
