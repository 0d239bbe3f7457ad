"""The keeper of the transparency log: it adds what the ledger signed, at most every ten seconds of change and when a session has ended."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

from jitui.recording.facts import Fact, Kind, LogBegun
from jitui.recording.tlog.checkpoint import checkpoint_of
from jitui.recording.tlog.note import Note
from jitui.store import Files, Store
from jitui.store.bus import Bus
from jitui.store.merkle import MerkleLog, begun
from jitui.values.aside import aside
from jitui.values.clock import Clock
from jitui.values.errors import BrokenError, JituiError
from jitui.witness.settings import WitnessSettings
from jitui.witness.witnesses import Witness, witness_of

EVERY: Final = 10.0  # seconds between two looks at what changed
APART: Final = 1.0  # seconds between two checkpoints where many sessions end
AWAY: Final = 30.0  # seconds until a witness that did not answer is shown the newest checkpoint again
LONG: Final = 60.0  # seconds without an answer of a witness, after which that is said
AGAIN: Final = 60.0  # seconds until a log that could not be gone on with is looked at again
NAME: Final = "transparency log"


class Keeper:
    """One for a gateway: `run` it as a task; `finish` after the last fact. `tell` hears of a trouble by its name, and with "" of its end."""

    def __init__(self, store: Store, files: Files, bus: Bus, tell: Callable[[str, str], None], witnesses: Mapping[str, Witness] | None = None) -> None:
        self._witnesses = {name: (witness, asyncio.Event()) for name, witness in (witnesses or {}).items()}
        self._store, self._files, self._tell = store, files, tell
        self._log: MerkleLog | None = None
        self._ended = asyncio.Event()
        bus.hear(self._hear)

    def _hear(self, fact: Fact) -> None:
        if fact.kind is Kind.SESSION_ENDED:
            self._ended.set()

    async def run(self) -> None:
        """Goes on until it is cancelled. Each witness has its own pace: one that is away keeps nobody up."""
        async with asyncio.TaskGroup() as tasks:
            for name, (witness, fresh) in self._witnesses.items():
                tasks.create_task(self._show(name, witness, fresh))
            await self._keep()

    async def _show(self, name: str, witness: Witness, fresh: asyncio.Event) -> None:
        """Shows a witness the newest checkpoint, each time there is one."""
        while True:
            await fresh.wait()
            fresh.clear()
            try:
                await self._shown_to(name, witness)
            except (JituiError, OSError, ValueError) as error:
                self._tell(f"witness {name}", f"it has not seen the newest checkpoint: {error}")
                await asyncio.sleep(AWAY)
                fresh.set()
            else:
                self._tell(f"witness {name}", "")

    async def _shown_to(self, name: str, witness: Witness) -> None:
        """Waits for its answer however long that takes, and says when it takes long."""
        call = aside(partial(self._shown, witness), f"witness {name}")
        try:
            if not (await asyncio.wait({call}, timeout=LONG))[0]:
                self._tell(f"witness {name}", f"it has not seen the newest checkpoint: it was asked {LONG:g} s ago, and its answer has no end yet")
            await call
        finally:
            call.cancel()

    def _shown(self, witness: Witness) -> None:
        log = self._log
        if log is not None and (note := log.newest()) is not None:
            log.seen(checkpoint_of(note.text).size, witness.see(note, log.consistency))

    async def _keep(self) -> None:
        while True:
            try:
                await self._advance()
            except JituiError as error:
                self._tell(NAME, f"no checkpoint is made: {error}")
                await asyncio.sleep(AGAIN)
                continue
            self._tell(NAME, "")
            await asyncio.sleep(APART)
            try:
                async with asyncio.timeout(EVERY - APART):
                    await self._ended.wait()
            except TimeoutError:
                continue

    async def finish(self) -> None:
        """The last checkpoint, over all that is on record by now; then the file is closed."""
        try:
            await self._advance()
        except JituiError as error:
            self._tell(NAME, f"no checkpoint is made: {error}")
        if self._log is not None:
            await asyncio.to_thread(self._log.close)
            self._log = None

    async def _advance(self) -> None:
        self._ended.clear()
        log = self._log or await self._opened()
        if await asyncio.to_thread(self._all, log):
            for _, fresh in self._witnesses.values():
                fresh.set()

    def _all(self, log: MerkleLog) -> Note | None:
        newest = None
        while note := log.advance(self._files.facts_read):
            newest = note
        return newest

    async def _opened(self) -> MerkleLog:
        """The log that the facts tell of; another one if there is none. Raises BrokenError for a log that is not of this ledger."""
        log = await asyncio.to_thread(self._store.open_log)
        try:
            origins = await asyncio.to_thread(begun, self._files.facts_read)
            if not log.origin:
                origin = log.new_origin(origins)
                await self._store.commit([LogBegun(origin=origin).draft(log.path.name, "gateway")])
                await asyncio.to_thread(log.begin, origin)
            else:
                _must_be(log, origins)
        except BaseException:
            await asyncio.to_thread(log.close)
            raise
        self._log = log
        return log


@asynccontextmanager
async def keeping(store: Store, files: Files, bus: Bus, tell: Callable[[str, str], None],
                  witnesses: Mapping[str, WitnessSettings], clock: Clock) -> AsyncIterator[Callable[[], Coroutine[Any, Any, None]]]:  # fmt: skip
    """The work of a keeper, to be run as a task; at the end it takes up the last facts."""
    keeper = Keeper(store, files, bus, tell, {name: witness_of(settings, clock) for name, settings in witnesses.items()})
    try:
        yield keeper.run
    finally:
        await keeper.finish()


def _must_be(log: MerkleLog, origins: Sequence[str]) -> None:
    newest = origins[-1] if origins else "none"
    if log.origin != newest:
        raise BrokenError(f"{log.path} is the log {log.origin}, and the newest that the ledger tells of is {newest}; move it away to begin another")
