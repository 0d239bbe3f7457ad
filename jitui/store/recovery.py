"""After a crash: sessions nobody ended are ended now, from what is on their tape, and the rows of their actions are made again."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from jitui.errors import InvalidError
from jitui.facts import Draft, Kind
from jitui.rules import kube
from jitui.rules.action import Action
from jitui.rules.hazard import hazard_of
from jitui.store.actions import ActionRow
from jitui.store.archive import Files
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


@dataclass(slots=True)
class _Told:
    """What the heads of one exchange tell."""

    at_us: int
    action: Action
    audit_id: str
    code: int | None = None
    bytes_in: int = 0
    bytes_out: int = 0


def actions_on_tape(session: SessionRow, frames: Iterable[Frame], known: set[int]) -> list[ActionRow]:
    """Rows of the actions a session's heads tell of, but for connections that are known; which clause allowed them isn't on the tape."""
    told: dict[int, _Told] = {}
    for frame in frames:
        if frame.conn in known:
            continue
        if frame.channel is Channel.REQUEST and (found := _asked(frame)):
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


def _asked(frame: Frame) -> _Told | None:
    """A request head as it was recorded: raw HTTP/1.1."""
    line, *headers = frame.body.partition(b"\r\n\r\n")[0].split(b"\r\n")
    parts = line.split(b" ")
    if len(parts) != 3:
        return None
    values = {name.strip().lower(): value.strip() for name, _, value in (header.partition(b":") for header in headers)}
    try:
        action = kube.read(parts[0], parts[1], content_type=values.get(b"content-type", b""))
    except InvalidError:
        return None
    return _Told(frame.at_us, action, values.get(b"audit-id", b"").decode("latin-1"))


def status_code(head: bytes) -> int | None:
    """The code in a raw response head; None if it has none."""
    parts = head.split(b" ", 2)
    return int(parts[1]) if len(parts) > 1 and len(parts[1]) == 3 and parts[1].isdigit() else None
