"""Requests for windows, for one caller."""

import asyncio

from jitui.access.requests import REMEMBER, Ask
from jitui.api.operations import Requests
from jitui.api.service import views
from jitui.api.service.bound import Bound, number
from jitui.api.views import RequestView
from jitui.policy.request import Event, move
from jitui.policy.rights import Right, rights_of
from jitui.policy.terms import Request, RequestState
from jitui.values.errors import NotFoundError, RefusedError
from jitui.values.page import Page


class RequestService(Bound, Requests):
    """Sees and decides them."""

    async def requests(self, *, everything: bool = False, cursor: str = "") -> Page[RequestView]:
        only = self._only()
        decided = {request.id: request for request in self._broker.requests.decided if everything and only in {"", request.identity}}
        pending = {request.id: request for request in self._broker.requests.pending.values() if only in {"", request.identity}}
        return await self._read(self._listed, only, decided, pending, everything=everything, cursor=cursor)

    def _listed(self, only: str, decided: dict[int, Request], pending: dict[int, Request], *, everything: bool, cursor: str) -> Page[RequestView]:
        """A page of requests: the ledger has those that this run of the gateway does not remember, and pending ones end the last page."""
        page = self._files.requests(identity=only, limit=REMEMBER, cursor=cursor) if everything else Page[Request]()
        older = [] if cursor else sorted(ident for ident in decided if not page or ident < page[0].id)
        found = [decided[ident] for ident in older] + [decided.get(request.id, request) for request in page if request.id not in pending]
        if not page.more:
            found += [request for _, request in sorted(pending.items())]
        return Page((self._request_view(request) for request in found), page.more, older=page.older)

    async def request(self, ident: str, *, wait_s: int = 0) -> RequestView:
        at = number(ident, "r", "request")
        request = await self._seen(at)
        if wait_s:
            await self._settled(at, wait_s)
            request = await self._seen(at)
        before, used = await self._history(request)
        return self._request_view(request, before=before, used=used, still=await self._still_left(request))

    async def _seen(self, at: int) -> Request:
        """Raises RefusedError if it is not the caller's to see, NotFoundError."""
        request = await self._find_request(at)
        if Right.SEE not in rights_of(self._who) and request.identity != self._who.name:
            raise RefusedError(f"request r-{at} is not yours")
        return request

    async def _settled(self, at: int, seconds: int) -> None:
        """Until a request is pending no more, the gateway stops, or so many seconds have passed."""
        waits = [asyncio.ensure_future(self._broker.requests.settled(at)), asyncio.ensure_future(self._backend.bus.closed.wait())]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def ask(self, connection: str, *, duration_s: int = 0, reason: str = "", scope: str = "", identity: str = "", approval: str = "") -> RequestView:
        if identity and identity != self._who.name:
            raise RefusedError(f"the request names identity {identity}, but this token is {self._who.name}'s; identity is an assertion, not an input")
        if connection not in self._backend.connections:
            raise NotFoundError(f"no connection {connection} here; known: {', '.join(self._connections())}")
        rule = self._broker.requests.rules.get((self._who.name, connection))
        said = ("automatic" if rule.automatic else "required") if rule else approval
        if approval and approval != said:
            raise RefusedError(f"the request says approval: {approval}, the rule for {self._who.name} on {connection} says {said}")
        ask = Ask(connection, duration_s, reason, scope, self._peer, self._caller.token, self._same_user)
        return self._request_view(await self._broker.requests.ask(self._who, ask))

    async def approve(self, ident: str, *, digest: str = "", duration_s: int = 0, scope: str = "", reason: str = "") -> RequestView:
        at = number(ident, "r", "request")
        agent = self._broker.roster.agent((await self._pending(at, Event.APPROVE)).identity)
        done = await self._broker.requests.approve(
            self._who, at, agent=agent, digest=digest, duration_s=duration_s, scope=scope, reason=reason, still=lambda: self._still(Requests.approve)
        )
        return self._request_view(done)

    async def deny(self, ident: str, *, reason: str) -> RequestView:
        at = number(ident, "r", "request")
        await self._pending(at, Event.DENY)
        return self._request_view(await self._broker.requests.deny(self._who, at, reason=reason, still=lambda: self._still(Requests.deny)))

    async def withdraw(self, ident: str) -> RequestView:
        at = number(ident, "r", "request")
        if (await self._find_request(at)).identity != self._who.name:
            raise RefusedError(f"request {ident} is not yours")
        await self._pending(at, Event.WITHDRAW)
        return self._request_view(await self._broker.requests.withdraw(self._who, at))

    async def _pending(self, at: int, event: Event) -> Request:
        """Raises ConflictError, naming state, who and when, if it is decided; also by a gateway that ran before this one."""
        request = await self._find_request(at)
        move(request, event)
        return request

    def _request_view(self, request: Request, *, before: str = "", used: str = "", still: str = "") -> RequestView:
        window, agent = self._broker.windows.live.get(request.grant), self._broker.roster.agent(request.identity)
        persons, void = self._broker.requests.electorate(request, agent)
        return views.request_view(
            request, self._broker.requests.rule(request), caller=self._who, agent=agent, now=self._broker.clock.now(),
            grant=window.grant if window else None, before=before, used=used, still=still, persons=persons, void=void,
        )  # fmt: skip

    async def _still_left(self, request: Request) -> str:
        """One line of what its identity's last window on the connection left, for who sees the queue; empty once it is decided."""
        if request.state is not RequestState.PENDING or Right.SEE not in rights_of(self._who):
            return ""
        return await self._read(self._backend.histories.left, request.identity, request.connection)

    async def _history(self, request: Request) -> tuple[str, str]:
        """One line of what this identity did on this connection in the last 30 days, and the scope of what it used."""
        now = self._broker.clock.now()
        known = self._backend.histories.known(request, now)
        return await self._read(self._backend.histories.read, request, now) if known is None else known
