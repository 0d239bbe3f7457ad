"""Facts about the gateway itself, its record and its clusters. The subject is "gateway", where nothing else is said."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from jitui.recording.facts.fact import Kind
from jitui.recording.facts.payload import HEX, Payload

EVERY_COMMIT: Final = "every-commit"


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayStarted(Payload):
    """Subject: its version."""

    KIND: ClassVar = Kind.GATEWAY_STARTED
    boot_id: str = ""
    boot_us: int = 0
    config: str = ""  # the digest of its settings, the first 12 hex digits
    solo: bool = False
    key_id: str = ""  # of the key that it signs with
    signs: str = ""  # EVERY_COMMIT: no fact is without a signature
    found: int = 0  # number, time (UTC) and hash of the newest fact that was there; 0: none
    found_us: int = 0
    found_hash: Annotated[bytes, HEX] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayStopped(Payload):
    """Subject: its version."""

    KIND: ClassVar = Kind.GATEWAY_STOPPED
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigLoaded(Payload):
    """New settings count. Subject: their digest, the first 12 hex digits."""

    KIND: ClassVar = Kind.CONFIG_LOADED
    rules: int = 0  # how many
    people: int = 0  # how many are named


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialFailing(Payload):
    """A credential can't be renewed: its cloud refuses, or can't be reached. Subject: the connection."""

    KIND: ClassVar = Kind.CREDENTIAL_FAILING
    holder: str  # g-N, or gateway
    why: str
    left_s: int  # the one at hand serves on for so long


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialRenewed(Payload):
    """Subject: the connection."""

    KIND: ClassVar = Kind.CREDENTIAL_RENEWED
    holder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted(Payload):
    """Denied calls and refused asks of an identity are counted, and not written. Subject: the identity."""

    KIND: ClassVar = Kind.COUNTED
    identity: str
    state: str  # began, over
    why: str | None = None  # as it began
    denied: int | None = None  # as it is over, like all that follows
    refused: int | None = None
    since_us: int | None = None  # UTC
    until_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk(Payload):
    """The disk of the record has more or less room than before."""

    KIND: ClassVar = Kind.DISK
    level: str  # plenty, no-rows, no-streams, nothing
    free: int  # bytes
    min_free: int  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LockdownOn(Payload):
    KIND: ClassVar = Kind.LOCKDOWN_ON
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockdownOff(Payload):
    KIND: ClassVar = Kind.LOCKDOWN_OFF
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewed(Payload):
    """Somebody looked at a session, s-N, or at the changes of a window, g-N, of an identity, or of all."""

    KIND: ClassVar = Kind.VIEWED
    how: str  # live, recorded, changes, find, residue, unmasked
    live: bool | None = None  # true: unmasked, while it ran


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterLooked(Payload):
    """The gateway looks at objects of a cluster with its own credential, for metadata alone; somebody asked for the residue of a window, g-N."""

    KIND: ClassVar = Kind.CLUSTER_LOOKED
    connection: str
    targets: tuple[str, ...]  # paths of the requests


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeOpened(Payload):
    """A tape is in use. Subject: the file's name."""

    KIND: ClassVar = Kind.TAPE_OPENED
    tables: int = 1  # the number of the ledger's tables, as in store/schema.py


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRepaired(Payload):
    """The tables of the ledger were made again from its facts; or a new ledger was begun beside one that is broken."""

    KIND: ClassVar = Kind.LEDGER_REPAIRED
    tables: int = 1  # the number of the ledger's tables, as in store/schema.py
    rows: int | None = None  # of a repair: how many values differed
    backup: str | None = None  # the name of the file as it was
    first: tuple[str, ...] | None = None  # some of the differences
    beside: str | None = None  # of a new ledger: the name of the folder with the old one
    sha256: str | None = None  # of the old file, in hex; empty if there was none
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogBegun(Payload):
    """A transparency log over this ledger was begun; the one before, if there was one, is not gone on with. Subject: the file's name."""

    KIND: ClassVar = Kind.LOG_BEGUN
    origin: str  # its name, in checkpoints


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockWentBack(Payload):
    """The wall clock stands before the newest fact."""

    KIND: ClassVar = Kind.CLOCK_WENT_BACK
    newest_us: int  # UTC, of the newest fact
    now_us: int  # UTC, by the clock
