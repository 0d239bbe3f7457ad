"""The queue in front of the journal's one thread, and the choice of what is written next."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from jitui.recording.facts import Fact, Kind
from jitui.recording.frame import Frame
from jitui.store.ledger import Batch

BATCH_BYTES: Final = 1 << 20  # of one tape commit, COST of each frame included
SMALL: Final = 4096  # bytes of a put that may overtake bulk of other sessions
FACTS_AT_ONCE: Final = 200  # of one commit, unless one caller wants more of them true together

Done = Callable[[Exception | None], None]
Committed = Callable[[Sequence[Fact] | Exception], None]


class Put(NamedTuple):
    """Frames that wait for a tape commit; all or none. A tuple, as it is made twice a request."""

    frames: Sequence[Frame]
    done: Done
    size: int


@dataclass(slots=True)
class Commit:
    """Facts that wait for a ledger commit, after every frame put before them."""

    batch: Batch
    done: Committed

    @property
    def subjects(self) -> set[str]:
        """The labels of everything that its facts are about: the order of two commits about the same thing is kept."""
        return {subject for draft in self.batch.drafts for subject in (draft.subject, draft.grant or draft.subject)}

    @property
    def ends(self) -> bool:
        """Whether a session ends with it, all of whose frames must be on record before."""
        return any(draft.kind is Kind.SESSION_ENDED for draft in self.batch.drafts)


Op = Put | Commit


class Hurry(list[Op]):
    """A hand-over of what people decided, and of ends: it goes before everything that waits."""


# An agent's own asks are none of it, also where a rule decides them; facts about sessions wait for the frames before them.
DECISIONS: Final = frozenset({
    Kind.REQUEST_APPROVED, Kind.REQUEST_DENIED, Kind.REQUEST_LAPSED, Kind.GRANT_STARTED, Kind.GRANT_ENDED, Kind.GRANT_FROZEN, Kind.GRANT_THAWED,
    Kind.LOCKDOWN_ON, Kind.LOCKDOWN_OFF, Kind.IDENTITY_ADDED, Kind.IDENTITY_DISABLED, Kind.TOKEN_ISSUED, Kind.TOKEN_REVOKED, Kind.SSH_KEY_ADDED,
    Kind.SSH_KEY_REVOKED,
})  # fmt: skip


def decides(batch: Batch) -> bool:
    """Whether all of it is a decision or an end."""
    return bool(batch.drafts) and all(draft.kind in DECISIONS for draft in batch.drafts)


def take(waiting: deque[Op], limit: int = BATCH_BYTES) -> list[Op]:
    """The next batch, removed from what waits: puts up to `limit` bytes in all, or else commits. Never empty if something waits.

    A small put may overtake bulk of other sessions, never a put of its own session and never a commit.
    """
    first = waiting.popleft()
    batch = [first]
    if not waiting:
        return batch
    if isinstance(first, Commit):
        facts = len(first.batch.drafts)
        while waiting and isinstance(op := waiting[0], Commit) and (facts := facts + len(op.batch.drafts)) <= FACTS_AT_ONCE:
            batch.append(waiting.popleft())
        return batch
    room = limit - first.size
    late: list[Op] = []
    held: set[int] = set()  # sessions whose puts must wait now
    while waiting and isinstance(put := waiting[0], Put):
        waiting.popleft()
        if put.size <= room and (not late or (put.size <= SMALL and held.isdisjoint(frame.session for frame in put.frames))):
            room -= put.size
            batch.append(put)
        else:
            late.append(put)
            held.update(frame.session for frame in put.frames)
    waiting.extendleft(reversed(late))
    return batch


def hurry(waiting: deque[Op]) -> list[Op]:
    """Every decision that waits, removed; with it, before it, whatever else was to be written about the same things.

    Puts are none of that; where the end of a session, which waits for them, would have to come along, everything keeps its order.
    """
    about: set[str] = set()
    batch: deque[Op] = deque()
    left: deque[Op] = deque()
    for op in reversed(waiting):
        if isinstance(op, Commit) and (decides(op.batch) or not about.isdisjoint(op.subjects)):
            if op.ends:
                return take(waiting)
            about |= op.subjects
            batch.appendleft(op)
        else:
            left.appendleft(op)
    waiting.clear()
    waiting.extend(left)
    return list(batch)


def decision_waits(waiting: Iterable[Op]) -> bool:
    """Whether a decision is among them still."""
    return any(isinstance(op, Commit) and decides(op.batch) for op in waiting)
