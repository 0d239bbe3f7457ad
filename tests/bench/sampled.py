"""The gateway with a sampler in it: python -m tests.bench.sampled FILE serve ...

SIGUSR1 begins; SIGUSR2 ends, and writes FILE: the nanoseconds of CPU that the loop's thread used at each place of the code, seen about every millisecond of
the process's CPU. A place is a file and a function; of a call into C it is the function that called.
"""

import json
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Final

from jitui.cli import main

EVERY_S: Final = 0.001


class Sampler:
    """Whatever the main thread has used since the last look is put down to the innermost frame of the house."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._used: Counter[str] = Counter()
        self._last = 0
        signal.signal(signal.SIGPROF, self._look)
        signal.signal(signal.SIGUSR1, self._begin)
        signal.signal(signal.SIGUSR2, self._end)

    def _begin(self, *_: object) -> None:
        self._last = time.thread_time_ns()
        signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)

    def _look(self, _: int, frame: FrameType | None) -> None:
        now = time.thread_time_ns()
        used, self._last = now - self._last, now
        while frame is not None:
            path = frame.f_code.co_filename
            if "/jitui/" in path or path.endswith("/ssl.py"):
                place = "ssl.py" if path.endswith("/ssl.py") else path.rpartition("/jitui/")[2]
                self._used[f"{place}:{frame.f_code.co_name}"] += used
                return
            frame = frame.f_back
        self._used["loop"] += used

    def _end(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        draft = self._file.with_suffix(".part")
        draft.write_text(json.dumps(self._used))
        draft.rename(self._file)


if __name__ == "__main__":
    Sampler(Path(sys.argv.pop(1)))
    sys.exit(main())
