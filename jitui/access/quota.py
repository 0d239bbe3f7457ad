"""The limit of what an agent can make the gateway write in an hour. Rows beyond it are counted, and the counts are on record: nothing is silent."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from jitui.recording.facts import Counted, Draft
from jitui.store.actions import ROW
from jitui.values import span
from jitui.values.atwork import Told, unheard
from jitui.values.clock import Clock
from jitui.values.errors import TooManyError
from jitui.values.instant import Instant
from jitui.values.limits import Limits

HOUR_US: Final = 3_600_000_000


@dataclass(slots=True)
class _Hour:
    """The share of one identity that is used up since `began`."""

    began: Instant
    rows: int = 0
    size: int = 0
    asks: int = 0
    unwritten: Counter[str] = field(default_factory=Counter)  # by what it was: denied, refused
    told: bool = False  # that from here on there is a count only


class Quota:
    """Keeps the share of every identity. Owned by the event loop; its owner calls `tick`."""

    def __init__(self, clock: Clock, owe: Callable[[Sequence[Draft]], None], limits: Limits,
                 at_work: Told = unheard) -> None:
        """`at_work`: called each time with the limit, the identity that it holds back, and the words."""
        self.limits = limits
        self.low = False  # the disk has no room for what nobody needs
        self._clock, self._owe, self._at_work = clock, owe, at_work
        self._hours: dict[str, _Hour] = {}

    def spend(self, identity: str, what: str, size: int) -> bool:
        """Takes the room of a row with `size` characters of the agent's. False if its share is used up; then the row is only counted."""
        hour = self._hour(identity)
        over = hour.rows >= self.limits.rows_per_hour or hour.size + size > self.limits.row_bytes_per_hour
        if over or self.low:
            hour.unwritten[what] += 1
            limit, why = ("rows_per_hour", "its share of the hour is used up") if over else ("min_free", "there is little room on the disk")
            self._at_work(limit, identity, f"{hour.unwritten.total()} denied calls and refused asks of {identity} are counted, not written: {why}")
            if not hour.told:
                hour.told = True
                self._owe([Counted(identity=identity, state="began", why=why).draft(identity, "gateway")])
            return False
        hour.rows += 1
        hour.size += size + ROW
        return True

    def count(self, identity: str, what: str, times: int = 1) -> None:
        """Counts something of which no row is written in any case."""
        self._hour(identity).unwritten[what] += times

    def ask(self, identity: str, size: int) -> None:
        """Takes the room of a request with `size` characters, which must be written. Raises TooManyError, which says when to ask again."""
        hour = self._hour(identity)
        if hour.asks >= self.limits.asks_per_hour or hour.size + size > self.limits.row_bytes_per_hour:
            left_s = max(1, -((self._clock.now().boot_us - hour.began.boot_us - HOUR_US) // 1_000_000))
            words = f"{identity} has asked {hour.asks} times within an hour, and no more is written of one agent; it may ask again in {span.show(left_s)}"
            self._at_work("asks_per_hour", identity, words)
            raise TooManyError(words, limit="asks_per_hour", retry_after=left_s)
        hour.asks += 1
        hour.size += size + ROW

    def tick(self, now: Instant) -> None:
        """Ends the hours that are over, and puts their counts on record."""
        begun = now.boot_us - HOUR_US
        while self._hours:
            identity, hour = next(iter(self._hours.items()))  # the one that began first
            if hour.began.boot_us > begun:
                break
            self._close(identity, hour, now)

    def close(self) -> None:
        """Puts every count on record: the gateway stops."""
        now = self._clock.now()
        for identity, hour in list(self._hours.items()):
            self._close(identity, hour, now)

    def _hour(self, identity: str) -> _Hour:
        hour = self._hours.get(identity)
        if hour is None:
            hour = self._hours[identity] = _Hour(self._clock.now())
        return hour

    def _close(self, identity: str, hour: _Hour, now: Instant) -> None:
        del self._hours[identity]
        if hour.unwritten:
            counted = Counted(identity=identity, state="over", denied=hour.unwritten.get("denied"), refused=hour.unwritten.get("refused"),
                              since_us=hour.began.wall_us, until_us=now.wall_us)  # fmt: skip
            self._owe([counted.draft(identity, "gateway")])
