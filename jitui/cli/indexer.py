"""The process that builds index.db: `python -m jitui.cli.indexer FOLDER`, started by the gateway, and ended by the end of its standard input.

It reads the bytes of others, so it can hurt nobody: before it reads the first of them it is confined (confinement.py) to reading the record and writing the
index; it works behind everything else that wants the processor, half of the time at most, and leaves room on the disk. Terminals are emulated in a process
of their own, as those of the screens (docs/terminal.md). Each line on its standard output is for the gateway's log.
"""

import os
import select
import sys
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Final

from jitui import __version__
from jitui.cli.confinement import confine, python
from jitui.store import Files
from jitui.store.index.book import LARGEST, Book
from jitui.store.index.builder import Builder
from jitui.store.index.process import BROKEN, UNCONFINED
from jitui.tui.keyframes import Keyframes
from jitui.values.clock import SystemClock
from jitui.values.errors import BrokenError, JituiError, UnavailableError

NICE: Final = 19
IDLE_S: Final = 2.0  # seconds between two looks at what came
SHARE: Final = 20  # and so many times as long as a look took
FREE: Final = 1 << 30  # bytes that stay free on the disk: they are the record's
DRAWN: Final = 2  # how lines are drawn out of terminal output; goes up with each change of that
MADE_BY: Final = f"jitui {__version__} lines {DRAWN} pyghostty {version('pyghostty')}"  # others may mask, tell actions or draw otherwise
FILES: Final = ("ledger.db", "ledger.db-wal", "ledger.db-shm", "tapes")


def main(place: Path) -> int:
    """Build the index until the standard input ends, or the index was deleted; returns the exit code."""
    step_back()
    sys.dont_write_bytecode = True
    clock = SystemClock()
    book = Book(place / "index.db", MADE_BY)
    say(book.word)
    readable, runnable = python()
    written = [*(book.path.with_name(f"index.db{suffix}") for suffix in ("", "-wal", "-shm")), Path("/dev/null")]
    try:
        confine([*readable, *(place / name for name in FILES)], runnable, written, grows=2 * LARGEST)
    except UnavailableError as error:
        say(f"no index is built, so nothing can be found in the record: {error}")
        return UNCONFINED
    files = Files(place)
    try:
        _work(Builder(files, book, lambda row, start: Keyframes(row.kind, tty=row.tty, start=start)), book, clock)
    except BrokenError as error:
        say(str(error))
        return BROKEN
    return 0


def _work(builder: Builder, book: Book, clock: SystemClock) -> None:
    said = ""
    while book.there:
        began = clock.now()
        more, word = False, ""
        try:
            if (room := os.statvfs(book.path)).f_bavail * room.f_frsize < FREE:
                word = f"the index is not built on: less than {FREE >> 30} GiB is free on its disk"
            else:
                more = builder.turn(began.wall_us)
        except BrokenError:
            raise
        except JituiError as error:
            word = f"the index is not built on: {error}"
        if word != said:
            say(word)
        said = word
        took = (clock.now().boot_us - began.boot_us) / 1e6
        if _over(took if more else max(IDLE_S, SHARE * took)):
            return


def _over(seconds: float) -> bool:
    """Wait; whether the gateway is gone."""
    ready, _, _ = select.select([0], [], [], seconds)
    return bool(ready) and not os.read(0, 1)


def step_back() -> None:
    """Leave the processor to all others, also for what this starts. To the kernel a session is a group, outside of which nice counts for nothing (sched(7))."""
    os.nice(NICE)
    if os.getsid(0) == os.getpid():
        with suppress(OSError):  # there are kernels without groups
            Path("/proc/self/autogroup").write_text(f"{NICE}\n", encoding="ascii")


def say(word: str) -> None:
    if word:
        print(word.replace("\n", " "), flush=True)  # noqa: T201 - the gateway logs it


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
