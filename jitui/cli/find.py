"""Auditors and approvers: where a text stands in the record."""

from typing import Final

import click

from jitui.api.found import HitView
from jitui.cli import show
from jitui.cli.kinds import NAMED, LongTime
from jitui.cli.reach import asynchronous, reaching
from jitui.cli.source import archive
from jitui.policy.streams import API, BY_SESSION, PROBE
from jitui.values import plain
from jitui.values.instant import from_rfc3339
from jitui.values.link import link
from jitui.values.said import clean

LINE: Final = 600  # characters
KINDS: Final = (API, *BY_SESSION, PROBE)
WHERE: Final = ("argv", "stdin", "stdout", "body")


@click.command("find")
@click.argument("text")
@click.option("--grant", type=NAMED, default="", metavar="GRANT", help="In the sessions of one window.")
@click.option("--identity", default="", metavar="NAME", help="Of one agent.")
@click.option("--connection", default="", metavar="NAME", help="On one cluster.")
@click.option("--since", type=LongTime(), default=None, metavar="D", help="Only so far back, as 2h, 1d or 2w.")
@click.option("--verb", default="", metavar="VERB", help="Of actions with this verb, or subresource: get, patch, exec.")
@click.option("--kind", type=click.Choice(KINDS), help="In sessions of this kind.")
@click.option("--in", "where", default="", metavar="WHERE", help=f"Only in some of {','.join(WHERE)}.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, metavar="N", show_default="100", help="The newest N.")
@reaching
@asynchronous
async def find_command(text: str, grant: str, identity: str, connection: str, since: int | None, verb: str, kind: str | None, where: str, limit: int,
                       as_json: bool) -> None:  # fmt: skip
    """Lines with a text, the newest first: printed, typed, in bodies, in the words of actions. It begins where a word does; masked secrets can't be found.

    Each line begins with a link to its moment: jitui replay s-204@16:07:52
    """
    async with archive("") as (at, _):
        found = await at.find(text, grant=grant, identity=identity, connection=connection, since_s=since or 0, verb=verb, kind=kind or "", where=where,
                              limit=limit)  # fmt: skip
    for hit in found.hits:
        if as_json:
            click.echo(plain.text({**plain.of(hit), "link": linked(hit)}))
        else:
            show.line(hit_line(hit), LINE)
    if not (found.hits or as_json):
        show.line(f"{clean(text, 80)} stands nowhere in the index")
    for note in found.notes:
        show.note(note)


def linked(hit: HitView) -> str:
    """`s-204@16:07:52.250`, which every command with a session takes; empty of a denial, which has none."""
    return link(hit.session, from_rfc3339(hit.at), from_rfc3339(hit.started)) if hit.session else ""


def hit_line(hit: HitView) -> str:
    """`s-204@16:07:52  2026-11-28 16:07:52 CET  agent-a  prod  stdout  web/web-7c  the line`."""
    return (f"{linked(hit) or 'denied':<22} {show.clock(hit.at)}  {hit.by}  {hit.connection}  {hit.where:<6}"
            f"  {clean(hit.target, 60)}{'  ' * bool(hit.target.raw)}{clean(hit.line, LINE)}")
