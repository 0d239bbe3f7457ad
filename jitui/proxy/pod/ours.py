"""The gateway's own looks in each pod: which processes there are theirs, whichever window they were made for. None of them is ever told as an agent's.

A look is known by the pid and the start that its script said. Only until it has said them it is known by a word of its command line, which anybody in the
container can read and copy; so that word counts for one process alone, which an exec began. A copy makes two, and both are told.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

from jitui.clusters.way import Way
from jitui.policy.terms import Grant, Rule
from jitui.protocol import probe
from jitui.protocol.probe import Process
from jitui.proxy.pod.asking import LookError, Record
from jitui.proxy.pod.ephemeral import Ephemeral
from jitui.proxy.pod.lineage import Family, Ident, ident
from jitui.proxy.pod.look import NO_SHELL, Look, Place
from jitui.values.clock import Clock

BEHIND_S: Final = 2.0  # seconds that a process of a look may be seen after the look is closed
HELLO_S: Final = 0.3  # seconds that a look which is just being opened is waited for
AGAIN_S: Final = 0.01


class Asks(Protocol):
    """A window that has commands in a container."""

    @property
    def grant(self) -> Grant: ...

    apart: bool  # looks are made from an ephemeral container: the container has no shell


class Ours:
    """All looks that are open, or were a moment ago."""

    def __init__(self, ways: Mapping[str, Way], record: Record, clock: Clock, gateway: str, rule: Callable[[Grant], Rule | None]) -> None:
        """`rule`: of a window, as it is now."""
        self._ways, self._record, self._clock, self._gateway, self._rule = ways, record, clock, gateway, rule
        self._ephemeral = Ephemeral(record, clock, gateway, self._audit_id)
        self._looks: dict[tuple[str, str, str], list[Look]] = {}  # by pod

    async def open(self, place: Place, window: Asks, looks: list[Look]) -> Look:
        """A look that is open; where there is no shell, and the rule has it written out, from an ephemeral container. Raises LookError.

        `looks`: gets all that are to be closed.
        """
        way, grant, rule = self._ways[place.connection], window.grant, self._rule(window.grant)
        image = rule.probe_image if rule is not None else ""
        if not (window.apart and image):
            try:
                return await self._opened(place, Look(way, grant, place, self._record, self._clock, self._audit_id), looks)
            except LookError as error:
                if not image or str(error) != NO_SHELL:
                    raise
        beside = await self._ephemeral.stand(way, grant, place, image)
        window.apart = True
        return await self._opened(place, Look(way, grant, beside, self._record, self._clock, self._audit_id, apart=True), looks)

    async def _opened(self, place: Place, look: Look, looks: list[Look]) -> Look:
        looks.append(look)
        self._looks.setdefault(_pod(place), []).append(look)
        await look.open()
        return look

    async def close(self, place: Place, look: Look) -> None:
        await look.aclose()
        asyncio.get_running_loop().call_later(BEHIND_S, self._forget, _pod(place), look)

    def _audit_id(self, session: int) -> str:
        return f"jitui-{self._gateway}-{session}-0"

    def _forget(self, pod: tuple[str, str, str], look: Look) -> None:
        looks = self._looks.get(pod, [])
        if look in looks:
            looks.remove(look)
        if not looks:
            self._looks.pop(pod, None)

    def without(self, place: Place, processes: Iterable[Process], but: Look | None = None) -> tuple[Process, ...]:
        """Processes but those of looks: of each its script, and the programs that this has started and waits for. `but`: a look that stays among them."""
        scripts = {(look.own, look.start) for look in self._looks.get(_pod(place), ()) if look.own and look is not but}
        if not scripts:
            return tuple(processes)
        there = list(processes)
        pids = {each.pid for each in there if ident(each) in scripts}
        return tuple(each for each in there if ident(each) not in scripts and not (each.ppid in pids and each.sid == each.ppid))

    async def greeted(self, place: Place) -> bool:
        """Wait a moment for the looks that are being opened; whether there were any, so that what was seen is to be read anew."""
        looks = [look for look in self._looks.get(_pod(place), ()) if look.opening]
        until = asyncio.get_running_loop().time() + HELLO_S
        while any(look.opening for look in looks) and asyncio.get_running_loop().time() < until:  # noqa: ASYNC110 - for any of several, and not long
            await asyncio.sleep(AGAIN_S)
        return bool(looks)

    def nameless(self, place: Place, families: Sequence[Family], argv: Mapping[Ident, tuple[str, ...]]) -> list[Family]:
        """Those families that are a look which has not said yet, or never will, which process it is."""
        found: list[Family] = []
        for look in self._looks.get(_pod(place), ()):
            if not look.own:
                words = (*probe.COMMAND, look.name)
                named = [each for each in families if any(probe.joined(argv.get(ident(member), ())) == probe.joined(words) for member in each.members)]
                found += [each for each in named if len(named) == 1 and each.leader is not None and len(each.members) == 1]
        return found


def _pod(place: Place) -> tuple[str, str, str]:
    return place.connection, place.namespace, place.pod
