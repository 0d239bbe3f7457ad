"""Ends what somebody started, whatever became of them: every process that carries their mark, then their folder.

A file of its own, so that `python -I nurse.py FOLDER MARK` runs with the standard library alone: it waits until its stdin is closed, which
the death of whoever started it does too. A mark is `NAME=beginning of the value` of an environment variable.
"""

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path


def marked(mark: str) -> Iterator[int]:
    """The processes whose environment says so, wherever they went since."""
    needle = mark.encode()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if any(line.startswith(needle) for line in (entry / "environ").read_bytes().split(b"\0")):
                yield int(entry.name)
        except OSError:
            continue


def end(mark: str) -> int:
    """Kill them all, also those that start while it is done; returns how many."""
    killed: set[int] = set()
    for _ in range(20):
        found = [pid for pid in marked(mark) if pid != os.getpid()]
        if not found:
            break
        for pid in found:
            killed.add(pid)
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                continue
        time.sleep(0.01)
    return len(killed)


def main(folder: str, mark: str) -> None:
    """Wait, then end and clean."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while sys.stdin.buffer.read(1):
        pass
    end(mark)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
