"""The hold of a frozen session: bytes that would pass wait here, in order, until the thaw; an end drops them."""

from collections.abc import Callable

from jitui.proxy.gate import Gate


class Hold:
    """Knows whether a session is frozen, and keeps what waits for its thaw."""

    __slots__ = ("_gate", "_waiting", "by", "held")

    def __init__(self, gate: Gate) -> None:
        self.by = ""  # the person who froze it; empty: it flows
        self.held = 0  # bytes recorded since then, and not let go
        self._gate = gate
        self._waiting: list[Callable[[], None]] = []

    def flow(self, then: Callable[[], None], size: int = 0) -> None:
        """Call `then` now if bytes may pass, or once they may again if the session is frozen; never after its end. `size`: bytes that it lets go."""
        if not self._gate.passing():
            return
        if self.by:
            self._waiting.append(then)
            self.held += size
        else:
            then()

    def release(self) -> None:
        """Let everything that waits go on after a thaw, in order, as long as bytes may pass."""
        waiting, self._waiting = self._waiting, []
        for at, then in enumerate(waiting):
            if not self._gate.passing():
                return
            if self.by:  # frozen again, by what was just let go
                self._waiting[:0] = waiting[at:]
                return
            then()

    def drop(self) -> None:
        """Forget everything that waits: the session has ended."""
        self._waiting.clear()
