"""One collector's exporter: facts after its cursor, at least once, in their order."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, Final

from jitui.export.settings import ExportSettings
from jitui.export.targets import Otlp, Syslog, Target
from jitui.recording.facts import Fact
from jitui.store import Files
from jitui.store.bus import Bus
from jitui.values.aside import aside
from jitui.values.errors import JituiError, UnsafeError
from jitui.values.private_file import write_private

AT_ONCE: Final = 200  # facts of one sending
LOOK_S: Final = 1.0  # seconds between two looks, if no fact comes
FIRST_S: Final = 1.0  # seconds until a collector that is away is tried again; doubled each time
MOST_S: Final = 60.0

Work = Callable[[], Coroutine[Any, Any, None]]


class Exporter:
    """`run` it as a task. `tell` hears of a trouble by its name, and with "" of its end."""

    def __init__(self, name: str, target: Target, path: Path, files: Files, bus: Bus, tell: Callable[[str, str], None]) -> None:
        """`path`: the file of the cursor."""
        self._name, self._target, self._path, self._files, self._tell = f"export to {name}", target, path, files, tell
        self._fresh = asyncio.Event()
        self._cursor: Fact | None = None  # everything up to it is there
        self._sent = 0  # the newest that was sent
        self._waiting: deque[tuple[Fact, float]] = deque()  # the last fact of each sending that is not known to be there, and when it was sent
        bus.hear(lambda _: self._fresh.set())

    async def run(self) -> None:
        """Goes on until it is cancelled."""
        pause = FIRST_S
        self._sent = await asyncio.to_thread(self._recall)
        while True:
            try:
                await self._step()
            except (JituiError, OSError, ValueError) as error:
                await asyncio.to_thread(self._target.close)
                self._waiting.clear()
                self._sent = self._cursor.seq if self._cursor else await asyncio.to_thread(self._recall)
                self._tell(self._name, f"facts after {self._sent} are not there yet; it is tried again: {error}")
                await asyncio.sleep(pause)
                pause = min(pause * 2, MOST_S)
            else:
                self._tell(self._name, "")
                pause = FIRST_S

    async def _step(self) -> None:
        """Send what there is; else wait for more, and see what has arrived."""
        self._fresh.clear()
        facts = await asyncio.to_thread(self._files.facts, after=self._sent, limit=AT_ONCE)
        if facts:
            await aside(partial(self._target.send, facts), self._name)
            self._sent = facts[-1].seq
            self._waiting.append((facts[-1], asyncio.get_running_loop().time()))
        await self._settle()
        if not facts:
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._fresh.wait()
            except TimeoutError:
                return

    async def _settle(self) -> None:
        """Move the cursor up to what is there for sure."""
        there = await asyncio.to_thread(self._target.check)
        now, cursor = asyncio.get_running_loop().time(), self._cursor
        while there and self._waiting and now - self._waiting[0][1] >= self._target.settles:
            cursor = self._waiting.popleft()[0]
        if cursor is not None and cursor is not self._cursor:
            self._cursor = cursor
            await asyncio.to_thread(self._keep, cursor)

    def _keep(self, cursor: Fact) -> None:
        """On disk, so that the next gateway goes on from there. On a full disk it sends some twice."""
        try:
            write_private(self._path, json.dumps({"seq": cursor.seq, "hash": cursor.hash.hex()}).encode("ascii"))
        except (UnsafeError, OSError):
            return

    def _recall(self) -> int:
        """The number of the fact that the cursor stands at; 0 if it is not of this ledger."""
        try:
            told = json.loads(self._path.read_bytes())
            seq, link = int(told["seq"]), bytes.fromhex(told["hash"])
        except (OSError, ValueError, TypeError, KeyError):
            return 0
        found = self._files.facts(after=seq - 1, limit=1) if seq > 0 else []
        return seq if found and (found[0].seq, found[0].hash) == (seq, link) else 0


def exporting(folder: Path, files: Files, bus: Bus, tell: Callable[[str, str], None], settings: ExportSettings | None) -> list[Work]:
    """The tasks of all collectors; `folder`: the state folder."""
    targets: dict[str, Target] = {}
    if settings is not None and settings.syslog is not None:
        targets["syslog"] = Syslog(settings.syslog)
    if settings is not None and settings.otlp is not None:
        targets["otlp"] = Otlp(settings.otlp, partial(tell, "export to otlp: records"))
    return [Exporter(name, target, folder / f"exported-{name}.json", files, bus, tell).run for name, target in targets.items()]
