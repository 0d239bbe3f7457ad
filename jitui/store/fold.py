"""State folded from facts: one function a kind, run in the transaction that appends the fact.

The tables in `schema.FOLDED` hold nothing that the facts would not give back (checked.py). A fact that lacks something raises InvalidError
and is not committed.
"""

import json
import sqlite3
from collections.abc import Callable, Mapping
from typing import Final

from jitui.recording.facts import (
    Fact,
    GrantActive,
    GrantEnded,
    GrantFrozen,
    GrantStarted,
    IdentityAdded,
    Kind,
    LockdownOff,
    LockdownOn,
    RequestApproved,
    RequestAsked,
    RequestDenied,
    SessionEnded,
    SessionEnding,
    SessionOpened,
    SshKeyAdded,
    SshKeyRevoked,
    TapeRetired,
    TapesHeld,
    TokenIssued,
    TokenRevoked,
    TokensAdopted,
)
from jitui.values.errors import InvalidError
from jitui.values.instant import Deadline, Instant

Step = Callable[[sqlite3.Connection, Fact], None]


def fold(db: sqlite3.Connection, fact: Fact) -> None:
    """Bring the tables up to one fact. Raises InvalidError if it lacks something."""
    step = STEPS.get(fact.kind)
    if step is None:
        return
    try:
        step(db, fact)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidError(f"fact {fact.seq} can't be folded: {fact.kind} about {fact.subject}: {type(error).__name__} {error}") from error


def _identity_added(db: sqlite3.Connection, fact: Fact) -> None:
    told = IdentityAdded.of(fact)
    db.execute("insert into identities values(?, ?, ?, ?, 0, ?) on conflict(name) do update set roles = excluded.roles, owner = excluded.owner, "
               "created_by = excluded.created_by, disabled = 0",
               (fact.subject, json.dumps(sorted(told.roles)), told.owner, fact.who, fact.at_us))


def _identity_disabled(db: sqlite3.Connection, fact: Fact) -> None:
    db.execute("update identities set disabled = 1 where name = ?", (fact.subject,))
    db.execute("update tokens set revoked_us = ? where identity = ? and revoked_us = 0", (fact.at_us, fact.subject))
    db.execute("update ssh_keys set revoked_us = ? where identity = ? and revoked_us = 0", (fact.at_us, fact.subject))


def _token_issued(db: sqlite3.Connection, fact: Fact) -> None:
    """Facts of the first version don't have the sha256; nobody can use such a token before a fact takes it over."""
    told = TokenIssued.of(fact)
    db.execute("insert into tokens values(?, ?, ?, ?, ?, ?, 0)", (told.token, fact.subject, fact.who, fact.at_us, told.sha256 or b"", told.expires_us))


def _token_revoked(db: sqlite3.Connection, fact: Fact) -> None:
    token = TokenRevoked.of(fact).token
    db.execute("update tokens set revoked_us = ? where id = ? and identity = ? and revoked_us = 0", (fact.at_us, token, fact.subject))


def _tokens_adopted(db: sqlite3.Connection, fact: Fact) -> None:
    db.executemany("update tokens set sha256 = ? where id = ? and sha256 = x''", [(value, token) for token, value in TokensAdopted.of(fact).tokens.items()])


def _ssh_key_added(db: sqlite3.Connection, fact: Fact) -> None:
    told = SshKeyAdded.of(fact)
    db.execute("insert into ssh_keys values(?, ?, ?, ?, ?, ?, ?, 0)",
               (told.fingerprint, fact.subject, fact.who, fact.at_us, told.type, told.key, told.comment))


def _ssh_key_revoked(db: sqlite3.Connection, fact: Fact) -> None:
    fingerprint = SshKeyRevoked.of(fact).fingerprint
    db.execute("update ssh_keys set revoked_us = ? where fingerprint = ? and identity = ? and revoked_us = 0", (fact.at_us, fingerprint, fact.subject))


def _request_asked(db: sqlite3.Connection, fact: Fact) -> None:
    told = RequestAsked.of(fact)
    db.execute("insert into requests values(?, ?, ?, ?, ?, ?, ?, ?, 'pending', ?, ?, ?, ?, '', 0, '', 0, ?, ?, ?, 0)",
               (fact.number("r"), told.identity, told.connection, told.duration_s, told.scope, told.duration_s, told.scope, told.reason,
                fact.at_us if told.asked_us is None else told.asked_us, told.asked_boot_us, told.boot_id, told.pending_us, told.peer, told.token,
                int(told.same_user)))


