"""The caller of a request, and the operations bound to them.

A presented token beats the peer's uid: an agent's token gains nothing by coming over the local socket.
"""

from typing import Protocol

from jitui.api.operations import BoundOperations
from jitui.api.server.peers import Guest, Peer
from jitui.auth.callers import Caller, Callers
from jitui.auth.standing import Current
from jitui.values.errors import UnknownCallerError


class Service(Protocol):
    """Binds the operations to callers (`api/service`)."""

    def bind(self, caller: Current, peer: str, same_user: bool) -> BoundOperations:
        """The operations, done as whoever the caller is at each moment. `peer`: where they come from."""


class Authentication:
    """Names the caller of a request and binds the operations to them."""

    def __init__(self, service: Service, callers: Callers) -> None:
        self._service, self._callers = service, callers

    async def bound(self, peer: Peer, authorization: str | None) -> BoundOperations:
        """The operations for the caller. Raises UnknownCallerError, TooManyError."""
        if peer.guest is not None:
            return self._guest(peer, peer.guest, authorization)
        caller = self._caller(peer, authorization)
        peer.known(caller.who)
        return self._service.bind(self._callers.standing(caller), peer.label, peer.same_user())

    def _guest(self, peer: Peer, guest: Guest, authorization: str | None) -> BoundOperations:
        """A connection that the gateway made for one person is never anybody else's, nor that of the Unix user at its other end, which is the gateway's own."""
        who = guest.caller.who
        if authorization is not None:
            raise UnknownCallerError(f"this connection is that of {who.name}, no token counts on it; come over https with it")
        peer.known(who)
        return self._service.bind(guest.caller, peer.label, peer.same_user())

    def _caller(self, peer: Peer, authorization: str | None) -> Caller:
        if authorization is not None:
            scheme, _, token = authorization.partition(" ")
            if scheme.lower() != "bearer":
                raise UnknownCallerError("authorization is not Bearer; present a token as: Authorization: Bearer jt_...")
            return self._callers.by_token(token.strip())
        if peer.uid is None:
            raise UnknownCallerError("no token; name its file with --token-file or JITUI_TOKEN, or come over the gateway's Unix socket")
        return self._callers.by_uid(peer.uid)
