"""The house itself: identities, configuration, lockdown, its end."""

from fastapi import APIRouter, Response

from jitui.api.server.answer import answer
from jitui.api.server.body import Explain, Lockdown, NewIdentity, Why
from jitui.api.server.seat import Seat
from jitui.api.views import Explained, IdentityView, Issued, Status

router = APIRouter(tags=["clerk"])


@router.get("/identities", response_model=list[IdentityView])
async def identities(desk: Seat) -> Response:
    return await answer(await desk.identities())


@router.post("/identities", response_model=Issued)
async def identity_add(desk: Seat, body: NewIdentity) -> Response:
    """A new identity; the token in the answer is shown this once."""
    return await answer(await desk.identity_add(body.name, roles=body.roles, owner=body.owner))


@router.post("/identities/{name}/rotate", response_model=Issued)
async def identity_rotate(desk: Seat, name: str) -> Response:
    """A new token; the older ones are revoked."""
    return await answer(await desk.identity_rotate(name))


@router.post("/identities/{name}/disable", response_model=IdentityView)
async def identity_disable(desk: Seat, name: str, body: Why) -> Response:
    """Everything of it ends at once."""
    return await answer(await desk.identity_disable(name, reason=body.reason))


@router.post("/lockdown", response_model=Status)
async def lockdown(desk: Seat, body: Lockdown) -> Response:
    return await answer(await desk.lockdown(body.on, reason=body.reason))


@router.post("/reload")
async def reload(desk: Seat) -> Response:
    """Read the configuration again; `said` is one line of what changed."""
    return await answer({"said": await desk.reload()})


@router.post("/stop")
async def stop(desk: Seat) -> Response:
    """End the gateway, its sessions first."""
    await desk.stop()
    return await answer({"said": "stopping"})


@router.post("/explain", response_model=Explained)
async def explain(desk: Seat, body: Explain) -> Response:
    """What would be decided about one action now."""
    return await answer(await desk.explain(body.connection, body.action(), identity=body.identity))
