"""State folded from facts: one function a kind, run in the transaction that appends the fact.

The tables in `schema.FOLDED` hold nothing that the facts would not give back (checked.py). A fact whose `what` lacks a key raises
InvalidError and is not committed.
"""

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from jitui.recording.facts import Fact, Kind
from jitui.values.errors import InvalidError


def number(label: object, letter: str = "") -> int:
    """`g-17`, or 17, is 17. Raises InvalidError."""
    text = str(label)
    head, dash, rest = text.rpartition("-")
    if not rest.isdecimal() or not rest.isascii() or (dash and letter and head != letter):
        raise InvalidError(f"{text!r} is no {letter or 'x'}-N")
    return int(rest)


def fold(db: sqlite3.Connection, fact: Fact) -> None:
    """Bring the tables up to one fact. Raises InvalidError if it lacks something."""
    step = STEPS.get(fact.kind)
    if step is None:
        return
    try:
        step(db, fact)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidError(f"fact {fact.kind} about {fact.subject} can't be folded: {type(error).__name__} {error}") from error


def _identity_added(db: sqlite3.Connection, fact: Fact) -> None:
    what = fact.what
    db.execute("insert into identities values(?, ?, ?, ?, 0, ?) on conflict(name) do update set roles = excluded.roles, owner = excluded.owner, "
               "created_by = excluded.created_by, disabled = 0",
               (fact.subject, json.dumps(sorted(what["roles"])), what.get("owner") or "", fact.who, fact.at_us))


def _identity_disabled(db: sqlite3.Connection, fact: Fact) -> None:
    db.execute("update identities set disabled = 1 where name = ?", (fact.subject,))
    db.execute("update tokens set revoked_us = ? where identity = ? and revoked_us = 0", (fact.at_us, fact.subject))


def _token_issued(db: sqlite3.Connection, fact: Fact) -> None:
    """Facts of older versions don't have the sha256; nobody can use such a token before a fact takes it over."""
    what = fact.what
    db.execute("insert into tokens values(?, ?, ?, ?, ?, ?, 0)",
               (what["token"], fact.subject, fact.who, fact.at_us, _sha256(what["sha256"]) if "sha256" in what else b"", what["expires_us"]))


def _token_revoked(db: sqlite3.Connection, fact: Fact) -> None:
    db.execute("update tokens set revoked_us = ? where id = ? and identity = ? and revoked_us = 0", (fact.at_us, fact.what["token"], fact.subject))


def _tokens_adopted(db: sqlite3.Connection, fact: Fact) -> None:
    db.executemany("update tokens set sha256 = ? where id = ? and sha256 = x''",
                   [(_sha256(value), token) for token, value in fact.what["tokens"].items()])


def _sha256(value: str) -> bytes:
    digest = bytes.fromhex(value)
    if len(digest) != 32:
        raise ValueError(f"{value!r} is no sha256")
    return digest


def _request_asked(db: sqlite3.Connection, fact: Fact) -> None:
    what = fact.what
    scope = _scope(what["scope"])
    db.execute("insert into requests values(?, ?, ?, ?, ?, ?, ?, ?, 'pending', ?, ?, ?, ?, '', 0, '', 0, ?, ?, ?, 0)",
               (number(fact.subject, "r"), what["identity"], what["connection"], what["duration_s"], scope, what["duration_s"], scope,
                what["reason"], what.get("asked_us", fact.at_us), what["asked_boot_us"], what["boot_id"], what["pending_us"],
                what.get("peer", ""), what.get("token", ""), int(bool(what.get("same_user")))))


def _scope(value: str | Sequence[str]) -> str:
    return value if isinstance(value, str) else "; ".join(value)


def _request_approved(db: sqlite3.Connection, fact: Fact) -> None:
    what, ident = fact.what, number(fact.subject, "r")
    person = what.get("person") or fact.who
    db.execute("insert or replace into approvals values(?, ?, ?, ?, ?, ?)",
               (ident, person, fact.at_us, what["duration_s"], _scope(what["scope"]), what.get("reason") or ""))
    db.execute("update requests set duration_s = min(duration_s, ?), scope = ?, automatic = ?, decided_by = ?, decided_us = ? where id = ?",
               (what["duration_s"], _scope(what["scope"]), int(bool(what.get("automatic"))), person, fact.at_us, ident))


def _request_ended(state: str) -> Callable[[sqlite3.Connection, Fact], None]:
    def step(db: sqlite3.Connection, fact: Fact) -> None:
        db.execute("update requests set state = ?, decided_by = ?, decided_us = ?, why = ? where id = ?",
                   (state, fact.who, fact.at_us, fact.what.get("why") or "", number(fact.subject, "r")))

    return step


def _moment(value: Mapping[str, Any] | None) -> tuple[int | None, str | None, int | None]:
    """(wall, boot id, boot time) of {wall_us, boot_us, boot_id}."""
    if not value:
        return None, None, None
    return value["wall_us"], value["boot_id"], value["boot_us"]


def _grant_started(db: sqlite3.Connection, fact: Fact) -> None:
    what, ident = fact.what, number(fact.subject, "g")
    deadline, use_by = _moment(what.get("deadline")), _moment(what.get("use_by"))
    approved = _moment(what.get("approved"))
    if approved[0] is None:  # the boot clock at approval, from the deadline that was fixed then
        before = int(what["duration_s"]) * 1_000_000
        approved = (fact.at_us, deadline[1] or "", max((deadline[2] or 0) - before, 0))
    persons = what.get("approved_by") or []
    db.execute("insert into grants values(?, ?, ?, ?, ?, ?, '', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, '', '')",
               (ident, number(what["request"], "r"), what["identity"], what["connection"], _scope(what["scope"]), what["state"],
                what["duration_s"], approved[0], approved[2], approved[1], json.dumps([persons] if isinstance(persons, str) else list(persons)),
                what.get("started_us") or 0, *deadline, *use_by))
    db.execute("update requests set state = 'approved', grant_id = ? where id = ?", (ident, number(what["request"], "r")))


