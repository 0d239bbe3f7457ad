"""The gateway's values as views, which people are shown."""

from base64 import b64encode
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from jitui.api import outcome
from jitui.api.views import (
    ActionView,
    ClauseView,
    Ended,
    FactView,
    FrameView,
    GrantView,
    IdentityView,
    ProcessView,
    Proof,
    RequestView,
    SessionView,
    SshKeyView,
    TokenView,
)
from jitui.auth.sshkeys import KeyRow, PublicKey
from jitui.auth.tokens import Row
from jitui.policy import request as requests
from jitui.policy.grant import MOVES, Event
from jitui.policy.hazard import Guards, clause_hazard, scope_hazard
from jitui.policy.persons import ALONE, Persons
from jitui.policy.rights import Right, rights_of, why_not_decide
from jitui.policy.streams import ATTACH, PORT_FORWARD
from jitui.policy.terms import Grant, Identity, Request, RequestState, Rule
from jitui.proxy.live import Cut, Session, Window
from jitui.recording.facts import FOREIGN, Fact, ProcessTold
from jitui.recording.masking.session import Shown
from jitui.recording.masking.text import masked_text, masked_values, masked_words
from jitui.recording.verify import Verdict
from jitui.store import ActionRow
from jitui.store.rows import SessionRow, Totals
from jitui.values.instant import Instant, rfc3339
from jitui.values.said import Said, clean

V = TypeVar("V", SessionView, ActionView)

BRIEF: Final = 200  # characters of a command, where it stands in a list that is fetched again and again

def _argv(words: Sequence[str]) -> tuple[Said, ...]:
    return tuple(Said(word) for word in masked_words(words))


def brief(view: V) -> V:
    """The same session or action with at most BRIEF characters of its command; a mark stands for the rest."""
    room = BRIEF
    kept: list[Said] = []
    for word in view.argv:
        if len(word.raw) > room:
            return replace(view, argv=(*kept, Said(word.raw[:room] + "…")))
        kept.append(word)
        room -= len(word.raw) + 1
    return view


def when(wall_us: int | None) -> str:
    return rfc3339(wall_us) if wall_us else ""


def request_view(
    request: Request, rule: Rule | None, *, caller: Identity, agent: Identity, now: Instant, grant: Grant | None, before: str, used: str,
    still: str = "", persons: Persons = ALONE, void: Container[str] = (),
) -> RequestView:  # fmt: skip
    """A request for one caller: what they see of it, and what they may do with it now."""
    pending = request.state is RequestState.PENDING
    why_not = "no rule allows it any more" if rule is None else why_not_decide(caller, agent, rule, persons)
    counted = tuple(a.person for a in request.approvals if a.person not in void or not pending)
    if not why_not and caller.name in counted:
        why_not = f"{caller.name} has approved it already; another person has to"
    for name in () if why_not else counted:
        if why := persons.shared(caller.name, name):
            why_not = f"{name} has approved it already, and {caller.name} counts as the same person: {why}; another has to"
    may = []
    if pending and Right.DECIDE in rights_of(caller):
        may += ["deny"] if why_not else ["approve", "deny"]
    if pending and request.identity == caller.name:
        may.append("withdraw")
    scope = request.approvals[-1].scope if request.approvals else request.scope
    duration_s = request.approvals[-1].duration_s if request.approvals else request.duration_s
    guarded = rule.guarded if rule else ()
    return RequestView(
        id=f"r-{request.id}", state=str(request.state), identity=request.identity, owner=agent.owner, connection=request.connection,
        duration_s=duration_s, scope=str(scope), clauses=tuple(ClauseView(text=str(c), hazard=str(clause_hazard(c, guarded))) for c in scope.clauses),
        hazard=str(scope_hazard(scope, guarded)), reason=Said(masked_text(request.reason)), asked=rfc3339(request.asked.wall_us),
        waited_s=max(0.0, _since(request.asked, now)), lapses_s=max(0.0, request.pending_until.remaining_us(now) / 1e6) if pending else 0.0,
        approvals=counted, approvals_needed=rule.approvals if rule else 1, rule_duration_s=rule.duration_s if rule else 0,
        rule_scope=str(rule.scope) if rule else "", starts="on-first-use" if rule and rule.on_first_use else "on-approval", from_peer=request.peer,
        token=request.token, same_user=request.same_user, owner_may_approve=bool(rule and rule.owner_may_approve),
        digest=requests.digest(request, rule) if rule else "", you_may=tuple(may), you_may_not=why_not if pending else "",
        decided_by=request.decided_by, decided=when(request.decided_us), why=Said(masked_text(request.why)),
        grant=f"g-{request.grant}" if request.grant else "",
        deadline=rfc3339(grant.deadline.wall_us) if grant and grant.deadline else "", automatic=request.decided_by == requests.AUTOMATIC,
        before=before, used=used, still=still, at_end=rule.at_end if rule else "",
    )  # fmt: skip


