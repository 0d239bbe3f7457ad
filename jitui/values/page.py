"""One page of a long list, with the cursor to the next."""

from collections.abc import Iterable
from typing import Final, TypeVar

T = TypeVar("T")
MORE: Final = "jitui-more"  # the response header with the cursor
OLDER: Final = "jitui-older"  # the response header that says that older items were left out


class Page(list[T]):
    """Items in the list's order. `more` is the cursor to the next page; empty after the last one. `older`: a limit left out items before the first page."""

    def __init__(self, items: Iterable[T] = (), more: str = "", *, older: bool = False) -> None:
        super().__init__(items)
        self.more, self.older = more, older
