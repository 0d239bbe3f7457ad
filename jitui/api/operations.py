"""The table of operations: everything that a person or a program may do with a gateway, each declared here and nowhere else.

Made from this table: the client (`client`), the routes and the OpenAPI description (`server/routes.py`), the check of the right (`service/service.py`).
`views.py` has the types of the answers, `inputs.py` those of the arguments. To add an operation: declare it here, and implement it in `service/`.

Every operation may raise a JituiError: RefusedError without the right, NotFoundError, ConflictError when it is too late.
A list may come as a `Page` (`values/page.py`); its `more` is the cursor of the page that follows. The client fetches all pages.
"""
# The methods have no bodies; `operation` and `stream` replace them.
# mypy: disable-error-code="empty-body"

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated, Final

from jitui.api.findings import ChangesView, ResidueView
from jitui.api.found import FoundView, KeyframeView
from jitui.api.inputs import Age, Ago, Approval, Duration, Hold, KeyText, Limit, NewName, OneAction, RoleName, ScopeText, Seq, Short, Text, bounds
from jitui.api.moments import EventView, ExchangeView, MomentView, PastView
from jitui.api.operation import ANYBODY, Given, Operation, Table, needs, operation, stream
from jitui.api.reports import ReportView
from jitui.api.views import (
    ActionView,
    Ended,
    Explained,
    FactView,
    FrameView,
    Frozen,
    GrantView,
    Hello,
    HoldView,
    IdentityView,
    Issued,
    LiveChunk,
    Proof,
    RequestView,
    SessionView,
    SshKeyView,
    Status,
)
from jitui.policy.rights import Right
from jitui.values.errors import JituiError

API: Final = 1  # major version of what two processes say to each other; every path begins with /v1


class Requests(Table):
    """Requests for a window."""

    @operation("GET", "/requests", needs(Right.SEE, Right.ASK))
    async def requests(self, *, everything: bool = False, cursor: str = "") -> Sequence[RequestView]:
        """Pending requests, oldest first; with `everything` also decided ones, newest last. An agent sees its own."""

    @operation("POST", "/requests", Right.ASK)
    async def ask(
        self, connection: Short, *, duration_s: Duration = 0, reason: Text = "", scope: ScopeText = "", identity: Short = "", approval: Approval = "",
    ) -> RequestView:  # fmt: skip
        """Ask for a window. No scope: the rule's; duration_s 0: the rule's. The same ask returns the same request.

        `identity` and `approval` (required, automatic) are assertions, never inputs: if given, and not the caller's or the rule's, RefusedError.
        """

    @operation("GET", "/requests/{ident}", ANYBODY)
    async def request(self, ident: str, *, wait_s: Hold = 0) -> RequestView:
        """One request, with what its identity did on the connection before. An agent sees its own.

        With `wait_s` the answer about a pending request comes once it is settled, or after so many seconds.
        """

    @operation("POST", "/requests/{ident}/approve", Right.DECIDE)
    async def approve(self, ident: str, *, digest: Short = "", duration_s: Duration = 0, scope: ScopeText = "", reason: Text = "") -> RequestView:
        """Say yes, perhaps to less. With a digest: only if nothing changed since it was shown; ConflictError otherwise."""

    @operation("POST", "/requests/{ident}/deny", Right.DECIDE)
    async def deny(self, ident: str, *, reason: Text) -> RequestView:
        """Say no; the agent is told the reason."""

    @operation("POST", "/requests/{ident}/withdraw", Right.ASK)
    async def withdraw(self, ident: str) -> RequestView:
        """Take one's own request back."""


def each_target(verb: str) -> Mapping[str, str]:
    """The paths of an operation on a window (g-17), a session (s-204), or `all`."""
    return {"g-": f"/grants/{{ident}}/{verb}", "s-": f"/sessions/{{ident}}/{verb}", "all": f"/{verb}"}


