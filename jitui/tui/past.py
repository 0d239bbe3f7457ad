"""A desk at a past moment: the screens over it show how everything stood then, out of the record. Whatever would change something is refused."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, Final, cast

from jitui import __version__
from jitui.api.moments import PastView
from jitui.api.operation import Given, Operation
from jitui.api.operations import API, Archive, Operations
from jitui.api.views import FactView, Hello, LiveChunk, Status
from jitui.policy.streams import PROBE
from jitui.tui.figures import age_s, stamp, zone
from jitui.values.errors import InvalidError, NotFoundError, RefusedError
from jitui.values.instant import from_rfc3339, rfc3339
from jitui.values.link import wall_us
from jitui.values.page import Page

READS: Final = frozenset({"session", "frames", "keyframe", "exchange", "timeline", "moment", "changes", "facts", "verify", "find"})  # of the record itself
LIMIT: Final = 1000
DAY_US: Final = 86_400_000_000
LAST: Final = 400  # frames that a stream which is looked at is drawn from


def moment(typed: str, now: str) -> str:
    """The time, RFC 3339 in UTC, of a moment as it stands in a link; a time of day is the newest such one. Raises InvalidError, also if it is to come."""
    now_us = from_rfc3339(now)
    try:
        at_us = wall_us(typed if typed[:1] != "+" else "", now_us - DAY_US)
    except InvalidError:
        raise InvalidError(f"{typed[:40]!r} is no moment: write a time as 16:07:52, or 2026-11-23T16:07") from None
    if at_us > now_us:
        raise InvalidError(f"{typed[:40]} is still to come; name a moment that has passed")
    return rfc3339(at_us)


def words(at: str) -> str:
    """`as of 2026-11-28 16:04:12 CET, read only`."""
    return f"as of {stamp(at)} {zone(at)}, read only"


class PastDesk(Operations):
    """Of a gateway's archive, or of bare files."""

    def __init__(self, desk: Archive, at: str) -> None:
        """`at`: RFC 3339, UTC."""
        self._desk, self.at = desk, at
        self._past: PastView | None = None
        self._lock = asyncio.Lock()

    async def _then(self) -> PastView:
        """Read once: the past does not change."""
        async with self._lock:
            if self._past is None:
                self._past = await self._desk.past(at=self.at)
            return self._past

    async def perform(self, operation: Operation, given: Given) -> Any:
        name = operation.name
        if name in READS:
            return await getattr(self._desk, name)(**given)
        if (own := getattr(self, f"_{name}", None)) is None:
            raise RefusedError(f"{words(self.at)}: nothing can be decided, ended or changed there; go back to now first")
        return await own(given)

    async def _hello(self, _: Given) -> Hello:
        if not isinstance(self._desk, Operations):  # bare files: their own permissions decide
            rights = ("live", "recorded", "see", "unmask")
            return Hello(version=__version__, api=API, gateway_id="", you="", roles=(), rights=rights, solo=False, connections=())
        hello = await self._desk.hello()
        return replace(hello, rights=tuple(right for right in hello.rights if right in {"see", "live", "unmask"} or right.startswith("recorded")))

    async def _status(self, _: Given) -> Status:
        past = await self._then()
        return Status(at=past.at, recording=True, recorder_error="", record_bytes_s=0.0, disk_free=1 << 40, lag_ms=0.0, waiting=len(past.requests),
                      live=len(past.grants), open_streams=sum(view.open_streams for view in past.grants), lockdown=past.lockdown, facts=0)

    async def _requests(self, _: Given) -> object:
        return list((await self._then()).requests)

    async def _request(self, given: Given) -> object:
        return _of((await self._then()).requests, given["ident"], "did not wait for a decision")

    async def _grants(self, given: Given) -> object:
        past = await self._then()
        return Page([*past.grants, *(past.ended if given.get("everything") else ())])

    async def _grant(self, given: Given) -> object:
        past = await self._then()
        return _of((*past.grants, *past.ended), given["ident"], "was no window")

    async def _sessions(self, given: Given) -> object:
        found = await self._desk.past_sessions(at=self.at, grant=given.get("grant", ""))
        looks = given.get("looks")
        return [view for view in found if (view.state != "ended" or not given.get("live")) and (looks or view.kind != PROBE)]

    async def _actions(self, given: Given) -> object:
        """Those of a window up to then."""
        if not given.get("grant"):
            return Page()
        limit = min(given.get("limit", LIMIT), LIMIT)
        events = await self._desk.timeline(given["grant"], before=self.at, limit=limit)
        return Page([event.action for event in events if event.action is not None], older=len(events) >= limit)

    async def _residue(self, given: Given) -> object:
        """Of the record alone; the cluster is not asked."""
        return await self._desk.residue(given["ident"], look=False)

    def follow(self, operation: Operation, given: Given) -> AsyncIterator[Any]:
        if operation.name == "watch":
            return self._watch(given["ident"], unmask=bool(given.get("unmask")))
        return cast("AsyncIterator[Any]", self._nothing())

    async def _nothing(self) -> AsyncIterator[FactView]:
        """Nothing happens any more."""
        await asyncio.Event().wait()
        yield cast("FactView", None)

    async def _watch(self, ident: str, *, unmask: bool) -> AsyncIterator[LiveChunk]:
        """The last frames before the moment."""
        session = await self._desk.session(ident)
        at_us = round(age_s(session.started, self.at) * 1e6)
        moment = await self._desk.moment(session.grant, at=self.at)
        seq = next((each.seq for each in moment.streams if each.session.id == ident), -1)
        after = max(-1, seq - LAST)
        while after < seq and (page := await self._desk.frames(ident, after=after, limit=LAST, unmask=unmask)):
            for frame in page:
                if frame.seq <= seq and frame.at_us <= at_us:
                    yield LiveChunk(kind="frame", frame=frame)
            after = page[-1].seq
        await asyncio.Event().wait()


def _of(views: Any, ident: str, why: str) -> object:
    found = next((view for view in views if view.id == ident), None)
    if found is None:
        raise NotFoundError(f"{ident} {why} then")
    return found
