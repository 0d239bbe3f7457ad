"""Cleans up after another process, however that ends: it kills every process with a mark in its environment, then removes a folder.

`python -I nurse.py FOLDER MARK` runs this file with the standard library alone. It waits until its stdin is closed, which the death of its parent
does, too. A mark is `NAME=beginning of the value` of an environment variable.
"""

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator


def marked(mark: str) -> Iterator[int]:
    """The processes whose environment has the mark, in any session or process group."""
    for name in os.listdir("/proc"):  # noqa: PTH208 - a look asks for it again and again
        if name.isdecimal() and is_marked(int(name), mark):
            yield int(name)


def is_marked(pid: int, mark: str) -> bool:
    """Whether the environment of a process has the mark."""
    try:
        with open(f"/proc/{pid}/environ", "rb", buffering=0) as file:  # noqa: PTH123 - the same
            return b"\0" + mark.encode() in b"\0" + (file.read() or b"")
    except OSError:
        return False


def end(mark: str) -> int:
    """Kills them all, also those that start meanwhile; returns their number."""
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
    """Waits for the end of stdin, then kills the processes and removes the folder."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while sys.stdin.buffer.read(1):
        pass
    end(mark)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
