"""Where callers are bound to the gateway."""

from jitui.counter.archive import ArchiveSeat
from jitui.counter.bound import Caller, Premises
from jitui.counter.clerk import ClerkSeat
from jitui.counter.decisions import DecisionsSeat
from jitui.counter.floor import FloorSeat


class Seat(DecisionsSeat, FloorSeat, ArchiveSeat, ClerkSeat):
    """One caller's desk: desk.House in the gateway's own process."""

    async def aclose(self) -> None:
        """Nothing to close: the gateway is this process."""


class Counter:
    """Binds callers to the gateway."""

    def __init__(self, premises: Premises) -> None:
        self._premises = premises

    def close(self) -> None:
        """Nobody is answered any more."""
        self._premises.readers.close()

    def bind(self, caller: Caller, peer: str, same_user: bool) -> Seat:
        return Seat(self._premises, caller, peer, same_user)