class Grants(Table):
    """Windows that were granted, and their end."""

    @operation("GET", "/grants", ANYBODY)
    async def grants(self, *, everything: bool = False, cursor: str = "") -> Sequence[GrantView]:
        """Live windows, ends soonest first; with `everything` also ended ones. An agent sees its own."""

    @operation("GET", "/grants/{ident}", ANYBODY)
    async def grant(self, ident: str) -> GrantView:
        """One window. An agent sees its own."""

    @operation("POST", "/grants/{ident}/revoke", Right.STOP)
    async def revoke(self, ident: str, *, reason: Text) -> Ended:
        """End a window and everything in it; the agent is told the reason."""

    @operation("POST", "/grants/{ident}/release", Right.ASK)
    async def release(self, ident: str) -> Ended:
        """Give one's own window back."""

    @operation("POST", each_target("freeze"), Right.STOP)
    async def freeze(self, ident: str) -> Frozen:
        """A window (g-17), a session (s-204) or `all`: from this instant nothing passes either way, and nothing is lost. Clocks run on.

        The bytes that come are recorded and held, until a leg's window is full. `all` are the windows that are active now, not those granted later.
        ConflictError if it is frozen already, or not active.
        """

    @operation("POST", each_target("thaw"), Right.STOP)
    async def thaw(self, ident: str) -> Frozen:
        """The bytes that were held go on, in order. A window with everything in it; a session only if it was frozen without its window."""


    @operation("GET", "/holds", Right.SEE)
    async def holds(self) -> Sequence[HoldView]:
        """The windows whose tapes are held."""

    @operation("POST", "/grants/{ident}/hold-tapes", Right.HOLD)
    async def hold_tapes(self, ident: str, *, reason: Text) -> HoldView:
        """Keep everything recorded of a window, whatever its age, until it is let go. ConflictError if it is held already."""

    @operation("POST", "/grants/{ident}/release-tapes", Right.HOLD)
    async def release_tapes(self, ident: str, *, reason: Text) -> HoldView:
        """From now on the tapes of the window may be retired as all others. ConflictError if they are not held."""


class Sessions(Table):
    """Live sessions, and all there were."""

    @operation("GET", "/sessions", ANYBODY)
    async def sessions(self, *, live: bool = False, grant: str = "", cursor: str = "", brief: bool = False, looks: bool = False) -> Sequence[SessionView]:
        """Sessions, oldest first; with `live` only those that are open, with `grant` only those of that window. An agent sees its own.

        With `brief` a long command is cut to its beginning. With `looks` the gateway's own looks into pods (of the kind `probe`) are among them.
        """

    @operation("POST", "/sessions/{ident}/kill", Right.STOP)
    async def kill(self, ident: str, *, reason: Text) -> Ended:
        """End one session; its window goes on."""

    @stream("/sessions/{ident}/live", Right.LIVE, needs(Right.UNMASK, when="unmask"), event=lambda chunk: (chunk.kind, None))
    def watch(self, ident: str, *, unmask: bool = False) -> AsyncIterator[LiveChunk]:
        """The frames of a live session from now on, and the last 64 KiB before, until it ends. Secrets are masked, as in frames.

        Events `frame`, `gap`, and at last `end`; `error` says why the caller may not watch any more.
        """


