"""The record at a moment, as views: pages of a window's timeline, the streams that ran, one request with its bodies laid out. It reads files: for threads."""

import json
from collections.abc import Sequence
from typing import Final

from jitui.api.moments import EventView, ExchangeView, MessageView, MomentView, StreamView
from jitui.api.service import views
from jitui.recording.frame import Channel
from jitui.recording.masking.requests import media_of
from jitui.recording.masking.session import Shown
from jitui.recording.masking.text import masked_text
from jitui.recording.objects import bodies
from jitui.recording.objects.kinds import MAGIC
from jitui.store.archive import Files
from jitui.store.exchanges import kinds
from jitui.store.playback import Playback
from jitui.store.rows import SessionRow
from jitui.store.timeline import Event, Timeline, key_of
from jitui.values.errors import InvalidError, NotFoundError
from jitui.values.instant import from_rfc3339, rfc3339
from jitui.values.said import Said

LINES: Final = 2000  # of a body
WIDEST: Final = 2000  # characters of a line
BODY: Final = 1 << 20  # bytes of each body that are read


def timeline(files: Files, grant: int, *, behind: str, before: str, marks: bool, limit: int) -> list[EventView]:
    """One page of events. Raises InvalidError, NotFoundError."""
    ends = {"after": key_of(behind, behind=True)} if behind else {"before": key_of(before, behind=True)} if before else {}
    return [event_view(event) for event in Timeline(files, grant).page(**ends, marks=marks, limit=limit)]


def event_view(event: Event) -> EventView:
    key, at, mark = str(event.key), rfc3339(event.key.at_us), event.mark
    if event.action is not None:
        action = views.action_view(event.action)
        return EventView(key=key, at=at, kind="request", mark=mark, session=action.session, action=action)
    if (row := event.opened or event.ended) is not None:
        stream = views.brief(views.session_view(row))
        return EventView(key=key, at=at, kind="opened" if event.opened else "ended", mark=mark, session=stream.id, stream=stream)
    assert event.fact is not None
    fact = views.fact_view(event.fact)
    return EventView(key=key, at=at, kind=fact.kind, mark=mark, session=fact.subject if fact.subject.startswith("s-") else "", fact=fact)


def moment(files: Files, grant: int, at: str) -> MomentView:
    """The window then; without a time as it begins. Raises InvalidError, NotFoundError."""
    found = files.grant(grant)
    try:
        at_us = from_rfc3339(at) if at else found.approved.wall_us
    except (ValueError, OverflowError):
        raise InvalidError(f"{at[:40]!r} is no time as 2026-11-23T16:07:52Z") from None
    rows = Timeline(files, grant).running(at_us)
    streams = tuple(StreamView(session=views.session_view(row), seq=files.seq_at(row.id, at_us - row.started.wall_us)) for row in rows)
    return MomentView(at=rfc3339(at_us), grant=found.label, identity=found.identity, connection=found.connection, scope=str(found.scope),
                      approved=rfc3339(found.approved.wall_us), ended=views.when(found.ended_us), why=Said(masked_text(found.why)), streams=streams)


def exchange(playback: Playback, row: SessionRow, conn: int, *, unmask: bool) -> ExchangeView:
    """One request of a session. Raises NotFoundError."""
    shown = playback.exchange(row.id, conn, room=BODY, unmask=unmask)
    if not shown:
        raise NotFoundError(f"s-{row.id} has no request {conn} on record")
    parts: dict[Channel, list[Shown]] = {}
    for each in shown:
        parts.setdefault(each.frame.channel, []).append(each)
    answer = parts.get(Channel.RESPONSE)
    words = [line for each in parts.get(Channel.GATEWAY, ()) for line in _lines(each.frame.body)]
    return ExchangeView(
        session=f"s-{row.id}", conn=conn, at=rfc3339(row.started.wall_us + shown[0].frame.at_us), masked=sum(len(each.spans) for each in shown),
        request=_message(parts[Channel.REQUEST][0], parts.get(Channel.REQUEST_BODY, ())), words=tuple(words[:LINES]),
        answer=_message(answer[0], parts.get(Channel.RESPONSE_BODY, ())) if answer else None,
    )  # fmt: skip


def _message(head: Shown, pieces: Sequence[Shown]) -> MessageView:
    body = b"".join(each.frame.body for each in pieces)
    note = f"only its first {BODY >> 20} MiB are read" if len(body) >= BODY else ""
    media, _ = media_of(head.frame.body)
    lines, why = _laid_out(body, media) if body and not note else (_lines(body), "")
    if len(lines) > LINES:
        note = note or f"{len(lines) - LINES} further lines are left out"
    return MessageView(head=tuple(_lines(head.frame.body)), body=tuple(lines[:LINES]), size=len(body), note=note or why)


def _laid_out(body: bytes, media: bytes) -> tuple[list[Said], str]:
    """A document as indented JSON; else its lines, and why."""
    if b"json" not in media and b"yaml" not in media and not body.startswith((MAGIC, b"{")):
        return _lines(body), ""
    found = bodies.read(body, media, kinds())
    if found.value is None or found.why:
        return _lines(body), f"not laid out: {found.why}" if found.why else ""
    return _lines(json.dumps(found.value, indent=2, ensure_ascii=False).encode("utf-8", "replace")), ""


def _lines(body: bytes) -> list[Said]:
    """Lines of text, each cut."""
    return [Said(line[:WIDEST]) for line in body.decode("utf-8", "replace").splitlines()]
