"""A part of a long list, and where the rest of it begins."""

from collections.abc import Iterable
from typing import Final, TypeVar

T = TypeVar("T")
MORE: Final = "jitui-more"  # the header of an answer that has the cursor


class Page(list[T]):
    """Items in the list's order. `more` is the cursor that gives what follows; empty: this was the last of it."""

    def __init__(self, items: Iterable[T] = (), more: str = "") -> None:
        super().__init__(items)
        self.more = more
