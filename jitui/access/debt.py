"""The debt to the ledger: facts of what has happened already, written as soon as it takes them."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final

from jitui.recording.facts import Draft
from jitui.store import Store
from jitui.values.errors import JituiError

AT_ONCE: Final = 200  # facts of one commit
AGAIN_S: Final = 1.0  # after a commit that failed
SETTLED_S: Final = 5.0  # that anybody waits for it


class Debt:
    """One list of facts, written in its order. Lives on the loop."""

    def __init__(self, store: Store, spawn: Callable[[Callable[[], Coroutine[Any, Any, None]]], None]) -> None:
        self.ending = False  # the gateway stops: what fails now is not tried again
        self._store, self._spawn = store, spawn
        self._owed: list[Draft] = []
        self._count = self._paid = 0  # since the start
        self._paying = False
        self._news = asyncio.Event()

    def owe(self, drafts: Iterable[Draft]) -> None:
        before = len(self._owed)
        self._owed.extend(drafts)
        self._count += len(self._owed) - before
        if self._owed and not self._paying:
            self._paying = True
            self._spawn(self._pay)

    async def _pay(self) -> None:
        try:
            while self._owed:
                drafts, self._owed = self._owed[:AT_ONCE], self._owed[AT_ONCE:]
                try:
                    await self._store.commit(drafts)
                except JituiError:
                    self._owed = drafts + self._owed
                    await asyncio.sleep(AGAIN_S)
                    if self.ending:
                        return
                else:
                    self._paid += len(drafts)
                    self._news.set()
                    self._news = asyncio.Event()
        finally:
            self._paying = False

    async def settled(self, within_s: float = SETTLED_S) -> None:
        """Until all that is owed now is written, so many seconds at most; what is owed meanwhile is not waited for."""
        mark = self._count
        try:
            async with asyncio.timeout(within_s):
                while self._paid < mark:
                    await self._news.wait()
        except TimeoutError:
            return