def _request_approved(db: sqlite3.Connection, fact: Fact) -> None:
    told, ident = RequestApproved.of(fact), fact.number("r")
    person = told.person or fact.who
    db.execute("insert or replace into approvals values(?, ?, ?, ?, ?, ?)", (ident, person, fact.at_us, told.duration_s, told.scope, told.reason or ""))
    db.execute("update requests set duration_s = min(duration_s, ?), scope = ?, automatic = ?, decided_by = ?, decided_us = ? where id = ?",
               (told.duration_s, told.scope, int(told.automatic), person, fact.at_us, ident))


def _request_denied(db: sqlite3.Connection, fact: Fact) -> None:
    _request_ended(db, fact, "denied", RequestDenied.of(fact).why)


def _request_withdrawn(db: sqlite3.Connection, fact: Fact) -> None:
    _request_ended(db, fact, "withdrawn")


def _request_lapsed(db: sqlite3.Connection, fact: Fact) -> None:
    _request_ended(db, fact, "lapsed")


def _request_ended(db: sqlite3.Connection, fact: Fact, state: str, why: str = "") -> None:
    db.execute("update requests set state = ?, decided_by = ?, decided_us = ?, why = ? where id = ?",
               (state, fact.who, fact.at_us, why, fact.number("r")))


def _moment(value: Deadline | Instant | None) -> tuple[int | None, str | None, int | None]:
    """Its wall time, boot id and boot time."""
    return (None, None, None) if value is None else (value.wall_us, value.boot_id, value.boot_us)


def _grant_started(db: sqlite3.Connection, fact: Fact) -> None:
    told, ident = GrantStarted.of(fact), fact.number("g")
    approved = told.approved
    if approved is None:  # the boot clock at approval, from the deadline that was fixed then
        until = told.deadline or Deadline(0, 0, "")
        approved = Instant(fact.at_us, max(until.boot_us - told.duration_s * 1_000_000, 0), until.boot_id)
    db.execute("insert into grants values(?, ?, ?, ?, ?, ?, '', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, '', '')",
               (ident, told.request, told.identity, told.connection, told.scope, told.state, told.duration_s, approved.wall_us, approved.boot_us,
                approved.boot_id, json.dumps(list(told.approved_by)), told.started_us, *_moment(told.deadline), *_moment(told.use_by)))
    db.execute("update requests set state = 'approved', grant_id = ? where id = ?", (ident, told.request))


def _grant_active(db: sqlite3.Connection, fact: Fact) -> None:
    told = GrantActive.of(fact)
    db.execute("update grants set state = 'active', started_us = ?, deadline_us = ?, boot_id = ?, deadline_boot_us = ? where id = ?",
               (told.started_us, *_moment(told.deadline), fact.number("g")))


def _grant_ended(db: sqlite3.Connection, fact: Fact) -> None:
    told = GrantEnded.of(fact)
    db.execute("update grants set state = ?, ended_us = ?, ended_by = ?, why = ?, frozen_by = '' where id = ?",
               (told.state, fact.at_us, fact.who, told.why, fact.number("g")))


def _grant_frozen(db: sqlite3.Connection, fact: Fact) -> None:
    db.execute("update grants set frozen_by = ? where id = ?", (GrantFrozen.of(fact).by or fact.who, fact.number("g")))


def _grant_thawed(db: sqlite3.Connection, fact: Fact) -> None:
    db.execute("update grants set frozen_by = '' where id = ?", (fact.number("g"),))


def _session_opened(db: sqlite3.Connection, fact: Fact) -> None:
    told = SessionOpened.of(fact)
    db.execute("insert into sessions values(?, ?, ?, ?, ?, ?, ?, ?, 'open', ?, ?, ?, null, '', '', null, null, null, null, null, null, 0, null, ?, null)",
               (fact.number("s"), told.grant, told.kind, told.target, json.dumps(list(told.argv)), int(told.tty), told.peer, told.command_group,
                told.started_us, told.started_boot_us, told.boot_id, fact.seq))


