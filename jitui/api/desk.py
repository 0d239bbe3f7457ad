"""How people reach the gateway: Decisions (decide), Floor (see and stop what is live), Archive (read what was), Clerk (run the house).

The TUI and the CLI know these protocols and nothing else of the gateway. The broker implements them in its process, bound to
one caller; `remote` implements the same for another process. `views.py` has what they take and give.
Every call may raise a JituiError of errors.py: RefusedError without the right, NotFoundError, ConflictError when it is too late.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Final, Protocol

from jitui.api.views import (
    ActionView,
    Ended,
    Explained,
    FactView,
    FrameView,
    Frozen,
    GrantView,
    Hello,
    IdentityView,
    Issued,
    LiveChunk,
    Proof,
    RequestView,
    SessionView,
    Status,
)
from jitui.policy.action import Action

API: Final = 1  # major version of what two processes say to each other; the paths of the API begin with it


class Decisions(Protocol):
    """Requests: ask, see, decide."""

    async def requests(self, *, everything: bool = False, cursor: str = "") -> Sequence[RequestView]:
        """Pending ones, oldest first; with `everything` also decided ones, newest last. An agent sees its own.

        This list and those of grants, sessions and actions may come as a `Page`: what follows it is asked for with its cursor.
        """

    async def request(self, ident: str) -> RequestView: ...

    async def ask(self, connection: str, *, duration_s: int = 0, reason: str, scope: str = "", identity: str = "", approval: str = "") -> RequestView:
        """Ask for a window. No scope: the rule's; duration_s 0: the rule's. The same ask returns the same request.

        `identity` and `approval` (required, automatic) are assertions, never inputs: if given, and not the caller's or the rule's, RefusedError.
        """

    async def approve(self, ident: str, *, digest: str = "", duration_s: int = 0, scope: str = "", reason: str = "") -> RequestView:
        """Say yes, perhaps to less. With a digest: only if nothing changed since it was shown. ConflictError otherwise."""

    async def deny(self, ident: str, *, reason: str) -> RequestView: ...

    async def withdraw(self, ident: str) -> RequestView: ...


class Floor(Protocol):
    """What is live now."""

    async def hello(self) -> Hello: ...

    async def status(self) -> Status: ...

    async def grants(self, *, everything: bool = False, cursor: str = "") -> Sequence[GrantView]:
        """Live ones, ends soonest first; with `everything` also ended ones."""

    async def grant(self, ident: str) -> GrantView: ...

    async def sessions(self, *, live: bool = False, grant: str = "", cursor: str = "") -> Sequence[SessionView]: ...

    async def revoke(self, grant: str, *, reason: str) -> Ended: ...

    async def release(self, grant: str) -> Ended: ...

    async def kill(self, session: str, *, reason: str) -> Ended: ...

    async def freeze(self, target: str) -> Frozen:
        """A window (g-17), a session (s-204) or `all`: from this instant nothing passes either way, and nothing is lost. Clocks run on.

        What is read is recorded and held, until a leg's window is full. ConflictError if it is frozen already, or not active.
        """

    async def thaw(self, target: str) -> Frozen:
        """What was held goes on, in order. A window with everything in it; a session only if it was frozen without its window."""

    async def lockdown(self, on: bool, *, reason: str) -> Status:
        """On: every grant is revoked and nothing is granted. Off: by an admin only."""

    def watch(self, session: str, *, unmask: bool = False) -> AsyncIterator[LiveChunk]:
        """The frames of a live session from now on (and the last 64 KiB before), until it ends; secrets masked, as in `frames`."""

    def events(self, *, since: int = -1) -> AsyncIterator[FactView]:
        """Facts as they are committed, after `since` (-1: from now on). The iterator reconnects nothing: it ends when the gateway goes."""


class Archive(Protocol):
    """What was. Also works on bare files, so replay, verify and export need no gateway."""

    async def session(self, ident: str) -> SessionView: ...

    async def frames(self, session: str, *, after: int = -1, limit: int = 1000, unmask: bool = False) -> Sequence[FrameView]:
        """One page of frames, in order of seq, after the seq `after`. Secrets are masked; with `unmask` (a right of its own) not, and that is a fact."""

    async def actions(self, *, grant: str = "", audit_id: str = "", limit: int = 1000, cursor: str = "") -> Sequence[ActionView]:
        """The newest `limit`, oldest first; `audit_id`: the one that the cluster's audit log knows by it."""

    async def facts(self, *, after: int = 0, limit: int = 1000) -> Sequence[FactView]: ...

    async def verify(self, session: str = "") -> Sequence[Proof]: ...


class Clerk(Protocol):
    """The house itself: who is known, what is configured, whether anything is granted at all."""

    async def identity_add(self, name: str, *, roles: Sequence[str], owner: str = "") -> Issued:
        """A new identity with its first token; ConflictError if the name is taken. `owner` is required for an agent."""

    async def identities(self) -> Sequence[IdentityView]: ...

    async def identity_rotate(self, name: str) -> Issued:
        """A new token; the identity's older ones are revoked in the same commit."""

    async def identity_disable(self, name: str, *, reason: str) -> IdentityView:
        """Its tokens are revoked and everything of it ends at once."""

    async def reload(self) -> str:
        """Read the configuration again; one line of what changed. ConfigurationError leaves everything as it was."""

    async def stop(self) -> None:
        """End the gateway, its sessions first."""

    async def explain(self, connection: str, action: Action, *, identity: str = "") -> Explained:
        """What would be decided about `action` now. `identity`: of another, for people who see the queue."""


class Desk(Decisions, Floor, Archive, Protocol):
    """All three, as the TUI holds them."""

    async def aclose(self) -> None: ...


class House(Desk, Clerk, Protocol):
    """Everything a caller may ask of a gateway, bound to that caller."""
