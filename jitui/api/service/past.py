"""The gateway at a past moment, as views: nothing in them can be decided or ended. It reads files: for threads."""

from dataclasses import replace
from typing import Final

from jitui.api.moments import PastView
from jitui.api.service import views
from jitui.api.views import GrantView, RequestView, SessionView
from jitui.policy.streams import API, PROBE
from jitui.policy.terms import Grant, Identity, Request, Role
from jitui.store import past
from jitui.store.actions import ActionRow
from jitui.store.archive import Files
from jitui.store.past import Past
from jitui.store.rows import SessionRow, Totals
from jitui.values.errors import InvalidError
from jitui.values.instant import Instant, from_rfc3339, rfc3339

NOBODY: Final = Identity("", frozenset())  # may do nothing
READ_ONLY: Final = "this is the past: read only"


def moment_us(at: str, now_us: int) -> int:
    """Of a time in full. Raises InvalidError for one that is none, or still to come."""
    try:
        at_us = from_rfc3339(at)
    except (ValueError, OverflowError):
        raise InvalidError(f"{at[:40]!r} is no time as 2026-11-23T16:07:52Z") from None
    if at_us > now_us:
        raise InvalidError(f"{at[:40]} is still to come, it is {rfc3339(now_us)} here; name a time before that")
    return at_us


def past_view(files: Files, at: str, now_us: int) -> PastView:
    """Raises InvalidError."""
    found, identities = past.past(files, moment_us(at, now_us)), files.identities()
    done = files.sums([grant.id for grant in found.ended])
    requests = tuple(_request(each, identities.get(each.identity) or Identity(each.identity, frozenset({Role.AGENT})), found.at_us) for each in found.requests)
    ended = tuple(_grant(each, found, done.get(each.id, (Totals(), True))[0]) for each in found.ended)
    grants = sorted((_grant(each, found, found.totals.get(each.id, Totals())) for each in found.grants), key=lambda view: view.remaining_s)
    return PastView(at=rfc3339(found.at_us), requests=requests, grants=tuple(grants), ended=ended, lockdown=found.lockdown)


def _request(request: Request, agent: Identity, at_us: int) -> RequestView:
    view = views.request_view(request, None, caller=NOBODY, agent=agent, now=Instant(at_us, 0, "past"), grant=None, before="", used="")
    return replace(view, you_may_not=READ_ONLY)


def _grant(grant: Grant, found: Past, totals: Totals) -> GrantView:
    now, limit, row = Instant(found.at_us, 0, "past"), grant.deadline or grant.use_by, found.last.get(grant.id)
    view = views.grant_view(grant, None, caller=NOBODY, now=now, last=_line(row) if row is not None else "", totals=totals)
    left = limit.remaining_us(now) / 1e6 if limit is not None and not grant.ended_us else 0.0
    return replace(view, remaining_s=max(0.0, left), open_streams=sum(row.kind not in {API, PROBE} for row in found.streams.get(grant.id, ())))


def _line(row: ActionRow) -> str:
    """`patch deployments.apps/web 200`."""
    action = row.action
    command = f" [{' '.join(action.argv)}]" if action.argv else ""
    return f"{action.verb} {action.kind or action.path}{f'/{action.name}' if action.name else ''}{command} {row.code or ''}".rstrip()


def sessions(files: Files, at: str, grant: int, now_us: int) -> list[SessionView]:
    """The newest, oldest first. Raises InvalidError."""
    rows, frozen = past.sessions(files, moment_us(at, now_us), grant)
    return [_session(row, frozen.get(row.id, "")) for row in rows]


def _session(row: SessionRow, frozen_by: str) -> SessionView:
    may = ("watch", "replay") if row.state != "ended" else ("replay",)
    return replace(views.brief(views.session_view(row, may=may)), frozen_by=frozen_by)
