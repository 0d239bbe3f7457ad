"""The order of a list that people act on: it never re-sorts under the cursor."""

from collections.abc import Sequence


class Order:
    """Ids as they are shown: what was there stays in place, newcomers join at the end and are new until they were looked at."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.new: set[str] = set()
        self._known: set[str] | None = None

    def update(self, ids: Sequence[str]) -> None:
        """The gateway's list now, in its order."""
        here = set(ids)
        if self._known is None:  # the first look: nothing is newer than anything else
            self._known = set(here)
            self.ids = list(ids)
            return
        kept = [ident for ident in self.ids if ident in here]
        standing = set(kept)
        self.ids = kept + [ident for ident in ids if ident not in standing]
        self.new = (self.new & here) | (here - self._known)
        self._known |= here

    def sort(self, ids: Sequence[str]) -> None:
        """Take the gateway's order, as a person asked for it; nothing is new any more."""
        self.ids, self.new = list(ids), set()

    def seen(self, ident: str) -> None:
        self.new.discard(ident)
