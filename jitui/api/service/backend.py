"""The gateway's parts as the operations use them."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from jitui.access import Broker
from jitui.api.service.history import Histories
from jitui.api.service.readers import Readers
from jitui.api.service.record import Record
from jitui.clusters.way import Way
from jitui.policy.terms import Grant
from jitui.store import Store
from jitui.store.archive import Files
from jitui.store.bus import Bus
from jitui.store.rows import Totals
from jitui.values.alarm import to_beat

EVERY: Final = 0.25  # seconds between two readings of the meter while somebody looks at it
SELDOM: Final = 1.0  # and while nobody does
LOOKS_S: Final = 5.0  # seconds behind a look in which the next one is expected
SMOOTH: Final = 0.3  # weight of the newest reading behind EVERY
KEPT: Final = 10_000  # windows whose totals are kept
CHANGES_US: Final = 60_000_000  # an end's last facts are on record by then


class Meter:
    """Measures how late the event loop is (ms, the worst of four readings: of the last second), and how many bytes a second are recorded."""

    def __init__(self, store: Store) -> None:
        self.bytes_s = 0.0
        self._store = store
        self._lags: list[float] = []
        self._looked_at = -LOOKS_S  # loop time

    @property
    def lag_ms(self) -> float:
        return max(self._lags, default=0.0)

    def look(self) -> None:
        """Somebody does: from now on it is read more often."""
        self._looked_at = asyncio.get_running_loop().time()

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        read, written = loop.time(), self._store.written_bytes
        while True:
            now = loop.time()
            due = now + to_beat(now, EVERY if now - self._looked_at < LOOKS_S else SELDOM)
            await asyncio.sleep(due - now)
            was, read = read, loop.time()
            self._lags = [*self._lags[-3:], max(0.0, (read - due) * 1000)]
            before, written = written, self._store.written_bytes
            rate = (written - before) / max(read - was, 0.001)
            self.bytes_s += (1 - (1 - SMOOTH) ** ((read - was) / EVERY)) * (rate - self.bytes_s)
            if self.bytes_s < 1:
                self.bytes_s = 0.0


class TotalsCache:
    """The totals of windows, looked up once where they can't change any more. Called in threads; two that look up the same find the same."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._known: OrderedDict[int, Totals] = OrderedDict()

    def of(self, grants: Collection[Grant], now_us: int) -> dict[int, Totals]:
        """The totals by grant; `now_us` is UTC."""
        known = self._known
        found = {grant.id: total for grant in grants if (total := known.get(grant.id)) is not None}
        missing = {grant.id: grant for grant in grants if grant.id not in found}
        sums = self._files.sums(missing) if missing else {}
        ended = [ident for ident, grant in missing.items() if grant.ended_us]
        written = self._files.written(ended) if ended else {}
        for ident, grant in missing.items():
            total, over = sums.get(ident, (Totals(), True))
            writes, secrets = written.get(ident, (0, 0))
            total = found[ident] = total._replace(writes=writes, secrets=secrets)
            if over and grant.ended_us and grant.ended_us + CHANGES_US < now_us:
                known[ident] = total
        while len(known) > KEPT:
            known.popitem(last=False)
        return found


@dataclass(frozen=True, slots=True)
class Backend:
    """The parts of one gateway, put together once by the composition root, and what is kept between calls."""

    broker: Broker
    files: Files
    bus: Bus
    meter: Meter
    kube: str  # URL of the Kubernetes listener
    ca_pem: str  # the authority that clients pin; empty: a public authority signs
    connections: tuple[str, ...]
    reload: Callable[[], Awaitable[str]]
    stop: Callable[[], None]
    trouble: Callable[[], str] = lambda: ""  # the words of Status.trouble
    ways: Mapping[str, Way] = field(default_factory=dict)  # to the clusters, by connection, for looks of the gateway's own
    kube_connections: Mapping[str, str] = field(default_factory=dict)  # URL of each connection's own address
    ssh: Callable[[], tuple[str, str]] = lambda: ("", "")  # host and port of the SSH listener, and the public line of its key; empty: there is none
    viewed: dict[tuple[str, str, str], int] = field(default_factory=dict)  # by viewer, subject and way of looking: when last (boot clock)
    record: Record = field(init=False)  # the files, as views
    readers: Readers = field(init=False)
    totals: TotalsCache = field(init=False)
    histories: Histories = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "record", Record(self.files, mend=True))
        object.__setattr__(self, "readers", Readers(self.broker.pressure.at_work))
        object.__setattr__(self, "totals", TotalsCache(self.files))
        object.__setattr__(self, "histories", Histories(self.files, self.bus))
