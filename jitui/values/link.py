"""Links to a moment of the record: `s-204@16:07:52`, `g-17@2026-11-23T16:07:52Z`, `shell.jitui@+3:41`. Every command with a session or a window takes one.

A time of day is the first such one since the session or the window began, in the zone of this process (TZ, or the machine's), as all times that people are
shown; one with a date and without a zone is in that zone, too. `+3:41` is so many minutes and seconds after the beginning.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final, NoReturn

from jitui.values.declared import dataclass
from jitui.values.errors import InvalidError
from jitui.values.instant import from_rfc3339

CLOCK: Final = r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
ZONE: Final = r"(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
AFTER: Final = r"\+(?:[0-9]{1,7}:){0,2}[0-9]{1,7}(?:\.[0-9]{1,9})?"
TIME: Final = re.compile(rf"(?P<after>{AFTER})|(?P<date>[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ])?(?P<clock>{CLOCK})(?P<zone>{ZONE})", re.ASCII)
SHORT: Final = re.compile(r"[0-9.]+(?::[0-9.]+)?")  # seconds, or minutes and seconds
GIVEN: Final = re.compile(rf"(?P<ident>[^@].*?)@(?P<at>{re.sub('[?]P<[a-z]+>', '?:', TIME.pattern)})", re.ASCII | re.DOTALL)
SLACK: Final = timedelta(seconds=1)  # a time of day is said without a fraction: it may lie before the beginning by less than that
DAY: Final = timedelta(days=1)
WORDS: Final = "a time as 16:07:52, 2026-11-23T16:07, or +3:41 from the beginning"
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Link:
    """A session, a window or a file, and a moment in it."""

    ident: str
    at: str = ""  # as it was written; empty: no moment

    @classmethod
    def parse(cls, text: str) -> "Link":
        """Text that does not end in `@` and a time names the whole."""
        found = GIVEN.fullmatch(text)
        return cls(found["ident"], found["at"]) if found else cls(text)

    def __str__(self) -> str:
        return f"{self.ident}@{self.at}" if self.at else self.ident

    def wall_us(self, started_us: int) -> int:
        """UTC, in microseconds; `started_us`: when the session or the window began, which is the moment of a link without one. Raises InvalidError."""
        return wall_us(self.at, started_us) if self.at else started_us


def wall_us(at: str, started_us: int) -> int:
    """The moment of a time as it stands in a link, UTC in microseconds; `started_us`: the beginning that it counts from. Raises InvalidError."""
    try:
        found = TIME.fullmatch(at.strip()) or _refuse(at)
        if found["after"]:
            parts = [float(part) for part in found["after"][1:].split(":")]
            return started_us + round(sum(part * scale for part, scale in zip(reversed(parts), (1, 60, 3600), strict=False)) * 1e6)
        clock = found["clock"] if found["clock"][2] == ":" else f"0{found['clock']}"
        if found["date"]:
            moment = datetime.fromisoformat(f"{found['date'][:10]}T{clock}{found['zone']}")
            return from_rfc3339((moment if found["zone"] else moment.astimezone()).isoformat())
        return _first(clock, found["zone"], EPOCH + timedelta(microseconds=started_us))
    except (ValueError, OverflowError):
        raise InvalidError(f"{at[:40]!r} is no moment: write {WORDS}") from None


def typed_us(text: str, started_us: int) -> int:
    """The same of what is typed on a screen, where seconds, or minutes and seconds, count from the beginning without a `+`. Raises InvalidError."""
    text = text.strip()
    return wall_us(f"+{text}" if SHORT.fullmatch(text) else text, started_us)


def _refuse(at: str) -> NoReturn:
    raise ValueError(at)


def _first(clock: str, zone: str, started: datetime) -> int:
    """The first such time of day since then."""
    given = datetime.fromisoformat(f"2000-01-01T{clock}{zone}")
    began = started.astimezone(given.tzinfo)
    for days in (-1, 0, 1, 2):
        moment = datetime.combine((began + days * DAY).date(), given.time(), given.tzinfo)
        found = from_rfc3339((moment if given.tzinfo else moment.astimezone()).isoformat())
        if EPOCH + timedelta(microseconds=found) >= started - SLACK:
            return found
    return _refuse(clock)


def link(ident: str, at_us: int, started_us: int) -> str:
    """The short link to a moment (both UTC, in microseconds) of what began then: a time of day, unless that has come twice since."""
    milliseconds = -(-at_us // 1000)  # never before the moment itself
    moment = (EPOCH + timedelta(milliseconds=milliseconds)).astimezone()
    clock = moment.strftime("%H:%M:%S") + (f".{milliseconds % 1000:03d}" if milliseconds % 1000 else "")
    short = f"{ident}@{clock}"
    return short if wall_us(clock, started_us) == milliseconds * 1000 else full(ident, at_us)


def full(ident: str, at_us: int) -> str:
    """The link to a moment that means the same everywhere: UTC, with its date."""
    return f"{ident}@{(EPOCH + timedelta(microseconds=at_us)).isoformat(timespec='microseconds').replace('+00:00', 'Z')}"
