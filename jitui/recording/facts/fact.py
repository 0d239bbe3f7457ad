"""A fact: one thing that happened, immutable and chained; and a draft: a fact that is not committed yet.

`what` is canonical JSON: sorted keys, no spaces, ASCII. Times in it are integers in microseconds, ids integers. It stays as it was written, with
keys that this version does not know, because the chain covers it; the classes of this package are how it is written and read.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from jitui.values.errors import InvalidError


class Kind(StrEnum):
    """Every kind of fact. Each has one class, which says what its subject is and what it holds."""

    GATEWAY_STARTED = "gateway.started"
    GATEWAY_STOPPED = "gateway.stopped"
    CONFIG_LOADED = "config.loaded"
    IDENTITY_ADDED = "identity.added"
    IDENTITY_DISABLED = "identity.disabled"
    TOKEN_ISSUED = "token.issued"  # noqa: S105 - no password
    TOKEN_REVOKED = "token.revoked"  # noqa: S105
    TOKENS_ADOPTED = "tokens.adopted"
    SSH_KEY_ADDED = "ssh-key.added"
    SSH_KEY_REVOKED = "ssh-key.revoked"
    REQUEST_ASKED = "request.asked"
    REQUEST_REFUSED = "request.refused"
    REQUEST_APPROVED = "request.approved"
    REQUEST_DENIED = "request.denied"
    REQUEST_WITHDRAWN = "request.withdrawn"
    REQUEST_LAPSED = "request.lapsed"
    GRANT_STARTED = "grant.started"
    GRANT_ACTIVE = "grant.active"
    GRANT_ENDED = "grant.ended"
    GRANT_FROZEN = "grant.frozen"
    GRANT_THAWED = "grant.thawed"
    SESSION_OPENED = "session.opened"
    SESSION_FROZEN = "session.frozen"
    SESSION_THAWED = "session.thawed"
    SESSION_ENDING = "session.ending"
    SESSION_ENDED = "session.ended"
    PROCESSES_BEFORE = "processes.before"
    PROCESS_SEEN = "process.seen"
    PROCESS_ENDED = "process.ended"
    PROCESS_LEFT = "process.left"
    CREDENTIAL_FAILING = "credential.failing"
    CREDENTIAL_RENEWED = "credential.renewed"
    COUNTED = "counted"
    DISK = "disk"
    LOCKDOWN_ON = "lockdown.on"
    LOCKDOWN_OFF = "lockdown.off"
    VIEWED = "viewed"
    CLUSTER_LOOKED = "cluster.looked"
    TAPE_OPENED = "tape.opened"
    TAPE_RETIRED = "tape.retired"
    TAPES_HELD = "tapes.held"
    TAPES_RELEASED = "tapes.released"
    LEDGER_REPAIRED = "ledger.repaired"
    CLOCK_WENT_BACK = "clock.went-back"
    LOG_BEGUN = "log.begun"


@dataclass(frozen=True, slots=True)
class Draft:
    """A fact not yet committed. Made by `Payload.draft`; the store gives it its number, time and hash in the commit that makes it true."""

    kind: Kind
    subject: str
    who: str  # an identity's name, or "gateway"
    what: Mapping[str, Any] = field(default_factory=dict)  # as it will stand in JSON

    @property
    def grant(self) -> str:
        """The label of the window that a fact about a session names; empty: it names none."""
        return f"g-{self.what['grant']}" if "grant" in self.what else ""


@dataclass(frozen=True, slots=True)
class Fact:
    """A committed fact. hash = sha256(prev || sha256(canonical JSON of seq, at_us, kind, who, subject, what)); recording/chain.py."""

    seq: int  # from 1, without gaps
    at_us: int  # UTC
    kind: Kind
    who: str
    subject: str
    what: Mapping[str, Any]  # as it stands in JSON; the class of the kind reads it
    hash: bytes

    @property
    def identity(self) -> str:
        """The agent whom it is about, if it names one beside `who` and `subject`."""
        named = self.what.get("identity")
        return named if isinstance(named, str) else ""

    @property
    def grant(self) -> str:
        """The label of the window that it names beside its subject; empty: it names none."""
        named = self.what.get("grant")
        return f"g-{named}" if type(named) is int else ""

    def number(self, letter: str) -> int:
        """The number of the request, grant or session that it is about. Raises InvalidError."""
        try:
            return number(self.subject, letter)
        except InvalidError as error:
            raise InvalidError(f"fact {self.seq} can't be read: {self.kind} has the subject {self.subject!r:.60}, which is no {letter}-N") from error


def canonical(value: Mapping[str, Any]) -> str:
    """The one JSON text of a value: sorted keys, no spaces, ASCII only."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def number(label: object, letter: str = "") -> int:
    """The number of a label: `g-17`, or 17, is 17. Raises InvalidError."""
    text = str(label)
    head, dash, rest = text.rpartition("-")
    if not rest.isdecimal() or not rest.isascii() or (dash and letter and head != letter):
        raise InvalidError(f"{text!r} is no {letter or 'x'}-N")
    return int(rest)
