"""The service: binds callers to the gateway, and checks by the table what they may do."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from jitui.api.operation import Given, Operation, complete
from jitui.api.operations import BoundOperations, Operations
from jitui.api.service.archive import ArchiveService
from jitui.api.service.backend import Backend
from jitui.api.service.gateway import GatewayService
from jitui.api.service.grants import GrantService
from jitui.api.service.identities import IdentityService
from jitui.api.service.requests import RequestService
from jitui.api.service.sessions import SessionService
from jitui.auth.standing import Current
from jitui.values.errors import JituiError


@complete
class Implementation(RequestService, GrantService, SessionService, ArchiveService, IdentityService, GatewayService, Operations):
    """Every operation for one caller, whatever their rights."""


class Authorized(BoundOperations):
    """The operations, each done only if the caller has the right that the table names. Answers and items are looked at again when they are shown."""

    def __init__(self, operations: Operations, caller: Current) -> None:
        self._operations, self._caller = operations, caller

    async def perform(self, operation: Operation, given: Given) -> Any:
        """Raises RefusedError, UnknownCallerError, and what the operation raises."""
        operation.check(self._caller.who, given)
        done = await getattr(self._operations, operation.name)(**given)
        if operation.method == "GET":
            operation.check(self._caller.who, given)  # the right may have been taken away while it was read
        return done

    async def follow(self, operation: Operation, given: Given) -> AsyncIterator[Any]:
        """Raises as `perform` does, before any item."""
        operation.check(self._caller.who, given)
        async with aclosing(getattr(self._operations, operation.name)(**given)) as items:
            async for item in items:
                operation.check(self._caller.who, given)
                yield item

    async def lost(self, operation: Operation, given: Given) -> JituiError:
        return await self._caller.lost(lambda who: operation.check(who, given))


class Service:
    """The operations of one gateway."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def close(self) -> None:
        """Nobody is answered any more."""
        self._backend.readers.close()

    def bind(self, caller: Current, peer: str, same_user: bool) -> Authorized:
        """The operations for one caller. `peer`: where they come from. `same_user`: they run as the gateway's own Unix user."""
        return Authorized(Implementation(self._backend, caller, peer, same_user), caller)
