"""The events of a window in its replay: a part of them at a time, around the moment that is shown. Pure.

    story = Story(moment)
    story.begin(before, behind)      the events up to a moment, and those that come next
    story.index(at_us)               how many of them had happened then
    story.lacks(at_us)               the side on which further ones are to be fetched

It holds MOST events, however many the window has.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from jitui.api.moments import EventView, MomentView
from jitui.api.views import SessionView
from jitui.tui.reel import Mark
from jitui.values.instant import from_rfc3339

PAGE: Final = 300  # events of a page
NEAR: Final = 60  # from the edge of what is held, where further ones are fetched
MOST: Final = 1500  # that are held
WORDS: Final = {"W": "first write", "D": "denied", "S": "secret", "H": "held", "F": "frozen", "T": "thawed", "X": "cut", "Z": "end"}


class Story:
    """Of one window. Times are microseconds since it was approved; what came before counts as its beginning."""

    def __init__(self, window: MomentView) -> None:
        self.window = window
        self.started_us = from_rfc3339(window.approved)
        self.events: list[EventView] = []
        self.times: list[int] = []
        self.first = self.last = False  # whether the first of all, the last of all is among them
        self.marks: list[Mark] = []
        self.end_us = self.since(window.ended) if window.ended else 0

    def since(self, at: str) -> int:
        """Of a time of the gateway."""
        return max(0, from_rfc3339(at) - self.started_us)

    def begin(self, before: Sequence[EventView], behind: Sequence[EventView]) -> None:
        """Only these from now on."""
        self.events, self.times = [], []
        self.first, self.last = len(before) < PAGE, not behind
        self._put([*before, *behind])

    def add(self, events: Sequence[EventView], *, back: bool) -> None:
        """Further ones on one side; none: there are no more. What is far away on the other side goes."""
        if not events:
            self.first, self.last = self.first or back, self.last or not back
        elif back:
            self._put([*events, *self.events][:MOST])
            self.last = self.last and len(self.events) < MOST
        else:
            kept = [*self.events, *events]
            self.first = self.first and len(kept) <= MOST
            self._put(kept[-MOST:])

    def _put(self, events: Sequence[EventView]) -> None:
        self.events = list(events)
        self.times = [self.since(event.at) for event in self.events]
        self.end_us = max(self.end_us, self.times[-1] if self.times else 0)

    def mark(self, events: Sequence[EventView]) -> None:
        """Those that are worth going to."""
        self.marks = [Mark(self.since(event.at), event.mark) for event in events if event.mark]
        self.end_us = max(self.end_us, self.marks[-1].at_us if self.marks else 0)

    def index(self, at_us: float) -> int:
        """How many of the events that it has had happened."""
        return bisect_right(self.times, at_us)

    def holds(self, at_us: float) -> bool:
        """Whether the newest event of a moment, and the one behind it, are among those that it has."""
        index = self.index(at_us)
        return (index > 0 or self.first) and (index < len(self.events) or self.last)

    def lacks(self, at_us: float) -> str:
        """`behind` or `before`, where further events are to be fetched; else empty."""
        index = self.index(at_us)
        if not self.last and len(self.events) - index < NEAR:
            return "behind"
        return "before" if not self.first and index < NEAR else ""

    def beside(self, at_us: float) -> tuple[int | None, int | None]:
        """When the newest event was, and when the next one is."""
        index = self.index(at_us)
        return (self.times[index - 1] if index else None, self.times[index] if index < len(self.times) else None)

    def before(self, at_us: float) -> int | None:
        """When the last event was before a moment."""
        return self.beside(at_us - 1)[0]

    def running(self, known: Sequence[SessionView], known_us: float, at_us: float) -> list[SessionView]:
        """The streams that run at a moment, the newest first, of those that ran at another one and what happened since; if none does, the last that did."""
        streams = {view.id: view for view in reversed(known)}
        for index in range(self.index(min(known_us, at_us)), self.index(at_us)):
            if (view := self.events[index].stream) is not None:
                streams.pop(view.id, None)
                streams[view.id] = view
        here = [view for view in reversed(streams.values()) if self.since(view.started) <= at_us]
        run = [view for view in here if not view.ended or self.since(view.ended) >= at_us]
        return run or sorted(here, key=lambda view: view.ended, reverse=True)[:1]
