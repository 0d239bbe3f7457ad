"""The state of a window in a container, and whose turn it is to look into one at an end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import inf
from typing import Final
from weakref import WeakValueDictionary

from jitui.policy.terms import Grant
from jitui.proxy.pod.commands import Command, Job
from jitui.proxy.pod.kin import Kin
from jitui.proxy.pod.lineage import Before
from jitui.proxy.pod.look import Identity, Place
from jitui.proxy.pod.watch import Watch

AT_ONCE: Final = 8  # looks at the same time
OF_AN_AGENT: Final = 4  # of them for the windows of one agent


@dataclass(slots=True)
class Stay:
    """The commands of one window in one container."""

    grant: Grant
    first: float  # loop time before its first command there
    before: asyncio.Future[tuple[Before, Identity]]
    begun: float = inf  # loop time at which its first command was let go before the look had answered
    commands: dict[int, Command] = field(default_factory=dict)  # by session: those of which something may run, as far as is known
    apart: bool = False  # looks are made from an ephemeral container: the container has no shell
    kin: Kin = field(default_factory=Kin)
    watch: Watch | None = None
    blind: bool = False  # the container can't be looked at
    over: bool = False  # the window has ended


@dataclass(slots=True)
class Container:
    """One of them, as long as a window may have something there."""

    stays: dict[int, Stay] = field(default_factory=dict)  # by window
    queue: list[tuple[Job, asyncio.Future[None], str]] = field(default_factory=list)  # jobs with their agents
    waiting: set[str] = field(default_factory=set)  # the agents of whom a turn is waited for, or is had
    together: frozenset[str] = frozenset()  # the names of this container and of those of its pod that share its processes


class Turns:
    """So many looks at a time. In one pod one: the look of another container there would be nobody's process. Of an agent some, so that containers in which
    it has a program that does not answer keep nobody else's from being looked into.
    """

    def __init__(self) -> None:
        self._all = asyncio.Semaphore(AT_ONCE)
        self._pods = WeakValueDictionary[tuple[str, str, str], asyncio.Lock]()
        self._agents = WeakValueDictionary[str, asyncio.Semaphore]()

    @asynccontextmanager
    async def of(self, place: Place, agent: str) -> AsyncIterator[None]:
        pod = self._pods.setdefault((place.connection, place.namespace, place.pod), asyncio.Lock())
        few = self._agents.setdefault(agent, asyncio.Semaphore(OF_AN_AGENT))
        async with few, pod, self._all:  # an end that waits for turns of an agent holds no pod
            yield
