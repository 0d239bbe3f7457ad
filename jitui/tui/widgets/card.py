"""A request and a window in full: facts first, the agent's own words last. Lines wrap; nothing that is asked for is cut off unseen."""

import textwrap
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from textual.content import Content

from jitui.api.outcome import ENDED, of_window
from jitui.api.views import GrantView, RequestView
from jitui.policy.brief import LONGEST, MEANS, parts, tally, worst_first
from jitui.tui.figures import left, many, size, stamp, zone
from jitui.tui.lines import text
from jitui.tui.theme import badge, state
from jitui.tui.widgets.countdown import bar, remaining, style
from jitui.tui.widgets.grants import in_brief
from jitui.tui.words import quoted, words
from jitui.values import span

LABEL: Final = 10
MANY: Final = 4  # clauses; more are counted first
PREVIEW: Final = 600  # cells of a window's scope beside the list, where nothing scrolls


@lru_cache(128)
def labelled(label: str, body: str, width: int, colour: str = "") -> tuple[Content, ...]:
    """` label    body`, wrapped under itself. Remembered, since a card is drawn four times a second."""
    whole = words(body, LONGEST)
    pieces = textwrap.wrap(whole, max(10, width - LABEL - 1), break_on_hyphens=False) or [""]
    return tuple(
        Content.assemble((f" {label if index == 0 else '':<{LABEL}}", "$state-quiet"), (piece, colour)) for index, piece in enumerate(pieces)
    )


def request_card(view: RequestView, width: int) -> list[Content]:
    """Everything that an approver must know; the most important comes first."""
    lines: list[Content] = [Content("")]
    lines += _hazard(view.hazard, width)
    if view.same_user:
        lines += labelled("", "it can bypass jitui here: it runs as the gateway's own user", width, "bold $state-ending")
    if view.owner_may_approve:
        lines += labelled("", "its owner may approve it", width, "$state-ending")
    lines.append(Content(""))
    lines += _clauses(view, width)
    lines += [Content(""), *_terms(view, width), Content("")]
    origin = f"{view.from_peer}, token {view.token}" if view.token else view.from_peer  # over SSH there may be none
    lines += labelled("from", origin, width)
    if view.before:
        lines += labelled("before", view.before, width)
    if view.still:
        lines += labelled("still", view.still, width, "$state-ending")
        lines.append(Content.assemble(" " * (LABEL + 1), ("c", "bold $primary"), (" shows what it changed", "$state-quiet")))
    if view.used:
        lines += labelled("" if view.before else "before", f"used so far only: {words(view.used, LONGEST)}", width)
        lines.append(Content.assemble(" " * (LABEL + 1), ("n", "bold $primary"), (" narrows to that", "$state-quiet")))
    lines += [Content(""), *_approvals(view, width)]
    lines += labelled("says", quoted(view.reason, 400) or "nothing", width, "italic" if view.reason.raw else "$state-quiet")
    if view.reason.raw:
        lines += labelled("", "its words, not checked", width, "$state-quiet")
    return lines


def _hazard(hazard: str, width: int) -> Iterator[Content]:
    name = f" {words(hazard, 10)} "
    pieces = textwrap.wrap(MEANS.get(hazard, "of unknown hazard"), max(10, width - LABEL - 1))
    yield Content.assemble(" ", (name, badge(hazard)), " " * max(1, LABEL - len(name)), (pieces[0], "bold"))
    yield from (Content.assemble(" " * (LABEL + 1), (piece, "bold")) for piece in pieces[1:])


def _clauses(view: RequestView, width: int) -> Iterator[Content]:
    clauses = worst_first([(clause.text, clause.hazard) for clause in view.clauses])
    many = len(clauses) > MANY
    if many:
        yield from labelled("asks for", f"{tally(clauses)}; the worst first", width, "bold")
    for index, (clause, hazard) in enumerate(clauses):
        label = "asks for" if index == 0 and not many else ""
        pieces = textwrap.wrap(words(clause, LONGEST), max(10, width - LABEL - 12), break_on_hyphens=False) or [""]
        for line, piece in enumerate(pieces):
            said = words(hazard, 8) if line == 0 else ""
            head = f" {label if line == 0 else '':<{LABEL}}"
            yield Content.assemble((head, "$state-quiet"), (f"{said:<8}", f"bold {state(hazard)}"), "  ", (piece, "bold"))
    if view.rule_scope == view.scope:
        yield from labelled("rule", "the same; it allows no more", width, "$state-quiet")
    else:
        yield from labelled("rule", view.rule_scope, width, "$state-quiet")


