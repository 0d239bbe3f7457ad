"""The views: everything that the gateway shows. Their field names are the JSON of the API and of `--json`.

Times are RFC 3339 UTC with microseconds; `..._s` are seconds; ids are `r-41`, `g-17`, `s-204`. Text of other parties is `Said`.
"""

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from jitui.recording.masking.spans import Span
from jitui.values.atwork import AtWork
from jitui.values.declared import dataclass
from jitui.values.said import Said


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The gateway that answers, and the caller as it knows them."""

    version: str
    api: int  # major version of this API
    gateway_id: str
    you: str
    roles: tuple[str, ...]
    rights: tuple[str, ...]  # of policy/rights.py, by name
    solo: bool  # no people configured and agents may run as the gateway's user: protects from nothing an agent wants
    connections: tuple[str, ...]
    kube: str = ""  # https URL of the Kubernetes listener; below it, each connection is at {kube}/c/{connection}
    kube_connections: Mapping[str, str] = field(default_factory=dict)  # URL without a path of each connection's own address; empty: an older gateway
    ca_pem: str = ""  # the certificate authority to pin; empty: a public one signs
    ssh: str = ""  # host and port of the SSH listener; empty: there is none
    ssh_host_key: str = ""  # its public key, as a line of OpenSSH, to be pinned
    ledger_key: str = ""  # hex, the 32 public bytes of the key that signs the record; empty: an older gateway


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The header's lights."""

    at: str
    recording: bool  # False: the recorder refuses, nothing passes
    recorder_error: str
    record_bytes_s: float
    disk_free: int  # bytes on the data folder's file system
    lag_ms: float  # of the gateway's event loop
    waiting: int
    live: int  # live windows
    open_streams: int
    lockdown: bool
    facts: int  # newest seq
    trouble: str = ""  # a cluster's credential that can't be renewed, how long it serves on, and why; empty if all is well
    limits: tuple[AtWork, ...] = ()  # at work within the last minute, the newest first
    moved: str = ""  # another one once a fact, or a byte, or a token's end came since; requests and windows stand as they stood while it is the same


