"""Fair scheduling of long reads: they run in threads of their own, one at a time for each caller, so that no caller delays another."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Final, ParamSpec, TypeVar

from jitui.policy.terms import Identity
from jitui.values.atwork import Told, unheard
from jitui.values.errors import TooManyError

P = ParamSpec("P")
T = TypeVar("T")

THREADS: Final = 4
OF_AGENTS: Final = 2  # of them, that agents may have at a time
WAITING: Final = 8  # calls of one caller that wait for their turn
WAIT_S: Final = 20.0  # for a turn


@dataclass(slots=True)
class _Turn:
    """One caller's calls of one kind."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    calls: int = 0  # under way and waiting


class Readers:
    """The threads and whose turn it is. Lives on the loop."""

    def __init__(self, at_work: Told = unheard) -> None:
        """`at_work`: told which limit holds back whom, in words, each time."""
        self._at_work = at_work
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="jitui-read")
        self._agents = asyncio.Semaphore(OF_AGENTS)
        self._turns: dict[tuple[str, str], _Turn] = {}

    async def read(self, who: Identity, kind: str, call: Callable[P, T], *args: P.args, **more: P.kwargs) -> T:
        """Call it in a thread once it is the caller's turn; those of one `kind` wait for each other. Raises TooManyError, saying what to do."""
        key = (who.name, kind)
        turn = self._turns.setdefault(key, _Turn())
        if turn.calls > WAITING:
            raise self._too_many(who.name, f"{who.name} has {turn.calls} long reads under way; one is answered at a time, ask again when they are")
        turn.calls += 1
        try:
            async with asyncio.timeout(WAIT_S):
                await turn.lock.acquire()
        except BaseException as error:
            self._gone(key, turn)
            if isinstance(error, TimeoutError):
                raise self._too_many(who.name, f"a long read of {who.name} has waited {WAIT_S:.0f} s for those before it; ask again later") from None
            raise

        def over(done: asyncio.Future[T]) -> None:
            done.cancelled() or done.exception()  # perhaps its caller went away
            turn.lock.release()
            self._gone(key, turn)

        reading = asyncio.ensure_future(self._run(who, partial(call, *args, **more)))
        reading.add_done_callback(over)
        return await asyncio.shield(reading)  # a thread can't be cancelled: its turn lasts until it is through

    def _gone(self, key: tuple[str, str], turn: _Turn) -> None:
        turn.calls -= 1
        if not turn.calls:
            self._turns.pop(key, None)

    async def _run(self, who: Identity, call: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        if not who.is_agent:
            return await loop.run_in_executor(self._threads, call)
        async with self._agents:
            return await loop.run_in_executor(self._threads, call)

    def _too_many(self, who: str, words: str) -> TooManyError:
        self._at_work("reads", who, words)
        return TooManyError(words, limit="reads", retry_after=1)

    def close(self) -> None:
        """No further calls; those under way go on by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)
