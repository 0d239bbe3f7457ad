"""Auditors: a report over a time, as Markdown, JSON, or one HTML page that needs nothing else. docs/reports.md says which sample each part is for."""

import re
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Final

import click

from jitui.api.outcome import count
from jitui.api.reports import PersonLine, ReportView, WindowLine
from jitui.cli import show
from jitui.cli.kinds import LongTime
from jitui.cli.reach import asynchronous, reaching
from jitui.cli.source import archive
from jitui.values import plain, span
from jitui.values.private_file import write_private
from jitui.values.said import Said, clean

CELL: Final = 700  # characters of one cell
MARKS: Final = re.compile(  # may mean something in some Markdown, within a cell: also addresses (evil.example, http://) and pictures (:tada:)
    r"""([\\`*_{}\[\]#|<>~&@$^]|(?<=\w)\.(?=[^\W\d])|:(?=[^\W\d]|[/+-]))""")
LINK: Final = re.compile(r"(?:[grs]-[0-9]+(?:@[0-9TZ:-]+)?|--at [0-9TZ:-]+|fact [0-9]+)")
IDENT: Final = re.compile(r"(?:g|r)-[0-9]+")
WINDOW: Final = ("window", "agent", "decided", "time", "scope: granted and used", "record")
PERSON: Final = ("person", "yes", "no", "share of yes", "for their own", "median time to decide", "longest", "requests")
LINE: Final = ("time", "who", "happened", "links")
STYLE: Final = """body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem;color:#1b1f24;background:#fff}
h1{font-size:1.6rem}h2{font-size:1.15rem;margin:2rem 0 .2rem}p.about{color:#57606a;margin:0 0 .5rem}table{border-collapse:collapse;width:100%;font-size:13px}
th,td{border:1px solid #d0d7de;padding:.3rem .5rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}th{background:#f6f8fa}
code{font:12px ui-monospace,monospace}.flag{background:#fff1c2;padding:0 .3rem}@media print{body{max-width:none;margin:0}}"""

Cell = tuple[str, ...]  # lines


@click.command("report")
@click.option("--since", type=LongTime(), default="90d", metavar="D", show_default="90d", help="So far back, as 90d, 12w, 1y or 36h.")
@click.option("--until", type=LongTime(), default=None, metavar="D", help="And no later than so long ago.")
@click.option("--identity", default="", metavar="NAME", help="Of one agent.")
@click.option("--connection", default="", metavar="C", help="Of one connection.")
@click.option("--format", "form", type=click.Choice(["md", "json", "html"]), default="md", show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="F", help="Otherwise stdout.")
@reaching
@asynchronous
async def report_command(since: int, until: int | None, identity: str, connection: str, form: str, out: Path | None, as_json: bool) -> None:
    """Windows, who approved them and what was used of them, denials, cuts, gaps, and people's decisions: the samples that an audit asks for."""
    async with archive("") as (at, _):
        found = await at.report(since_s=since, until_s=until or 0, identity=identity, connection=connection)
    text = plain.text(found) + "\n" if as_json or form == "json" else "".join(f"{line}\n" for line in (html if form == "html" else markdown)(found))
    if out is None:
        click.echo(text, nl=False)
        return
    write_private(out, text.encode())
    show.note(f"{out}: {found.windows_total} windows, facts {found.first_fact} to {found.last_fact}")


def _shown(text: str | Said) -> str:
    return clean(text, CELL)


def _time(text: str) -> str:
    return f"{text[:10]} {text[11:19]}Z" if text else ""


def headline(view: ReportView) -> Iterator[str]:
    """The lines under the title."""
    whom = ", ".join(filter(None, (f"agent {view.identity}" if view.identity else "", f"connection {view.connection}" if view.connection else "")))
    yield f"From {_time(view.since)} to {_time(view.until)}, made {_time(view.made)}, of {whom or 'all agents and connections'}."
    yield f"Out of the record that key {view.gateway} signs, facts {view.first_fact} to {view.last_fact}; hash of the last one: {view.hash or 'none'}."
    yield (f"{count(view.windows_total, 'window')}: "
           f"{view.automatic} by a rule without a person, {view.own} approved by a person who owns or made the agent, "
           f"{view.windows_total - view.automatic - view.own} by others.")
    yield from (f"Left out: {note}." for note in view.notes)


