"""One page of a long list, with the cursor to the next."""

from collections.abc import Iterable
from typing import Final, TypeVar

T = TypeVar("T")
MORE: Final = "jitui-more"  # the response header with the cursor


class Page(list[T]):
    """Items in the list's order. `more` is the cursor to the next page; empty after the last one."""

    def __init__(self, items: Iterable[T] = (), more: str = "") -> None:
        super().__init__(items)
        self.more = more
