"""Approvers and operators: requests, windows, sessions. All that the Desk can do, in plain text."""

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

import click

from jitui.api.operations import Operations
from jitui.api.outcome import in_short
from jitui.api.views import Ended, Frozen, GrantView, LiveChunk, RequestView, SessionView
from jitui.cli import card, follow, show
from jitui.cli.kinds import DURATION, NAMED, UNMASK
from jitui.cli.reach import asynchronous, gateway, reaching
from jitui.policy.brief import TYPED, brief, parts
from jitui.values import plain, span
from jitui.values.errors import JituiError, RefusedError, UnavailableError
from jitui.values.said import clean

REASON = click.option("--reason", required=True, metavar="TEXT", help="Why; the agent is told these words.")


LINE: Final = 1000  # characters of a request's line; its parts fit, the long ones cut by themselves
SCOPE: Final = 240  # of them for the scope
WORDS: Final = 200  # and for words


def request_line(view: RequestView) -> str:
    """One request in one line: warnings and hazard first, of a long scope the worst, its own words last, as they are not checked."""
    until = f"until {show.clock(view.deadline)}" if view.deadline else "from its first use"
    ends = {"pending": f"lapses in {span.show(view.lapses_s)}", "approved": f"{view.grant} {until}"}
    count = f"{len(view.approvals)}/{view.approvals_needed}" if view.state == "pending" else f"by {view.decided_by}" if view.decided_by else ""
    why = f': "{clean(view.why, WORDS)}"' if view.why.raw else ""
    said = f'  says "{clean(view.reason, WORDS)}"' if view.reason.raw else ""
    warns = card.BYPASS if view.same_user and view.state == "pending" else ""
    scope = brief([(clause.text, clause.hazard) for clause in view.clauses], SCOPE)
    return "  ".join(part for part in (view.id, view.state, warns, view.identity, view.connection, span.show(view.duration_s), view.hazard, scope,
                                      count + why, ends.get(view.state, "")) if part) + said


@click.command("requests")
@click.option("--all", "everything", is_flag=True, help="Decided ones too.")
@click.option("--follow", "following", is_flag=True, help="Go on, with a line for each change.")
@reaching
@asynchronous
async def requests_command(everything: bool, following: bool, as_json: bool) -> None:
    """List the requests that wait for a decision, oldest first."""
    async with gateway() as at:
        since = (await at.status()).facts if following else 0
        found = await at.requests(everything=everything)
        show.older(found)
        for view in found:
            show.one(view, as_json, request_line, LINE)
        if not (found or following or as_json):
            show.line("nobody asks; an agent asks with: jitui request CONNECTION --duration 30m --reason TEXT")
        if following:
            async for fact in follow.facts(at, since):
                if fact.kind.startswith("request.") and fact.subject.startswith("r-"):
                    show.one(await at.request(fact.subject), as_json, request_line, LINE)


@click.command("approve")
@click.argument("ident", metavar="ID")
@click.option("--duration", type=DURATION, default=0, metavar="D", help="Less than was asked.")
@click.option("--scope", multiple=True, help="Narrower than was asked; more than once for more clauses.")
@click.option("--reason", default="", metavar="TEXT")
@click.option("--digest", default="", metavar="D", help="Of the request as you saw it (requests --json); if anything changed since, nothing is decided.")
@reaching
@asynchronous
async def approve_command(ident: str, duration: int, scope: tuple[str, ...], reason: str, digest: str, as_json: bool) -> None:
    """Say yes to a request, perhaps to less than was asked.

    Shows all of it first, and says yes to exactly what it has shown; on a terminal it asks before.
    """
    async with gateway() as at:
        less = "; ".join(scope)
        if not digest:
            view = await at.request(ident)
            digest = view.digest
            if "approve" in view.you_may and not as_json:
                for text in card.lines(view):
                    click.echo(text)
                if sys.stdin.isatty() and sys.stdout.isatty():
                    _sure(view, duration, less)
        show.one(await at.approve(ident, digest=digest, duration_s=duration, scope=less, reason=reason), as_json, request_line, LINE)