def window_cells(line: WindowLine) -> tuple[Cell, ...]:
    decided = "by its rule, automatically" if line.automatic else f"by {', '.join(line.approved_by) or 'nobody'}"
    own = f"OWN: {', '.join(line.own)} owns or made it" if line.own else ""
    used = [f"{use.clause}: " + (f"{count(use.requests, 'request')}: {', '.join(use.used)}" + (f"; not used: {', '.join(use.unused)}" if use.unused else "")
                                 if use.requests else "NOT USED") for use in line.clauses]
    return ((line.grant, line.request), (line.identity, line.connection, f'"{_shown(line.reason)}"' if line.reason.raw else ""),
            (decided, _time(line.approved), own),
            (f"from {_time(line.started) or 'never used'}", f"to {_time(line.ended) or 'now'}", line.state, _shown(line.why)),
            tuple(used), (line.first_session, count(line.sessions, "session"), f"{line.denied} denied" if line.denied else ""))  # fmt: skip


def person_cells(line: PersonLine) -> tuple[Cell, ...]:
    total = line.yes + line.no
    times = (span.show(line.median_s), span.show(line.slowest_s)) if line.median_s >= 0 else ("", "")
    return ((line.person,), (str(line.yes),), (str(line.no),), (f"{100 * line.yes // total} %" if total else "",), (str(line.own),), (times[0],), (times[1],),
            line.requests)  # fmt: skip


Table = tuple[str, str, Sequence[str], list[tuple[Cell, ...]]]


def tables(view: ReportView) -> Iterator[Table]:
    """Each part with its title, the question it answers, its columns and rows."""
    yield ("Windows", "CC6.1, CC6.3: who had access, who gave it, to how much, and how much of that was used", WINDOW, [*map(window_cells, view.windows)])
    yield ("Decisions of people", "CC6.3: how often and how fast people say yes", PERSON, [*map(person_cells, view.people)])
    for each in view.sections:
        rows: list[tuple[Cell, ...]] = [((_time(line.at),), (line.who,), (f"{line.count} times: " * (line.count > 1) + _shown(line.said),), line.links)
                                        for line in each.lines]
        yield (f"{each.title}: {each.total}", each.about, LINE, rows)


def markdown(view: ReportView) -> Iterator[str]:
    """GitHub's tables; every word of others is escaped."""
    yield "# Access report of jitui"
    yield ""
    for text in headline(view):
        yield f"{_marked(text)}\n"
    for title, about, columns, rows in tables(view):
        yield f"## {_marked(title)}\n\n{_marked(about)}\n"
        if not rows:
            yield "None.\n"
            continue
        yield f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}"
        for row in rows:
            yield f"| {' | '.join('<br>'.join(_marked(text) for text in cell if text) for cell in row)} |"
        yield ""


def _marked(text: str) -> str:
    return f"`{text}`" if LINK.fullmatch(text) else MARKS.sub(r"\\\1", _shown(text))


def html(view: ReportView) -> Iterator[str]:
    """One page without scripts, pictures or addresses: it loads nothing, and says so to the browser."""
    here = {line.grant for line in view.windows}
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    yield '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src \'unsafe-inline\'">'
    yield f"<title>Access report of jitui</title><style>{STYLE}</style></head><body><h1>Access report of jitui</h1>"
    yield from (f"<p>{_escaped(text)}</p>" for text in headline(view))
    for title, about, columns, rows in tables(view):
        yield f'<h2>{_escaped(title)}</h2><p class="about">{_escaped(about)}</p>'
        if not rows:
            yield "<p>None.</p>"
            continue
        yield f"<table><thead><tr>{''.join(f'<th>{_escaped(name)}</th>' for name in columns)}</tr></thead><tbody>"
        for row in rows:
            anchor = f' id="{row[0][0]}"' if columns is WINDOW and IDENT.fullmatch(row[0][0]) else ""
            yield f"<tr{anchor}>{''.join(f'<td>{_cell(cell, here)}</td>' for cell in row)}</tr>"
        yield "</tbody></table>"
    yield "</body></html>"


def _cell(cell: Cell, here: set[str]) -> str:
    return "<br>".join(_linked(text, here) for text in cell if text)


def _linked(text: str, here: set[str]) -> str:
    """A window that stands in the page is a link to its row; words that ask for attention are marked."""
    shown = _escaped(text)
    if text in here:
        return f'<a href="#{shown}"><code>{shown}</code></a>'
    return f'<span class="flag">{shown}</span>' if text.startswith("OWN: ") or text.endswith(": NOT USED") else shown


def _escaped(text: str) -> str:
    return escape(_shown(text))
