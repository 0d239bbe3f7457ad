"""Fetches the state of the gateway once a second, and at once when something happened, as one value.

Requests and windows are fetched again only if the status says that something moved, once more `FRESH_S` behind that, and then every `SURE_S`: two hundred
windows are 200 KB of JSON.

Live ticks coalesce: however many facts come, the screens get at most four `Seen` a second. The feed touches no widget; it posts.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from jitui.api.operations import Operations
from jitui.api.views import GrantView, Hello, RequestView, Status
from jitui.tui.figures import age_s, hour
from jitui.values.errors import JituiError, RefusedError, UnknownCallerError
from jitui.values.page import Page

BEAT_S: Final = 1.0  # between looks when nothing happens
SPACING_S: Final = 0.25  # at least, between two looks
PATIENCE_S: Final = 3.0  # the gateway has so long to answer before it is called silent
FRESH_S: Final = 15.0  # how long requests and windows are shown as they were fetched behind a move, or while nothing can be recorded
SURE_S: Final = 300.0  # how long, once they were fetched again and nothing had moved: clocks of two machines drift apart by 30 ms in that time, at most
STEP_S: Final = 2.0  # by so much the gateway's clock went on otherwise than this one: a machine slept, or a clock was set
RELOADED: Final = "config.loaded"  # the fact that says so
RECENT: Final = 20  # ended windows that the desk shows at most


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at the gateway. The seconds of requests and windows hold at `taken`, the local monotonic time at which they were read."""

    hello: Hello
    status: Status
    requests: tuple[RequestView, ...] = ()
    grants: tuple[GrantView, ...] = ()  # live ones
    ended: tuple[GrantView, ...] = ()  # newest first
    older: bool = False  # there are ended ones that `ended` does not hold
    no_queue: str = ""  # why the caller sees no requests, if so
    taken: float = 0.0
    lit: float = 0.0  # the same for the status

    def passed(self, now: float) -> float:
        """Seconds since the gateway said how requests and windows stand, by the local monotonic clock."""
        return max(0.0, now - self.taken)

    def hour(self, now: float) -> str:
        """The gateway's time of day at `now`, as it shows it."""
        return hour(self.status.at, max(0.0, now - self.lit))


@dataclass(frozen=True, slots=True)
class Silent:
    """The gateway does not answer."""

    why: str
    lost: bool = False  # it answers, but this caller is nobody there any more; it is not asked again


@dataclass
class Feed:
    """Two loops over one desk; `run` owns both and ends when it is cancelled."""

    desk: Operations
    monotonic: Callable[[], float]
    tell: Callable[[Seen | Silent], None]
    beat_s: float = BEAT_S
    spacing_s: float = SPACING_S
    _dirty: asyncio.Event = field(default_factory=asyncio.Event)
    _hello: Hello | None = None
    _ended: tuple[GrantView, ...] = ()
    _older: bool = False
    _stale_ended: bool = True
    _seen: Seen | None = None
    _asked: tuple[str, float] = "", 0.0  # the gateway's time and this one, just before requests and windows were fetched
    _sure: bool = False  # they were fetched twice with nothing moved between
    _between: frozenset[str] = frozenset()  # windows that are over, and not on record as ended yet

    def look_now(self) -> None:
        """Something happened: do not wait for the beat."""
        self._stale_ended = True
        self._dirty.set()

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._poll())
                group.create_task(self._listen())
        except* UnknownCallerError as nobody:  # a token that ended does not come back
            self.tell(Silent(str(nobody.exceptions[0]), lost=True))

    async def _poll(self) -> None:
        while True:
            self._dirty.clear()
            try:
                async with asyncio.timeout(PATIENCE_S):
                    self.tell(await self._look())
            except UnknownCallerError:
                raise
            except (JituiError, OSError, TimeoutError) as problem:
                self._hello, self._seen, self._stale_ended = None, None, True
                self.tell(Silent(str(problem) or "no answer"))
            await asyncio.sleep(min(self.spacing_s, self.beat_s))
            try:
                async with asyncio.timeout(self.beat_s):
                    await self._dirty.wait()
            except TimeoutError:
                continue

    async def _listen(self) -> None:
        since = -1
        while True:
            try:
                async for fact in self.desk.events(since=since):
                    since = fact.seq
                    if fact.kind == RELOADED:
                        self._hello = None  # roles and rights may be others now
                    self.look_now()
            except UnknownCallerError:
                raise
            except (JituiError, OSError):
                pass  # the poll says so; here it is only asked again
            await asyncio.sleep(self.beat_s)

    async def _look(self) -> Seen:
        if self._hello is None:
            self._hello = await self.desk.hello()
        status, lit = await self.desk.status(), self.monotonic()
        seen = self._seen
        still = seen is not None and bool(status.moved) and status.moved == seen.status.moved and not self._stale_ended
        if seen is None or not still or self._aged(seen, status, lit):
            requests, no_queue = await self._requests()
            grants = await self._grants()
            self._asked, self._sure = (status.at, lit), still
            self._seen = Seen(self._hello, status, requests, grants, self._ended, self._older, no_queue, self.monotonic(), lit)
        else:
            self._seen = replace(seen, hello=self._hello, status=status, lit=lit)
        return self._seen

    def _aged(self, seen: Seen, status: Status, now: float) -> bool:
        """Whether requests and windows are to be fetched again although nothing moved."""
        at, then = self._asked
        return seen.passed(now) > (SURE_S if self._sure and status.recording else FRESH_S) or abs(age_s(at, status.at) - (now - then)) > STEP_S

    async def _requests(self) -> tuple[tuple[RequestView, ...], str]:
        try:
            return tuple(view for view in await self.desk.requests() if view.state == "pending"), ""
        except RefusedError as problem:
            return (), str(problem)

    async def _grants(self) -> tuple[GrantView, ...]:
        """The live windows. One that has just ended stays among them for one look more if its end is not on record yet: a screen may show it."""
        before = self._seen.grants if self._seen is not None else ()
        if not self._stale_ended:
            live = tuple(await self.desk.grants())
            if {view.id for view in before} <= {view.id for view in live}:
                return live
        every: Sequence[GrantView] = await self.desk.grants(everything=True)
        ended = sorted((view for view in every if view.ended), key=lambda view: view.ended, reverse=True)
        self._ended, self._older = tuple(ended[:RECENT]), len(ended) > RECENT or (isinstance(every, Page) and every.older)
        known = {view.id for view in every} | self._between
        between = [view for view in before if view.id not in known]
        self._between, self._stale_ended = frozenset(view.id for view in between), bool(between)
        return (*(view for view in every if not view.ended), *between)
