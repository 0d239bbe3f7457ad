"""The legs of a session, and its last words: each leg that is open at the end tells its client why, and closes."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from jitui.policy.action import Action
from jitui.proxy.ends import End
from jitui.proxy.gate import Gate


class Leg(Protocol):
    """Something open in a session that must end with it."""

    @property
    def action(self) -> Action | None:
        """The action that it carries; it is judged again when the rules change."""

    def cut(self, end: End) -> None:
        """The session is muted. Say the last words to the client, let the upstream go, and then call `spoke` once. Must not await."""

    def freeze(self, on: bool) -> None:
        """Hold back what waits to be written, or let it go again. The session itself holds what is recorded from now on."""


class Taking(Protocol):
    """A leg whose client is still to take some of what was handed to its socket."""

    def abandon(self) -> None:
        """Drop what it has not taken, and call `took`."""


class LastWords:
    """Cuts the legs of one session, and knows when all of them have spoken."""

    __slots__ = ("_gate", "_label", "_quiet", "_speaking", "_spoken", "_taken", "_taking", "legs")

    def __init__(self, label: str, gate: Gate) -> None:
        self.legs: set[Leg] = set()  # those that are open
        self._label, self._gate = label, gate
        self._speaking = 0
        self._taking: set[Taking] = set()  # those whose client has not taken all that was handed to its socket
        self._spoken = False  # all of the muted session have said their last words
        self._taken: asyncio.Event | None = None  # of those who wait for it
        self._quiet: asyncio.Event | None = None

    def freeze(self, on: bool) -> None:
        """Tell every leg to hold back what waits to be written, or to let it go."""
        for leg in list(self.legs):
            leg.freeze(on)

    def cut(self, end: End) -> int:
        """Cut every leg of the muted session; returns how many there were."""
        legs = list(self.legs)
        self._speaking += len(legs)
        for leg in legs:
            self._cut(leg, end)
        if not self._speaking:
            self._silence()
        return len(legs)

    def cut_those(self, ended: Callable[[Leg], End | None]) -> None:
        """Cut the legs for which `ended` gives an end of their own; the session goes on."""
        for leg in list(self.legs):
            end = ended(leg)
            if end is not None:
                self._speaking += 1
                self._cut(leg, end)

    def _cut(self, leg: Leg, end: End) -> None:
        self.legs.discard(leg)
        try:
            leg.cut(end)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one leg, the others end too
            asyncio.get_running_loop().call_exception_handler({"message": f"a leg of {self._label} could not be cut", "exception": error})
            self.spoke()

    def spoke(self) -> None:
        """A leg has said its last words, or has nobody to say them to."""
        self._speaking -= 1
        if self._speaking <= 0 and self._gate.muted:
            self._silence()

    def _silence(self) -> None:
        self._spoken = True
        if self._quiet is not None:
            self._quiet.set()

    def taking(self, leg: Taking) -> None:
        """The client of a leg is still to take some of what was handed to its socket."""
        self._taking.add(leg)

    def took(self, leg: Taking) -> None:
        """It has taken all, or what it has not is dropped."""
        self._taking.discard(leg)
        if not self._taking and self._taken is not None:
            self._taken.set()

    @property
    def untaken(self) -> bool:
        """Whether a client is still to take something."""
        return bool(self._taking)

    def abandon(self) -> None:
        """Wait for no client any more: what it has not taken is dropped."""
        for leg in list(self._taking):
            leg.abandon()

    async def taken(self) -> None:
        """Wait until no client is to take anything any more."""
        if self._taking:
            if self._taken is None:
                self._taken = asyncio.Event()
            self._taken.clear()
            await self._taken.wait()

    async def quiet(self) -> None:
        """Wait until every leg of the muted session has spoken."""
        if not self._spoken:
            if self._quiet is None:
                self._quiet = asyncio.Event()
            await self._quiet.wait()
