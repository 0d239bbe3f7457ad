"""Facts: things that happened, immutable and chained. The gateway's state is folded from them and from nothing else.

A draft is what the broker wants to be true; the store gives it its number, time and hash in the commit that makes it true.
`what` is canonical JSON: sorted keys, no spaces, ASCII. Times in it are integers in microseconds, ids integers.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """Every kind of fact, with its subject and the keys of `what`."""

    # subject: version. boot_id, boot_us, config (digest), solo, key_id, signs (every-commit: no fact is without a signature);
    # the newest fact that was there: found (seq), found_us (UTC), found_hash (hex)
    GATEWAY_STARTED = "gateway.started"
    GATEWAY_STOPPED = "gateway.stopped"  # subject: version. why
    CONFIG_LOADED = "config.loaded"  # subject: digest. connections, rules
    IDENTITY_ADDED = "identity.added"  # subject: name. roles, owner
    IDENTITY_DISABLED = "identity.disabled"  # subject: name. why
    # subject: name. token (id only), expires_us, sha256 (hex, of the whole token: it holds 256 random bits, so nobody finds it by trying)
    TOKEN_ISSUED = "token.issued"  # noqa: S105
    TOKEN_REVOKED = "token.revoked"  # noqa: S105 - subject: name. token, why
    # subject: gateway. tables (2), unsigned (facts of the older version that it had not signed yet),
    # tokens (id -> sha256, of those whose token.issued does not have it); once in a ledger's life
    TOKENS_ADOPTED = "tokens.adopted"
    # subject: r-N. identity, connection, duration_s, scope, reason, peer, token, same_user, asked_us (UTC), asked_boot_us, boot_id,
    # pending_us (how long it waits at most, from asked)
    REQUEST_ASKED = "request.asked"
    REQUEST_REFUSED = "request.refused"  # subject: identity. connection, scope, duration_s, reason, why
    REQUEST_APPROVED = "request.approved"  # subject: r-N. person, duration_s, scope, reason, digest, automatic
    REQUEST_DENIED = "request.denied"  # subject: r-N. why
    REQUEST_WITHDRAWN = "request.withdrawn"  # subject: r-N
    REQUEST_LAPSED = "request.lapsed"  # subject: r-N
    # subject: g-N. request, identity, connection, scope, duration_s, approved_by (list), approved {wall_us, boot_us, boot_id}, state, started_us,
    # deadline {wall_us, boot_us, boot_id} (active) or use_by {...} (waiting)
    GRANT_STARTED = "grant.started"
    GRANT_ACTIVE = "grant.active"  # subject: g-N. started_us, deadline {...}
    GRANT_ENDED = "grant.ended"  # subject: g-N. state (expired, revoked, released), why
    GRANT_FROZEN = "grant.frozen"  # subject: g-N. by, streams, identity, connection
    GRANT_THAWED = "grant.thawed"  # subject: g-N. held (bytes let go), streams, identity, connection
    SESSION_OPENED = "session.opened"  # subject: s-N. grant, kind, target, argv, tty, peer, command_group, started_us, started_boot_us, boot_id
    SESSION_FROZEN = "session.frozen"  # subject: s-N, frozen without its window. by, grant, identity, connection
    SESSION_THAWED = "session.thawed"  # subject: s-N. held (bytes let go), grant, identity, connection
    SESSION_ENDING = "session.ending"  # subject: s-N. why (one of proxy/ends.py), by, words
    # subject: s-N. why, by, ended_us, frames, bytes_in, bytes_out, delivered_in, delivered_out, head (hex), conns, may_run_on;
    # problem (why the record that a crash left is not whole: then frames, bytes and head are what is signed of it)
    SESSION_ENDED = "session.ended"
    # subject: connection, whose credential can't be renewed: AWS refuses or can't be reached. holder (g-N, or gateway), why, left_s (what is at hand serves on)
    CREDENTIAL_FAILING = "credential.failing"
    CREDENTIAL_RENEWED = "credential.renewed"  # subject: connection. holder
    # subject: identity, whose denied calls and refused asks are counted and not written. identity, state (began, over), why;
    # over: denied, refused, since_us, until_us
    COUNTED = "counted"
    DISK = "disk"  # subject: gateway; it has more or less room than before. level (plenty, no-rows, no-streams, nothing), free, min_free (bytes)
    LOCKDOWN_ON = "lockdown.on"  # subject: gateway. why
    LOCKDOWN_OFF = "lockdown.off"  # subject: gateway. why
    VIEWED = "viewed"  # subject: s-N. how (live, recorded, unmasked)
    TAPE_OPENED = "tape.opened"  # subject: the file's name. tables (of the ledger, as numbered in store/schema.py)
    # subject: gateway. tables (of the ledger, as numbered in store/schema.py), rows (how many values differed), backup (name of the file as it was),
    # first (some of them); of a new ledger beside the old one: beside (name of the folder), sha256 (of the old file), why
    LEDGER_REPAIRED = "ledger.repaired"
    CLOCK_WENT_BACK = "clock.went-back"  # subject: gateway. newest_us, now_us


@dataclass(frozen=True, slots=True)
class Draft:
    """A fact not yet committed."""

    kind: Kind
    subject: str
    who: str  # an identity's name, or "gateway"
    what: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fact:
    """A committed fact. hash = sha256(prev || sha256(canonical JSON of seq, at_us, kind, who, subject, what)); recording/chain.py."""

    seq: int  # from 1, without gaps
    at_us: int  # UTC
    kind: Kind
    who: str
    subject: str
    what: Mapping[str, Any]
    hash: bytes


def canonical(value: Mapping[str, Any]) -> str:
    """The one JSON text of a value: sorted keys, no spaces, ASCII only."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
