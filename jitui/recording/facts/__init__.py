"""Facts: things that happened, immutable and chained. The gateway's state is folded from them and from nothing else.

Each kind has one class, which says what a fact of that kind holds: `identities`, `requests`, `grants`, `sessions`,
`processes`, `gateway`, `retention`. A writer makes
`GrantFrozen(by=..., ...).draft("g-3", "ana")`, a reader takes `GrantFrozen.of(fact).by`; `payload` says how the fields stand in JSON.
A new kind is a member of `Kind`, its class, and a row of PAYLOADS.
"""

from collections.abc import Mapping
from typing import Final

from jitui.recording.facts.fact import Draft, Fact, Kind, canonical, number
from jitui.recording.facts.gateway import (
    EVERY_COMMIT,
    ClockWentBack,
    ClusterLooked,
    ConfigLoaded,
    Counted,
    CredentialFailing,
    CredentialRenewed,
    Disk,
    GatewayStarted,
    GatewayStopped,
    LedgerRepaired,
    LockdownOff,
    LockdownOn,
    LogBegun,
    TapeOpened,
    Viewed,
)
from jitui.recording.facts.grants import GrantActive, GrantEnded, GrantFrozen, GrantStarted, GrantThawed
from jitui.recording.facts.identities import IdentityAdded, IdentityDisabled, SshKeyAdded, SshKeyRevoked, TokenIssued, TokenRevoked, TokensAdopted
from jitui.recording.facts.payload import Payload
from jitui.recording.facts.processes import ProcessEnded, ProcessesBefore, ProcessLeft, ProcessSeen, ProcessTold
from jitui.recording.facts.requests import RequestApproved, RequestAsked, RequestDenied, RequestLapsed, RequestRefused, RequestWithdrawn
from jitui.recording.facts.retention import Gone, TapeRetired, TapesHeld, TapesReleased
from jitui.recording.facts.sessions import SessionEnded, SessionEnding, SessionFrozen, SessionOpened, SessionThawed, Undelivered, closed

PAYLOADS: Final[Mapping[Kind, type[Payload]]] = {each.KIND: each for each in (
    GatewayStarted, GatewayStopped, ConfigLoaded, IdentityAdded, IdentityDisabled, TokenIssued, TokenRevoked, TokensAdopted, SshKeyAdded,
    SshKeyRevoked, RequestAsked, RequestRefused, RequestApproved, RequestDenied, RequestWithdrawn, RequestLapsed, GrantStarted, GrantActive, GrantEnded,
    GrantFrozen, GrantThawed, SessionOpened, SessionFrozen, SessionThawed, SessionEnding, SessionEnded, ProcessesBefore, ProcessSeen, ProcessEnded,
    ProcessLeft, CredentialFailing, CredentialRenewed, Counted, Disk, LockdownOn, LockdownOff, Viewed, TapeOpened, LedgerRepaired, ClockWentBack, LogBegun,
    ClusterLooked, TapeRetired, TapesHeld, TapesReleased,
)}  # fmt: skip

# fields of payloads that hold the words of others: secrets may be in it
FOREIGN: Final = frozenset({"argv", "reason", "scope", "target", "targets", "why", "words"})

__all__ = [
    "EVERY_COMMIT", "FOREIGN", "PAYLOADS", "ClockWentBack", "ClusterLooked", "ConfigLoaded", "Counted", "CredentialFailing", "CredentialRenewed", "Disk",
    "Draft", "Fact", "GatewayStarted", "GatewayStopped", "Gone", "GrantActive", "GrantEnded", "GrantFrozen", "GrantStarted", "GrantThawed", "IdentityAdded",
    "IdentityDisabled", "Kind", "LedgerRepaired", "LockdownOff", "LockdownOn", "LogBegun", "Payload", "ProcessEnded", "ProcessLeft", "ProcessSeen",
    "ProcessTold", "ProcessesBefore", "RequestApproved", "RequestAsked", "RequestDenied", "RequestLapsed", "RequestRefused", "RequestWithdrawn", "SessionEnded",
    "SessionEnding", "SessionFrozen", "SessionOpened", "SessionThawed", "SshKeyAdded", "SshKeyRevoked", "TapeOpened", "TapeRetired", "TapesHeld",
    "TapesReleased", "TokenIssued", "TokenRevoked", "TokensAdopted", "Undelivered", "Viewed", "canonical", "closed", "number",
]  # fmt: skip
