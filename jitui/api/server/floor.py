"""What is live now, and its end."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response

from jitui.api.server.answer import answer
from jitui.api.server.body import Why
from jitui.api.server.seat import Follower, Seat
from jitui.api.server.stream import EventStream, event
from jitui.api.views import Ended, FactView, Frozen, GrantView, Hello, LiveChunk, SessionView, Status
from jitui.policy.rights import Right

router = APIRouter(tags=["floor"])


@router.get("/hello", response_model=Hello)
async def hello(desk: Seat) -> Response:
    """Versions, and who you are here."""
    return await answer(await desk.hello())


@router.get("/status", response_model=Status)
async def status(desk: Seat) -> Response:
    return await answer(await desk.status())


@router.get("/grants", response_model=list[GrantView])
async def grants(desk: Seat, everything: bool = False, cursor: str = "") -> Response:
    """Live windows, ends soonest first; with `everything` ended ones too."""
    return await answer(await desk.grants(everything=everything, cursor=cursor))


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


@router.post("/grants/{ident}/freeze", response_model=Frozen)
async def freeze_grant(desk: Seat, ident: str) -> Response:
    """Nothing passes either way from now on; what comes is recorded and held, and the clock runs on."""
    return await answer(await desk.freeze(_of("g", ident)))


@router.post("/grants/{ident}/thaw", response_model=Frozen)
async def thaw_grant(desk: Seat, ident: str) -> Response:
    """Everything held in it goes on in order."""
    return await answer(await desk.thaw(_of("g", ident)))


@router.get("/sessions", response_model=list[SessionView])
async def sessions(desk: Seat, live: bool = False, grant: str = "", cursor: str = "") -> Response:
    return await answer(await desk.sessions(live=live, grant=grant, cursor=cursor))


@router.post("/sessions/{ident}/kill", response_model=Ended)
async def kill(desk: Seat, ident: str, body: Why) -> Response:
    return await answer(await desk.kill(ident, reason=body.reason))


@router.post("/sessions/{ident}/freeze", response_model=Frozen)
async def freeze_session(desk: Seat, ident: str) -> Response:
    """One session; its window goes on."""
    return await answer(await desk.freeze(_of("s", ident)))


@router.post("/sessions/{ident}/thaw", response_model=Frozen)
async def thaw_session(desk: Seat, ident: str) -> Response:
    """One that was frozen without its window."""
    return await answer(await desk.thaw(_of("s", ident)))


@router.post("/freeze", response_model=Frozen)
async def freeze_all(desk: Seat) -> Response:
    """Every active window. One that is granted later is not frozen."""
    return await answer(await desk.freeze("all"))


@router.post("/thaw", response_model=Frozen)
async def thaw_all(desk: Seat) -> Response:
    return await answer(await desk.thaw("all"))


@router.get("/sessions/{ident}/live", response_class=EventStream, responses={200: {"model": LiveChunk}})
async def live(request: Request, desk: Follower, ident: str, unmask: bool = False) -> Response:
    """The frames of a live session from now on, as events `frame`, `gap`, and at last `end`; `error` says why one may not watch any more.

    Secrets are masked, as in frames.
    """
    stream, needs = desk.watch(ident, unmask=unmask), (Right.LIVE, Right.UNMASK) if unmask else (Right.LIVE,)
    return EventStream(stream, lambda chunk: event(chunk.kind, chunk), request.app.state.closing, lambda: desk.lost(*needs))


@router.get("/events", response_class=EventStream, responses={200: {"model": FactView}})
async def events(request: Request, desk: Follower, since: Annotated[int, Query(ge=-1)] = -1,
                 last_event_id: Annotated[int | None, Header(ge=0)] = None) -> Response:
    """Facts as they are committed, after the header Last-Event-ID or else `since`; without either from now on.

    The event `error` is the last: it says why this caller is not heard any more, and to ask again with the same token is of no use.
    """
    after = since if last_event_id is None else last_event_id
    return EventStream(desk.events(since=after), lambda fact: event("fact", fact, fact.seq), request.app.state.closing, desk.lost)


def _of(letter: str, ident: str) -> str:
    """`g-17`, also of 17: what stands under /grants is never the id of something else."""
    return ident if ident.startswith(f"{letter}-") else f"{letter}-{ident}"
