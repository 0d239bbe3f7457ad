"""The index of a large tape: `python -m tests.bench.bench_index [MB] [folder]`, 1000 by default. Prints; asserts nothing.

One terminal session of so many megabytes is recorded by a store, then indexed as the gateway's process does it. Printed: CPU of indexing a megabyte (this
process and the one that emulates), and of each stage of it, the size of the index, how long a search takes, and a seek in Replay: keyframe, frames, and the
drawn lines.
"""

import asyncio
import os
import random
import resource
import sqlite3
import sys
import tempfile
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from jitui.cli.shelf import Shelf
from jitui.recording.frame import Channel, Frame
from jitui.recording.masking.session import Masks
from jitui.store import Files
from jitui.store.index import book as books
from jitui.store.index.blocks import Block
from jitui.store.index.book import Book
from jitui.store.index.builder import Builder
from jitui.store.index.reader import Query, Reader
from jitui.store.index.text import Text
from jitui.store.playback import Playback
from jitui.tui.keyframes import Keyframes
from jitui.tui.process import CORE
from jitui.tui.reel import Reel
from jitui.tui.stretch import end_of, held, stretch
from tests.store.life import added, began, ended, opened, record, window

PIECE = 16 << 10  # bytes of a frame
SEEKS = 60
LEVELS = ("\x1b[32mINFO\x1b[0m ", "\x1b[33mWARN\x1b[0m ", "\x1b[31mERROR\x1b[0m")


def output(size: int, seed: int = 7) -> Iterator[bytes]:
    """A coloured log as a terminal gets it, in pieces; one line in a million characters says where it stands."""
    chance = random.Random(seed)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(3, 10))) for _ in range(3000)]
    made, waiting, number = 0, bytearray(), 0
    while made < size:
        number += 1
        said = " ".join(chance.choices(words, k=chance.randint(4, 12)))
        text = f"2026-11-28T16:{number // 60 % 60:02d}:{number % 60:02d}Z {chance.choice(LEVELS)} {chance.choice(words)}.{chance.choice(words)}: {said}"
        if number % 8000 == 0:
            text += f" milestone-{number}"
        waiting += text.encode() + b"\r\n"
        if len(waiting) >= PIECE:
            yield bytes(waiting[:PIECE])
            del waiting[:PIECE]
            made += PIECE


async def made(folder: Path, size: int) -> int:
    """A record with one session of so many bytes; the number of its frames."""
    async with opened(folder) as store:
        await store.commit([added(), *window(), began(1)])
        frames: list[Frame] = []
        seq = 0
        for body in output(size):
            frames.append(Frame(1, seq, seq * 20_000, 0, Channel.STDOUT, body))
            seq += 1
            if len(frames) == 64:
                await record(store, frames)
                frames = []
        await record(store, frames)
        await store.commit([ended(1)])
    return seq


def cpu() -> float:
    """Seconds of this process and of the one that emulates."""
    child = CORE._child
    there = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[11:13] if child else ["0", "0"]
    return time.process_time() + sum(map(int, there)) / os.sysconf("SC_CLK_TCK")


STAGES = (  # owner, method, what it does; each holds those that stand more to the right
    (Playback, "page", "read and mask"), (Masks, "frames", "    mask"), (Text, "feed", "lines of text"), (Keyframes, "feed", "draw"),
    (Keyframes, "_made", "    keyframes"), (Book, "put", "write"), (Block, "packed", "    compress"), (books, "indexed", "    words inside of words"),
)  # fmt: skip


def build(folder: Path, stages: dict[str, float] | None = None) -> float:
    """CPU seconds of indexing everything. `stages`: gets those of each stage; counting them takes time."""
    if stages is not None:
        for owner, name, said in STAGES:
            _counted(owner, name, said, stages)
    book = Book(folder / "index.db")
    builder = Builder(Files(folder), book, lambda row, start: Keyframes(row.kind, tty=row.tty, start=start))
    began_at = cpu()
    while builder.turn(1):
        pass
    took = cpu() - began_at
    book.close()
    return took


