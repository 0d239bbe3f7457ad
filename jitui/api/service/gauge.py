"""The header's two needles: how late the event loop is, and how fast it records."""

import asyncio
from typing import Final

from jitui.store import Store

EVERY: Final = 0.25  # seconds
SMOOTH: Final = 0.3  # weight of the newest reading


class Gauge:
    """Loop lag (ms, worst of the last second) and recorded bytes a second."""

    def __init__(self, store: Store) -> None:
        self.bytes_s = 0.0
        self._store = store
        self._lags: list[float] = []

    @property
    def lag_ms(self) -> float:
        return max(self._lags, default=0.0)

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        written = self._store.written_bytes
        while True:
            due = loop.time() + EVERY
            await asyncio.sleep(EVERY)
            self._lags = [*self._lags[-3:], max(0.0, (loop.time() - due) * 1000)]
            now_written = self._store.written_bytes
            self.bytes_s += SMOOTH * ((now_written - written) / EVERY - self.bytes_s)
            if self.bytes_s < 1:
                self.bytes_s = 0.0
            written = now_written
