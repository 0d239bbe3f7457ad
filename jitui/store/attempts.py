"""Rows of what was attempted, on their way into the ledger.

They wait for a commit that happens anyway, 100 ms at most; equal denials are counted meanwhile.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from jitui.recording.facts import Kind, number
from jitui.store.actions import ActionRow, Noted, what_of
from jitui.store.ledger import Batch
from jitui.store.queue import decides

ROWS_S: Final = 0.1  # how long a row waits for company
APART_US: Final = 1_000_000  # between two denials that are counted together before they are written
AT_ONCE: Final = 100  # rows of one commit, a millisecond or two of the writer's time
KEPT: Final = 100_000  # rows kept while the ledger can't be written

Row = tuple[ActionRow | Noted, bool]  # and whether it is a denial


class Attempts:
    """The loop adds rows, the writer takes them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, rouse: Callable[[], None]) -> None:
        """`rouse` wakes the writer."""
        self.rows: deque[Row] = deque()
        self._denials: dict[int, ActionRow] = {}  # of the last moment, those of one run counted together already
        self._loop, self._rouse = loop, rouse

    def note(self, row: ActionRow | Noted) -> None:
        """Write a row with a later commit; not if too many wait."""
        if len(self.rows) + len(self._denials) < KEPT:
            self.rows.append((row, False))
            if len(self.rows) == 1:
                self._rouse()

    def deny(self, row: ActionRow) -> bool:
        """As `note`; equal ones within ten seconds are one row with a count. False if too many wait already: it is not kept."""
        if len(self.rows) + len(self._denials) >= KEPT:
            return False
        key = hash((*what_of(row), row.group))
        first = self._denials.get(key)
        if first is not None and row.at_us - first.at_us > APART_US:
            self.hand_over()
            first = None
        if first is None and not self._denials:
            self._loop.call_later(ROWS_S, self.hand_over)
        self._denials[key] = replace(first, count=first.count + row.count) if first else row
        return True

    def hand_over(self) -> None:
        """The denials that were counted, to the writer."""
        if self._denials:
            self.rows.extend((row, True) for row in self._denials.values())
            self._denials = {}
            self._rouse()

    @property
    def waiting(self) -> bool:
        return bool(self.rows or self._denials)

    @property
    def many(self) -> bool:
        """Whether more wait than one commit takes."""
        return len(self.rows) >= AT_ONCE

    def ripe(self, batches: Sequence[Batch]) -> list[Row]:
        """Those for this commit: none with a decision, and with the end of a session all of its rows, as nobody reads the tape afterwards."""
        if any(decides(batch) for batch in batches):
            return []
        rows = self.rows
        ends = {number(draft.subject, "s") for batch in batches for draft in batch.drafts if draft.kind is Kind.SESSION_ENDED}
        if not ends:
            return [rows.popleft() for _ in range(min(AT_ONCE, len(rows)))]  # the loop adds at the other end
        ripe, later = list[Row](), list[Row]()
        for _ in range(len(rows)):
            row = rows.popleft()
            (ripe if row[0].session in ends or len(ripe) < AT_ONCE else later).append(row)
        rows.extendleft(reversed(later))
        return ripe
