"""Draws the events of a window, one line each: time, what kind, what it was about, how it went; and one request opened."""

from collections.abc import Callable, Iterator
from typing import Final

from textual.content import Content

from jitui.api.moments import EventView, ExchangeView, MessageView
from jitui.api.views import FactView, SessionView
from jitui.policy.streams import UPGRADED
from jitui.tui.figures import hour, many, size
from jitui.tui.lines import FLEX, Cell, row, rule, text
from jitui.tui.theme import state
from jitui.tui.widgets.activity import outline
from jitui.tui.words import words
from jitui.values import plain

COLOURS: Final = {"W": state("change"), "D": state("denied"), "S": state("secret"), "H": state("frozen"), "F": state("frozen"), "T": state("frozen"),
                  "X": state("denied"), "Z": state("ended")}  # fmt: skip
TOLD: Final = ("state", "reason", "scope", "why", "words", "streams", "held", "argv", "pod", "targets")  # of a fact, what a person asks for
FACT: Final = 400  # characters of a fact's content
LINE: Final = 400  # cells of a line of a body
SHOWN: Final = 1500  # lines of a body that are drawn


def event_row(event: EventView, *, now: bool, past: bool) -> Callable[[int], Content]:
    """`16:04:07 W CHANGE  patch  deployments.apps/web in web  200  4 KB`; `now`: it is the newest at the moment, `past`: it has happened by then."""

    def draw(width: int) -> Content:
        dim = "" if past else "dim "
        mark = Cell(event.mark, 1, f"{dim}bold {COLOURS.get(event.mark, '$foreground')}")
        cells = [Cell(hour(event.at), 8, f"{dim}{'bold $primary' if now else '$state-quiet'}"), mark, *_cells(event, width, dim)]
        return row(cells, width)

    return draw


def _cells(event: EventView, width: int, dim: str) -> list[Cell]:
    if event.action is not None:
        return [Cell(piece.text, piece.width, f"{dim}{piece.style}".strip(), piece.right) for piece in outline(event.action, width)]
    if event.stream is not None:
        return _stream(event.stream, dim, opened=event.kind == "opened")
    fact = event.fact
    return [Cell(event.kind, 0, f"{dim}bold $state-quiet"), Cell(_about(fact) if fact else "", FLEX, f"{dim}$state-quiet")]


def _stream(session: SessionView, dim: str, *, opened: bool) -> list[Cell]:
    argv = " ".join(words(part, 80) for part in session.argv)
    what = f"{words(session.target, 60)} {f'[{argv}]' if argv else ''}"
    colour = "$state-exec" if session.kind in UPGRADED else "$state-quiet"
    how = "opens" if opened else words(session.ended_why, 14)
    return [Cell(session.kind, 6, f"{dim}bold {colour}"), Cell(session.id, 0, dim.strip()), Cell(what, FLEX, f"{dim}bold"),
            Cell(how, 12, f"{dim}{state('live') if opened else '$state-quiet'}", right=True)]  # fmt: skip


def _about(fact: FactView) -> str:
    """By whom, and what the fact says, in one line."""
    told = ((key, fact.what.get(key)) for key in TOLD)
    said = ", ".join(f"{key} {value if isinstance(value, str) else plain.text(value)}" for key, value in told if value not in ("", None, [], {}))
    return words(f"by {fact.who}  {said}", FACT)


def exchange_lines(view: ExchangeView, width: int) -> Iterator[Content]:
    """A request opened: heads, bodies, the gateway's words beside them."""
    hidden = f"{many(view.masked, 'secret')} masked" if view.masked else ""
    yield from _message(f"{view.session} request {view.conn}  {hour(view.at)}", view.request, hidden, width)
    if view.answer is None:
        yield text(("no answer is on record", "$state-ending"))
    else:
        yield from _message("answer", view.answer, "", width)
    for line in view.words:
        yield text(("gateway  ", "$state-quiet"), (words(line, width), "$state-ending"))


def _message(title: str, view: MessageView, note: str, width: int) -> Iterator[Content]:
    yield rule(title, note, width, "$primary")
    for at, line in enumerate(view.head):
        if line.raw:
            yield text((words(line, LINE), "bold" if not at else "$state-quiet"))
    if view.size:
        yield text((f"── {size(view.size)}{f', {view.note}' if view.note else ''}", "$state-faint"))
    for line in view.body[:SHOWN]:
        indent = len(line.raw) - len(line.raw.lstrip(" "))
        yield Content(" " * min(indent, 60) + words(line.raw.lstrip(" "), LINE))
    if len(view.body) > SHOWN:
        yield text((f"── {len(view.body) - SHOWN} further lines: jitui frames", "$state-quiet"))
