"""The waits before an identity may ask again: after a denial at once, after withdrawals and refused asks once there were several of them."""

from dataclasses import dataclass
from typing import Final

from jitui.values import span
from jitui.values.errors import RefusedError
from jitui.values.instant import Instant

FIRST_S: Final = 60  # doubling with each
LONGEST_S: Final = 3600
PEACE_US: Final = 3_600_000_000  # so long after the last wait it starts anew
FREE: Final = 3  # withdrawals and refused asks, together, that cost nothing: who mistyped a scope mends it at once

Pair = tuple[str, str]  # identity, connection


class CoolingError(RefusedError):
    """An agent asked before its wait was over. The ask is counted, and leaves no fact of its own."""


@dataclass(slots=True)
class _Wait:
    """The waits of one identity on one connection; times on the boot clock, in microseconds."""

    until_us: int = 0
    seconds: int = 0  # of the last wait; 0: there was none yet
    why: str = ""
    slips: int = 0  # withdrawals and refused asks since
    slipped_us: int = 0  # the last one of those


class Cooling:
    """The waits of every identity and connection. A decision that grants something ends them."""

    def __init__(self) -> None:
        self._waits: dict[Pair, _Wait] = {}

    def check(self, pair: Pair, now: Instant) -> None:
        """Raises CoolingError, which says why and for how long, if the identity has to wait."""
        wait = self._waits.get(pair)
        if wait is not None and now.boot_us < wait.until_us:
            left_s = -((now.boot_us - wait.until_us) // 1_000_000)
            raise CoolingError(f"{pair[0]} {wait.why} on {pair[1]}; it may ask again in {left_s} s")

    def denied(self, pair: Pair, now: Instant) -> None:
        """Notes that a person denied a request."""
        self._begin(self._waits.setdefault(pair, _Wait()), now, "was denied")

    def slipped(self, pair: Pair, now: Instant) -> None:
        """Notes a withdrawal, or an ask that the rule does not allow. The first few within an hour cost nothing."""
        wait = self._waits.setdefault(pair, _Wait())
        if now.boot_us > max(wait.slipped_us, wait.until_us) + PEACE_US:
            wait.slips = 0
        wait.slips, wait.slipped_us = wait.slips + 1, now.boot_us
        if wait.slips > FREE:
            self._begin(wait, now, f"withdrew or was refused {wait.slips} times")

    def forgive(self, pair: Pair) -> None:
        """Notes a grant, which ends the waits."""
        self._waits.pop(pair, None)

    @staticmethod
    def _begin(wait: _Wait, now: Instant, why: str) -> None:
        again = wait.seconds and now.boot_us < wait.until_us + PEACE_US
        wait.seconds = min(LONGEST_S, wait.seconds * 2) if again else FIRST_S
        wait.until_us = now.boot_us + wait.seconds * 1_000_000
        wait.why = f"{why}, and cools down for {span.show(wait.seconds)}"
