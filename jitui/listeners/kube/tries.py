"""kubectl asks a refused upgrade twice: over WebSocket, and at once again over SPDY. On record that is one denial."""

import asyncio
from collections import OrderedDict
from typing import Final

from jitui.policy.action import Action

WITHIN_S: Final = 10.0
KEPT: Final = 256

Attempt = tuple[str, str, str, Action]  # agent, connection, Kubectl-Session, what was asked


class Tries:
    """The WebSocket upgrades denied just now. The second try is judged like any other; only its row is spared."""

    def __init__(self) -> None:
        self._denied: OrderedDict[int, float] = OrderedDict()  # by hash: an attempt may hold a megabyte of argv

    def is_second(self, attempt: Attempt, upgrade: bytes) -> bool:
        """Whether this denial, of an upgrade to `upgrade`, is the second half of one that is on record."""
        now, key = asyncio.get_running_loop().time(), hash(attempt)
        if upgrade == b"websocket":
            self._denied.pop(key, None)
            self._denied[key] = now
            while len(self._denied) > KEPT:
                self._denied.popitem(last=False)
            return False
        first = self._denied.pop(key, None) if upgrade.startswith(b"spdy") else None
        return first is not None and now - first <= WITHIN_S
