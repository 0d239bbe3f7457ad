"""Makes a noise once for each request, and again at 80 % of its pending time. The title counts the requests that wait."""

from typing import Final

from jitui.tui.feed import Seen
from jitui.tui.figures import many

LATE: Final = 0.8


class Attention:
    """Fed with every look; gives the escape sequences for the real terminal. Nothing in them comes from an agent."""

    def __init__(self) -> None:
        self._called: set[str] = set()
        self._title = ""

    def look(self, seen: Seen) -> list[str]:
        """Title (OSC 0) if it changed; bell and notification (OSC 9) if a request is new or late."""
        sequences: list[str] = []
        waiting = len(seen.requests)
        title = f"({waiting}) jitui" if waiting else "jitui"
        if title != self._title:
            self._title = title
            sequences.append(f"\x1b]0;{title}\x07")
        calls: set[str] = set()
        for view in seen.requests:
            whole = view.waited_s + view.lapses_s
            calls.add(view.id)
            if whole > 0 and view.waited_s / whole >= LATE:
                calls.add(f"{view.id} late")
        if calls - self._called:
            verb = "waits" if waiting == 1 else "wait"
            sequences += ["\x07", f"\x1b]9;jitui: {many(waiting, 'request')} {verb} for a decision\x1b\\"]
        self._called = calls
        return sequences
