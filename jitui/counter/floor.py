"""What is live, as one caller may see and stop it."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Final

from jitui import __version__, size
from jitui.broker.freezer import Frost
from jitui.broker.windows import Cut
from jitui.bus import Gap
from jitui.counter import live, views
from jitui.counter.bound import Bound, number
from jitui.counter.masks import masks_at
from jitui.desk import API
from jitui.errors import InvalidError, NotFoundError, RefusedError
from jitui.facts import Draft, Fact, Kind
from jitui.page import Page
from jitui.rules import grant as grants
from jitui.rules.grant import Event
from jitui.rules.rights import Right, require, rights_of
from jitui.rules.terms import Grant
from jitui.store.rows import Totals
from jitui.tape.frame import Frame
from jitui.tape.masking.session import Shown
from jitui.views import Ended, FactView, Frozen, GrantView, Hello, LiveChunk, SessionView, Status

FACTS_PAGE: Final = 200  # put into views at a time, a millisecond or two of the loop
BEFORE_FRAMES: Final = 200  # a live viewer is shown at most of what was before


def concerns(fact: Fact, name: str) -> bool:
    """Whether an agent may be told of a fact: its own. Everybody else sees all (name empty)."""
    return not name or name in {fact.who, fact.what.get("identity")}


class FloorSeat(Bound):
    """desk.Floor for one caller."""

    async def hello(self) -> Hello:
        counter = self._house
        return Hello(
            version=__version__, api=API, gateway_id=self._broker.gateway, you=self._who.name, roles=tuple(sorted(self._who.roles)),
            rights=tuple(sorted(rights_of(self._who))), solo=self._broker.roster.people.solo, connections=self._connections(), kube=counter.kube,
            ca_pem=counter.ca_pem, ledger_key=self._broker.store.public_key.hex(),
        )  # fmt: skip

    async def status(self) -> Status:
        require(self._who, Right.SEE)
        return self._status()

    async def grants(self, *, everything: bool = False, cursor: str = "") -> Page[GrantView]:
        now = self._broker.clock.now()
        known = {window.grant.id: window.grant for window in self._broker.windows.live.values()}
        live = [grant for grant in known.values() if not cursor and self._sees(grant)]
        live.sort(key=lambda grant: (limit.remaining_us(now) if (limit := grant.deadline or grant.use_by) else 0, grant.id))
        totals: dict[int, Totals] = await self._read(self._house.sums.of, live, now.wall_us) if live else {}
        found = Page(self._grant_view(grant, totals.get(grant.id, Totals())) for grant in live)
        if everything:
            ended = await self._read(self._ended, self._only(), known.keys(), now.wall_us, cursor)
            found += ended
            found.more = ended.more
        return found

    def _ended(self, only: str, live: Collection[int], now_us: int, cursor: str) -> Page[GrantView]:
        """A page of the ledger's, but for those that are live."""
        page = self._files.grants(identity=only, cursor=cursor)
        ended = [grant for grant in page if grant.id not in live]
        totals = self._house.sums.of(ended, now_us)
        return Page((self._grant_view(grant, totals[grant.id]) for grant in ended), page.more)

    async def grant(self, ident: str) -> GrantView:
        at = number(ident, "g", "grant")
        grant = await self._find_grant(at)
        if not self._sees(grant):
            raise RefusedError(f"grant {ident} is not yours")
        totals = await asyncio.to_thread(self._house.sums.of, [grant], self._broker.clock.now().wall_us)
        return self._grant_view(grant, totals[at])

    async def sessions(self, *, live: bool = False, grant: str = "", cursor: str = "") -> Page[SessionView]:
        at = number(grant, "g", "grant") if grant else 0
        now = self._broker.clock.now()
        present = [s for s in self._broker.windows.sessions.values() if not at or s.window.grant.id == at]
        found = Page(views.live_session_view(s, caller=self._who, now=now) for s in present if self._sees(s.window.grant))
        if live:
            return found
        past = await self._read(self._past, at, self._only(), {s.id for s in present}, views.may_replay(self._who), cursor)
        return past if past.more else Page([*past, *found])

    def _past(self, grant: int, only: str, live: Collection[int], may: tuple[str, ...], cursor: str) -> Page[SessionView]:
        """A page of the ledger's, but for those that are live."""
        page = self._files.sessions(grant=grant, identity=only, cursor=cursor)
        return Page((views.session_view(row, may=may) for row in page if row.id not in live), page.more)

    async def revoke(self, grant: str, *, reason: str) -> Ended:
        require(self._who, Right.STOP)
        at = number(grant, "g", "grant")
        await self._find_grant(at)
        require(self._who, Right.STOP)  # it may have been taken away meanwhile
        self._reason(reason)
        return await self._end(at, Event.REVOKE, reason)

    async def release(self, grant: str) -> Ended:
        require(self._who, Right.ASK)
        at = number(grant, "g", "grant")
        if (await self._find_grant(at)).identity != self._who.name:
            raise RefusedError(f"grant {grant} is not yours")
        return await self._end(at, Event.RELEASE, "")

    async def kill(self, session: str, *, reason: str) -> Ended:
        require(self._who, Right.STOP)
        self._reason(reason)
        at = number(session, "s", "session")
        cut = await self._broker.windows.kill(self._broker.windows.session(at), by=self._who.name, reason=reason)()
        await self._broker.windows.decided()
        return ended(f"s-{at}", cut)

    async def freeze(self, target: str) -> Frozen:
        return await self._frost(target, Event.FREEZE)

    async def thaw(self, target: str) -> Frozen:
        return await self._frost(target, Event.THAW)

    async def watch(self, session: str, *, unmask: bool = False) -> AsyncIterator[LiveChunk]:
        require(self._who, Right.LIVE)
        if unmask:
            require(self._who, Right.UNMASK)
        found = self._broker.windows.session(number(session, "s", "session"))
        how = {"how": "unmasked", "live": True} if unmask else {"how": "live"}
        await self._broker.store.commit([Draft(Kind.VIEWED, found.label, self._who.name, how)])

        def before() -> list[Frame]:
            return self._files.newest_frames(found.id, after=max(-1, found.frames - BEFORE_FRAMES), room=live.BEFORE)

        async def join(seq: int) -> live.Show:
            masks = None if unmask else await asyncio.to_thread(masks_at, self._files, found.id, seq - 1, tty=found.tty)

            async def show(frames: Sequence[Frame]) -> list[Shown]:
                return [Shown(frame) for frame in frames] if masks is None else await asyncio.to_thread(masks.frames, frames)

            return show

        async for chunk in live.watch(found, lambda: asyncio.to_thread(before), join):
            require(self._who, Right.LIVE)  # as they are when it is shown
            if unmask:
                require(self._who, Right.UNMASK)
            yield chunk

    async def events(self, *, since: int = -1) -> AsyncIterator[FactView]:
        with self._house.bus.subscribe() as subscription:
            last = since if since >= 0 else self._broker.store.newest_fact
            while True:
                missed = await asyncio.to_thread(self._files.facts, after=last, limit=FACTS_PAGE)
                for fact in missed:
                    last = fact.seq
                    if concerns(fact, self._only()):
                        yield views.fact_view(fact)
                if missed:
                    continue
                gap = False
                async for news in subscription:
                    if isinstance(news, Gap):
                        gap = True
                        break
                    if news.seq > last:
                        last = news.seq
                        if concerns(news, self._only()):
                            yield views.fact_view(news)
                if not gap:
                    return

    def _grant_view(self, grant: Grant, totals: Totals) -> GrantView:
        """While it is live its window knows what passed; afterwards its sessions do."""
        window = self._broker.windows.live.get(grant.id)
        if window is not None:
            totals = totals._replace(bytes_in=window.used_in, bytes_out=window.used_out)
        last = self._broker.notes.newest(grant.id)
        guarded = self._broker.requests.guarded(grant.identity, grant.connection)
        return views.grant_view(grant, window, caller=self._who, now=self._broker.clock.now(), last=last, totals=totals, guarded=guarded)

    async def _frost(self, target: str, event: Event) -> Frozen:
        """Freeze or thaw what is named."""
        require(self._who, Right.STOP)
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
        return ended(f"g-{at}", cut)


