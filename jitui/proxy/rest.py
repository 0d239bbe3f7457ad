"""The bytes that are still unsent when an answer or a command is over: the client takes them at its own pace, as it would from the cluster."""

import asyncio
from typing import Final

from jitui.proxy.live import Window
from jitui.proxy.outlet import Outlet

PATIENCE: Final = 60.0  # seconds without a byte taken, those of a freeze not counted; kubectl's own read deadline is 61 s


class Rest:
    """Bytes on their way to the client and not yet taken. A close with answers unread in it is a reset, which throws them away."""

    def __init__(self, outlet: Outlet, window: Window) -> None:
        self._outlet, self._window = outlet, window
        self._left, self._moved = self._now_left, asyncio.get_running_loop().time()

    def on_its_way(self) -> bool:
        """Whether the client is still to be waited for: it takes some of it now and then, and its window is open."""
        left, now = self._now_left, asyncio.get_running_loop().time()
        frozen = self._outlet.frozen  # words for it may be held elsewhere
        if left != self._left or frozen:
            self._left, self._moved = left, now
        return (left > 0 or frozen) and now - self._moved < PATIENCE and not self._window.closed

    @property
    def _now_left(self) -> int:
        return self._outlet.queued + self._outlet.unsent
