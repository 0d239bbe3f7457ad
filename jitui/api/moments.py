"""Views of the record at a moment: the events of a window in their order, the streams that ran then, one request opened, and the gateway as it stood.

Written as those in `views`.
"""

from jitui.api.views import ActionView, FactView, GrantView, RequestView, SessionView
from jitui.values.declared import dataclass
from jitui.values.said import Said


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """One thing that happened in a window: a request, a stream that opened or ended, or a fact."""

    key: str  # its place among the events of its window; `behind` and `before` take it
    at: str
    kind: str  # request, opened, ended, or the kind of the fact
    mark: str = ""  # W first write, D denied, S secret, H held by a freeze, F frozen, T thawed, X cut, Z end; empty: not worth going to
    session: str = ""  # s-204; empty: it was in none
    action: ActionView | None = None
    stream: SessionView | None = None
    fact: FactView | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamView:
    """A stream at a moment."""

    session: SessionView
    seq: int  # of the newest frame that had come; -1: none had


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentView:
    """A window, and the streams that ran in it at a moment, the newest first; if none did, the one that ended last before it."""

    at: str
    grant: str
    identity: str
    connection: str
    scope: str
    approved: str  # where its timeline begins
    ended: str  # empty: it is live
    why: Said
    streams: tuple[StreamView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """A request or an answer as it is on record, with secrets masked; documents are laid out."""

    head: tuple[Said, ...]  # lines
    body: tuple[Said, ...]  # lines
    size: int  # bytes of the body that were read
    note: str = ""  # how much is left out, and why it is not laid out


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeView:
    """One request of a session, opened."""

    session: str
    conn: int
    at: str  # of its first byte
    request: MessageView
    answer: MessageView | None  # none is on record
    masked: int  # secrets that are hidden in it
    words: tuple[Said, ...] = ()  # of the gateway beside it


@dataclass(frozen=True, slots=True, kw_only=True)
class PastView:
    """The gateway as it stood: nothing in it can be decided or ended. Rules are not on record: a request says nothing of the one that it was judged by."""

    at: str
    requests: tuple[RequestView, ...]  # that waited for a decision, oldest first
    grants: tuple[GrantView, ...]  # that lived, ends soonest first
    ended: tuple[GrantView, ...]  # within the hour before, the newest first
    lockdown: bool