def _terms(view: RequestView, width: int) -> Iterator[Content]:
    starts = "from its first use" if view.starts == "on-first-use" else "from approval"
    most = "as long as the rule allows" if view.duration_s >= view.rule_duration_s else f"the rule allows {span.show(view.rule_duration_s)}"
    yield from labelled("window", f"{span.show(view.duration_s)} {starts}; {most}", width)
    if view.at_end:
        yield from labelled("at end", view.at_end, width, "bold $state-ending" if "DELETED" in view.at_end else "")


def _approvals(view: RequestView, width: int) -> Iterator[Content]:
    if view.approvals or view.approvals_needed > 1:
        by = ", ".join(words(person, 40) for person in view.approvals) or "nobody yet"
        yield from labelled("approved", f"{len(view.approvals)} of {view.approvals_needed}: {by}", width)
    if view.state != "pending":
        said = f" {words(view.why)}" if view.why.raw else ""
        by = f"{view.state} by {words(view.decided_by, 40)} at {stamp(view.decided)} {zone(view.decided)}{said}"
        yield from labelled("decided", by, width, f"bold {state(view.state)}")
    elif view.you_may_not:
        yield from labelled("you", view.you_may_not, width, "$state-ending")


def request_title(view: RequestView) -> Content:
    """`r-41  agent-deploybot (owner bo) asks for prod-eks`."""
    owner = (f" (owner {words(view.owner, 30)})", "$state-quiet") if view.owner else ("", "")
    return text((view.id, "bold $primary"), "  ", (view.identity, "bold"), owner, " asks for ", (view.connection, "bold"))


def request_times(view: RequestView, passed: float) -> Content:
    """`asked 16:02:11  lapses in 57m02s  0 of 1`."""
    if view.state != "pending":
        return text((view.state, f"bold {state(view.state)}"))
    lapses = remaining(view.lapses_s, passed)
    count = f"  {len(view.approvals)} of {view.approvals_needed}"
    asked = f"asked {stamp(view.asked)}  lapses in "
    return text((asked, "$state-quiet"), (left(lapses), "bold $state-ending" if lapses < 300 else ""), (count, "$state-quiet"))


def preview_request(view: RequestView, passed: float, width: int) -> list[Content]:
    """Beside the list, where there is room."""
    return [request_title(view).truncate(width, ellipsis=True), request_times(view, passed), *request_card(view, width)]


def preview_grant(view: GrantView, passed: float, width: int) -> list[Content]:
    """A window in full."""
    seconds = remaining(view.remaining_s, passed)
    lines = [text((view.id, "bold $primary"), "  ", (view.identity, "bold"), "  ", (view.connection, "$state-quiet")), Content("")]
    if view.ended:
        lines += labelled("ended", f"{view.state} at {stamp(view.ended)} {zone(view.ended)} by {words(view.ended_by, 40)}", width, f"bold {state(view.state)}")
        lines += labelled("why", str(view.why), width)
        lines += labelled("cut", many(view.cut, "stream"), width)
        if told := of_window(view):
            sure = not view.proving and not view.may_run_on and all(each.state == ENDED for each in view.processes)
            lines += labelled("pods", told, width, "" if sure else "bold $state-ending")
    else:
        lines.append(Content.assemble((f" {'left':<{LABEL}}", "$state-quiet"), (left(seconds), style(seconds)), "  ", bar(seconds, view.duration_s, 24)))
        lines += labelled("ends", f"{stamp(view.deadline)} {zone(view.deadline)}".strip() or "not started", width)
        if view.frozen_by:
            lines += labelled("frozen", f"by {words(view.frozen_by, 40)}, {size(view.held)} held; its clock runs on", width, "bold $state-frozen")
    lines.append(Content.assemble((f" {'hazard':<{LABEL}}", "$state-quiet"), (f" {words(view.hazard, 10)} ", badge(view.hazard))))
    lines += labelled("scope", in_brief(parts(view.scope), PREVIEW), width)
    lines += labelled("approved", ", ".join(view.approved_by) + f" ({view.request})", width)
    left_over = f" ({size(view.bytes_left)} left)" if view.bytes_left else ""
    lines += labelled("bytes", f"{size(view.bytes_in)} in, {size(view.bytes_out)} out{left_over}, {view.open_streams} streams open", width)
    lines.append(Content.assemble((f" {'last':<{LABEL}}", "$state-quiet"), words(view.last, max(10, width - LABEL - 1))))
    return lines
