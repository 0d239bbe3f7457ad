"""A caller at the counter: who they are, where they come from, and what every part of the desk needs of the gateway."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, ParamSpec, Protocol, TypeVar

from jitui.access import Broker
from jitui.api.service.gauge import Gauge
from jitui.api.service.masks import Places
from jitui.api.service.readers import Readers
from jitui.api.service.sums import Sums
from jitui.api.views import Status
from jitui.policy.rights import Right, require, rights_of
from jitui.policy.terms import Grant, Identity, Request
from jitui.store.archive import Files
from jitui.store.bus import Bus
from jitui.values.errors import InvalidError, JituiError, NotFoundError, RefusedError
from jitui.values.instant import rfc3339

P = ParamSpec("P")
T = TypeVar("T")

HOUR_US: Final = 3_600_000_000


def number(ident: str, letter: str, what: str) -> int:
    """17 of `g-17`. Raises InvalidError."""
    match = re.fullmatch(rf"(?:{letter}-)?([1-9][0-9]{{0,14}})", ident, re.ASCII)
    if match is None:
        raise InvalidError(f"{ident[:40]!r} is not the id of a {what}; those look like {letter}-17")
    return int(match[1])


@dataclass(frozen=True, slots=True)
class Premises:
    """What the counter needs of the gateway, put together once by the composition root."""

    broker: Broker
    files: Files
    bus: Bus
    gauge: Gauge
    kube: str  # URL of the Kubernetes door
    ca_pem: str  # what clients pin; empty: a public authority signs
    connections: tuple[str, ...]
    reload: Callable[[], Awaitable[str]]
    stop: Callable[[], None]
    trouble: Callable[[], str] = lambda: ""  # what Status.trouble says
    viewed: dict[tuple[str, int, str], int] = field(default_factory=dict)  # who looked at which session's record, how, and when last (boot clock)
    places: Places = field(default_factory=Places)  # up to where in it secrets were looked for
    readers: Readers = field(init=False)
    sums: Sums = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "readers", Readers(self.broker.pressure.at_work))
        object.__setattr__(self, "sums", Sums(self.files))


class Caller(Protocol):
    """Who is at the counter, as they are at each moment."""

    @property
    def who(self) -> Identity:
        """Raises UnknownCallerError if they are nobody here any more."""
    @property
    def token(self) -> str:
        """Its id; empty without one."""
    async def lost(self, may: Callable[[Identity], None]) -> JituiError:
        """Waits until `may` raises, or `who` does, and gives that."""


class Bound:
    """One caller, and the gateway."""

    def __init__(self, house: Premises, caller: Caller, peer: str, same_user: bool) -> None:
        self._house, self._broker, self._files, self._caller = house, house.broker, house.files, caller
        self._peer, self._same_user = peer, same_user

    @property
    def _who(self) -> Identity:
        """Asked anew each time: while something was awaited, a right may have been taken away. Raises UnknownCallerError."""
        return self._caller.who

    async def lost(self, *needs: Right) -> JituiError:
        """Waits until the caller is nobody here any more, or lacks one of these rights, and says why."""

        def may(who: Identity) -> None:
            for right in needs:
                require(who, right)

        return await self._caller.lost(may)

    def _sees(self, grant: Grant) -> bool:
        return self._sees_name(grant.identity)

    def _sees_name(self, name: str) -> bool:
        return Right.SEE in rights_of(self._who) or name == self._who.name

    def _only(self) -> str:
        """Whose things the caller may see: of an agent its own; everybody's if empty."""
        return "" if Right.SEE in rights_of(self._who) else self._who.name

    def _connections(self) -> tuple[str, ...]:
        """Those the caller may know of: an agent, the ones it has a rule for."""
        rules = self._broker.requests.rules
        return tuple(name for name in self._house.connections if not self._who.is_agent or (self._who.name, name) in rules)

    def _reason(self, reason: str) -> None:
        if not reason.strip():
            raise InvalidError("a reason is needed; its words are what the agent is told")

    def _status(self) -> Status:
        broker, now = self._broker, self._broker.clock.now()
        error = broker.store.recording_error
        return Status(
            at=rfc3339(now.wall_us), recording=error is None, recorder_error=str(error) if error else "", record_bytes_s=self._house.gauge.bytes_s,
            disk_free=broker.room.free, lag_ms=self._house.gauge.lag_ms, waiting=len(broker.requests.pending), live=len(broker.windows.live),
            open_streams=sum(window.open_streams for window in broker.windows.live.values()), lockdown=broker.requests.lockdown,
            facts=broker.store.newest_fact, trouble=self._house.trouble(),
            limits=broker.pressure.now,
        )  # fmt: skip

    async def _read(self, call: Callable[P, T], *args: P.args, **more: P.kwargs) -> T:
        """A long list, in a thread, when it is the caller's turn. Raises TooManyError; RefusedError if a right was taken away meanwhile."""
        before = rights_of(self._who)
        found = await self._house.readers.read(self._who, "list", call, *args, **more)
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
