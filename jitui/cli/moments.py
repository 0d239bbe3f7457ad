"""How a session or a window stood at a moment, and its events, as text."""

from typing import Final

import click

from jitui.api.moments import EventView
from jitui.api.operations import Archive
from jitui.api.views import SessionView
from jitui.cli import show
from jitui.cli.kinds import LINKED, UNMASK
from jitui.cli.reach import asynchronous, reaching
from jitui.cli.source import archive, note_unmasked
from jitui.values import plain
from jitui.values.instant import from_rfc3339, rfc3339
from jitui.values.link import Link
from jitui.values.said import clean

EVENTS: Final = 20  # of a window that are shown
LATER: Final = "9999-01-01T00:00:00Z"
END_US: Final = 1 << 60  # behind every frame


@click.command("show")
@click.argument("link", type=LINKED, metavar="SESSION|GRANT|FILE[@TIME]")
@UNMASK
@reaching
@asynchronous
async def show_command(link: Link, unmask: bool, as_json: bool) -> None:
    """How it stood at a moment, or in the end: of a session its screen, of a window its last events and the streams that ran."""
    async with archive(link.ident) as (at, ident):
        if unmask:
            note_unmasked(at)
        if ident.startswith("g-"):
            await _window(at, ident, link, as_json=as_json)
        else:
            await _screen(at, await at.session(ident), link, as_json=as_json, unmask=unmask)


async def _window(at: Archive, grant: str, link: Link, *, as_json: bool) -> None:
    approved = from_rfc3339((await at.moment(grant)).approved)
    when = rfc3339(link.wall_us(approved)) if link.at else LATER
    events = await at.timeline(grant, before=when, limit=EVENTS)
    moment = await at.moment(grant, at=when if link.at or not events else events[-1].at)
    if as_json:
        click.echo(plain.text({"moment": moment, "events": events}))
        return
    show.line(f"{moment.grant} of {moment.identity} on {moment.connection}, {show.clock(moment.at)}", 400)
    for event in events:
        show.line(event_line(event), 400)
    for stream in moment.streams:
        session = stream.session
        ran = "ran last" if session.ended and from_rfc3339(session.ended) < from_rfc3339(moment.at) else "runs"
        show.line(f"{ran}: {session.id} {session.kind} {clean(session.target, 80)}  jitui show {session.id}{f'@{link.at}' if link.at else ''}", 400)


async def _screen(at: Archive, session: SessionView, link: Link, *, as_json: bool, unmask: bool) -> None:
    from jitui.tui.track import Track, fetch  # noqa: PLC0415 - no other of these commands needs it

    started = from_rfc3339(session.started)
    at_us = link.wall_us(started) - started if link.at else END_US
    running = (await at.moment(session.grant, at=rfc3339(started + at_us))).streams if link.at else ()
    seq = next((each.seq for each in running if each.session.id == session.id), session.frames - 1)
    track = Track(session, 0, await fetch(at, session, at_us, seq, unmask=unmask))
    while not track.turn(at_us, lambda: False):
        pass
    lines = [clean(line, 500) for line in track.emulator.text()]
    while lines and not lines[-1]:
        lines.pop()
    if as_json:
        click.echo(plain.text({"session": session.id, "at": rfc3339(started + at_us) if link.at else session.ended, "lines": lines, "whole": track.whole}))
        return
    for line in lines:
        click.echo(line)
    if not track.whole:
        show.note("drawn from its last frames alone: there is no keyframe before the moment yet")


async def print_events(at: Archive, grant: str, link: Link, *, as_json: bool) -> None:
    """The events of a window, a line each; from the moment of the link on."""
    behind = rfc3339(link.wall_us(from_rfc3339((await at.moment(grant)).approved)) - 1) if link.at else ""
    while page := await at.timeline(grant, behind=behind):
        for event in page:
            show.one(event, as_json, event_line)
        behind = page[-1].key


def event_line(event: EventView) -> str:
    """`2026-11-23 16:04:07 CET  W  s-203  CHANGE patch deployments.apps/web in web  200`."""
    if (action := event.action) is not None:
        name = "/".join(filter(None, (action.resource, clean(action.name, 80)))) + (f" in {clean(action.namespace, 63)}" if action.namespace.raw else "")
        how = f"denied: {action.clause}" if action.verdict == "denied" else f"{action.code or '?'}"
        said = f"{action.hazard} {action.verb} {name} {f'[{show.argv(action.argv)}] ' if action.argv else ''} {how}"
    elif (stream := event.stream) is not None:
        how = f"ended: {stream.ended_why}" if event.kind == "ended" else "opened"
        said = f"{stream.kind} {clean(stream.target, 80)} {f'[{show.argv(stream.argv)}] ' if stream.argv else ''} {how}"
    else:
        said = f"{event.kind} by {event.fact.who}" if event.fact is not None else event.kind
    return f"{show.clock(event.at)}  {event.mark or '-'}  {event.session or '-'}  {said}"
