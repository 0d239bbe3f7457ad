"""Rows of the ledger as the values that the other rooms know."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from sqlite_utils import Database

from jitui.policy.scope import Scope
from jitui.policy.streams import PROBE
from jitui.policy.terms import Approval, Grant, GrantState, Identity, Request, RequestState, Role
from jitui.recording.facts import ProcessTold
from jitui.store.chained import LATEST_US
from jitui.values.instant import Deadline, Instant

Row = Mapping[str, Any]

GATEWAY: Final = "gateway"  # its name in their rows of actions



@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token as the facts tell of it; times in UTC microseconds, 0 for never."""

    id: str
    identity: str
    issued_by: str  # name of the person
    sha256: bytes = field(repr=False)  # empty: nobody can use it
    expires_us: int
    revoked_us: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SshKeyRow:
    """A public key as the facts tell of it; times in UTC microseconds, 0 for never."""

    fingerprint: str  # SHA256:...
    identity: str
    added_by: str  # name of the person
    added_us: int
    type: str
    key: bytes = field(repr=False)
    comment: str
    revoked_us: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """A session as it stands in the ledger. None: not known (yet); of a lost gateway `delivered_*` stay unknown for ever."""

    id: int
    grant: int
    identity: str  # of the grant
    connection: str  # of the grant
    kind: str
    target: str
    argv: tuple[str, ...]
    tty: bool
    peer: str
    command_group: str
    state: str
    started: Instant
    ended_us: int | None
    ended_why: str
    ended_by: str
    frames: int | None
    bytes_in: int | None
    bytes_out: int | None
    delivered_in: int | None
    delivered_out: int | None
    conns: int | None
    may_run_on: int
    head: bytes | None

    @property
    def asked_by(self) -> str:
        """The name in its rows of actions: of the gateway's own looks into pods that of the gateway."""
        return GATEWAY if self.kind == PROBE else self.identity


class HoldRow(NamedTuple):
    """A window whose tapes are held."""

    grant: int
    held_by: str
    held_us: int  # UTC
    reason: str


class Totals(NamedTuple):
    """Sums over the sessions of one grant that have ended, and what became of the processes of its commands."""

    bytes_in: int = 0
    bytes_out: int = 0
    cut: int = 0  # streams that ended with the window
    may_run_on: int = 0  # processes that nobody saw end
    processes: tuple[ProcessTold, ...] = ()  # the last word about each process that its commands left, or that was ended
    writes: int = 0  # of an ended grant: requests to write that the cluster carried out, or perhaps did; dry runs count too
    secrets: int = 0  # of an ended grant: answers with Secrets in them
    proving: int = 0  # its commands of which no end is on record yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The live state when the ledger was opened."""

    identities: dict[str, Identity]
    tokens: list[TokenRow]
    ssh_keys: list[SshKeyRow]
    requests: list[Request]  # pending
    grants: list[Grant]  # waiting or active
    used: dict[int, tuple[int, int, int]]  # by grant: recorded bytes to the cluster and to the client, and frames (facts and actions by their room)
    newest_us: int  # UTC of the newest fact since the clock last went back; 0 if there is none
    lockdown: bool
    lost_sessions: int  # sessions the last gateway left open; they ended now, as gateway-lost


def named(db: sqlite3.Connection, sql: str, values: Sequence[Any] | Row = ()) -> Iterator[dict[str, Any]]:
    """Rows of a query by column name, one at a time. Raises ValueError if a time in one is none."""
    for row in Database(db, recursive_triggers=False, execute_plugins=False).query(sql, dict(values) if isinstance(values, Mapping) else list(values)):
        for name, value in row.items():
            if name.endswith("_us") and value is not None and not (type(value) is int and 0 <= value < LATEST_US):
                raise ValueError(f"{name} of a row is no time: {value!r:.40}")
        yield row


def identity_of(row: Row) -> Identity:
    return Identity(row["name"], frozenset(Role(role) for role in json.loads(row["roles"])), row["owner"], row["created_by"], bool(row["disabled"]))


def token_of(row: Row) -> TokenRow:
    return TokenRow(row["id"], row["identity"], row["issued_by"], row["sha256"], row["expires_us"], row["revoked_us"])


