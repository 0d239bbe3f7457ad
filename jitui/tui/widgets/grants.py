"""Requests and windows as one line each, drawn for the width there is."""

from collections.abc import Callable, Sequence
from functools import partial

from rich.cells import cell_len
from textual.content import Content

from jitui.api.outcome import in_short
from jitui.api.views import GrantView, RequestView
from jitui.policy.brief import Part, brief
from jitui.tui.figures import frozen, hour, left, many, size
from jitui.tui.lines import FLEX, Cell, cut, row
from jitui.tui.theme import GLYPHS, state
from jitui.tui.widgets.countdown import SOON_S, bar, remaining, style
from jitui.tui.words import words
from jitui.values import span

Draw = Callable[[int], Content]


def columns(width: int) -> tuple[int, int]:
    """Cells for an identity and for a connection."""
    return (15, 8) if width < 96 else (20, 12) if width < 140 else (24, 16)


def in_brief(clauses: Sequence[Part], cells: int) -> str:
    """A scope in so many cells: the worst clause first, and how many are not shown."""
    return brief(clauses, cells, measure=cell_len, cut=words)


def request_row(view: RequestView, passed: float, *, new: bool = False) -> Draw:
    """`? r-41  agent-deploybot  prod-eks  30m  CHANGE  patch deployments.apps in web   new 2m01s 0/1`."""

    def draw(width: int) -> Content:
        who, where = columns(width)
        late = view.lapses_s - passed < 300
        count = f"{len(view.approvals)}/{view.approvals_needed}" if view.approvals_needed > 1 or width >= 96 else ""
        return row(
            [
                Cell(GLYPHS["pending"], 1, "bold $state-waiting"),
                Cell(view.id, 5, "bold"),
                Cell(view.identity, who),
                Cell(view.connection, where, "$state-quiet"),
                Cell(span.show(view.duration_s), 5, right=True),
                Cell(view.hazard, 6, f"bold {state(view.hazard)}"),
                Cell(partial(in_brief, [(clause.text, clause.hazard) for clause in view.clauses]), FLEX),
                *_new(new),
                Cell(left(view.waited_s + passed), 6, "$state-ending" if late else "$state-quiet", right=True),
                *([Cell(count, cell_len(count), "$state-quiet")] if count else []),
            ],
            width,
        )

    return draw


def live_row(view: GrantView, passed: float, *, new: bool = False) -> Draw:
    """`● g-17  agent-deploybot  prod-eks  17m28s ━━━━━╌╌╌ CHANGE PATCH deployments/web 200   1 open`."""

    def draw(width: int) -> Content:
        who, where = columns(width)
        seconds = remaining(view.remaining_s, passed)
        glyph, colour, last = _now(view, seconds)
        head = row([Cell(glyph, 1, colour), Cell(view.id, 5, "bold"), Cell(view.identity, who), Cell(view.connection, where, "$state-quiet"),
                    Cell(left(seconds), 6, style(seconds), right=True)], who + where + 17)  # fmt: skip
        meter = bar(seconds, view.duration_s, 6 if width < 96 else 8 if width < 140 else 16)
        narrow, still = width < 96, bool(view.frozen_by)  # the mark stands in the hazard's place, and in a narrow list in that of the streams too
        streams = f"{view.open_streams} open" if view.open_streams and not (still and narrow) else ""
        tail = [*([] if still else [Cell(view.hazard, 6, state(view.hazard))]),
                Cell(last, FLEX, colour if still or view.state == "waiting" else ""), *_new(new),
                Cell(streams, 7 if not narrow or streams else 0, "$state-exec", right=True)]  # fmt: skip
        return cut(Content.assemble(head, meter, " ", row(tail, max(0, width - head.cell_length - meter.cell_length - 1))), width)

    return draw


def _new(new: bool) -> list[Cell]:
    return [Cell("new", 3, "bold $state-new")] if new else []


def _now(view: GrantView, seconds: float) -> tuple[str, str, str]:
    """Glyph, its colour, and the words of what goes on."""
    if view.frozen_by:
        return GLYPHS["frozen"], "bold $state-frozen", frozen(view.frozen_by, view.held)
    if view.state == "waiting":
        return GLYPHS["waiting"], "$state-waiting", "starts at its first use"
    if seconds < SOON_S:
        return GLYPHS["ending"], "bold $state-ending", str(view.last)
    return GLYPHS["active"], "$state-live", str(view.last)


def ended_row(view: GrantView) -> Draw:
    """`■ g-16  agent-sre  prod-eks  expired 15:58  1 may run on  2 writes  1 secret  2 streams cut   12 KB`."""

    def draw(width: int) -> Content:
        who, where = columns(width)
        by = f"by {view.ended_by}" if view.ended_by not in {"", "gateway"} else ""
        cut_words = f"{many(view.cut, 'stream')} cut" if view.cut else ""
        left_words = [many(count, noun) for count, noun in ((view.writes, "write"), (view.secrets, "secret")) if count]
        return row(
            [
                Cell(GLYPHS.get(view.state, "■"), 1, state(view.state)),
                Cell(view.id, 5, "$state-quiet"),
                Cell(view.identity, who, "$state-quiet"),
                Cell(view.connection, where, "$state-quiet"),
                Cell(f"{view.state} {hour(view.ended)[:5]}", 14, "$state-quiet"),
                Cell("  ".join(part for part in (in_short(view), *left_words, cut_words, by, str(view.why)) if part), FLEX, "$state-quiet"),
                Cell(f"{size(view.bytes_in + view.bytes_out)}", 7, "$state-quiet", right=True),
            ],
            width,
        )

    return draw

def window_row(view: GrantView, passed: float, *, new: bool) -> Draw:
    """`● g-17  agent-deploybot  17m28s`; wider: also where, and its newest action."""

    def draw(width: int) -> Content:
        seconds = remaining(view.remaining_s, passed)
        mark = "frozen" if view.frozen_by else view.state if view.ended else "ending" if seconds < SOON_S else view.state
        cells = [
            Cell(GLYPHS.get(mark, "●"), 1, state(mark)),
            Cell(view.id, 5, "bold"),
            Cell(view.identity, FLEX if width < 60 else 20, "$state-quiet" if view.ended else ""),
        ]
        if width >= 60:
            cells += [Cell(view.connection, 10, "$state-quiet"), Cell(str(view.last), FLEX)]
        if new:
            cells.append(Cell("new", 3, "bold $state-new"))
        over = bool(view.frozen_by or view.ended)
        said = "FROZEN" if view.frozen_by else view.state if view.ended else left(seconds)
        cells.append(Cell(said, 7, state(mark) if over else style(seconds), right=True))
        return row(cells, width)

    return draw
