"""Commands that read one session: its frames, its replay, its exports."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

import click

from jitui.api.client import Client
from jitui.api.operations import Archive
from jitui.api.views import FrameView
from jitui.cli import moments, show
from jitui.cli.kinds import LINKED, OUTPUT, UNMASK, number
from jitui.cli.reach import asynchronous, reach, reaching
from jitui.cli.source import archive, folder, note_unmasked, shelf
from jitui.recording.cast import cast
from jitui.recording.frame import NAMES, Channel, Frame
from jitui.values import places, plain
from jitui.values.errors import RefusedError, UnavailableError
from jitui.values.instant import from_rfc3339
from jitui.values.link import Link
from jitui.values.private_file import write_private
from jitui.values.said import clean

PAGE: Final = 1000
FIRST: Final = 16  # frames of the first page
CHANNELS: Final = {channel.label: channel for channel in Channel}


@click.command("frames")
@click.argument("session", type=LINKED, metavar="SESSION|FILE[@TIME]")
@click.option("--channel", type=click.Choice(sorted(NAMES)), help="Only this channel.")
@click.option("--conn", type=click.IntRange(0), help="Only this exchange or forwarded connection.")
@click.option("--raw", is_flag=True, help="The bytes themselves of one channel, nothing else; never to a terminal.")
@UNMASK
@reaching
@asynchronous
async def frames_command(session: Link, channel: str | None, conn: int | None, raw: bool, unmask: bool, as_json: bool) -> None:
    """The recorded frames of a session; from a moment on, of s-17@16:07:52."""
    if raw and channel is None:
        raise click.UsageError("--raw writes the bytes of one channel: name it with --channel")
    if raw and sys.stdout.isatty():
        raise RefusedError("recorded bytes do not go to a terminal raw; send them to a file or a pipe, or use: jitui replay --text")
    labels = {one.label for one in NAMES[channel]} if channel else None
    async with archive(session.ident) as (at, ident):
        since_us = await _since_us(at, ident, session)
        async for frame in every_frame(at, ident, unmask=unmask):
            if frame.at_us < since_us or (labels is not None and frame.channel not in labels) or conn not in {None, frame.conn}:
                continue
            if raw:
                sys.stdout.buffer.write(frame.body)
            elif as_json:
                click.echo(plain.text(frame))
            else:
                click.echo(frame_line(frame))


async def _since_us(at: Archive, ident: str, link: Link) -> int:
    """The moment of a link, in microseconds since the session's start; 0 of one without. Raises InvalidError."""
    started_us = from_rfc3339((await at.session(ident)).started) if link.at else 0
    return link.wall_us(started_us) - started_us


async def every_frame(at: Archive, session: str, *, unmask: bool = False) -> AsyncIterator[FrameView]:
    """Every frame of a session, read page by page."""
    async for page in pages(at, session, unmask=unmask):
        for frame in page:
            yield frame


async def pages(at: Archive, session: str, *, unmask: bool) -> AsyncIterator[Sequence[FrameView]]:
    """The same, page by page; the first ones are short, so that something is there at once."""
    if unmask:
        note_unmasked(at)
    after, limit = -1, FIRST
    while page := await at.frames(session, after=after, limit=limit, unmask=unmask):
        yield page
        after, limit = page[-1].seq, min(PAGE, limit * 4)


def frame_line(frame: FrameView) -> str:
    body = frame.body
    lost = "" if frame.delivered else "  (not delivered)"
    words = clean(body[:200].decode("utf-8", "replace"), 80)
    return f"{frame.seq:>6}  {frame.at_us / 1e6:10.6f}  {frame.conn:>3}  {frame.channel:<14}  {len(body):>7}  {words}{lost}"


@click.command("replay")
@click.argument("session", type=LINKED, metavar="SESSION|GRANT|FILE[@TIME]")
@click.option("--speed", type=click.FloatRange(0.1, 100), default=1.0, metavar="N", show_default="1", help="So many times as fast.")
@click.option("--idle-limit", type=click.FloatRange(0, 86400), default=1.0, metavar="S", show_default="1",
              help="Seconds a pause may last; 0: as long as it did.")
@click.option("--text", is_flag=True, help="Print everything that was said instead, as lines of text to read and search.")
@UNMASK
@reaching
def replay_command(session: Link, speed: float, idle_limit: float, text: bool, unmask: bool, as_json: bool) -> None:
    """A session on the screen, as it was, or a window with everything in it; from a moment on, of s-17@16:07:52."""
    if not text:
        from jitui.cli import screen  # noqa: PLC0415 - the screens, which no other of these commands needs

        raise SystemExit(screen.replay(session, speed, idle_limit, unmask=unmask))
    asyncio.run(_print(session, unmask=unmask, as_json=as_json))


