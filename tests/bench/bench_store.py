"""How fast the store is: `python tests/bench/bench_store.py [folder]`. Prints; asserts nothing.

Three loads, each on a new store in `folder` (default: a temporary one, which must be on a real disk to say anything):
burst, everything put as fast as the loop can; callers, N that each wait for their frame before the next; keys, one at a time.

Beside the rates: how many frames share a commit, and what a frame costs: hand-overs to the writer, wake-ups of the loop by it, and the CPU of either
thread. A short exchange is two frames, its request and its answer. The rates hang on the disk and on who else uses it; counts and CPU do not.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import uvloop

from jitui.recording.frame import Channel, Frame
from jitui.store import Store
from jitui.store.bus import Bus
from jitui.values.clock import SystemClock

BODY = b"GET /api/v1/namespaces/web/pods?limit=500 HTTP/1.1\r\nHost: gateway\r\nAccept: application/json\r\nUser-Agent: kubectl/v1.34\r\n\r\n" * 2
LIST = b"".join(b'{"metadata":{"name":"web-%d","uid":"%032x"}},' % (number, number * 7919) for number in range(450))  # 30 KB
CHUNK = bytes(range(256)) * 256  # 64 KiB that zstd halves at best


async def burst(store: Store, body: bytes, count: int) -> str:
    """`count` frames of 16 sessions, a thousand in flight."""
    free = asyncio.Semaphore(1000)
    first = store.next_session()
    for _ in range(15):
        store.next_session()

    def done(error: Exception | None) -> None:
        if error:
            raise error
        free.release()

    began = time.perf_counter()
    for number in range(count):
        await free.acquire()
        store.put(Frame(first + number % 16, number // 16, number, 0, Channel.STDOUT, body), done)
    for _ in range(1000):
        await free.acquire()
    took = time.perf_counter() - began
    return f"{count / took:9.0f} frames/s  {count * len(body) / took / 1e6:7.1f} MB/s"


async def callers(store: Store, body: bytes, number: int, seconds: float = 3.0) -> str:
    """`number` sessions, each with one frame in flight: the wait from put to done."""
    loop = asyncio.get_running_loop()
    waits: list[float] = []
    until = time.perf_counter() + seconds

    async def one() -> None:
        session, seq = store.next_session(), 0
        while (now := time.perf_counter()) < until:
            future: asyncio.Future[None] = loop.create_future()

            def done(error: Exception | None, future: asyncio.Future[None] = future) -> None:
                if error:
                    future.set_exception(error)
                else:
                    future.set_result(None)

            store.put(Frame(session, seq, seq, 0, Channel.STDOUT, body), done)
            await future
            waits.append(time.perf_counter() - now)
            seq += 1

    await asyncio.gather(*(one() for _ in range(number)))
    waits.sort()
    return (f"{len(waits) / seconds:9.0f} frames/s  wait p50 {waits[len(waits) // 2] * 1e3:6.2f} ms  p99 {waits[len(waits) * 99 // 100] * 1e3:6.2f} ms"
            f"  worst {waits[-1] * 1e3:6.1f} ms")


class Counts:
    """What a store's journal did since this was made."""

    def __init__(self, store: Store) -> None:
        journal = store._journal
        self._writer = journal._writer.native_id or 0
        self.commits = self.frames = self.hand_overs = self.wake_ups = 0
        append, wake, tell = journal._tapes.append, journal._wake, journal._tell

        def appended(groups: Sequence[Sequence[Frame]]) -> list[Exception | None]:
            self.commits += 1
            self.frames += sum(map(len, groups))
            return append(groups)

        def handed_over(token: None) -> None:
            self.hand_overs += 1
            wake.put(token)

        def told(call: Callable[..., None], *args: object) -> None:
            self.wake_ups += 1
            tell(call, *args)

        waking = SimpleNamespace(put=handed_over, get=wake.get)
        journal._tapes.append, journal._wake, journal._tell = appended, waking, told  # type: ignore[method-assign, assignment]
        self._loop_ns, self._writer_ns = time.thread_time_ns(), ran_ns(self._writer)

    def __str__(self) -> str:
        frames = self.frames or 1
        loop, writer = (time.thread_time_ns() - self._loop_ns) / frames / 1000, (ran_ns(self._writer) - self._writer_ns) / frames / 1000
        return (f"{self.frames / (self.commits or 1):5.1f} frames a commit; a frame: {self.hand_overs / frames:.2f} hand-overs,"
                f" {self.wake_ups / frames:.2f} wake-ups, CPU of loop {loop:5.1f} us, of writer {writer:5.1f} us")


def ran_ns(thread: int) -> int:
    """Nanoseconds that a thread of this process has run, kernel and user together."""
    return int(Path(f"/proc/self/task/{thread}/schedstat").read_text().split()[0])


async def run(folder: Path) -> None:
    loads: list[tuple[str, Callable[[Store], Awaitable[str]]]] = [
        (f"burst, {len(BODY)} B", lambda store: burst(store, BODY, 100_000)),
        (f"burst, {len(LIST)} B list", lambda store: burst(store, LIST, 20_000)),
        (f"burst, {len(CHUNK)} B", lambda store: burst(store, CHUNK, 5_000)),
        ("keys: 1 caller, 1 B", lambda store: callers(store, b"x", 1)),
        (f"16 callers, {len(BODY)} B", lambda store: callers(store, BODY, 16)),
        (f"64 callers, {len(BODY)} B", lambda store: callers(store, BODY, 64)),
        (f"500 callers, {len(BODY)} B", lambda store: callers(store, BODY, 500)),
        (f"16 callers, {len(LIST)} B list", lambda store: callers(store, LIST, 16)),
    ]
    for number, (name, load) in enumerate(loads):
        store = await Store.open(folder / str(number), SystemClock(), Bus())
        try:
            counts = Counts(store)
            print(f"{name:28} {await load(store)}\n{'':28} {counts}", flush=True)
        finally:
            await store.aclose()


def main() -> None:
    sys.setswitchinterval(50e-6)
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(Path(folder)))


if __name__ == "__main__":
    main()