def grant_view(
    grant: Grant, window: Window | None, *, caller: Identity, now: Instant, last: str, totals: Totals, guarded: Guards = (),
) -> GrantView:
    """A grant; `window` while it is live."""
    held = sum(session.held for session in window.sessions.values()) if window else 0
    limit = grant.deadline or grant.use_by
    live = window is not None and not window.closed
    may = []
    if live and Right.STOP in rights_of(caller):
        may.append("revoke")
        if Event.FREEZE in MOVES[grant.state]:
            may.append("thaw" if grant.frozen_by else "freeze")
    if live and grant.identity == caller.name:
        may.append("release")
    return GrantView(
        id=grant.label, state=str(grant.state), identity=grant.identity, connection=grant.connection, scope=str(grant.scope),
        hazard=str(scope_hazard(grant.scope, guarded)), duration_s=grant.duration_s, started=when(grant.started_us),
        deadline=rfc3339(grant.deadline.wall_us) if grant.deadline else "",
        remaining_s=max(0.0, limit.remaining_us(now) / 1e6) if live and limit else 0.0, request=f"r-{grant.request}", approved_by=grant.approved_by,
        frozen_by=grant.frozen_by, open_streams=window.open_streams if window else 0, last=Said(masked_text(last)), ended=when(grant.ended_us),
        ended_by=grant.ended_by, why=Said(masked_text(grant.why)), cut=totals.cut, bytes_in=totals.bytes_in, bytes_out=totals.bytes_out, held=held,
        you_may=tuple(may), may_run_on=totals.may_run_on, bytes_left=max(0, window.left) if window and not window.closed else 0,
        processes=tuple(map(process_view, totals.processes)), writes=totals.writes, secrets=totals.secrets,
        proving=totals.proving if grant.ended_us else 0,
    )  # fmt: skip


def process_view(told: ProcessTold) -> ProcessView:
    return ProcessView(
        session=f"s-{told.session}" if told.session else "", pod=masked_text(told.pod), pod_uid=told.pod_uid, container=told.container,
        container_id=told.container_id, pid=told.pid, start=told.start, argv=_argv(told.argv), state=told.state, proof=told.proof, took_ms=told.took_ms,
        why=masked_text(told.why),
    )  # fmt: skip


def live_session_view(session: Session, *, caller: Identity, now: Instant) -> SessionView:
    grant = session.window.grant
    rights = rights_of(caller)
    may = [word for word, right in (("kill", Right.STOP), ("watch", Right.LIVE)) if right in rights and not session.muted]
    if "kill" in may and not grant.frozen_by:  # a window that is frozen is thawed whole
        may.append("thaw" if session.frozen_by else "freeze")
    may += may_replay(caller)  # of the part that is on record already
    return SessionView(
        id=session.label, kind=session.kind, grant=grant.label, identity=grant.identity, connection=grant.connection, target=Said(masked_text(session.target)),
        argv=_argv(session.argv), tty=session.tty, state="ending" if session.muted else "open",
        started=rfc3339(session.started.wall_us), ended="", ended_why=str(session.end.why) if session.end else "",
        ended_by=session.end.by if session.end else "",
        frames=session.frames, bytes_in=session.bytes_in, bytes_out=session.bytes_out, delivered_in=session.handed_in, delivered_out=session.handed_out,
        may_run_on=session.may_run_on, remaining_s=max(0.0, grant.deadline.remaining_us(now) / 1e6) if grant.deadline else 0.0, you_may=tuple(may),
        frozen_by=session.frozen_by, held=session.held, from_peer=session.peer,
    )  # fmt: skip


def may_replay(caller: Identity) -> tuple[str, ...]:
    """The words for what a caller may do with recorded sessions in general; whether they may with one session is checked when they do it."""
    return ("replay",) if rights_of(caller) & {Right.RECORDED, Right.RECORDED_HOUR, Right.RECORDED_DECIDED} else ()


def session_view(row: SessionRow, *, may: tuple[str, ...] = ("replay",)) -> SessionView:
    """A session as the ledger has it. Unknown numbers of a lost gateway are -1."""
    return SessionView(
        id=f"s-{row.id}", kind=row.kind, grant=f"g-{row.grant}", identity=row.identity, connection=row.connection, target=Said(masked_text(row.target)),
        argv=_argv(row.argv), tty=row.tty, state=row.state, started=rfc3339(row.started.wall_us), ended=when(row.ended_us),
        ended_why=row.ended_why, ended_by=row.ended_by, frames=_known(row.frames), bytes_in=_known(row.bytes_in), bytes_out=_known(row.bytes_out),
        delivered_in=_known(row.delivered_in), delivered_out=_known(row.delivered_out), may_run_on=row.may_run_on, remaining_s=0.0, you_may=may,
        from_peer=row.peer,
    )  # fmt: skip


