"""Retires tapes: by their age, by the size of all, and for want of room on the disk; and holds those of a window that must stay.

A fact with the heads of its sessions is on record before a tape is removed. A hold and a retirement exclude each other.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Final

from jitui.access.room import BACK, Room
from jitui.recording.facts import Fact, Kind, TapesHeld, TapesReleased
from jitui.store import Store, retiring
from jitui.store.archive import Files
from jitui.store.bus import Bus
from jitui.store.retiring import Shelves, Tape
from jitui.values import size, span
from jitui.values.alarm import beat
from jitui.values.clock import Clock
from jitui.values.errors import ConfigurationError, ConflictError, JituiError
from jitui.values.keeping import Retention

LOOK_S: Final = 1.0  # seconds between two looks at the room
SHELVES_US: Final = 60_000_000  # microseconds between two looks at the tapes, as long as there is room and none was added
JUMP_US: Final = 3_600_000_000  # by so much the wall clock was set, and not corrected
WAIT_US: Final = 86_400_000_000  # behind such a jump nothing goes by its age for a day
OF_MAX: Final = 16  # a tape is at most this part of `max`
OF_DISK: Final = 64  # and this part of the disk: as one file it goes as a whole, and not before it is full
SMALLEST: Final = 1 << 20  # bytes of such a tape
NAME: Final = "retention"


class Retirement:
    """One for a gateway: `run` it as a task. `settings` None: nothing ever goes."""

    def __init__(self, store: Store, clock: Clock, room: Room) -> None:
        self.settings: Retention | None = None
        self._store, self._clock, self._room = store, clock, room
        self._files: Files | None = None
        self._tell: Callable[[str, str], None] = lambda _name, _why: None
        self._alone = asyncio.Lock()
        self._due_us = 0  # boot clock, of the next look at the tapes
        self._offset_us, self._trusted_us = self._ahead(), 0  # the wall clock before the boot clock; and since when (boot clock) its age counts
        self._was = False  # pressed, at the last look
        self._stuck = ""  # a sentence about a tape that should go and can't

    def _ahead(self) -> int:
        now = self._clock.now()
        return now.wall_us - now.boot_us

    def use(self, settings: Retention | None) -> None:
        """Take up new settings."""
        self.settings, self._due_us = settings, 0
        small = [] if settings is None else [max(SMALLEST, self._room.total // OF_DISK), *([settings.max // OF_MAX] if settings.max else [])]
        self._store.limit_tapes(min(small, default=0))

    def open(self, files: Files, bus: Bus, tell: Callable[[str, str], None], settings: Retention | None) -> None:
        """Before `run`. `tell` hears of a trouble by its name, and with "" of its end."""
        self._files, self._tell = files, tell
        self.use(settings)
        bus.hear(self._hear)

    async def check(self, settings: Retention | None) -> None:
        """Raises ConfigurationError if the settings ask for what can't be: that facts go."""
        if settings is None or settings.facts is None or self._files is None:
            return
        first = await asyncio.to_thread(self._files.facts, limit=1)
        age_s = (self._clock.now().wall_us - first[0].at_us) // 1_000_000 if first else 0
        if age_s > settings.facts:
            raise ConfigurationError(
                f"retention.facts: {span.show_long(settings.facts)} is shorter than the oldest fact is old ({span.show(age_s)}), and no fact is ever removed, "
                "as every later one is proved by it; write a longer time or leave it out, or begin a new ledger: jitui repair --new-ledger")

    async def run(self) -> None:
        """Goes on until it is cancelled."""
        while True:
            self._tell(NAME, await self.look())
            await beat(LOOK_S)

    def _hear(self, fact: Fact) -> None:
        if fact.kind in {Kind.TAPE_OPENED, Kind.TAPES_RELEASED}:
            self._due_us = 0

    async def look(self) -> str:
        """Retire what may go now; a sentence about what should and can't, or ""."""
        files, settings, now = self._files, self.settings, self._clock.now()
        if settings is None or files is None:
            return ""
        if abs(self._ahead() - self._offset_us) > JUMP_US:
            self._offset_us, self._trusted_us = self._ahead(), now.boot_us + WAIT_US
        pressed, self._was = self._was, self._pressed
        if not self._was and not pressed and now.boot_us < self._due_us:
            return self._stuck
        self._due_us = now.boot_us + SHELVES_US
        try:
            await self.check(settings)
            while await self._one(files, settings):
                await self._room.look()
                if self._pressed:  # the removed file may be open somewhere still: the next one goes in the next look
                    break
        except (JituiError, OSError) as error:
            self._stuck = str(error)
        return self._stuck

    @property
    def _pressed(self) -> bool:
        """Whether the room on the disk nears its end: before anything is refused for want of it, and until all of that is taken back."""
        return self._room.free < self._room.min_free * (1 + BACK)

    async def _one(self, files: Files, settings: Retention) -> bool:
        """Retire one tape; False if none may go, or none has to."""
        async with self._alone:
            found = await asyncio.to_thread(retiring.shelves, files)
            misfit = await self._remove_left(files, found)
            for tape, why in self._going(found, settings):
                try:
                    drafts = await asyncio.to_thread(retiring.retirement, files, tape, why)
                except JituiError as error:
                    misfit = misfit or str(error)
                    continue
                await self._store.commit(drafts)
                await asyncio.to_thread(retiring.remove, tape.path)
                files.let_go(tape.path)
                self._stuck = misfit
                return True
        self._stuck = misfit or self._full(found, settings)
        return False

    async def _remove_left(self, files: Files, found: Shelves) -> str:
        """Try once more to remove what is retired already, as a file that could not be changed; a sentence if it still can't be."""
        said = ""
        for path in found.left:
            try:
                await asyncio.to_thread(retiring.remove, path)
            except OSError as error:
                said = said or f"tapes/{path.name} is retired and can't be removed: {error}"
            else:
                files.let_go(path)
        return said

    def _full(self, found: Shelves, settings: Retention) -> str:
        """A sentence if there is too much, and nothing of it may go."""
        kept = next((f"tapes/{tape.path.name} stays, as {tape.kept}" for tape in found.old if tape.kept), "only the tape in use is left, and what is too new")
        if settings.max is not None and found.bytes > settings.max:
            return f"the tapes have {size.show(found.bytes)}, more than max, {size.show(settings.max)}, and none may go: {kept}"
        return f"the disk is nearly full, and no tape may go: {kept}" if self._pressed else ""

    def _going(self, found: Shelves, settings: Retention) -> Iterator[tuple[Tape, str]]:
        """The tapes that may go and have to, oldest first, each with the reason in words."""
        now = self._clock.now()
        trusted = now.boot_us >= self._trusted_us
        for tape in found.old:
            age_us = now.wall_us - tape.until_us
            if tape.kept or age_us < settings.at_least * 1_000_000 or (settings.at_least and not trusted):
                continue
            if trusted and settings.tapes is not None and age_us > settings.tapes * 1_000_000:
                yield tape, f"older than {span.show_long(settings.tapes)}"
            elif settings.max is not None and found.bytes > settings.max:
                yield tape, f"the tapes had {size.show(found.bytes)}, more than {size.show(settings.max)}"
            elif self._pressed:
                yield tape, f"the disk had {size.show(self._room.free)} left"

    async def hold(self, files: Files, grant: int, *, by: str, reason: str) -> None:
        """Keep the tapes of a window from now on. Raises ConflictError, UnrecordableError."""
        async with self._alone:
            if any(held.grant == grant for held in await asyncio.to_thread(files.holds)):
                raise ConflictError(f"the tapes of g-{grant} are held already; list such windows with: jitui hold-tapes")
            await self._store.commit([TapesHeld(reason=reason).draft(f"g-{grant}", by)])

    async def release(self, files: Files, grant: int, *, by: str, reason: str) -> None:
        """Let the tapes of a window go with the others. Raises ConflictError, UnrecordableError."""
        async with self._alone:
            if all(held.grant != grant for held in await asyncio.to_thread(files.holds)):
                raise ConflictError(f"the tapes of g-{grant} are not held; list those that are with: jitui hold-tapes")
            await self._store.commit([TapesReleased(reason=reason).draft(f"g-{grant}", by)])
