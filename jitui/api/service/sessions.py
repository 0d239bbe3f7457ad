"""Sessions, for one caller: the lists, the end of one, and the live view."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Final

from jitui.api.operations import Sessions
from jitui.api.service import live, views
from jitui.api.service.bound import Bound, number
from jitui.api.views import Ended, LiveChunk, SessionView
from jitui.recording.facts import Viewed
from jitui.recording.frame import Frame
from jitui.recording.masking.session import Shown
from jitui.store.playback import ROOM
from jitui.values.page import Page

BEFORE_FRAMES: Final = 200  # a live viewer is shown at most of what was before


class SessionService(Bound, Sessions):
    """Shows and ends them."""

    async def sessions(self, *, live: bool = False, grant: str = "", cursor: str = "", brief: bool = False, looks: bool = False) -> Page[SessionView]:
        at = number(grant, "g", "grant") if grant else 0
        now = self._broker.clock.now()
        present = [s for s in self._broker.windows.sessions.values() if not at or s.window.grant.id == at]
        found = Page(views.live_session_view(s, caller=self._who, now=now) for s in present if self._sees(s.window.grant))
        if not live:
            past = await self._read(self._past, at, self._only(), {s.id for s in present}, views.may_replay(self._who), cursor, looks)
            found = past if past.more else Page([*past, *found], older=past.older)
        return Page(map(views.brief, found), found.more, older=found.older) if brief else found

    def _past(self, grant: int, only: str, live: Collection[int], may: tuple[str, ...], cursor: str, looks: bool) -> Page[SessionView]:
        """A page of the ledger's, but for those that are live."""
        page = self._files.sessions(grant=grant, identity=only, looks=looks, cursor=cursor)
        return Page((views.session_view(row, may=may) for row in page if row.id not in live), page.more, older=page.older)

    async def kill(self, ident: str, *, reason: str) -> Ended:
        self._reason(reason)
        at = number(ident, "s", "session")
        cut = await self._broker.windows.kill(self._broker.windows.session(at), by=self._who.name, reason=reason)()
        await self._broker.windows.decided()
        return views.ended_view(f"s-{at}", cut)

    async def watch(self, ident: str, *, unmask: bool = False) -> AsyncIterator[LiveChunk]:
        found = self._broker.windows.session(number(ident, "s", "session"))
        viewed = Viewed(how="unmasked", live=True) if unmask else Viewed(how="live")
        await self._broker.store.commit([viewed.draft(found.label, self._who.name)])

        def before() -> list[Frame]:
            return self._files.newest_frames(found.id, after=max(-1, found.frames - BEFORE_FRAMES), room=live.BEFORE)

        async def join(seq: int) -> live.Show:
            masks = await asyncio.to_thread(self._backend.record.playback.masks, found.id, after=seq - 1, tty=found.tty, unmask=unmask)

            async def show(frames: Sequence[Frame]) -> list[Shown]:
                return await asyncio.to_thread(masks.frames, frames, room=ROOM)

            return show

        async for chunk in live.watch(found, lambda: asyncio.to_thread(before), join):
            yield chunk
