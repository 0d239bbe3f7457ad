"""The one place that reads a clock (import-linter checks it)."""

import os
import time
from pathlib import Path
from time import CLOCK_BOOTTIME, clock_gettime_ns, time_ns
from typing import Final, Protocol

from jitui.values.instant import Instant


def use_utc() -> None:
    """Show every time of this process as UTC."""
    os.environ["TZ"] = "UTC"
    time.tzset()


_new: Final = tuple.__new__  # without the Python function of a NamedTuple: this is called eight times a request


class Clock(Protocol):
    """The source of the current time. A decision reads it once and passes the Instant down."""

    def now(self) -> Instant: ...


class SystemClock:
    """CLOCK_BOOTTIME and UTC of this machine."""

    def __init__(self) -> None:
        self.boot_id = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()

    def now(self) -> Instant:
        return _new(Instant, (time_ns() // 1000, clock_gettime_ns(CLOCK_BOOTTIME) // 1000, self.boot_id))


class ManualClock:
    """A clock for tests and the screenshots: it moves when told, so that a 30 minute window takes no time."""

    def __init__(self, wall_us: int = 1_795_449_600_000_000, boot_us: int = 1_000_000_000, boot_id: str = "boot-1") -> None:
        self.wall_us, self.boot_us, self.boot_id = wall_us, boot_us, boot_id

    def now(self) -> Instant:
        return Instant(self.wall_us, self.boot_us, self.boot_id)

    def advance(self, seconds: float) -> None:
        """Lets time pass, as in a suspend too: both clocks move."""
        self.wall_us += round(seconds * 1e6)
        self.boot_us += round(seconds * 1e6)

    def set_wall(self, seconds: float) -> None:
        """Moves the wall clock by so many seconds; the boot clock stays."""
        self.wall_us += round(seconds * 1e6)

    def reboot(self, boot_id: str, off_seconds: float = 30.0) -> None:
        """Reboots: the machine was off for `off_seconds`, and the boot clock counts from zero again."""
        self.wall_us += round(off_seconds * 1e6)
        self.boot_us, self.boot_id = 0, boot_id
