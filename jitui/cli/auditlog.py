"""The cluster's own audit log beside the record: two sides that were written by different hands."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from jitui.cli import show
from jitui.cli.reach import asynchronous, reaching
from jitui.cli.source import folder, shelf
from jitui.values import plain
from jitui.values.errors import JituiError
from jitui.values.said import clean

if TYPE_CHECKING:
    from jitui.store import Files
    from jitui.store.matched import Found, Sum

LINE: Final = 400  # characters of a request in a line
SAID: Final = {"past": "went past jitui", "other": "its Audit-ID is another's", "missing": "the log does not have it"}


@click.group("audit-log")
def audit_log_command() -> None:
    """A cluster's audit log beside what jitui recorded."""


@audit_log_command.command("match")
@click.argument("log", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE")
@click.option("--connection", default="", metavar="NAME", help="The cluster whose log it is; otherwise all connections are looked at.")
@click.option("--user", "users", multiple=True, metavar="PATTERN", help="The names that jitui has in that cluster; otherwise those its requests came with.")
@reaching
@asynchronous
async def match_command(log: Path, connection: str, users: tuple[str, ...], as_json: bool) -> None:
    """Join an audit log (JSON lines) by Audit-ID: what went past jitui, and what jitui recorded and the log does not have. Exit code 1 if there is any."""
    async with shelf(folder()) as bare:
        told, found = await asyncio.to_thread(_matched, bare.files, log, connection, users)
    show.many(found, as_json, {
        "at": lambda one: one.at, "why": lambda one: SAID[one.why], "who": lambda one: clean(one.who, LINE), "verb": lambda one: one.verb,
        "what": lambda one: clean(one.what, LINE), "code": lambda one: one.code, "audit id": lambda one: clean(one.audit_id, LINE),
    }, "every request is on both sides")  # fmt: skip
    if as_json:
        click.echo(plain.text(asdict(told)))
    else:
        show.line(f"{told.events} requests in the log from {told.since or 'no time'} to {told.until or 'no time'}, {told.joined} of them on record; "
                  f"the gateway came as {', '.join(told.users) or 'nobody'}")  # fmt: skip
        for user, count in told.others:
            show.line(f"not looked at: {count} requests of {clean(user, LINE) or 'nobody'}")
        if told.cut:
            show.line("not looked at: the last line of the log, which is not whole")
    if found:
        raise UnmatchedError(f"{len(found)} requests are not on both sides")


def _matched(files: "Files", log: Path, connection: str, users: Sequence[str]) -> "tuple[Sum, list[Found]]":
    from jitui.store.matched import Matching  # noqa: PLC0415 - with the readers of all files

    matching = Matching(files, connection)
    try:
        with log.open("rb") as lines:
            matching.read(lines)
        told = matching.sum(users)
        return told, list(matching.found(told.users))
    finally:
        matching.close()


class UnmatchedError(JituiError):
    """The audit log and the record tell of different requests."""
