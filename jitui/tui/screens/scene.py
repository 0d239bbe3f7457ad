"""The state of a window's replay: where it stands, the events around that moment, the streams that are shown. It reads those that are not there.

Everything is asked for in workers; their answers come as messages, and only then the state changes. An answer to an older seek is dropped.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from jitui.api.moments import EventView, MomentView
from jitui.api.operations import Archive
from jitui.api.views import SessionView
from jitui.recording.timing import Course
from jitui.tui.screens.base import Answered, Board
from jitui.tui.story import PAGE, Story
from jitui.tui.track import Part, Track, fetch, further
from jitui.values.errors import InvalidError
from jitui.values.instant import from_rfc3339, rfc3339
from jitui.values.link import wall_us

MARKS: Final = 1000  # that are drawn; further ones are gone to, and not drawn
SEATS: Final = 2  # terminals beside each other at most
LATER: Final = "9999-01-01T00:00:00Z"


class Scene(Board):
    """Of one window."""

    def __init__(self, archive: Archive, grant: str, *, speed: float, idle_s: float, unmask: bool, at: str) -> None:
        super().__init__()
        self._archive, self._grant = archive, grant
        self._unmasked, self._first = unmask, at
        self.head = Course(speed=speed, idle_us=round(idle_s * 1e6))
        self.story: Story | None = None
        self.tracks: dict[str, Track] = {}  # by session, those that are shown
        self.pinned = ""  # the stream that a person chose to see
        self.problem = ""
        self.unmarked = False  # there are more marks than are drawn
        self._ran: tuple[list[SessionView], float] = ([], 0.0)  # streams that ran, and when
        self._seeks = 0  # of the seeks
        self._refused: set[str] = set()  # reads that failed since the newest of them

    def begin(self) -> None:
        """Read the window's beginning and its marks."""

        async def marks() -> object:
            return tuple(await self._archive.timeline(self._grant, marks=True, limit=MARKS))

        async def window() -> object:
            newest = await self._archive.timeline(self._grant, before=LATER, limit=1)
            return await self._archive.moment(self._grant), tuple(newest), await marks()

        self.ask("window", window)

    def seek(self, at_us: float) -> None:
        """Stand at a moment: read around it what is not there."""
        self.head.seek(at_us)
        self._refused.clear()
        self.look_around()
        self.moved()

    def look_around(self) -> None:
        """Read what happened around the moment, and which streams ran, if that is not known."""
        if self.story is None or any(each.startswith("around") for each in self.busy | self._refused):
            return
        if not self.story.holds(self.head.at_us):
            self._read_around()
        elif self.head.at_us < self._ran[1] and not {"moment"} & (self.busy | self._refused):
            at_us, at = self.head.at_us, rfc3339(self.story.started_us + round(self.head.at_us))

            async def moment() -> object:
                return at_us, await self._archive.moment(self._grant, at=at)

            self.ask("moment", moment)

    def _read_around(self) -> None:
        story, self._seeks = self.story, self._seeks + 1
        if story is None:
            return
        run, at_us, at = self._seeks, self.head.at_us, rfc3339(story.started_us + round(self.head.at_us))

        async def around() -> object:
            before, behind, moment = await asyncio.gather(
                self._archive.timeline(self._grant, before=at, limit=PAGE), self._archive.timeline(self._grant, behind=at, limit=PAGE),
                self._archive.moment(self._grant, at=at))
            return run, at_us, tuple(before), tuple(behind), moment

        self.ask(f"around {run}", around)

    def read_on(self) -> None:
        """Further events on the side where they run out, and further frames of what is shown."""
        story = self.story
        if story is None:
            return
        if (side := story.lacks(self.head.at_us)) and story.events and "events" not in self.busy | self._refused:
            run, back = self._seeks, side == "before"
            before, behind = (story.events[0].key, "") if back else ("", story.events[-1].key)

            async def events() -> object:
                return run, back, tuple(await self._archive.timeline(self._grant, before=before, behind=behind, limit=PAGE))

            self.ask("events", events)
        for track in self.tracks.values():
            what, unmasked = f"frames {track.session.id}", self._unmasked
            if track.holds(self.head.at_us) and track.runs_out(self.head.at_us) and what not in self.busy | self._refused:
                self.ask(what, lambda track=track, unmasked=unmasked: self._further(track, unmasked=unmasked))  # type: ignore[misc]

    async def _further(self, track: Track, *, unmasked: bool) -> object:
        return track, await further(self._archive, track, unmask=unmasked)

    def cast(self) -> None:
        """Have the streams that are to be seen: what was chosen, then the newest."""
        if self.story is None:
            return
        ends = [track.end_us for track in self.tracks.values()]  # streams of a window that lives go on behind its newest event
        self.head.end_us = max(self.story.end_us, *ends, 0)
        views = self.story.running(*self._ran, self.head.at_us)
        seats = SEATS if self.has_class("-wide") else 1
        chosen = sorted(views, key=lambda view: view.id != self.pinned)[:seats]
        for ident in [ident for ident in self.tracks if ident not in {view.id for view in chosen}]:
            del self.tracks[ident]
        for view in chosen:
            track = self.tracks.get(view.id)
            if (track is None or not track.holds(self.head.at_us)) and f"part {view.id}" not in self.busy | self._refused:
                self._fetch(view)

    def _fetch(self, view: SessionView) -> None:
        story, unmasked = self.story, self._unmasked
        assert story is not None
        offset = from_rfc3339(view.started) - story.started_us
        at = rfc3339(story.started_us + round(self.head.at_us))

        async def part() -> object:
            streams = {each.session.id: each.seq for each in (await self._archive.moment(self._grant, at=at)).streams}
            at_us = round(self.head.at_us) - offset
            return view, offset, unmasked, await fetch(self._archive, view, at_us, streams.get(view.id, view.frames - 1), unmask=unmasked)

        self.ask(f"part {view.id}", part)

    def moved(self) -> None:
        """It stands elsewhere now."""

    def answered(self, message: Answered) -> None:
        value, what = message.value, message.what
        if message.problem:
            self.problem, self.head.playing = message.problem, False
            self._refused.add(what)
            self.say(message.problem, bad=True)
        elif not isinstance(value, tuple):
            return
        elif what == "window":
            self._begun(*value)
        elif self.story is None:
            return
        elif what == "mark":
            self.seek(self.story.since(value[0].at)) if value else self.say("there is no further mark")
        elif what == "moment":
            self._ran = [each.session for each in value[1].streams], value[0]
        elif what.startswith("around") and value[0] == self._seeks:
            self._arrived(*value[1:])
        elif what == "events" and value[0] == self._seeks:
            self.story.add(value[2], back=value[1])
        elif what.startswith("part"):
            self._brought(*value)
        elif what.startswith("frames") and value[0] in self.tracks.values():
            value[0].add(value[1])

    def _begun(self, window: MomentView, newest: Sequence[EventView], marks: Sequence[EventView]) -> None:
        self.story = Story(window)
        self.story.mark(marks)
        self.story.end_us = max(self.story.end_us, *(self.story.since(event.at) for event in newest), 0)
        self.head.end_us, self.unmarked = self.story.end_us, len(marks) >= MARKS
        self.head.playing, at_us = not self._first, 0
        with suppress(InvalidError):
            at_us = wall_us(self._first, self.story.started_us) - self.story.started_us if self._first else 0
        self.seek(at_us)

    def _arrived(self, at_us: float, before: Sequence[EventView], behind: Sequence[EventView], moment: MomentView) -> None:
        assert self.story is not None
        self.story.begin(before, behind)
        self._ran = [each.session for each in moment.streams], at_us

    def _brought(self, view: SessionView, offset: int, unmasked: bool, part: Part) -> None:
        if unmasked == self._unmasked:
            self.tracks[view.id] = Track(view, offset, part)

    @property
    def there(self) -> bool:
        """Whether the moment is shown, so that time may go on."""
        return self.story is not None and self.story.holds(self.head.at_us) and not any(each.startswith("part") for each in self.busy)

    def earlier(self) -> float:
        """When something happened last before the moment; 0: nothing did, as far as it is known."""
        found = [track.before(self.head.at_us) for track in self.tracks.values()]
        return max((at for at in (*found, self.story.before(self.head.at_us) if self.story else None) if at is not None), default=0)

    def beside(self) -> tuple[float, float | None]:
        """When something happened last, and when it does next, None: never again, as far as it is known."""
        both = [each.beside(self.head.at_us) for each in (self.story, *self.tracks.values()) if each is not None]
        coming = [behind for _, behind in both if behind is not None]
        return max((before for before, _ in both if before is not None), default=0), min(coming) if coming else None
