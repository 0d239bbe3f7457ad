"""What the sessions of windows add up to, looked up once where it can't change any more."""

from collections import OrderedDict
from collections.abc import Collection
from typing import Final

from jitui.policy.terms import Grant
from jitui.store.archive import Files
from jitui.store.rows import Totals

KEPT: Final = 10_000  # windows
CHANGES_US: Final = 60_000_000  # an end's last facts are on record by then


class Sums:
    """Of one gateway. Called in threads, each call whole: what two of them find out twice is the same."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._known: OrderedDict[int, Totals] = OrderedDict()

    def of(self, grants: Collection[Grant], now_us: int) -> dict[int, Totals]:
        """By grant; `now_us` is UTC."""
        known = self._known
        found = {grant.id: total for grant in grants if (total := known.get(grant.id)) is not None}
        missing = {grant.id: grant for grant in grants if grant.id not in found}
        sums = self._files.sums(missing) if missing else {}
        for ident, grant in missing.items():
            total, over = sums.get(ident, (Totals(), True))
            found[ident] = total
            if over and grant.ended_us and grant.ended_us + CHANGES_US < now_us:
                known[ident] = total
        while len(known) > KEPT:
            known.popitem(last=False)
        return found