def _counted(owner: Any, name: str, said: str, stages: dict[str, float]) -> None:
    """Let each call of a method count its seconds of this process."""
    call = getattr(owner, name)
    stages[said] = 0.0

    def counted(*args: Any, **named: Any) -> Any:
        start = time.process_time()
        try:
            return call(*args, **named)
        finally:
            stages[said] += time.process_time() - start

    setattr(owner, name, counted)


def timed(call: Callable[[], object], times: int = 5) -> tuple[float, float]:
    """The median and the worst of some calls, in milliseconds."""
    took = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        took.append((time.perf_counter() - start) * 1e3)
    return sorted(took)[len(took) // 2], max(took)


def percentiles(took: Sequence[float]) -> str:
    some = sorted(took)
    return f"p50 {some[len(some) // 2]:.0f} ms, p95 {some[len(some) * 95 // 100]:.0f} ms, worst {some[-1]:.0f} ms"


async def seeks(folder: Path) -> str:
    """Seeks to moments by chance, over bare files: each from the keyframe and its frames to all lines of the screen, drawn."""
    shelf = Shelf(folder)
    session = await shelf.session("s-1")
    start = time.perf_counter()
    end_us = await end_of(shelf, session, unmask=False)
    opened_ms = (time.perf_counter() - start) * 1e3
    chance, took, most, began_at = random.Random(3), [], 0, cpu()
    for _ in range(SEEKS):
        at_us = chance.uniform(0, end_us)
        start = time.perf_counter()
        found = await stretch(shelf, session, at_us, end_us, unmask=False)
        assert found is not None
        reel = Reel(session, found.kept)
        reel.add(found.frames)
        for _ in reel.goto(bisect_right(reel.times, at_us)):
            pass
        assert any(reel.emulator.line(y) for y in range(reel.emulator.lines))
        took.append((time.perf_counter() - start) * 1e3)
        most = max(most, held(found.frames))
    await shelf.aclose()
    each = f"{(cpu() - began_at) / SEEKS * 1e3:.0f} ms of CPU each"
    return f"{SEEKS} seeks: {percentiles(took)}; {each}; {most >> 10} KiB of frames at most; to open it took {opened_ms:.0f} ms once"


def main(megabytes: int, folder: Path) -> None:
    size = megabytes * 1_000_000
    frames = asyncio.run(made(folder, size))
    tapes = sum(path.stat().st_size for path in (folder / "tapes").iterdir())
    print(f"{megabytes} MB in {frames} frames; its tapes take {tapes / 1e6:.0f} MB")
    took = build(folder)
    whole = (folder / "index.db").stat().st_size
    with sqlite3.connect(folder / "index.db") as db:
        (states,) = db.execute("select sum(length(state)) from keyframes").fetchone()
    print(f"indexed at {megabytes / took:.1f} MB/s of one core; the index takes {whole / size:.0%} of the output, keyframes {states / size:.0%} of it")
    reader = Reader(Files(folder))
    for wanted in (f"milestone-{8000 * (frames // 40)}", "milestone", "error", "no such text", "ERROR"):
        found = reader.find(Query(text=wanted), lambda row: True)
        median, worst = timed(lambda wanted=wanted: reader.find(Query(text=wanted), lambda row: True))  # type: ignore[misc]
        print(f"find {wanted!r}: {len(found.hits)} hits, median {median:.0f} ms, worst {worst:.0f} ms")
    print(asyncio.run(seeks(folder)))
    (folder / "index.db").unlink()
    stages: dict[str, float] = {}
    whole_s = build(folder, stages)
    for said, took in stages.items():
        print(f"{said:<32}{took / megabytes * 1e3:6.1f} ms a MB")
    own = sum(took for said, took in stages.items() if not said.startswith(" "))
    print(f"{'the process that draws, the rest':<32}{(whole_s - own) / megabytes * 1e3:6.1f} ms a MB")
    print(f"largest resident size of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB")
    CORE.stop()


if __name__ == "__main__":
    given = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    if len(sys.argv) > 2:
        main(given, Path(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory() as made_in:
            main(given, Path(made_in) / "state")
