"""One caller, and the parts of the gateway: the base of the classes that implement the operations."""

import asyncio
import re
from collections.abc import Callable
from typing import Any, Final, ParamSpec, TypeVar

from jitui.api.operation import operation_of
from jitui.api.service.backend import Backend
from jitui.auth.standing import Current
from jitui.policy.rights import Right, rights_of
from jitui.policy.terms import Grant, Identity, Request
from jitui.values.errors import InvalidError, NotFoundError, RefusedError

P = ParamSpec("P")
T = TypeVar("T")

HOUR_US: Final = 3_600_000_000


def number(ident: str, letter: str, what: str) -> int:
    """17 of `g-17`. Raises InvalidError."""
    match = re.fullmatch(rf"(?:{letter}-)?([1-9][0-9]{{0,14}})", ident, re.ASCII)
    if match is None:
        raise InvalidError(f"{ident[:40]!r} is not the id of a {what}; those look like {letter}-17")
    return int(match[1])


class Bound:
    """One caller, and the gateway."""

    def __init__(self, backend: Backend, caller: Current, peer: str, same_user: bool) -> None:
        self._backend, self._broker, self._files, self._caller = backend, backend.broker, backend.files, caller
        self._peer, self._same_user = " by ".join(filter(None, (peer, caller.how))), same_user

    @property
    def _who(self) -> Identity:
        """Asked anew each time: while something was awaited, a right may have been taken away. Raises UnknownCallerError."""
        return self._caller.who

    def _still(self, method: Callable[..., Any], **given: Any) -> Identity:
        """The caller, if they may do this operation of the table now, too: a right may have been taken away while something was awaited.

        Raises RefusedError, UnknownCallerError.
        """
        who = self._who
        operation_of(method).check(who, given)
        return who

    def _sees(self, grant: Grant) -> bool:
        return self._sees_name(grant.identity)

    def _sees_name(self, name: str) -> bool:
        return Right.SEE in rights_of(self._who) or name == self._who.name

    def _only(self) -> str:
        """The identity that the caller's lists are limited to: an agent sees its own; empty for everybody's."""
        return "" if Right.SEE in rights_of(self._who) else self._who.name

    def _connections(self) -> tuple[str, ...]:
        """Those the caller may know of: an agent, the ones it has a rule for."""
        rules = self._broker.requests.rules
        return tuple(name for name in self._backend.connections if not self._who.is_agent or (self._who.name, name) in rules)

    def _reason(self, reason: str) -> None:
        if not reason.strip():
            raise InvalidError("a reason is needed; its words are what the agent is told")

    async def _read(self, call: Callable[P, T], *args: P.args, **more: P.kwargs) -> T:
        """A long list, in a thread, when it is the caller's turn. Raises TooManyError; RefusedError if a right was taken away meanwhile."""
        before = rights_of(self._who)
        found = await self._backend.readers.read(self._who, "list", call, *args, **more)
        if not before <= rights_of(self._who):
            raise RefusedError(f"{self._who.name} may see less now than when this was asked; ask again")
        return found

    async def _find_request(self, at: int) -> Request:
        try:
            return self._broker.requests.find(at)
        except NotFoundError:
            return await asyncio.to_thread(self._files.request, at)

    async def _find_grant(self, at: int) -> Grant:
        window = self._broker.windows.live.get(at)
        return window.grant if window else await asyncio.to_thread(self._files.grant, at)