async def _print(link: Link, *, unmask: bool, as_json: bool) -> None:
    """Everything that was said, as it is read; from the moment of the link on. A line that was begun before is whole."""
    from jitui.tui.rendered import Rendered  # noqa: PLC0415 - no other of these commands needs it

    async with archive(link.ident) as (at, ident):
        if ident.startswith("g-"):
            await moments.print_events(at, ident, link, as_json=as_json)
            return
        rendered = Rendered(await at.session(ident))
        since_us = await _since_us(at, ident, link)
        lines = show.Lines(as_json=as_json)
        async for page in pages(at, ident, unmask=unmask):
            early = sum(frame.at_us < since_us for frame in page)
            for _ in rendered.feed(page[:early]):
                pass
            for text in rendered.feed(page[early:]):
                lines.write(text)
        for text in rendered.end():
            lines.write(text)
        lines.close()
    if rendered.drawn_over:
        show.note(f"{rendered.drawn_over} lines show how they stood in the end: a program drew over them; every byte: jitui frames {ident} --channel stdout")
    if rendered.undelivered:
        show.note(f"{show.size(rendered.undelivered)} of this did not reach the client; see: jitui frames {ident}")


@click.command("export")
@click.argument("session", type=LINKED, metavar="SESSION|GRANT|FILE[@TIME]")
@click.option("--format", "form", type=click.Choice(["cast", "html", "jsonl", "bundle"]), required=True)
@click.option("--keys", is_flag=True, help="In a cast also what was typed, which may hold secrets that masking does not know.")
@click.option("--marks/--no-marks", default=True, show_default=True, help="In a cast the gateway's words as markers.")
@click.option("--output", type=OUTPUT, metavar="F", help="Otherwise stdout; a bundle needs it.")
@UNMASK
@reaching
@asynchronous
async def export_command(session: Link, form: str, keys: bool, marks: bool, output: Path | None, unmask: bool, as_json: bool) -> None:
    """A session as asciicast v3, JSON lines, or one evidence file that verifies by itself; a session or a whole window as one HTML page that plays.

    The evidence file holds every byte as it was recorded, or it would not verify: secrets too.
    """
    if form != "html" and session.ident.startswith("g-"):
        raise click.UsageError(f"a window goes as one page alone: --format html; its sessions one by one: jitui sessions --grant {session.ident}")
    if form == "bundle":
        if output is None:
            raise click.UsageError("a bundle is a file: name it with --output")
        await _may_hold_secrets(session.ident)
        async with shelf(folder()) as bare:
            count = await asyncio.to_thread(bare.files.export, number(session.ident), output)
        show.one({"file": str(output), "frames": count}, as_json, lambda one: f"{output}: {one['frames']} frames; check it with: jitui verify {output}")
        return
    if form == "html":
        lines = [await _page(session.ident, unmask=unmask)]
    else:
        lines = [line async for line in _export_lines(session.ident, form, unmask=unmask, keys=keys, marks=marks)]
    if output is None:
        for line in lines:
            click.echo(line, nl=False)
        return
    write_private(output, "".join(lines).encode())
    count = sum(line.count("\n") for line in lines)
    said = "open it in a browser" if form == "html" else f"{count} lines"
    show.one({"file": str(output), "lines": count}, as_json, lambda _: f"{output}: {said}")


async def _page(ident: str, *, unmask: bool) -> str:
    from jitui.tui.page import page  # noqa: PLC0415 - with the terminal emulator, which no other of these commands needs

    async with archive("" if ident.startswith("g-") else ident) as (at, found):
        if unmask:
            note_unmasked(at)
        return await page(at, found or ident, unmask=unmask)


async def _may_hold_secrets(session: str) -> None:
    """Ask the gateway of these files, if one answers, for an unmasked frame: it writes the fact that secrets are shown.

    Raises RefusedError without the right to see them.
    """
    there = reach()
    sock = there.address.unix if there.data_dir is None else None
    remote = Client(f"unix:{sock or places.socket(os.environ, there.data_dir)}", token=there.token)
    try:
        await remote.frames(session, limit=1, unmask=True)
    except UnavailableError:
        show.note(f"the evidence holds secrets as they were recorded, read from {folder()}: no fact tells of it")
    except RefusedError as error:
        raise RefusedError(f"{error}; an evidence file holds secrets as they were recorded: use jitui export {session} --format cast") from None
    finally:
        await remote.aclose()


async def _export_lines(session: str, form: str, *, unmask: bool, keys: bool, marks: bool) -> AsyncIterator[str]:
    async with archive(session) as (at, ident):
        view = await at.session(ident)
        frames = [frame async for frame in every_frame(at, ident, unmask=unmask)]
        if form == "jsonl":
            for frame in frames:
                yield plain.text(frame) + "\n"
            return
        whole = (Frame(number(view.id), one.seq, one.at_us, one.conn, CHANNELS[one.channel], one.body) for one in frames)
        title = f"{view.id} {view.kind} {clean(view.target)} {view.identity} {view.grant}"
        for line in cast(whole, started_us=from_rfc3339(view.started), title=title, command=show.argv(view.argv), tty=view.tty, keys=keys, marks=marks):
            yield line
