"""Where callers are bound to the gateway."""

from jitui.api.service.archive import ArchiveSeat
from jitui.api.service.bound import Caller, Premises
from jitui.api.service.clerk import ClerkSeat
from jitui.api.service.decisions import DecisionsSeat
from jitui.api.service.floor import FloorSeat


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
