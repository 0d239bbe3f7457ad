"""The debt to the ledger: facts of what has happened already, written as soon as it takes them.

Decisions and ends of windows are noted beside the ledger while it does not take them, so that a gateway that is killed meanwhile forgets none.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

from jitui.proxy.live import Session
from jitui.recording.facts import Draft, SessionEnded, SessionEnding
from jitui.store import Store
from jitui.values.errors import JituiError

AT_ONCE: Final = 200  # facts of one commit
SLOW_S: Final = 0.5  # that a commit takes before what it should write is noted beside the ledger
AGAIN_S: Final = 1.0  # after a commit that failed, unless more is owed before
SETTLED_S: Final = 5.0  # that anybody waits for it


class Debt:
    """A list of facts that is written in its order. Owned by the event loop."""

    def __init__(self, store: Store, spawn: Callable[[Callable[[], Coroutine[Any, Any, None]]], None], *, noted: bool = False) -> None:
        """`noted`: whether facts that the ledger does not take are noted in a file beside it."""
        self.ending = False  # the gateway stops: what fails now is not tried again
        self._store, self._spawn, self._noted = store, spawn, noted
        self._owed: list[Draft] = []
        self._count = self._paid = 0  # since the start
        self._kept = 0  # how many of those that are owed, from the first, the note holds
        self._paying = self._failing = False
        self._news, self._more = asyncio.Event(), asyncio.Event()

    def owe(self, drafts: Iterable[Draft]) -> None:
        before = len(self._owed)
        self._owed.extend(drafts)
        self._count += len(self._owed) - before
        self._more.set()
        if self._owed and not self._paying:
            self._paying = True
            self._spawn(self._pay)

    async def _pay(self) -> None:
        try:
            while self._owed:
                drafts = self._owed[:AT_ONCE]
                try:
                    await self._commit(drafts)
                except JituiError:
                    self._more.clear()
                    await self._keep()
                    if self.ending:
                        return
                    with suppress(TimeoutError):
                        async with asyncio.timeout(AGAIN_S):
                            await self._more.wait()
                else:
                    await self._settle(len(drafts))
        finally:
            self._paying = False

    async def _commit(self, drafts: Sequence[Draft]) -> None:
        """Puts facts on record; if that takes long, they are noted meanwhile. Raises JituiError."""
        commit = asyncio.ensure_future(self._store.commit(drafts))
        await asyncio.wait({commit}, timeout=SLOW_S)
        if not commit.done():
            await self._keep()
        await commit

    async def _settle(self, count: int) -> None:
        """Forgets the first `count` of the facts that were owed: they are on record."""
        del self._owed[:count]
        self._paid += count
        self._news.set()
        self._news = asyncio.Event()
        noted, self._kept = self._kept, max(0, self._kept - count)
        if noted and not self._kept:
            self._failing = False
            with suppress(OSError):  # the next start sees that they are on record
                await self._store.kept()

    async def _keep(self) -> None:
        """Notes every fact that the ledger did not take."""
        if not self._noted or self._kept == len(self._owed):
            return
        new = self._owed[self._kept :]
        try:
            await self._store.keep(new)
        except OSError as error:
            if not self._failing:
                self._failing = True
                context = {"message": "what ended can be written neither to the ledger nor beside it; it counts while this gateway runs", "exception": error}
                asyncio.get_running_loop().call_exception_handler(context)
        else:
            self._kept += len(new)

    async def settled(self, within_s: float = SETTLED_S) -> None:
        """Waits until every fact that is owed now is written, `within_s` seconds at most. Facts that are owed later are not waited for."""
        mark = self._count
        try:
            async with asyncio.timeout(within_s):
                while self._paid < mark:
                    await self._news.wait()
        except TimeoutError:
            return


def ending(session: Session) -> Draft:
    """The fact that a muted session was made to end, with the words that its clients are told."""
    end = session.end
    assert end is not None
    return SessionEnding(why=str(end.why), by=end.by, words=end.words).draft(session.label, end.by)


def ended(session: Session, now_us: int) -> Draft:
    """The closing fact of a muted session."""
    end = session.end
    assert end is not None
    return SessionEnded(
        why=str(end.why), by=end.by, ended_us=now_us, delivered_in=session.handed_in, delivered_out=session.handed_out,
        conns=tuple(session.undelivered()), may_run_on=session.may_run_on,
    ).draft(session.label, end.by)  # fmt: skip
