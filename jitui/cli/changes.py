"""Auditors and approvers: the changes that a window, an agent or a day made."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Final

import click

from jitui.api.findings import ChangesView, ChangeView, LeftView, ObjectView
from jitui.cli import show
from jitui.cli.kinds import NAMED, UNMASK, LongTime
from jitui.cli.reach import asynchronous, reaching
from jitui.cli.source import archive, note_unmasked
from jitui.values import plain
from jitui.values.said import clean

MARKS: Final = {"created": "+", "changed": "~", "deleted": "-", "issued": "!", "unknown": "?", "inside": "."}
VALUE: Final = 160  # characters of a value
LINE: Final = 600


@click.command("changes")
@click.argument("grant", type=NAMED, required=False, default="", metavar="[GRANT]")
@click.option("--identity", default="", metavar="NAME", help="Of one agent.")
@click.option("--since", type=LongTime(), default=None, metavar="D", help="Only so far back, as 2h, 1d or 2w; without a window 24h.")
@UNMASK
@reaching
@asynchronous
async def changes_command(grant: str, identity: str, since: int | None, unmask: bool, as_json: bool) -> None:
    """The writes of a window, an agent or a day: each object with its fields before and after, out of recorded bodies."""
    async with archive("") as (at, _):
        if unmask:
            note_unmasked(at)
        found = await at.changes(grant=grant, identity=identity, since_s=since or 0, unmask=unmask)
    if as_json:
        for change in found.changes:
            click.echo(plain.text(change))
    else:
        for text in lines(found):
            show.line(text, LINE)
        if not found.changes:
            show.line("nothing was written, and nothing ran inside pods")
    for note in found.notes:
        show.note(note)


@click.command("residue")
@click.argument("grant", type=NAMED, metavar="GRANT")
@click.option("--no-look", is_flag=True, help="Ask the record alone, not the cluster.")
@reaching
@asynchronous
async def residue_command(grant: str, no_look: bool, as_json: bool) -> None:
    """Everything that outlives a window: objects, processes, credentials it has seen, copies; and how each ends."""
    async with archive("") as (at, _):
        found = await at.residue(grant, look=not no_look)
    for left in found.left:
        show.one(left, as_json, left_line, LINE)
    if not (found.left or as_json):
        show.line(f"nothing that is on record outlives {found.grant}")
    for note in found.notes:
        show.note(note)


def left_line(left: LeftView) -> str:
    """One thing, and behind it how it ends."""
    ends = f"  ends with: {clean(left.ends, VALUE)}" if left.ends.raw else f"  goes with {clean(left.owner, VALUE)}" if left.owner.raw else ""
    return f"{left.kind:<20} {clean(left.said, LINE - VALUE)}{ends}"


def lines(found: ChangesView) -> Iterator[str]:
    """An object a block: its writes, and below each its fields."""
    for _, several in groupby(found.changes, lambda change: change.thing):
        yield from _block(list(several))


def _block(several: Sequence[ChangeView]) -> Iterator[str]:
    first = several[0]
    if first.effect == "inside":
        where = ", ".join(f"{each.session} {each.verb}" for each in several)
        yield f". {named(first.object)}  {where}: {first.notes[0]}"
        return
    yield f"{MARKS[outcome(several)]} {named(first.object)}  {first.connection}"
    for each in several:
        part = f"/{each.subresource}" if each.subresource else ""
        yield f"    {show.clock(each.at)}  {each.verb}{part} {each.code or 'no answer'}  {each.effect}  {each.identity}  {each.session}/{each.conn}"
        for field in each.fields:
            asked = "  (asked for)" if each.asked else ""
            yield f"        {clean(field.path, VALUE)}: {value(field.before)} -> {value(field.after)}{asked}"
        for note in each.notes:
            yield f"        ({note})"


def outcome(several: Sequence[ChangeView]) -> str:
    """The effect of all writes of one object together: a doubt stays one, and a created object that was changed is a created one."""
    effects = [each.effect for each in several]
    if "unknown" in effects:
        return "unknown"
    return effects[-1] if effects[-1] == "deleted" or "created" not in effects else "created"


def named(each: ObjectView) -> str:
    """`deployments.apps web/web`."""
    kind = f"{each.resource}.{each.group}" if each.group else each.resource
    name = clean(each.name, 100) or "(those that matched)"
    return f"{kind} {clean(each.namespace, 63)}/{name}" if each.namespace.raw else f"{kind} {name}"


def value(one: Any) -> str:
    """A value as JSON; a text without quotes where it can be taken for nothing else."""
    if one is None:
        return "-"
    return clean(one if isinstance(one, str) and one and one == one.strip() else plain.text(one), VALUE)