def request_of(row: Row, approvals: Sequence[Row]) -> Request:
    """A request with its approvals, in the order they were given."""
    asked = Instant(row["asked_us"], row["asked_boot_us"], row["boot_id"])
    return Request(
        id=row["id"], identity=row["identity"], connection=row["connection"], duration_s=row["duration_s"], scope=Scope.parse(row["scope"]),
        reason=row["reason"], asked=asked, pending_until=Deadline.after(asked, row["pending_us"]), state=RequestState(row["state"]),
        approvals=tuple(Approval(each["person"], each["at_us"], each["duration_s"], Scope.parse(each["scope"]), each["reason"]) for each in approvals),
        decided_by="" if row["state"] == "pending" else row["decided_by"], decided_us=0 if row["state"] == "pending" else row["decided_us"],
        why=row["why"], grant=row["grant_id"], peer=row["peer"], token=row["token"], same_user=bool(row["same_user"]))


def grant_of(row: Row) -> Grant:
    deadline = Deadline(row["deadline_us"], row["deadline_boot_us"], row["boot_id"]) if row["deadline_us"] is not None else None
    use_by = Deadline(row["use_by_us"], row["use_by_boot_us"], row["use_by_boot_id"]) if row["use_by_us"] is not None else None
    return Grant(
        id=row["id"], request=row["request"], identity=row["identity"], connection=row["connection"], scope=Scope.parse(row["scope"]),
        duration_s=row["duration_s"], approved=Instant(row["approved_us"], row["approved_boot_us"], row["approved_boot_id"]),
        approved_by=tuple(json.loads(row["approved_by"])), state=GrantState(row["state"]), deadline=deadline, use_by=use_by,
        started_us=row["started_us"], ended_us=row["ended_us"], ended_by=row["ended_by"], why=row["why"], frozen_by=row["frozen_by"])


def session_of(row: Row) -> SessionRow:
    """From a row of `sessions` joined with its grant's identity and connection."""
    return SessionRow(
        id=row["id"], grant=row["grant_id"], identity=row["identity"] or "", connection=row["connection"] or "", kind=row["kind"],
        target=row["target"], argv=tuple(json.loads(row["argv"])), tty=bool(row["tty"]), peer=row["peer"], command_group=row["command_group"],
        state=row["state"], started=Instant(row["started_us"], row["started_boot_us"], row["boot_id"]), ended_us=row["ended_us"],
        ended_why=row["ended_why"], ended_by=row["ended_by"], frames=row["frames"], bytes_in=row["bytes_in"], bytes_out=row["bytes_out"],
        delivered_in=row["delivered_in"], delivered_out=row["delivered_out"], conns=row["conns"], may_run_on=row["may_run_on"], head=row["head"])


def requests_where(db: sqlite3.Connection, condition: str, values: Sequence[Any] = ()) -> list[Request]:
    """Requests by a condition of this package's own making."""
    rows = list(named(db, f"select * from requests where {condition}", values))  # noqa: S608 - never from outside
    return [request_of(row, approvals_of(db, row["id"])) for row in rows]


def approvals_of(db: sqlite3.Connection, request: int) -> list[dict[str, Any]]:
    """The approvals of a request, in the order they were given."""
    return list(named(db, "select * from approvals where request = ? order by at_us, person", (request,)))


# a session's facts take the room of 16 frames; how many actions there were in it only its frames tell, an API call has two or more of them
_USED: Final = """select grant_id, sum(coalesce(bytes_in, 0)), sum(coalesce(bytes_out, 0)),
  sum(coalesce(frames, 0) + 16 + case kind when 'api' then coalesce(frames, 0) / 2 else 2 end) from sessions
  where grant_id in (select id from grants where state in ('waiting', 'active')) group by grant_id"""


def load(db: sqlite3.Connection, newest_us: int, lost_sessions: int) -> Loaded:
    """Everything live in tables that were made of checked facts."""
    switch = db.execute("select value from switches where name = 'lockdown'").fetchone()
    return Loaded(
        identities={row["name"]: identity_of(row) for row in named(db, "select * from identities")},
        tokens=[token_of(row) for row in named(db, "select * from tokens order by issued_us, id")],
        ssh_keys=[SshKeyRow(**row) for row in named(db, "select * from ssh_keys order by added_us, fingerprint")],
        requests=requests_where(db, "state = 'pending' order by id"),
        grants=[grant_of(row) for row in named(db, "select * from grants where state in ('waiting', 'active') order by id")],
        used={grant: (bytes_in, bytes_out, frames) for grant, bytes_in, bytes_out, frames in db.execute(_USED)},
        newest_us=newest_us,
        lockdown=bool(switch) and switch[0].startswith("on"),
        lost_sessions=lost_sessions)