def _grant_active(db: sqlite3.Connection, fact: Fact) -> None:
    wall, boot_id, boot_us = _moment(fact.what["deadline"])
    db.execute("update grants set state = 'active', started_us = ?, deadline_us = ?, boot_id = ?, deadline_boot_us = ? where id = ?",
               (fact.what["started_us"], wall, boot_id, boot_us, number(fact.subject, "g")))


def _grant_ended(db: sqlite3.Connection, fact: Fact) -> None:
    db.execute("update grants set state = ?, ended_us = ?, ended_by = ?, why = ?, frozen_by = '' where id = ?",
               (fact.what["state"], fact.at_us, fact.who, fact.what.get("why") or "", number(fact.subject, "g")))


def _grant_frozen(db: sqlite3.Connection, fact: Fact) -> None:
    db.execute("update grants set frozen_by = ? where id = ?", (fact.what.get("by") or fact.who, number(fact.subject, "g")))


def _grant_thawed(db: sqlite3.Connection, fact: Fact) -> None:
    db.execute("update grants set frozen_by = '' where id = ?", (number(fact.subject, "g"),))


def _session_opened(db: sqlite3.Connection, fact: Fact) -> None:
    what = fact.what
    db.execute("insert into sessions values(?, ?, ?, ?, ?, ?, ?, ?, 'open', ?, ?, ?, null, '', '', null, null, null, null, null, null, 0, null, ?, null)",
               (number(fact.subject, "s"), number(what["grant"], "g"), what["kind"], what.get("target") or "", json.dumps(list(what.get("argv") or ())),
                int(bool(what.get("tty"))), what.get("peer") or "", what.get("command_group") or "",
                what["started_us"], what["started_boot_us"], what["boot_id"], fact.seq))


def _session_ending(db: sqlite3.Connection, fact: Fact) -> None:
    db.execute("update sessions set state = 'ending', ended_why = ?, ended_by = ? where id = ?",
               (fact.what.get("why") or "", fact.what.get("by") or fact.who, number(fact.subject, "s")))


def _session_ended(db: sqlite3.Connection, fact: Fact) -> None:
    what = fact.what
    db.execute("update sessions set state = 'ended', ended_us = ?, ended_why = ?, ended_by = ?, frames = ?, bytes_in = ?, bytes_out = ?, "
               "delivered_in = ?, delivered_out = ?, conns = ?, may_run_on = ?, head = ?, ended_seq = ? where id = ?",
               (what.get("ended_us") or fact.at_us, what["why"], what.get("by") or fact.who, what["frames"], what["bytes_in"], what["bytes_out"],
                _known(what.get("delivered_in")), _known(what.get("delivered_out")), _count(what.get("conns")),
                _count(what.get("may_run_on")) or 0, bytes.fromhex(what["head"]), fact.seq, number(fact.subject, "s")))


def _known(value: int | None) -> int | None:
    return None if value is None or value < 0 else value


def _count(value: int | Sequence[Any] | Mapping[str, Any] | None) -> int | None:
    """A number, or of how many things a list or object tells."""
    return value if value is None or isinstance(value, int) else len(value)


def _switch(name: str, value: str) -> Callable[[sqlite3.Connection, Fact], None]:
    def step(db: sqlite3.Connection, fact: Fact) -> None:
        db.execute("insert or replace into switches values(?, ?)", (name, f"{value} {fact.what.get('why') or ''}".strip()))

    return step


def _tape_opened(db: sqlite3.Connection, fact: Fact) -> None:
    db.execute("insert or replace into tapes values(?, ?, ?)", (fact.subject, fact.at_us, fact.seq))


STEPS: Final[Mapping[Kind, Callable[[sqlite3.Connection, Fact], None]]] = {
    Kind.IDENTITY_ADDED: _identity_added,
    Kind.IDENTITY_DISABLED: _identity_disabled,
    Kind.TOKEN_ISSUED: _token_issued,
    Kind.TOKEN_REVOKED: _token_revoked,
    Kind.TOKENS_ADOPTED: _tokens_adopted,
    Kind.REQUEST_ASKED: _request_asked,
    Kind.REQUEST_APPROVED: _request_approved,
    Kind.REQUEST_DENIED: _request_ended("denied"),
    Kind.REQUEST_WITHDRAWN: _request_ended("withdrawn"),
    Kind.REQUEST_LAPSED: _request_ended("lapsed"),
    Kind.GRANT_STARTED: _grant_started,
    Kind.GRANT_ACTIVE: _grant_active,
    Kind.GRANT_ENDED: _grant_ended,
    Kind.GRANT_FROZEN: _grant_frozen,
    Kind.GRANT_THAWED: _grant_thawed,
    Kind.SESSION_OPENED: _session_opened,
    Kind.SESSION_ENDING: _session_ending,
    Kind.SESSION_ENDED: _session_ended,
    Kind.LOCKDOWN_ON: _switch("lockdown", "on"),
    Kind.LOCKDOWN_OFF: _switch("lockdown", "off"),
    Kind.TAPE_OPENED: _tape_opened,
}