def action_view(row: ActionRow) -> ActionView:
    action = row.action
    return ActionView(
        at=rfc3339(row.at_us), session=f"s-{row.session}" if row.session else "", grant=f"g-{row.grant}" if row.grant else "", conn=row.conn,
        identity=row.identity, verb=action.verb, resource=action.kind or masked_text(action.path), namespace=Said(action.namespace), name=Said(action.name),
        argv=_argv(action.argv), hazard=row.hazard, verdict=row.verdict, clause=masked_text(row.clause), code=row.code,
        bytes_in=row.bytes_in, bytes_out=row.bytes_out, audit_id=row.audit_id, count=row.count,
    )  # fmt: skip


def fact_view(fact: Fact) -> FactView:
    what = masked_values(fact.what, FOREIGN)
    return FactView(seq=fact.seq, at=rfc3339(fact.at_us), kind=str(fact.kind), who=fact.who, subject=fact.subject, what=what, hash=fact.hash.hex())


def frame_view(shown: Shown) -> FrameView:
    frame = shown.frame
    return FrameView(seq=frame.seq, at_us=frame.at_us, conn=frame.conn, channel=frame.channel.label, data_b64=b64encode(frame.body).decode(),
                     delivered=shown.delivered, masked=shown.spans)


def proof_view(verdict: Verdict) -> Proof:
    return Proof(
        subject=verdict.subject, consistent=verdict.consistent, signed=verdict.signed, frames=verdict.frames, unsigned_tail=verdict.unsigned_tail,
        problem=verdict.problem, session=verdict.session, seq=verdict.seq, signed_to=verdict.signed_to, signed_at=when(verdict.signed_at_us),
        signed_by=verdict.signed_by, hash=verdict.hash, unsigned_frames=verdict.unsigned_frames, needs=verdict.needs,
        degree=verdict.degree, cosigned_by=verdict.cosigned_by, cosigned_at=when(verdict.cosigned_at_us), cosigned_to=verdict.cosigned_to,
        retired=verdict.retired,
    )  # fmt: skip


def ended_view(ident: str, cut: Cut) -> Ended:
    """The effect of an end: the streams that were closed, and what became of the processes; a closed stream alone ends none."""
    said, processes = f"{outcome.count(cut.streams, 'stream')} closed in {cut.took_ms:.0f} ms", tuple(map(process_view, cut.told))
    if processes:
        said += f"; {outcome.told(processes)}"
    elif cut.processes:
        said += f"; {outcome.count(cut.processes, 'process')} may still run in {', '.join(cut.may_run_on)}, and nothing tells which"
    said += "".join(f"; {words}" for words in _beside(cut))
    return Ended(id=ident, streams=cut.streams, took_ms=cut.took_ms, may_run_on=cut.may_run_on, said=said, processes=processes)


def _beside(cut: Cut) -> Iterator[str]:
    """Sentences about streams that start no process of their own in a pod."""
    attached = dict.fromkeys(clean(masked_text(target), 120) for kind, target in cut.kinds if kind == ATTACH.session)
    if attached:
        yield f"what was typed through attach in {', '.join(attached)} may run on as the container's own: delete the pod to be certain"
    if any(kind == PORT_FORWARD.session for kind, _ in cut.kinds):
        yield "a port-forward leaves no process"


def key_view(row: KeyRow) -> SshKeyView:
    return SshKeyView(fingerprint=row.fingerprint, type=row.type, key=b64encode(row.key).decode(), comment=Said(row.comment), added=when(row.added_us),
                      added_by=row.added_by, revoked=when(row.revoked_us))


def person_key_view(key: PublicKey) -> SshKeyView:
    """A key that stands in the configuration."""
    return SshKeyView(fingerprint=key.fingerprint, type=key.type, key=b64encode(key.blob).decode(), comment=Said(key.comment), added="", added_by="",
                      revoked="")


def identity_view(identity: Identity, tokens: tuple[Row, ...], used: Mapping[str, int], keys: tuple[KeyRow, ...] = ()) -> IdentityView:
    return IdentityView(
        name=identity.name, roles=tuple(sorted(identity.roles)), owner=identity.owner, created_by=identity.created_by, disabled=identity.disabled,
        tokens=tuple(TokenView(id=f"jt_{t.id}", expires=rfc3339(t.expires_us), used=when(used.get(t.id)), revoked=when(t.revoked_us)) for t in tokens),
        ssh_keys=tuple(key.fingerprint for key in keys if not key.revoked_us),
    )  # fmt: skip


def _since(then: Instant, now: Instant) -> float:
    return (now.boot_us - then.boot_us if then.boot_id == now.boot_id else now.wall_us - then.wall_us) / 1e6


def _known(number: int | None) -> int:
    return -1 if number is None else number