class Archive(Table):
    """The record. A command without a gateway reads the same from bare files."""

    @operation("GET", "/sessions/{ident}", ANYBODY)
    async def session(self, ident: str) -> SessionView:
        """One session, live or ended. An agent sees its own."""

    @operation("GET", "/sessions/{ident}/frames", needs(Right.RECORDED_HOUR, Right.RECORDED_DECIDED, Right.RECORDED), needs(Right.UNMASK, when="unmask"))
    async def frames(self, ident: str, *, after: Seq = -1, limit: Limit = 1000, unmask: bool = False) -> Sequence[FrameView]:
        """One page of frames, in order of seq, after the seq `after`; an empty page is the end.

        Secrets are masked; with `unmask` they are not, and that is a fact. Operators see the last hour, approvers what ran under grants they decided.
        """

    @operation("GET", "/sessions/{ident}/exchange", needs(Right.RECORDED_HOUR, Right.RECORDED_DECIDED, Right.RECORDED),
               needs(Right.UNMASK, when="unmask"))
    async def exchange(self, ident: str, *, conn: Annotated[int, bounds(ge=0)], unmask: bool = False) -> ExchangeView:
        """One request of a session with its answer, bodies laid out; the rights, and the masking, are those of frames."""

    @operation("GET", "/grants/{ident}/timeline", Right.SEE)
    async def timeline(
        self, ident: str, *, behind: Short = "", before: Short = "", marks: bool = False, limit: Limit = 1000,
    ) -> Sequence[EventView]:  # fmt: skip
        """One page of the events of a window, oldest first: requests, streams as they open and end, facts.

        `behind`: those that come next behind an event (its key) or a moment; `before`: the last ones before an event, or up to a moment; neither: the first.
        `marks`: those alone that are worth going to. An empty page is the end.
        """

    @operation("GET", "/grants/{ident}/moment", Right.SEE)
    async def moment(self, ident: str, *, at: Short = "") -> MomentView:
        """A window at a moment, with the streams that ran in it then; without one, as it begins."""

    @operation("GET", "/sessions/{ident}/keyframe", needs(Right.RECORDED_HOUR, Right.RECORDED_DECIDED, Right.RECORDED), needs(Right.UNMASK, when="unmask"))
    async def keyframe(self, ident: str, *, at_us: Annotated[int, bounds(ge=0, le=1 << 62)], unmask: bool = False) -> KeyframeView:
        """The newest keyframe of the session's terminal at or before a time since its start; `seq` -1 where the index has none.

        With the frames behind it a replay can begin there. Secrets are masked in it; with `unmask` only one before which there were none.
        """

    @operation("GET", "/past", Right.SEE)
    async def past(self, *, at: Short) -> PastView:
        """The requests and windows as they stood at a time that has passed, out of the facts up to then."""

    @operation("GET", "/past/sessions", Right.SEE)
    async def past_sessions(self, *, at: Short, grant: Short = "") -> Sequence[SessionView]:
        """The newest 1000 sessions that had begun by then, oldest first, of one window if given, as they stood."""

    @operation("GET", "/find", needs(Right.RECORDED_HOUR, Right.RECORDED_DECIDED, Right.RECORDED))
    async def find(
        self, text: Short, *, grant: Short = "", identity: Short = "", connection: Short = "", kind: Short = "", verb: Short = "", where: Short = "",
        since_s: Ago = 0, limit: Limit = 100,
    ) -> FoundView:  # fmt: skip
        """Lines of the record with a text, the newest first: printed, typed, in bodies, in the words of actions. Secrets are masked, and can't be found.

        Letters' case is ignored. The text begins where a word does, and its last word may go on. `grant`: in a window's sessions; `kind`: of the
        session; `where`: of argv, stdin, stdout, body, with commas. The notes say what the index does not hold yet. Operators see the last hour, approvers
        what ran under grants they decided.
        """

    @operation("GET", "/actions", ANYBODY, order="at")
    async def actions(
        self, *, grant: str = "", audit_id: str = "", limit: Limit = 1000, cursor: str = "", brief: bool = False,
    ) -> Sequence[ActionView]:  # fmt: skip
        """Every request with its verdict, the newest `limit`, oldest first. `audit_id`: the one that the cluster's audit log knows by it.

        With `brief` a long command is cut to its beginning. An agent sees its own.
        """

    @operation("GET", "/changes", needs(Right.RECORDED_HOUR, Right.RECORDED_DECIDED, Right.RECORDED), needs(Right.UNMASK, when="unmask"))
    async def changes(self, *, grant: Short = "", identity: Short = "", since_s: Ago = 0, unmask: bool = False) -> ChangesView:
        """Every write that succeeded or whose outcome is unknown, with its fields before and after, out of recorded bodies: of one window, of one
        identity if given, in the last `since_s` seconds; 0: all of a window, and otherwise the last day.

        Secrets are masked; with `unmask` they are not, and that is a fact. Operators see the last hour, approvers what ran under grants they decided.
        """

    @operation("POST", "/grants/{ident}/residue", needs(Right.RECORDED_HOUR, Right.RECORDED_DECIDED, Right.RECORDED))
    async def residue(self, ident: str, *, look: bool = True) -> ResidueView:
        """Everything that outlives a window: objects, processes, credentials it has seen, copies; and how each ends. Out of recorded bytes.

        With `look` the cluster is asked with the gateway's own credential, for metadata alone, which of the objects still exist; that is a fact.
        """

    @operation("GET", "/facts", Right.SEE)
    async def facts(self, *, after: Annotated[int, bounds(ge=0)] = 0, limit: Limit = 1000) -> Sequence[FactView]:
        """One page of the audit log, after the seq `after`; an empty page is the end."""

    @operation("GET", "/report", Right.RECORDED)
    async def report(self, *, since_s: Age = 90 * 86400, until_s: Ago = 0, identity: Short = "", connection: Short = "") -> ReportView:
        """Everything that access was given for from `since_s` seconds ago until `until_s` seconds ago, by whom, and what was made of it; of one identity
        or connection, if given. Out of facts and rows of actions, without recorded content.
        """

    @operation("GET", "/verify", Right.SEE)
    async def verify(self, session: str = "") -> Sequence[Proof]:
        """Whether the chain and the signed heads prove the record, of one session or of everything."""