def ended(ident: str, cut: Cut) -> Ended:
    """What was closed, and what that leaves behind: a closed stream ends no process."""
    said = f"{cut.streams} stream{'' if cut.streams == 1 else 's'} closed in {cut.took_ms:.0f} ms"
    if cut.processes:
        said += f"; {cut.processes} process{'' if cut.processes == 1 else 'es'} may go on in {', '.join(cut.may_run_on)}"
    return Ended(id=ident, streams=cut.streams, took_ms=cut.took_ms, may_run_on=cut.may_run_on, said=said)


def stands(target: str, frost: Frost, *, on: bool) -> str:
    """What a freeze or a thaw did, in one line for the person."""
    what = target if target != "all" else f"{len(frost.windows)} window{'' if len(frost.windows) == 1 else 's'}"
    streams = f"{frost.streams} stream{'' if frost.streams == 1 else 's'}"
    if not on:
        return f"{what} thawed: {streams} and {size.show(frost.held)} held go on in order" if frost.windows or frost.streams else "nothing is frozen"
    said = f"{what} frozen: nothing passes, {streams} held; the clock runs on"
    if frost.skipped:
        said += f"; not {', '.join(frost.skipped)}: not used yet, revoke what must not start"
    return said if frost.windows or frost.streams or target != "all" else "nothing to freeze: no window is active that is not frozen already"
