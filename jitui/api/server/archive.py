"""What was: sessions, frames, actions, facts, and the proof of them."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from jitui.api.server.answer import answer
from jitui.api.server.seat import Seat
from jitui.api.views import ActionView, FactView, FrameView, Proof, SessionView

router = APIRouter(tags=["archive"])
Page = Annotated[int, Query(ge=1, le=1000)]


@router.get("/sessions/{ident}", response_model=SessionView)
async def session(desk: Seat, ident: str) -> Response:
    return await answer(await desk.session(ident))


@router.get("/sessions/{ident}/frames", response_model=list[FrameView])
async def frames(desk: Seat, ident: str, after: Annotated[int, Query(ge=-1)] = -1, limit: Page = 1000, unmask: bool = False) -> Response:
    """One page of frames, after the seq `after`; an empty page is the end. Secrets are masked; `unmask` takes a right, and is a fact."""
    return await answer(await desk.frames(ident, after=after, limit=limit, unmask=unmask))


@router.get("/actions", response_model=list[ActionView])
async def actions(desk: Seat, grant: str = "", audit_id: str = "", limit: Page = 1000, cursor: str = "") -> Response:
    """Every request with its verdict, the newest `limit`, oldest first."""
    return await answer(await desk.actions(grant=grant, audit_id=audit_id, limit=limit, cursor=cursor))


@router.get("/facts", response_model=list[FactView])
async def facts(desk: Seat, after: Annotated[int, Query(ge=0)] = 0, limit: Page = 1000) -> Response:
    """One page of the audit log, after the seq `after`; an empty page is the end."""
    return await answer(await desk.facts(after=after, limit=limit))


@router.get("/verify", response_model=list[Proof])
async def verify(desk: Seat, session: str = "") -> Response:
    """What the chain and the signed heads prove, of one session or of everything."""
    return await answer(await desk.verify(session))
