"""After a crash: sessions nobody ended are ended now, from what is on their tape, and the rows of their actions are made again."""

from collections.abc import Iterable
from dataclasses import replace

from jitui.facts import Draft, Kind
from jitui.rules.action import Action
from jitui.rules.hazard import hazard_of
from jitui.store.actions import ActionRow
from jitui.store.archive import Files
from jitui.store.asked import Asked, asked_in, status_code
from jitui.store.ledger import Ledger
from jitui.store.rows import SessionRow
from jitui.store.tapes import Tapes
from jitui.tape.frame import TO_UPSTREAM, Channel, Frame

HTTP = (Channel.REQUEST, Channel.REQUEST_BODY, Channel.RESPONSE, Channel.RESPONSE_BODY)


def end_lost_sessions(ledger: Ledger, tapes: Tapes) -> int:
    """End, as gateway-lost, every session the last gateway left open; how many. What was delivered stays unknown."""
    tapes.recover()
    lost = [row[0] for row in ledger.checked.tables.execute("select id from sessions where state <> 'ended' order by id")]
    if not lost:
        return 0
    for session in lost:
        tapes.chains[session] = tapes.chain_on_tape(session)
    notes = list(_lost_actions(Files(ledger.path.parent), ledger, lost))
    drafts = [Draft(Kind.SESSION_ENDED, f"s-{session}", "gateway", {"why": "gateway-lost", "by": "gateway"}) for session in lost]
    ledger.commit_now(drafts, [(row, False) for row in notes])
    for session in lost:
        tapes.end(session)
    return len(lost)


def _lost_actions(files: Files, ledger: Ledger, sessions: Iterable[int]) -> Iterable[ActionRow]:
    for ident in sessions:
        known = {row[0] for row in ledger.db.execute("select conn from actions where session = ?", (ident,))}
        yield from actions_on_tape(files.session(ident), files.all_frames(ident, channels=HTTP, size=100), known)
    files.close()


def actions_on_tape(session: SessionRow, frames: Iterable[Frame], known: set[int]) -> list[ActionRow]:
    """Rows of the actions a session's heads tell of, but for connections that are known; which clause allowed them isn't on the tape."""
    told: dict[int, Asked] = {}
    for frame in frames:
        if frame.conn in known:
            continue
        if frame.channel is Channel.REQUEST and (found := asked_in(frame)):
            told[frame.conn] = found
        about = told.get(frame.conn)
        if about is None:
            continue
        if frame.channel is Channel.RESPONSE:
            about.code = status_code(frame.body)
        if frame.channel in TO_UPSTREAM:
            about.bytes_in += len(frame.body)
        else:
            about.bytes_out += len(frame.body)
    row = ActionRow(at_us=0, identity=session.identity, connection=session.connection, action=Action("get"), hazard="", verdict="allowed",
                    session=session.id)
    return [replace(row, conn=conn, at_us=session.started.wall_us + each.at_us, action=each.action, hazard=hazard_of(each.action).value,
                    code=each.code, bytes_in=each.bytes_in, bytes_out=each.bytes_out, audit_id=each.audit_id) for conn, each in told.items()]
