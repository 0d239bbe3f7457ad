"""Says when the writer waits for more before it commits: a flush costs the same for a few bytes as for many.

Bulk of streams comes in reads of some 32 KiB, one after the other, and whoever sends it is far ahead of whoever receives it: what comes within a few
milliseconds is one commit. Where more does not come while it is waited for, as from one that waits for an answer itself, it is not waited for again at once.
"""

from collections.abc import Collection, Iterable, Sequence
from math import inf
from typing import Final, TypeGuard

from jitui.recording.frame import BYTES
from jitui.store.queue import SMALL, Hurry, Op, Put

ENOUGH: Final = 256 << 10  # bytes of bulk beside which the flush of their commit costs little; a stream beside a keystroke has as many under way
WAIT_S: Final = 0.008  # seconds that bulk waits for more
FLOWS_S: Final = 0.025  # seconds between two commits of bulk that flows
VAIN_S: Final = 0.1  # seconds without a wait, after one that brought nothing


def lonely(waiting: Collection[Op], written: int) -> bool:
    """Whether it is little, and less than the last batch of so many puts, which brings more once the loop went through it."""
    return len(waiting) < written and all(isinstance(op, Put) and op.size <= SMALL for op in waiting)


def _bulk(op: Op | Hurry) -> TypeGuard[Put]:
    """Whether it is a long piece of a stream. An answer to a plain request is none: its client waits for it."""
    return isinstance(op, Put) and op.size > SMALL and op.frames[0].channel in BYTES


def size_of(ops: Iterable[Op | Hurry]) -> int | None:
    """Bytes of bulk; None if anything else is among it, which does not wait."""
    size = 0
    for op in ops:
        if not _bulk(op):
            return None
        size += op.size
    return size


class Flow:
    """Bulk on its way into the record. Times are seconds of one monotonic clock."""

    __slots__ = ("_rests", "_until")

    def __init__(self) -> None:
        self._until = -inf  # it flows, if there is more before that
        self._rests = -inf  # nothing is waited for before that

    def wrote(self, puts: Sequence[Put], now: float) -> None:
        """These were committed."""
        self._until = now + FLOWS_S if _bulk(puts[-1]) else -inf

    def lacks(self, waiting: Collection[Op], now: float) -> int:
        """Bytes that are worth waiting for; 0: what waits is to be committed now."""
        if now > self._until or now < self._rests:
            return 0
        size = size_of(waiting)
        return 0 if size is None else max(ENOUGH - size, 0)

    def waited(self, *, in_vain: bool, now: float) -> None:
        """For WAIT_S, or until there was enough."""
        if in_vain:
            self._rests = now + VAIN_S
