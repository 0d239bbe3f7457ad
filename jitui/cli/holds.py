"""Auditors and admins: the tapes of a window are kept whatever their age, and let go again."""

import click

from jitui.api.views import HoldView
from jitui.cli import show
from jitui.cli.kinds import NAMED
from jitui.cli.reach import asynchronous, gateway, reaching
from jitui.values.said import clean

LINE = 600


@click.command("hold-tapes")
@click.argument("grant", type=NAMED, required=False, default="", metavar="[GRANT]")
@click.option("--reason", default="", metavar="TEXT", help="Why; it is on record.")
@reaching
@asynchronous
async def hold_tapes_command(grant: str, reason: str, as_json: bool) -> None:
    """Keep everything recorded of a window, whatever its age, until it is let go; without a window, list those that are held."""
    async with gateway() as at:
        if grant:
            show.one(await at.hold_tapes(grant, reason=reason), as_json, hold_line, LINE)
            return
        found = await at.holds()
        for view in found:
            show.one(view, as_json, hold_line, LINE)
        if not (found or as_json):
            show.line("no window's tapes are held")


@click.command("release-tapes")
@click.argument("grant", type=NAMED, metavar="GRANT")
@click.option("--reason", required=True, metavar="TEXT", help="Why; it is on record.")
@reaching
@asynchronous
async def release_tapes_command(grant: str, reason: str, as_json: bool) -> None:
    """Let the tapes of a window be retired as all others."""
    async with gateway() as at:
        show.one(await at.release_tapes(grant, reason=reason), as_json, hold_line, LINE)


def hold_line(view: HoldView) -> str:
    done = f"its tapes are held by {view.by} since {show.clock(view.at)}" if view.held else f"{view.by} let its tapes go"
    return f'{view.grant}: {done}: "{clean(view.reason, 200)}"' + "".join(f"; gone before: {one}" for one in view.gone)
