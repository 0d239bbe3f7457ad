"""The rows of a screen that a program paints in pieces, here and there: what stands in a row when the cursor comes back to it.

    painted.keep(5, cells)      the cursor leaves row 5
    painted.recall(5)           and comes back to it

A row is known as long as nothing may have moved the rows: whoever sees a line feed, a scroll or an erased screen calls `forget`. Rows count from 1; row 0 is a
line of which nobody said where on the screen it stands.
"""

from collections.abc import Sequence
from typing import Final

ROWS: Final = 300  # a program that goes farther down means the last row, whichever that is
WIDEST: Final = 500  # cells of a row that is kept, where no width is known


class Painted:
    """The rows of one screen. At most ROWS rows are kept, and a saved one."""

    def __init__(self) -> None:
        self._rows: dict[int, list[str]] = {}
        self.saved: tuple[int, int, Sequence[str]] | None = None  # row, column, and of row 0 the line; None: it may have moved

    def keep(self, row: int, cells: Sequence[str], columns: int) -> None:
        """The cursor leaves a row. Text that is wider than the screen went on in the next row, and may have moved the others, so all are forgotten."""
        if len(cells) > (columns or WIDEST) or row > ROWS:
            self.forget()
        elif row:
            self._rows[row] = list(cells)

    def recall(self, row: int) -> list[str]:
        """The cells of the row that the cursor comes to."""
        return list(self._rows.get(row, ()))

    def save(self, row: int, at: int, cells: Sequence[str], columns: int) -> None:
        """The cursor's place is saved (DECSC), and in row 0 the line with it."""
        self.saved = (row, at, [] if row or len(cells) > (columns or WIDEST) else list(cells))

    def forget(self, below: int = 0) -> None:
        """The rows moved, or those below one were erased."""
        self._rows = {row: cells for row, cells in self._rows.items() if row <= below} if below else {}
        self.saved = self.saved if below else None
