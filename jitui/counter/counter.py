"""Where callers are bound to the gateway."""

from jitui.counter.archive import ArchiveSeat
from jitui.counter.bound import Premises
from jitui.counter.clerk import ClerkSeat
from jitui.counter.decisions import DecisionsSeat
from jitui.counter.floor import FloorSeat
from jitui.desk import House
from jitui.rules.terms import Identity


class Seat(DecisionsSeat, FloorSeat, ArchiveSeat, ClerkSeat):
    """One caller's desk: desk.House in the gateway's own process."""

    async def aclose(self) -> None:
        """Nothing to close: the gateway is this process."""


class Counter:
    """Binds callers to the gateway."""

    def __init__(self, premises: Premises) -> None:
        self._premises = premises

    def bind(self, who: Identity, peer: str, token: str, same_user: bool) -> House:
        return Seat(self._premises, who, peer, token, same_user)
