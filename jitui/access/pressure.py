"""The limits that hold somebody back just now: one line in the log for each limit and minute, and a mark in the header of the screens."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from jitui.values.atwork import AtWork
from jitui.values.clock import Clock
from jitui.values.said import clean

SHOWN_US: Final = 60_000_000  # a limit counts as at work for a minute behind its newest refusal
NAMED: Final = 4  # names of one limit that a line or a light says
HELD: Final = 64  # names of one limit that are counted; of more it is said that there are


@dataclass(slots=True)
class Held:
    """One limit that holds somebody back."""

    said_us: int  # boot clock, when the log had its line
    words: str = ""  # of the newest refusal
    newest_us: int = 0  # boot clock, of the newest refusal
    times: int = 0  # since it came to work
    unsaid: int = 0  # since that line
    who: dict[str, int] = field(default_factory=dict)  # how often each, since it came to work


class Pressure:
    """Keeps the newest refusal of each limit. Every refusal is told here, in constant time; the API's service reads it."""

    def __init__(self, clock: Clock, log: Callable[[str, dict[str, object]], None] = lambda event, more: None) -> None:  # noqa: ARG005 - nobody listens
        """`log`: called with an event and its values, at most once a minute and limit."""
        self._clock, self._log = clock, log
        self._held: dict[str, Held] = {}

    def at_work(self, limit: str, who: str, words: str) -> None:
        """Notes that the limit `limit` refused `who`, with these words."""
        now_us = self._clock.now().boot_us
        held = self._held.get(limit)
        if held is None or now_us - held.newest_us > SHOWN_US:
            held = self._held[limit] = Held(said_us=now_us - SHOWN_US)
        held.words, held.newest_us = words, now_us
        held.times += 1
        held.unsaid += 1
        if who in held.who or len(held.who) < HELD:
            held.who[who] = held.who.get(who, 0) + 1
        if now_us - held.said_us >= SHOWN_US:
            self._log("a limit is at work", {"limit": f"limits.{limit}", "who": _named(held.who), "times": held.unsaid, "words": clean(words, 300)})
            held.said_us, held.unsaid = now_us, 0

    @property
    def now(self) -> tuple[AtWork, ...]:
        """Returns the limits that hold somebody back now, the newest first."""
        now_us = self._clock.now().boot_us
        found = [(limit, held) for limit, held in self._held.items() if now_us - held.newest_us <= SHOWN_US]
        found.sort(key=lambda one: -one[1].newest_us)
        return tuple(AtWork(limit=limit, who=_named(held.who), words=clean(held.words, 300), times=held.times) for limit, held in found)


def _named(names: dict[str, int]) -> str:
    """Returns the names that come most often."""
    most = sorted(names, key=lambda name: -names[name])
    more = f" and {len(most) - NAMED}{' or more' if len(most) >= HELD else ''} others" if len(most) > NAMED else ""
    return clean(", ".join(most[:NAMED]), 200) + more