def _sure(view: RequestView, duration: int, less: str) -> None:
    """Ask at the terminal; for what starts code or can leave the window, with the agent's name typed. Raises RefusedError for a no."""
    terms = f"{span.show(duration or view.duration_s)}" + (f" of {brief(parts(less), SCOPE)}" if less else "")
    if view.hazard in TYPED:
        sure = click.prompt(f"{view.hazard}: type {clean(view.identity, 63)} to grant {terms}, anything else to leave it", default="", show_default=False)
        agreed = sure.strip() == view.identity
    else:
        agreed = click.confirm(f"grant {terms}?", default=False)
    if not agreed:
        raise RefusedError(f"nothing was decided; {view.id} goes on waiting")


@click.command("deny")
@click.argument("ident", metavar="ID")
@REASON
@reaching
@asynchronous
async def deny_command(ident: str, reason: str, as_json: bool) -> None:
    """Say no to a request."""
    async with gateway() as at:
        show.one(await at.deny(ident, reason=reason), as_json, request_line, LINE)


@click.command("withdraw")
@click.argument("ident", metavar="ID")
@reaching
@asynchronous
async def withdraw_command(ident: str, as_json: bool) -> None:
    """Take your own request back."""
    async with gateway() as at:
        show.one(await at.withdraw(ident), as_json, request_line, LINE)


def frozen(view: GrantView | SessionView) -> str:
    """`FROZEN by ana, 12 KB held`; empty for what flows."""
    return view.frozen_by and f"FROZEN by {view.frozen_by}, {show.size(view.held)} held"


def may_run_on(view: GrantView | SessionView) -> str:
    """Processes of its commands in pods: `, 1 may run on`; of an ended window also those that ended."""
    said = in_short(view) if isinstance(view, GrantView) else f"{view.may_run_on} may run on" if view.may_run_on else ""
    return said and f", {said}"


CELL: Final = 60  # characters of a scope in a table

GRANT_COLUMNS: Final[Mapping[str, Callable[[GrantView], show.Cell]]] = {
    "id": lambda view: view.id, "state": lambda view: (frozen(view) or view.state) + may_run_on(view), "identity": lambda view: view.identity,
    "connection": lambda view: view.connection, "remains": lambda view: span.show(view.remaining_s), "hazard": lambda view: view.hazard,
    "open": lambda view: view.open_streams, "scope": lambda view: brief(parts(view.scope), CELL), "last": lambda view: view.last,
}


@click.command("grants")
@click.option("--all", "everything", is_flag=True, help="Ended ones too.")
@reaching
@asynchronous
async def grants_command(everything: bool, as_json: bool) -> None:
    """Windows that are live, ends soonest first."""
    async with gateway() as at:
        show.many(await at.grants(everything=everything), as_json, GRANT_COLUMNS, "no window is live")


@click.command("revoke")
@click.argument("grant", type=NAMED, metavar="GRANT")
@REASON
@reaching
@asynchronous
async def revoke_command(grant: str, reason: str, as_json: bool) -> None:
    """End a window and everything in it, now."""
    async with gateway() as at:
        await _done(at, await at.revoke(grant, reason=reason), as_json)


@click.command("release")
@click.argument("grant", type=NAMED, metavar="GRANT")
@reaching
@asynchronous
async def release_command(grant: str, as_json: bool) -> None:
    """Give your own window back before it ends."""
    async with gateway() as at:
        await _done(at, await at.release(grant), as_json)


SESSION_COLUMNS: Final[Mapping[str, Callable[[SessionView], show.Cell]]] = {
    "id": lambda view: view.id, "kind": lambda view: view.kind, "grant": lambda view: view.grant, "identity": lambda view: view.identity,
    "connection": lambda view: view.connection, "started": lambda view: show.clock(view.started),
    "state": lambda view: (view.ended_why or frozen(view) or view.state) + may_run_on(view), "in": lambda view: show.size(view.bytes_in),
    "out": lambda view: show.size(view.bytes_out), "target": lambda view: view.target, "argv": lambda view: show.argv(view.argv),
}