def _session_ending(db: sqlite3.Connection, fact: Fact) -> None:
    told = SessionEnding.of(fact)
    db.execute("update sessions set state = 'ending', ended_why = ?, ended_by = ? where id = ?",
               (told.why, told.by or fact.who, fact.number("s")))


def _session_ended(db: sqlite3.Connection, fact: Fact) -> None:
    told = SessionEnded.of(fact)
    db.execute("update sessions set state = 'ended', ended_us = ?, ended_why = ?, ended_by = ?, frames = ?, bytes_in = ?, bytes_out = ?, "
               "delivered_in = ?, delivered_out = ?, conns = ?, may_run_on = ?, head = ?, ended_seq = ? where id = ?",
               (told.ended_us or fact.at_us, told.why, told.by or fact.who, told.frames, told.bytes_in, told.bytes_out, _known(told.delivered_in),
                _known(told.delivered_out), None if told.conns is None else len(told.conns), told.may_run_on or 0, told.head, fact.seq,
                fact.number("s")))


def _known(value: int | None) -> int | None:
    return None if value is None or value < 0 else value


def _lockdown_on(db: sqlite3.Connection, fact: Fact) -> None:
    _switch(db, "lockdown", f"on {LockdownOn.of(fact).why}")


def _lockdown_off(db: sqlite3.Connection, fact: Fact) -> None:
    _switch(db, "lockdown", f"off {LockdownOff.of(fact).why}")


def _switch(db: sqlite3.Connection, name: str, value: str) -> None:
    db.execute("insert or replace into switches values(?, ?)", (name, value.strip()))


def _tape_opened(db: sqlite3.Connection, fact: Fact) -> None:
    db.execute("insert or replace into tapes values(?, ?, ?)", (fact.subject, fact.at_us, fact.seq))


def _tape_retired(db: sqlite3.Connection, fact: Fact) -> None:
    told = TapeRetired.of(fact)
    if told.part == 1:
        db.execute("insert into retired values(?, ?, ?, ?)", (fact.subject, fact.seq, fact.at_us, told.why))
    db.executemany("insert into gone values(?, ?, ?, ?, ?, ?, ?)", [(*each, fact.subject) for each in told.sessions])


def _tapes_held(db: sqlite3.Connection, fact: Fact) -> None:
    db.execute("insert or replace into holds values(?, ?, ?, ?)", (fact.number("g"), fact.who, fact.at_us, TapesHeld.of(fact).reason))


def _tapes_released(db: sqlite3.Connection, fact: Fact) -> None:
    db.execute("delete from holds where grant_id = ?", (fact.number("g"),))


STEPS: Final[Mapping[Kind, Step]] = {
    Kind.IDENTITY_ADDED: _identity_added,
    Kind.IDENTITY_DISABLED: _identity_disabled,
    Kind.TOKEN_ISSUED: _token_issued,
    Kind.TOKEN_REVOKED: _token_revoked,
    Kind.TOKENS_ADOPTED: _tokens_adopted,
    Kind.SSH_KEY_ADDED: _ssh_key_added,
    Kind.SSH_KEY_REVOKED: _ssh_key_revoked,
    Kind.REQUEST_ASKED: _request_asked,
    Kind.REQUEST_APPROVED: _request_approved,
    Kind.REQUEST_DENIED: _request_denied,
    Kind.REQUEST_WITHDRAWN: _request_withdrawn,
    Kind.REQUEST_LAPSED: _request_lapsed,
    Kind.GRANT_STARTED: _grant_started,
    Kind.GRANT_ACTIVE: _grant_active,
    Kind.GRANT_ENDED: _grant_ended,
    Kind.GRANT_FROZEN: _grant_frozen,
    Kind.GRANT_THAWED: _grant_thawed,
    Kind.SESSION_OPENED: _session_opened,
    Kind.SESSION_ENDING: _session_ending,
    Kind.SESSION_ENDED: _session_ended,
    Kind.LOCKDOWN_ON: _lockdown_on,
    Kind.LOCKDOWN_OFF: _lockdown_off,
    Kind.TAPE_OPENED: _tape_opened,
    Kind.TAPE_RETIRED: _tape_retired,
    Kind.TAPES_HELD: _tapes_held,
    Kind.TAPES_RELEASED: _tapes_released,
}
