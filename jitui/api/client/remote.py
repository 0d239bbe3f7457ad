"""The desk in another process: Decisions, Floor, Archive and Clerk over the API."""

import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from jitui.api.client.address import Address
from jitui.api.client.wire import Wire, view
from jitui.api.desk import API
from jitui.api.views import (
    ActionView,
    Ended,
    Explained,
    FactView,
    FrameView,
    Frozen,
    GrantView,
    Hello,
    IdentityView,
    Issued,
    LiveChunk,
    Proof,
    RequestView,
    SessionView,
    Status,
)
from jitui.policy.action import Action
from jitui.values.errors import InvalidError, NotFoundError, UnavailableError
from jitui.values.plain import of as plain
from jitui.values.said import clean

IDENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", re.ASCII)


class Remote:
    """Implements desk.House. Hold it as long as you like; it connects when it is asked, and `aclose` lets go."""

    def __init__(self, address: Address | str, *, token: str = "", ca: Path | None = None, ca_pem: str = "") -> None:
        """`token` empty: who you are is your Unix user, which only the Unix socket can tell. `ca`: the authority to pin, or `ca_pem` itself."""
        self.address = Address.parse(address) if isinstance(address, str) else address
        self._wire = Wire(self.address, token=token, ca=ca, ca_pem=ca_pem)

    async def aclose(self) -> None:
        await self._wire.aclose()

    # decisions
    async def requests(self, *, everything: bool = False, cursor: str = "") -> Sequence[RequestView]:
        return await self._wire.pages(RequestView, "/requests", everything=everything, cursor=cursor)

    async def request(self, ident: str) -> RequestView:
        return await self._wire.get(RequestView, f"/requests/{_part(ident)}")

    async def ask(self, connection: str, *, duration_s: int = 0, reason: str, scope: str = "", identity: str = "", approval: str = "") -> RequestView:
        body = {"connection": connection, "duration_s": duration_s, "reason": reason, "scope": scope, "identity": identity, "approval": approval}
        return await self._wire.post(RequestView, "/requests", body)

    async def approve(self, ident: str, *, digest: str = "", duration_s: int = 0, scope: str = "", reason: str = "") -> RequestView:
        body = {"digest": digest, "duration_s": duration_s, "scope": scope, "reason": reason}
        return await self._wire.post(RequestView, f"/requests/{_part(ident)}/approve", body)

    async def deny(self, ident: str, *, reason: str) -> RequestView:
        return await self._wire.post(RequestView, f"/requests/{_part(ident)}/deny", {"reason": reason})

    async def withdraw(self, ident: str) -> RequestView:
        return await self._wire.post(RequestView, f"/requests/{_part(ident)}/withdraw")

    # floor
    async def hello(self) -> Hello:
        """Raises UnavailableError if the two sides are of different major versions, and says which to update."""
        said = await self._wire.get(Hello, "/hello")
        if said.api != API:
            older = "on the gateway's side" if said.api < API else "here"
            raise UnavailableError(f"gateway {said.version} speaks API {said.api}, this jitui speaks {API}; update jitui {older}")
        return said

    async def status(self) -> Status:
        return await self._wire.get(Status, "/status")

    async def grants(self, *, everything: bool = False, cursor: str = "") -> Sequence[GrantView]:
        found = await self._wire.pages(GrantView, "/grants", everything=everything, cursor=cursor)
        return list({view.id: view for view in found}.values())  # one may end between two pages

    async def grant(self, ident: str) -> GrantView:
        return await self._wire.get(GrantView, f"/grants/{_part(ident)}")

    async def sessions(self, *, live: bool = False, grant: str = "", cursor: str = "") -> Sequence[SessionView]:
        return await self._wire.pages(SessionView, "/sessions", live=live, grant=grant, cursor=cursor)

    async def revoke(self, grant: str, *, reason: str) -> Ended:
        return await self._wire.post(Ended, f"/grants/{_part(grant)}/revoke", {"reason": reason})

    async def release(self, grant: str) -> Ended:
        return await self._wire.post(Ended, f"/grants/{_part(grant)}/release")

    async def kill(self, session: str, *, reason: str) -> Ended:
        return await self._wire.post(Ended, f"/sessions/{_part(session)}/kill", {"reason": reason})

    async def freeze(self, target: str) -> Frozen:
        return await self._wire.post(Frozen, f"{_target(target)}/freeze")

    async def thaw(self, target: str) -> Frozen:
        return await self._wire.post(Frozen, f"{_target(target)}/thaw")

    async def watch(self, session: str, *, unmask: bool = False) -> AsyncIterator[LiveChunk]:
        async for event in self._wire.events(f"/sessions/{_part(session)}/live", unmask=unmask or None):
            yield view(LiveChunk, event.data)

    async def events(self, *, since: int = -1) -> AsyncIterator[FactView]:
        """Ends when the gateway goes or is silent for 15 s; begin again after the last seq."""
        async for event in self._wire.events("/events", since=since):
            yield view(FactView, event.data)

    # archive
    async def session(self, ident: str) -> SessionView:
        return await self._wire.get(SessionView, f"/sessions/{_part(ident)}")

    async def frames(self, session: str, *, after: int = -1, limit: int = 1000, unmask: bool = False) -> Sequence[FrameView]:
        return await self._wire.get(list[FrameView], f"/sessions/{_part(session)}/frames", after=after, limit=limit, unmask=unmask or None)

    async def actions(self, *, grant: str = "", audit_id: str = "", limit: int = 1000, cursor: str = "") -> Sequence[ActionView]:
        found = await self._wire.pages(ActionView, "/actions", grant=grant, audit_id=audit_id, limit=limit, cursor=cursor)
        return sorted(found, key=lambda view: view.at)  # pages follow each other as they were written

    async def facts(self, *, after: int = 0, limit: int = 1000) -> Sequence[FactView]:
        return await self._wire.get(list[FactView], "/facts", after=after, limit=limit)

    async def verify(self, session: str = "") -> Sequence[Proof]:
        return await self._wire.get(list[Proof], "/verify", session=session)

    # clerk
    async def identity_add(self, name: str, *, roles: Sequence[str], owner: str = "") -> Issued:
        return await self._wire.post(Issued, "/identities", {"name": name, "roles": list(roles), "owner": owner})

    async def identities(self) -> Sequence[IdentityView]:
        return await self._wire.get(list[IdentityView], "/identities")

    async def identity_rotate(self, name: str) -> Issued:
        return await self._wire.post(Issued, f"/identities/{_part(name)}/rotate")

    async def identity_disable(self, name: str, *, reason: str) -> IdentityView:
        return await self._wire.post(IdentityView, f"/identities/{_part(name)}/disable", {"reason": reason})

    async def lockdown(self, on: bool, *, reason: str) -> Status:
        return await self._wire.post(Status, "/lockdown", {"on": on, "reason": reason})

    async def reload(self) -> str:
        return (await self._wire.post(dict[str, str], "/reload"))["said"]

    async def stop(self) -> None:
        await self._wire.post(dict[str, str], "/stop")

    async def explain(self, connection: str, action: Action, *, identity: str = "") -> Explained:
        return await self._wire.post(Explained, "/explain", plain(action) | {"connection": connection, "identity": identity})


def _part(ident: str) -> str:
    """One segment of a path. Raises NotFoundError for what no id and no name can be."""
    if not IDENT.fullmatch(ident):
        raise NotFoundError(f'nothing is called "{clean(ident, 64)}": ids are like r-41, g-17 and s-204')
    return quote(ident)


def _target(target: str) -> str:
    """Where a window, a session or all of them is frozen. Raises InvalidError."""
    room = {"g-": "/grants/", "s-": "/sessions/"}.get(target[:2])
    if target != "all" and room is None:
        raise InvalidError(f'"{clean(target, 64)}" is no window, no session and not all; those look like g-17, s-204, all')
    return "" if room is None else room + _part(target)
