"""Looks at a container while commands of a window run there, and behind the end of each, so that what a command leaves is known to be the window's.

One look stays open for it; it goes on for a while behind the last command, as another may come. No command waits for it, and it touches no process.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from jitui.protocol import probe
from jitui.protocol.probe import Process
from jitui.proxy.pod.asking import LookError
from jitui.proxy.pod.commands import Command
from jitui.proxy.pod.kin import EARLY_S, Kin
from jitui.proxy.pod.lineage import Ident
from jitui.proxy.pod.look import Look

GAP_S: Final = 0.005  # seconds between looks while a command is about to begin
SOON_S: Final = 0.5  # seconds for which that is so
LATE_S: Final = 0.05  # seconds between them from then on
ROUND: Final = 50  # such looks in one go
SPIN: Final = 300  # how often one of them looks whether the runtime has begun the command's own program: some milliseconds at most
BEGINS_S: Final = 5.0  # seconds within which that is awaited
NEXT_S: Final = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.0)  # seconds between looks while commands run; the last goes on
LINGER_S: Final = 30.0  # seconds that the look stays open without a command
ANSWER_S: Final = 5.0  # seconds that one answer may take
LAG_S: Final = 0.25  # seconds that an answer may be old of a look which goes on by itself


class Watch:
    """Of one window in one container."""

    def __init__(
        self, kin: Kin, mine: Callable[[], Iterable[Command]], others: Callable[[], Iterable[Command]],
        clean: Callable[[Iterable[Process]], tuple[Process, ...]], *,
        seen: Callable[[Command, Ident, list[tuple[int, int, int]]], None], empty: Callable[[Command], None],
    ) -> None:  # fmt: skip
        """`mine`: the window's commands; `others`: those of other windows in the container; `clean`: without the gateway's own looks.

        `seen` is told what is known of a command that runs for some time, or has left something; `empty` of one that ended and has left nothing.
        """
        self.open = True  # it looks, or is about to
        self._kin, self._mine, self._others, self._clean, self._seen, self._empty = kin, mine, others, clean, seen, empty
        self._news, self._closing = asyncio.Event(), False
        self._loop = asyncio.get_running_loop()
        self._told: dict[int, list[tuple[int, int, int]]] = {}  # by session, what `seen` was told of

    def stir(self) -> None:
        """A command begins, or has ended."""
        self._news.set()

    def close(self) -> None:
        self._closing = True
        self._news.set()

    async def run(self, open_look: Callable[[], Awaitable[Look]]) -> None:
        """Until `close`, or until there was no command for a while, or the container can't be looked at any more."""
        try:
            look = await open_look()
            self._kin.clock(look.start, look.said_at)
            step, idle_since = 0, self._loop.time()
            while not self._closing and not look.full:
                self._news.clear()
                if self._over():
                    await self._whole(look)
                    step = 0
                elif any(self._begins(command) for command in self._mine()):
                    await self._closely(look)
                    step = 0
                elif not any(command.live for command in self._mine()):
                    if not await self._stirred(idle_since + LINGER_S - self._loop.time()):
                        break
                elif not await self._stirred(NEXT_S[step]):
                    step = min(step + 1, len(NEXT_S) - 1)
                    await self._once(look)
                if any(command.live for command in self._mine()):
                    idle_since = self._loop.time()
        except (LookError, TimeoutError):
            pass
        finally:
            self.open = False
            for command in self._over():
                command.looked = True
                self._empty(command)

    async def _stirred(self, within_s: float) -> bool:
        """Wait so long for a command to begin or to end; whether one did."""
        try:
            async with asyncio.timeout(max(0.0, within_s)):
                await self._news.wait()
        except TimeoutError:
            return False
        return True

    def _begins(self, command: Command) -> bool:
        """Whether its first process is still to be seen."""
        if not command.live or command.watched:
            return False
        command.watched = self._loop.time() - command.asked > BEGINS_S or (
            self._kin.begun(command.asked) >= sum(each.asked >= command.asked for each in (*self._mine(), *self._others())))
        return not command.watched

    def _over(self) -> list[Command]:
        """The commands that ended by themselves, and behind which nobody looked yet."""
        return [command for command in self._mine() if command.ended is not None and not command.forced and not command.looked]

    # -- looks -------------------------------------------------------------------------------------------------------------

    async def _closely(self, look: Look) -> None:
        def heard(answers: list[probe.Answer]) -> bool:
            self._hear(answers)
            return self._closing or not any(self._begins(command) for command in self._mine())

        soon = any(self._loop.time() - command.asked < SOON_S for command in self._mine() if command.live)
        async with asyncio.timeout(ANSWER_S):
            await look.follow(ROUND, GAP_S if soon else LATE_S, SPIN, heard, self._news)

    async def _once(self, look: Look) -> None:
        async with asyncio.timeout(ANSWER_S):
            await look.follow(1, 0.0, 1, self._hear, self._news)

    def _hear(self, answers: list[probe.Answer]) -> bool:
        now = self._loop.time()
        for each in answers:
            if isinstance(each, probe.Many):
                raise LookError("too many processes to watch")
            if isinstance(each, probe.Stat):
                self._kin.see(self._clean(each.processes), now)
            elif isinstance(each, probe.Words):
                self._kin.heard((each.pid, each.start), each.text)
        self._kin.looked(now - LAG_S)
        self._claim(now)
        return True

    async def _whole(self, look: Look) -> None:
        """Behind the end of commands: what lives of them. Nothing of the others is kept."""
        over = self._over()
        asked = self._loop.time()
        async with asyncio.timeout(ANSWER_S):
            processes = self._clean(await look.stat())
        now, spells = self._loop.time(), [command.spell(mine=True) for command in self._mine()]
        self._kin.see(processes, now)
        self._kin.looked(asked)
        self._kin.outlived(processes, asked, spells)
        self._claim(now)
        roots = self._kin.keep(processes, spells)
        for command in over:
            first, command.looked = self._kin.of(command.session.id), True
            if first is None or first.ident not in roots:
                self._empty(command)
            elif first.settled:
                command.leader = first.ident

    def _claim(self, now: float) -> None:
        mine = list(self._mine())
        self._kin.claim([*(each.spell(mine=True) for each in mine), *(each.spell(mine=False) for each in self._others())], now)
        for command in mine:
            first = self._kin.of(command.session.id)
            if first is None or not first.settled:
                continue
            if command.ended is not None or now - command.asked > EARLY_S:
                others = self._kin.others(first.ident)
                if self._told.get(command.session.id) != others:
                    self._told[command.session.id] = others
                    self._seen(command, first.ident, others)
