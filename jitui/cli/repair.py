"""Repair of a ledger that does not open: its tables are made again from the facts, or a new one is begun beside it. Without a gateway."""

import click

from jitui.cli import show
from jitui.cli.source import folder
from jitui.store.repair import begin_anew, repair
from jitui.values import plain
from jitui.values.clock import SystemClock


@click.command("repair")
@click.option("--new-ledger", is_flag=True, help="Move ledger, tapes and key aside and begin anew; every token and window is void then.")
@click.option("--reason", default="", metavar="TEXT", help="Why a new one is begun; it is on record there.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def repair_command(new_ledger: bool, reason: str, as_json: bool) -> None:
    """Make the ledger's tables again from its signed facts, and say row by row what differed.

    Facts are never mended: if one is altered, missing or unsigned, restore a copy, or begin a new ledger beside this one.
    """
    place, clock = folder(), SystemClock()
    if new_ledger:
        if not reason.strip():
            raise click.UsageError("say why, for the new ledger's first fact: jitui repair --new-ledger --reason TEXT")
        beside = begin_anew(place, clock, reason)
        show.one({"beside": str(beside)}, as_json, lambda _: f"a new ledger begins in {place}; the old one, its tapes and its key are in {beside}. "
                                                             "Every token is void: issue new ones with jitui identity add")
        return
    done = repair(place, clock)
    for each in done.differences:
        if as_json:
            click.echo(plain.text(each))
        else:
            show.line(str(each))
    if done.backup is None:
        show.note(f"the tables in {place} say what their facts say; nothing was changed")
    else:
        show.note(f"{len(done.differences)} differences; the tables were made again from the facts, the file as it was is {done.backup}")
