"""Windows, for one caller: the lists, their end, and freezing."""

import asyncio
from collections.abc import Collection

from jitui.access.freezer import Frost
from jitui.access.notes import line
from jitui.api.operations import Grants
from jitui.api.service import views
from jitui.api.service.bound import Bound, number
from jitui.api.views import Ended, Frozen, GrantView, HoldView
from jitui.policy import grant as grants
from jitui.policy.grant import Event
from jitui.policy.streams import UPGRADED
from jitui.policy.terms import Grant
from jitui.proxy.live import Window
from jitui.store.actions import TEXT
from jitui.store.rows import Totals
from jitui.values import size
from jitui.values.errors import InvalidError, NotFoundError, RefusedError
from jitui.values.page import Page
from jitui.values.said import Said


class GrantService(Bound, Grants):
    """Shows, ends and freezes them."""

    async def grants(self, *, everything: bool = False, cursor: str = "") -> Page[GrantView]:
        now = self._broker.clock.now()
        known = {window.grant.id: window.grant for window in self._broker.windows.live.values()}
        live = [grant for grant in known.values() if not cursor and self._sees(grant)]
        live.sort(key=lambda grant: (limit.remaining_us(now) if (limit := grant.deadline or grant.use_by) else 0, grant.id))
        totals: dict[int, Totals] = await self._read(self._backend.totals.of, live, now.wall_us) if live else {}
        found = Page(self._grant_view(grant, totals.get(grant.id, Totals())) for grant in live)
        if everything:
            ended = await self._read(self._ended, self._only(), known.keys(), now.wall_us, cursor)
            found += ended
            found.more, found.older = ended.more, ended.older
        return found

    def _ended(self, only: str, live: Collection[int], now_us: int, cursor: str) -> Page[GrantView]:
        """A page of the ledger's, but for those that are live."""
        page = self._files.grants(identity=only, cursor=cursor)
        ended = [grant for grant in page if grant.id not in live]
        totals = self._backend.totals.of(ended, now_us)
        return Page((self._grant_view(grant, totals[grant.id]) for grant in ended), page.more, older=page.older)

    async def grant(self, ident: str) -> GrantView:
        at = number(ident, "g", "grant")
        grant = await self._find_grant(at)
        if not self._sees(grant):
            raise RefusedError(f"grant {ident} is not yours")
        totals = await asyncio.to_thread(self._backend.totals.of, [grant], self._broker.clock.now().wall_us)
        return self._grant_view(grant, totals[at])

    async def holds(self) -> list[HoldView]:
        return [HoldView(grant=f"g-{row.grant}", held=True, by=row.held_by, at=views.when(row.held_us), reason=Said(row.reason))
                for row in await asyncio.to_thread(self._files.holds)]

    async def hold_tapes(self, ident: str, *, reason: str) -> HoldView:
        at = await self._to_be_held(ident, reason)
        await self._broker.retention.hold(self._files, at, by=self._still(Grants.hold_tapes).name, reason=reason)
        return await self._hold_view(at, reason, held=True)

    async def release_tapes(self, ident: str, *, reason: str) -> HoldView:
        at = await self._to_be_held(ident, reason)
        await self._broker.retention.release(self._files, at, by=self._still(Grants.release_tapes).name, reason=reason)
        return await self._hold_view(at, reason, held=False)

    async def _to_be_held(self, ident: str, reason: str) -> int:
        at = number(ident, "g", "grant")
        await self._find_grant(at)
        if not reason.strip():
            raise InvalidError("a reason is needed, as in --reason OPS-1182; it is on record beside the hold")
        return at

    async def _hold_view(self, at: int, reason: str, *, held: bool) -> HoldView:
        now, gone = views.when(self._broker.clock.now().wall_us), await asyncio.to_thread(self._files.gone_of, at)
        return HoldView(grant=f"g-{at}", held=held, by=self._who.name, at=now, reason=Said(reason), gone=tuple(gone))

    async def revoke(self, ident: str, *, reason: str) -> Ended:
        at = number(ident, "g", "grant")
        await self._find_grant(at)
        self._still(Grants.revoke)
        self._reason(reason)
        return await self._end(at, Event.REVOKE, reason)

    async def release(self, ident: str) -> Ended:
        at = number(ident, "g", "grant")
        if (await self._find_grant(at)).identity != self._who.name:
            raise RefusedError(f"grant {ident} is not yours")
        return await self._end(at, Event.RELEASE, "")

    async def freeze(self, ident: str) -> Frozen:
        return await self._frost(ident, Event.FREEZE)

    async def thaw(self, ident: str) -> Frozen:
        return await self._frost(ident, Event.THAW)

    def _grant_view(self, grant: Grant, totals: Totals) -> GrantView:
        """While it is live its window knows what passed; afterwards its sessions do."""
        window = self._broker.windows.live.get(grant.id)
        if window is not None:
            totals = totals._replace(bytes_in=window.used_in, bytes_out=window.used_out)
        last = (window and running(window)) or self._broker.notes.newest(grant.id)
        guarded = self._broker.requests.guarded(grant.identity, grant.connection)
        return views.grant_view(grant, window, caller=self._who, now=self._broker.clock.now(), last=last, totals=totals, guarded=guarded)

    async def _frost(self, target: str, event: Event) -> Frozen:
        """Freeze or thaw what is named."""
        freezer, windows, by, on = self._broker.freezer, self._broker.windows, self._who.name, event is Event.FREEZE
        if target == "all":
            frost = (freezer.freeze_all if on else freezer.thaw_all)(by=by)
        elif target.startswith("s-"):
            session = windows.session(number(target, "s", "session"))
            frost = (freezer.freeze_session if on else freezer.thaw_session)(session, by=by)
        elif target.startswith("g-"):
            at = number(target, "g", "grant")
            window = windows.live.get(at)
            if window is None:
                grants.move(await self._find_grant(at), event)  # raises: it has ended
                raise NotFoundError(f"no live grant g-{at}")
            frost = (freezer.freeze if on else freezer.thaw)(window, by=by)
        else:
            raise InvalidError(f"{target[:40]!r} is no window, no session and not all; those look like g-17, s-204, all")
        await windows.decided()
        return Frozen(id=target, frozen_by=by if on else "", windows=frost.windows, streams=frost.streams, held=frost.held, said=stands(target, frost, on=on))

    async def _end(self, at: int, event: Event, reason: str) -> Ended:
        window = self._broker.windows.live.get(at)
        if window is None:
            grants.end(await self._find_grant(at), event, by=self._who.name, why=reason, now=self._broker.clock.now())  # raises: it has ended
            raise NotFoundError(f"no live grant g-{at}")
        cut = await self._broker.windows.end(window, event, by=self._who.name, why=reason)()
        await self._broker.windows.decided()
        return views.ended_view(f"g-{at}", cut)


def stands(target: str, frost: Frost, *, on: bool) -> str:
    """The effect of a freeze or a thaw in one line for the person."""
    what = target if target != "all" else f"{len(frost.windows)} window{'' if len(frost.windows) == 1 else 's'}"
    streams = f"{frost.streams} stream{'' if frost.streams == 1 else 's'}"
    if not on:
        return f"{what} thawed: {streams} and {size.show(frost.held)} held go on in order" if frost.windows or frost.streams else "nothing is frozen"
    said = f"{what} frozen: nothing passes, {streams} held; the clock runs on"
    if frost.skipped:
        said += f"; not {', '.join(frost.skipped)}: not used yet, revoke what must not start"
    return said if frost.windows or frost.streams or target != "all" else "nothing to freeze: no window is active that is not frozen already"


def running(window: Window) -> str:
    """The stream that was opened last and is still open, in one line; empty if none is."""
    newest = next((session for session in reversed(window.sessions.values()) if session.kind in UPGRADED and not session.muted), None)
    return line(newest.action)[:TEXT] if newest is not None and newest.action is not None else ""
