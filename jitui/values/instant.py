"""Points in time as plain values. Only `clock.py` reads a clock; all other code is handed an Instant.

CLOCK_BOOTTIME runs on through a suspend, and the wall clock can be set. So within one boot the boot clock decides, and
only across a reboot the wall clock does.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

NEVER_US: Final = 1 << 62  # a boot time that does not come
EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC, without saying so in what is made of it


class Instant(NamedTuple):
    """One reading of both clocks, in microseconds. A tuple, as every frame makes one."""

    wall_us: int  # UTC, since 1970
    boot_us: int  # CLOCK_BOOTTIME, since this boot
    boot_id: str  # /proc/sys/kernel/random/boot_id


@dataclass(frozen=True, slots=True)
class Deadline:
    """An absolute instant that never moves once it is set."""

    wall_us: int
    boot_us: int
    boot_id: str

    @classmethod
    def after(cls, now: Instant, duration_us: int) -> "Deadline":
        return cls(now.wall_us + duration_us, now.boot_us + duration_us, now.boot_id)

    def remaining_us(self, now: Instant) -> int:
        """Microseconds until it; zero or less once it has passed. Same boot: boot time decides; another boot: wall time."""
        if now.boot_id == self.boot_id:
            return self.boot_us - now.boot_us
        return self.wall_us - now.wall_us

    def anchored(self, now: Instant) -> "Deadline":
        """The same instant on this boot's clock: from here on setting the wall clock does not move it."""
        if now.boot_id == self.boot_id:
            return self
        return Deadline(self.wall_us, now.boot_us + self.wall_us - now.wall_us, now.boot_id)

    def passed(self, now: Instant) -> bool:
        """Whether it is reached, by the same rule; asked for each byte, so without another call."""
        return (self.boot_us <= now.boot_us) if now.boot_id == self.boot_id else (self.wall_us <= now.wall_us)


def rfc3339(wall_us: int) -> str:
    """UTC with microseconds: 2026-11-23T16:04:11.000250Z."""
    return f"{(EPOCH + timedelta(microseconds=wall_us)).isoformat(timespec='microseconds')}Z"


def local(text: str) -> datetime | None:
    """An RFC 3339 time in the zone of this process (TZ, or the machine's); None if it is empty or no time."""
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        return None


def zone_of(moment: datetime) -> str:
    """The zone's name: CET; or its offset where it has no name: +05:45."""
    name = moment.tzname() or ""
    return name if name[:1].isalpha() else moment.isoformat()[-6:]


def named(text: str, *, fraction: bool = False) -> str:
    """2026-11-23 17:04:11 CET of an RFC 3339 time: the local one, with its date and its zone. `fraction`: with milliseconds. Other text stays as it is."""
    moment = local(text)
    if moment is None:
        return text
    return f"{moment.replace(tzinfo=None).isoformat(' ', 'milliseconds' if fraction else 'seconds')} {zone_of(moment)}"


def from_rfc3339(text: str) -> int:
    """Microseconds since 1970 of an RFC 3339 time. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"time without a zone: {text}")
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86400 + delta.seconds) * 1_000_000 + delta.microseconds
