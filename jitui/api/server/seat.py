"""Who sits at the desk: the caller of a request, and the desk bound to them.

A presented token beats the peer's uid: an agent's token gains nothing by coming over the local socket.
"""

from typing import Annotated, Protocol

from fastapi import Depends, Request

from jitui.api.desk import House
from jitui.api.server.peers import Peer
from jitui.auth.callers import Caller, Callers
from jitui.auth.standing import Standing
from jitui.policy.rights import Right
from jitui.values.errors import JituiError, UnknownCallerError


class Desk(House, Protocol):
    """A desk in this process; it knows when its caller loses what they came with."""

    async def lost(self, *needs: Right) -> JituiError:
        """Waits until the caller is nobody here any more, or lacks one of these rights, and says why."""


class Counter(Protocol):
    """Where desks are bound; the broker's."""

    def bind(self, caller: Standing, peer: str, same_user: bool) -> Desk:
        """A desk that acts as whoever the caller is at each moment. `peer`: where they come from."""


class Reception:
    """Names the caller of a request and binds a desk to them."""

    def __init__(self, counter: Counter, callers: Callers) -> None:
        self._counter, self._callers = counter, callers
        self.refused = 0  # requests of nobody; a counter, never rows

    async def seat(self, peer: Peer, authorization: str | None) -> Desk:
        """The caller's desk. Raises UnknownCallerError, TooManyError."""
        try:
            caller = self._caller(peer, authorization)
        except UnknownCallerError:
            self.refused += 1
            raise
        peer.known(caller.who)
        return self._counter.bind(self._callers.standing(caller), peer.label, peer.same_user())

    def _caller(self, peer: Peer, authorization: str | None) -> Caller:
        if authorization is not None:
            scheme, _, token = authorization.partition(" ")
            if scheme.lower() != "bearer":
                raise UnknownCallerError("authorization is not Bearer; present a token as: Authorization: Bearer jt_...")
            return self._callers.by_token(token.strip())
        if peer.uid is None:
            raise UnknownCallerError("no token; name its file with --token-file or JITUI_TOKEN, or come over the gateway's Unix socket")
        return self._callers.by_uid(peer.uid)


async def _desk(request: Request) -> Desk:
    reception: Reception = request.app.state.reception
    return await reception.seat(request.state.peer, request.headers.get("authorization"))


Seat = Annotated[Desk, Depends(_desk)]


async def _follow(request: Request, desk: Seat) -> Desk:
    peer: Peer = request.state.peer
    peer.stream()
    return desk


Follower = Annotated[Desk, Depends(_follow)]
