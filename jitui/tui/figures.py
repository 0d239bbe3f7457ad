"""Formats numbers and times for the screens: short, aligned, in local time."""

from datetime import UTC, datetime, timedelta
from typing import Final

from jitui.values.instant import local, zone_of

UNITS: Final = ((1 << 40, "TB"), (1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB"))


def size(count: float) -> str:
    """Bytes in at most six cells: `9 B`, `12 KB`, `1.2 MB`."""
    for unit, name in UNITS:
        if count >= unit:
            value = count / unit
            return f"{value:.1f} {name}" if value < 10 else f"{value:.0f} {name}"
    return f"{max(0, int(count))} B"


def frozen(by: str, held: int) -> str:
    """`FROZEN by ana, 12 KB held`; empty for what flows."""
    return by and f"FROZEN by {by}, {size(held)} held"


def left(seconds: float) -> str:
    """A countdown: `17m28s`, `0m41s`, `2h05m`, `3d04h`; never below zero."""
    whole = max(0, int(seconds))
    if whole >= 86400:
        return f"{whole // 86400}d{whole % 86400 // 3600:02d}h"
    if whole >= 3600:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 60}m{whole % 60:02d}s"


def moment(rfc3339: str) -> datetime | None:
    """The local time of one of the gateway's times; None if it is empty or no time."""
    return local(rfc3339)


def hour(rfc3339: str, plus_s: float = 0.0) -> str:
    """`16:04:12`, local; empty for an empty time."""
    found = moment(rfc3339)
    return (found + timedelta(seconds=plus_s)).strftime("%H:%M:%S") if found else ""


def zone(rfc3339: str) -> str:
    found = moment(rfc3339)
    return zone_of(found) if found else ""


def date(rfc3339: str) -> str:
    """`2026-11-23`, local."""
    found = moment(rfc3339)
    return f"{found:%Y-%m-%d}" if found else ""


def day(rfc3339: str) -> str:
    """`2026-11-23 16:04`, local."""
    found = moment(rfc3339)
    return f"{found:%Y-%m-%d %H:%M}" if found else ""


def stamp(rfc3339: str) -> str:
    """`2026-11-23 16:04:12`, local."""
    found = moment(rfc3339)
    return f"{found:%Y-%m-%d %H:%M:%S}" if found else ""


def short(rfc3339: str) -> str:
    """`23 Nov 16:04:12`, local, of what happened lately."""
    found = moment(rfc3339)
    return f"{found.day:2} {found:%b %H:%M:%S}" if found else ""


def age_s(rfc3339: str, at: str) -> float:
    """Seconds from one of the gateway's times to another; 0 if one is missing."""
    then, now = moment(rfc3339), moment(at)
    return (now - then).total_seconds() if then and now else 0.0


def since_start(at_us: int) -> str:
    """`3:41.2` into a recording."""
    tenths = max(0, at_us) // 100_000
    return f"{tenths // 600}:{tenths // 10 % 60:02d}.{tenths % 10}"


def plus_us(rfc3339: str, at_us: int) -> str:
    """The gateway's time that lies so many microseconds later, RFC 3339; empty for an empty time."""
    found = moment(rfc3339)
    return (found + timedelta(microseconds=at_us)).astimezone(UTC).isoformat() if found else ""


def runs_on(processes: int) -> str:
    """`2 may run on`, of processes whose stream was closed; empty for none."""
    return f"{processes} may run on" if processes else ""


def many(count: int, noun: str) -> str:
    """`1 stream`, `3 streams`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
