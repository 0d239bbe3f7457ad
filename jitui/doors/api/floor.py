"""What is live now, and its end."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response

from jitui.desk import Ended, FactView, GrantView, Hello, LiveChunk, SessionView, Status
from jitui.doors.api.answer import answer
from jitui.doors.api.body import Why
from jitui.doors.api.seat import Seat
from jitui.doors.api.stream import EventStream, event

router = APIRouter(tags=["floor"])


@router.get("/hello", response_model=Hello)
async def hello(desk: Seat) -> Response:
    """Versions, and who you are here."""
    return await answer(await desk.hello())


@router.get("/status", response_model=Status)
async def status(desk: Seat) -> Response:
    return await answer(await desk.status())


@router.get("/grants", response_model=list[GrantView])
async def grants(desk: Seat, everything: bool = False) -> Response:
    """Live windows, ends soonest first; with `everything` ended ones too."""
    return await answer(await desk.grants(everything=everything))


@router.get("/grants/{ident}", response_model=GrantView)
async def grant(desk: Seat, ident: str) -> Response:
    return await answer(await desk.grant(ident))


@router.post("/grants/{ident}/revoke", response_model=Ended)
async def revoke(desk: Seat, ident: str, body: Why) -> Response:
    return await answer(await desk.revoke(ident, reason=body.reason))


@router.post("/grants/{ident}/release", response_model=Ended)
async def release(desk: Seat, ident: str) -> Response:
    """The grantee gives it back."""
    return await answer(await desk.release(ident))


@router.get("/sessions", response_model=list[SessionView])
async def sessions(desk: Seat, live: bool = False, grant: str = "") -> Response:
    return await answer(await desk.sessions(live=live, grant=grant))


@router.post("/sessions/{ident}/kill", response_model=Ended)
async def kill(desk: Seat, ident: str, body: Why) -> Response:
    return await answer(await desk.kill(ident, reason=body.reason))


@router.get("/sessions/{ident}/live", response_class=EventStream, responses={200: {"model": LiveChunk}})
async def live(request: Request, desk: Seat, ident: str) -> Response:
    """The frames of a live session from now on, as events `frame`, `gap`, and at last `end`."""
    return EventStream(desk.watch(ident), lambda chunk: event(chunk.kind, chunk), request.app.state.closing)


@router.get("/events", response_class=EventStream, responses={200: {"model": FactView}})
async def events(request: Request, desk: Seat, since: Annotated[int, Query(ge=-1)] = -1,
                 last_event_id: Annotated[int | None, Header(ge=0)] = None) -> Response:
    """Facts as they are committed, after the header Last-Event-ID or else `since`; without either from now on."""
    after = since if last_event_id is None else last_event_id
    return EventStream(desk.events(since=after), lambda fact: event("fact", fact, fact.seq), request.app.state.closing)