class Identities(Table):
    """Agents and people with tokens."""

    @operation("GET", "/identities", Right.ADMIN)
    async def identities(self) -> Sequence[IdentityView]:
        """Every identity, by name."""

    @operation("POST", "/identities", Right.ADMIN)
    async def identity_add(
        self, name: NewName, *, roles: Annotated[Sequence[RoleName], bounds(min_length=1)], owner: Short = "", ssh_keys: KeyText = "",
    ) -> Issued:  # fmt: skip
        """A new identity with its first token, which is shown this once; ConflictError if the name is taken. `owner`: of an agent; else the caller.

        `ssh_keys`: lines of public keys in OpenSSH's form, which are the identity's from now on.
        """

    @operation("POST", "/identities/{name}/rotate", Right.ADMIN)
    async def identity_rotate(self, name: str) -> Issued:
        """A new token; the identity's older ones are revoked in the same commit."""

    @operation("POST", "/identities/{name}/disable", Right.ADMIN)
    async def identity_disable(self, name: str, *, reason: Text) -> IdentityView:
        """Its tokens and SSH keys are revoked and everything of it ends at once."""

    @operation("GET", "/identities/{name}/ssh-keys", Right.ADMIN)
    async def identity_keys(self, name: str) -> Sequence[SshKeyView]:
        """The SSH keys of one identity, also of a person of the configuration; revoked ones, too."""

    @operation("POST", "/identities/{name}/ssh-keys", Right.ADMIN)
    async def identity_key_add(self, name: str, *, ssh_keys: KeyText) -> Sequence[SshKeyView]:
        """SSH keys that are the identity's from now on: all of the lines, or none. ConflictError if one is somebody's already, or was revoked."""

    @operation("POST", "/identities/{name}/ssh-keys/revoke", Right.ADMIN)
    async def identity_key_revoke(self, name: str, *, fingerprint: Short, reason: Text) -> Sequence[SshKeyView]:
        """From now on the key is nobody's, for good; connections that were made with it end at once."""


class Gateway(Table):
    """The gateway itself."""

    @operation("GET", "/hello", ANYBODY)
    async def hello(self) -> Hello:
        """Versions, and who the caller is here."""

    @operation("GET", "/status", Right.SEE)
    async def status(self) -> Status:
        """Whether it records, how full the disk is, how much is live."""

    @stream("/events", ANYBODY, event=lambda fact: ("fact", fact.seq), resume="since")
    def events(self, *, since: Seq = -1) -> AsyncIterator[FactView]:
        """Facts as they are committed, after `since` (-1: from now on) or the header Last-Event-ID. An agent hears of its own.

        It ends when the gateway goes; the caller begins again after the last seq. The event `error` is the last: it says why the caller is not heard any
        more, and to ask again with the same token is of no use.
        """

    @operation("POST", "/lockdown", needs(Right.STOP, when="on"), needs(Right.ADMIN, unless="on"))
    async def lockdown(self, on: bool, *, reason: Text = "") -> Status:
        """On: every grant is revoked and nothing is granted. Off: by an admin only."""

    @operation("POST", "/reload", Right.ADMIN)
    async def reload(self) -> str:
        """Read the configuration again; one line of what changed. ConfigurationError leaves everything as it was."""

    @operation("POST", "/stop", Right.ADMIN)
    async def stop(self) -> str:
        """End the gateway, its sessions first."""

    @operation("POST", "/explain", ANYBODY)
    async def explain(self, connection: Short, action: OneAction, *, identity: Short = "") -> Explained:
        """Say what would be decided about one action now. `identity`: for another identity, which takes the right to see the queue."""


class Operations(Requests, Grants, Sessions, Archive, Identities, Gateway):
    """All of them."""

    async def aclose(self) -> None:
        """Let go of whatever it holds."""


class BoundOperations(Operations):
    """All of them, for one caller of this process; it knows when the caller loses a right."""

    async def lost(self, operation: Operation, given: Given) -> JituiError:
        """Waits until the caller is nobody here any more, or may not make this call any more, and says why."""
        raise NotImplementedError