@click.command("sessions")
@click.option("--live", is_flag=True, help="Only those that are open.")
@click.option("--grant", type=NAMED, default="", metavar="GRANT", help="Only those of one window.")
@click.option("--all", "looks", is_flag=True, help="The gateway's own looks into pods, too.")
@reaching
@asynchronous
async def sessions_command(live: bool, grant: str, looks: bool, as_json: bool) -> None:
    """Recorded conversations, oldest first."""
    async with gateway() as at:
        show.many(await at.sessions(live=live, grant=grant, looks=looks), as_json, SESSION_COLUMNS, "no session" + (" is open" if live else " yet"))


@click.command("watch")
@click.argument("session", type=NAMED, metavar="SESSION")
@UNMASK
@reaching
@asynchronous
async def watch_command(session: str, unmask: bool, as_json: bool) -> None:
    """A live session as it is recorded, until it ends."""
    async with gateway() as at:
        ended, begun = False, False
        async for chunk in at.watch(session, unmask=unmask):
            if not begun and chunk.frame is not None and chunk.frame.seq:
                show.note(f"{chunk.frame.seq} frames were recorded before these: jitui replay {session}")
            begun = True
            ended = chunk.kind == "end"
            if as_json:
                click.echo(plain.text(chunk))
            else:
                for text in chunk_lines(chunk):
                    click.echo(text)
        if not ended:
            raise UnavailableError("the gateway went away while it was watched; windows still end on time")


def chunk_lines(chunk: LiveChunk) -> list[str]:
    """A chunk as text for a person: the time since the session's start, the channel, clean text line by line."""
    if chunk.kind == "gap":
        return [f"... {chunk.lost_bytes} bytes not shown here: it is faster than this viewer; they are on record"]
    if chunk.kind == "end" or chunk.frame is None:
        return [f"ended: {clean(chunk.why)}"]
    frame = chunk.frame
    body = frame.body.decode("utf-8", "replace")
    return [f"{frame.at_us / 1e6:10.3f}  {frame.channel:<14}  {clean(text, 400)}" for text in body.splitlines() or [""]]


@click.command("kill")
@click.argument("session", type=NAMED, metavar="SESSION")
@REASON
@reaching
@asynchronous
async def kill_command(session: str, reason: str, as_json: bool) -> None:
    """End one session, now; its window lives on."""
    async with gateway() as at:
        await _done(at, await at.kill(session, reason=reason), as_json)


@click.command("freeze")
@click.argument("target", type=NAMED, metavar="SESSION|GRANT|all")
@reaching
@asynchronous
async def freeze_command(target: str, as_json: bool) -> None:
    """Let nothing pass, either way, until it is thawed. Nothing is lost, and clocks run on."""
    async with gateway() as at:
        await _done(at, await at.freeze(target), as_json)


@click.command("thaw")
@click.argument("target", type=NAMED, metavar="SESSION|GRANT|all")
@reaching
@asynchronous
async def thaw_command(target: str, as_json: bool) -> None:
    """Let go what was held, in order."""
    async with gateway() as at:
        await _done(at, await at.thaw(target), as_json)


async def _done(at: Operations, done: Ended | Frozen, as_json: bool) -> None:
    """Prints the effect in a line; as JSON, with the window or session as it is now, unless its end can't be on record yet."""
    stands: GrantView | SessionView | None = None
    if as_json and done.id != "all":
        with suppress(JituiError):
            stands = await (at.session(done.id) if done.id.startswith("s-") else at.grant(done.id))
    known = stands is not None and (stands.ended or isinstance(done, Frozen))
    show.one(plain.of(stands) | plain.of(done) if known else done, as_json, lambda _: done.said)
