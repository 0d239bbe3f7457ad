"""Requests: ask, see, decide."""

from fastapi import APIRouter, Response

from jitui.api.server.answer import answer
from jitui.api.server.body import Approve, Ask, Why
from jitui.api.server.seat import Seat
from jitui.api.views import RequestView

router = APIRouter(tags=["decisions"])


@router.get("/requests", response_model=list[RequestView])
async def requests(desk: Seat, everything: bool = False, cursor: str = "") -> Response:
    """Pending requests, oldest first; with `everything` decided ones too. An agent sees its own."""
    return await answer(await desk.requests(everything=everything, cursor=cursor))


@router.post("/requests", response_model=RequestView)
async def ask(desk: Seat, body: Ask) -> Response:
    """Ask for a window. The same ask returns the same request."""
    made = await desk.ask(body.connection, duration_s=body.duration or body.duration_s, reason=body.reason, scope=body.scope,
                          identity=body.identity, approval=body.approval)
    return await answer(made)


@router.get("/requests/{ident}", response_model=RequestView)
async def request(desk: Seat, ident: str) -> Response:
    return await answer(await desk.request(ident))


@router.post("/requests/{ident}/approve", response_model=RequestView)
async def approve(desk: Seat, ident: str, body: Approve | None = None) -> Response:
    """Say yes, perhaps to less; with a digest only if nothing changed since it was shown."""
    yes = body or Approve()
    return await answer(await desk.approve(ident, digest=yes.digest, duration_s=yes.duration or yes.duration_s, scope=yes.scope, reason=yes.reason))


@router.post("/requests/{ident}/deny", response_model=RequestView)
async def deny(desk: Seat, ident: str, body: Why) -> Response:
    return await answer(await desk.deny(ident, reason=body.reason))


@router.post("/requests/{ident}/withdraw", response_model=RequestView)
async def withdraw(desk: Seat, ident: str) -> Response:
    return await answer(await desk.withdraw(ident))
