"""A request in full, for a person who decides at the command line: warnings first, the worst clause first, the agent's own words last. Nothing is cut."""

from collections.abc import Iterator

from jitui.api.views import RequestView
from jitui.policy.brief import LONGEST, MEANS, worst_first
from jitui.values import span
from jitui.values.said import clean

BYPASS = "CAN BYPASS JITUI HERE (same Unix user)"


def lines(view: RequestView) -> Iterator[str]:
    """Clean lines, each as long as it is."""
    owner = f" (owner {clean(view.owner, 63)})" if view.owner else ""
    yield f"{view.id}  {clean(view.identity, 63)}{owner} asks for {clean(view.connection, 63)}"
    if view.same_user:
        yield f"  {BYPASS}: it runs as the gateway's own user"
    if view.owner_may_approve:
        yield "  ITS OWNER MAY APPROVE IT"
    yield f"  {view.hazard}: {MEANS.get(view.hazard, 'of unknown hazard')}"
    clauses = worst_first([(clause.text, clause.hazard) for clause in view.clauses])
    yield f"  asks for {len(clauses)} clauses, the worst first:" if len(clauses) > 1 else "  asks for:"
    yield from (f"    {clean(hazard, 10):<7} {clean(text, LONGEST)}" for text, hazard in clauses)
    yield "  rule     " + ("the same; it allows no more" if view.rule_scope == view.scope else clean(view.rule_scope, LONGEST))
    starts = "from its first use" if view.starts == "on-first-use" else "from approval"
    yield f"  window   {span.show(view.duration_s)} {starts}; the rule allows {span.show(view.rule_duration_s)}"
    if view.at_end:
        yield f"  at end   {clean(view.at_end, LONGEST)}"
    yield f"  from     {clean(view.from_peer)}" + (f", token {clean(view.token)}" if view.token else "")
    if view.before:
        yield f"  before   {clean(view.before)}"
    if view.used:
        yield f"  used     {clean(view.used, LONGEST)}"
    if view.approvals or view.approvals_needed > 1:
        yield f"  approved {len(view.approvals)} of {view.approvals_needed}: {', '.join(clean(name, 63) for name in view.approvals) or 'nobody yet'}"
    yield f'  says     "{clean(view.reason, LONGEST)}" (its words, not checked)' if view.reason.raw else "  says     nothing"
    yield f"  digest   {clean(view.digest, 64)}"