@dataclass(frozen=True, slots=True, kw_only=True)
class ClauseView:
    """One clause of what is asked, as Decide shows it."""

    text: str
    hazard: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestView:
    id: str
    state: str  # pending approved denied withdrawn lapsed
    identity: str
    owner: str
    connection: str
    duration_s: int  # asked; after approval: granted
    scope: str
    clauses: tuple[ClauseView, ...]
    hazard: str  # the worst of the clauses
    reason: Said
    asked: str
    waited_s: float
    lapses_s: float  # until it lapses; 0 once decided
    approvals: tuple[str, ...]  # persons who said yes
    approvals_needed: int
    rule_duration_s: int
    rule_scope: str
    starts: str  # on-approval or on-first-use
    from_peer: str
    token: str
    same_user: bool  # it can bypass jitui here
    owner_may_approve: bool
    digest: str  # of what is shown; a decision carries it
    you_may: tuple[str, ...]  # approve, deny, withdraw: what the caller may do now
    you_may_not: str  # why not approve, in one sentence; empty if they may
    decided_by: str = ""
    decided: str = ""
    why: Said = field(default_factory=lambda: Said(""))
    grant: str = ""
    deadline: str = ""
    automatic: bool = False
    before: str = ""  # one line of what this identity did here in the last 30 days
    used: str = ""  # the scope of what it really used, for narrowing; empty if unknown
    at_end: str = ""  # how its commands end in the pods, in one sentence; empty if it can run none
    still: str = ""  # one line of what this identity's last window here left, as the record tells it; empty: nothing, or not known


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessView:
    """A process that a window's command started in a container, as it was last seen."""

    session: str  # s-204; empty: it can't be tied to a command
    pod: str  # namespace/name
    pod_uid: str
    container: str
    container_id: str
    pid: int  # in the container; 0: it was never seen
    start: int  # clock ticks since the boot of its node; with the pid it names one process
    argv: tuple[Said, ...]
    state: str  # ended left unexplained not-proved
    proof: tuple[str, ...]  # runtime: the runtime told the end of its command; gone: a look found it gone; explained: nothing else was left there
    took_ms: int  # from the mute to the last look
    why: str  # of all states but ended, in one sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantView:
    id: str
    state: str  # waiting active expired revoked released
    identity: str
    connection: str
    scope: str
    hazard: str
    duration_s: int
    started: str
    deadline: str
    remaining_s: float
    request: str
    approved_by: tuple[str, ...]
    frozen_by: str
    open_streams: int
    last: Said  # the newest action in one line
    ended: str
    ended_by: str
    why: Said
    cut: int  # streams that ended with it
    bytes_in: int
    bytes_out: int
    you_may: tuple[str, ...]  # revoke, release, freeze, thaw
    held: int = 0  # bytes recorded and not handed on, in frozen sessions of it
    may_run_on: int = 0  # processes that its streams started, and that may go on in the pods
    bytes_left: int = 0  # of what its rule lets it move either way; 0 once it has ended
    processes: tuple[ProcessView, ...] = ()  # of its commands, as far as facts tell of them
    writes: int = 0  # of an ended window: requests to write that the cluster carried out, or perhaps did; dry runs count too
    secrets: int = 0  # of an ended window: answers with Secrets in them
    proving: int = 0  # of an ended window: commands of which it is not known yet what became of their processes


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    id: str
    kind: str  # api exec attach port-forward logs watch
    grant: str
    identity: str
    connection: str
    target: Said  # web/web-7c or web/web-7c/container
    argv: tuple[Said, ...]
    tty: bool
    state: str  # opening open ending ended
    started: str
    ended: str
    ended_why: str
    ended_by: str
    frames: int
    bytes_in: int
    bytes_out: int
    delivered_in: int
    delivered_out: int
    may_run_on: int  # processes that may go on in the pod after the end
    remaining_s: float
    you_may: tuple[str, ...]  # kill, freeze, thaw, watch, replay
    frozen_by: str = ""  # alone, or with its window
    held: int = 0  # bytes recorded and not handed on since it was frozen
    from_peer: str = ""  # address of its client, and over SSH how that was known


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionView:
    at: str
    session: str  # "" for a denial
    grant: str
    conn: int
    identity: str
    verb: str
    resource: str  # deployments.apps/scale
    namespace: Said
    name: Said
    argv: tuple[Said, ...]
    hazard: str
    verdict: str  # allowed or denied
    clause: str  # the clause that allowed it, or why it was denied
    code: int | None  # HTTP status; None: outcome unknown
    bytes_in: int
    bytes_out: int
    audit_id: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FactView:
    seq: int
    at: str
    kind: str
    who: str
    subject: str
    what: Mapping[str, Any]
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameView:
    """A frame as JSON says it."""

    seq: int
    at_us: int
    conn: int
    channel: str
    data_b64: str
    delivered: bool = True
    masked: tuple[Span, ...] = ()  # secrets that are hidden in the data

    @property
    def body(self) -> bytes:
        """The bytes; none if `data_b64` is not base64, which no gateway sends."""
        try:
            return b64decode(self.data_b64)
        except ValueError:
            return b""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveChunk:
    """One item for a live viewer: a frame as recorded, or a gap when the viewer fell behind by more than 256 KiB."""

    kind: Literal["frame", "gap", "end"]
    frame: FrameView | None = None
    lost_bytes: int = 0
    why: str = ""  # of an end


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The effect of a revoke, a release or a kill."""

    id: str
    streams: int
    took_ms: float
    may_run_on: tuple[str, ...]  # pods in which a process may go on
    said: str  # one line for the person
    processes: tuple[ProcessView, ...] = ()  # of the commands that ended with it


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """The effect of a freeze or a thaw."""

    id: str  # g-17, s-204 or all
    frozen_by: str  # empty after a thaw
    windows: tuple[str, ...]  # whose flag it moved
    streams: int  # that stand still now, or go on
    held: int  # bytes that a thaw let go
    said: str  # one line for the person


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldView:
    """A window whose tapes are held, or were let go just now."""

    grant: str  # g-17
    held: bool
    by: str
    at: str
    reason: Said
    gone: tuple[str, ...] = ()  # sentences about tapes of it that were retired before


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The findings of verify, for one session or the whole store."""

    subject: str  # s-204, facts, a file
    consistent: bool
    signed: Literal["no", "self-attested", "matched"]
    frames: int
    unsigned_tail: int  # last frames or facts that no signature covers yet
    problem: str  # empty, or what was altered, cut or reordered
    session: str = ""  # where the problem is
    seq: int = -1
    signed_to: int = -1  # the newest fact, or frame of a session, that a signature covers; -1: none
    signed_at: str = ""  # when it was signed; empty: never, or not about the facts
    signed_by: str = ""  # which key, or witness, says so
    hash: str = ""  # of the newest fact, with `facts`: to be noted elsewhere
    unsigned_frames: int = 0  # with `facts`: of all sessions together
    needs: tuple[str, ...] = ()  # sentences about what this proof leaves open
    retired: tuple[str, ...] = ()  # sentences about frames, or with `tapes` about tapes, that were retired by a fact
    degree: Literal["", "consistent", "signed", "cosigned"] = ""  # how far the proof goes; empty: there is a problem, or an older gateway says nothing
    cosigned_by: tuple[str, ...] = ()  # witnesses elsewhere who saw it
    cosigned_at: str = ""  # when the newest of them saw it
    cosigned_to: int = -1  # the newest fact, frame of a session, or leaf of the log that they saw; -1: none


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenView:
    """The public properties of a token, never the token itself."""

    id: str
    expires: str
    used: str  # newest use, empty if never
    revoked: str  # when, empty if not


@dataclass(frozen=True, slots=True, kw_only=True)
class SshKeyView:
    """A public SSH key of one identity."""

    fingerprint: str  # SHA256:..., as ssh-keygen -l prints it
    type: str
    key: str  # in base64, as it stands in a .pub file behind the type
    comment: Said
    added: str  # empty: it stands in the configuration
    added_by: str
    revoked: str  # when, empty if not


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityView:
    name: str
    roles: tuple[str, ...]
    owner: str
    created_by: str
    disabled: bool
    tokens: tuple[TokenView, ...] = ()
    ssh_keys: tuple[str, ...] = ()  # fingerprints of those that were not revoked


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A new token, shown this once."""

    identity: IdentityView
    token: str = field(repr=False)
    expires: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """The decision that one action would get now, and the rule or grant behind it."""

    verdict: Literal["allowed", "denied"]
    hazard: str
    identity: str
    connection: str
    rule: str  # the rule's scope; empty: no rule for this identity and connection
    grant: str  # the live grant that covers it, empty if none
    clause: str  # the clause that allows it: of the grant, or of the rule if it could be asked for
    why: str  # one sentence
    how: str  # the command that asks for it; empty if nothing helps
