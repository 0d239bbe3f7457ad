"""An EKS cluster as an Upstream (clusters/port.py): one role session for each grant, and one for the gateway's own requests."""

import asyncio
import socket
import ssl
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from jitui.clusters.dial import dial
from jitui.clusters.eks.aside import Aside
from jitui.clusters.eks.aws import Aws, Keys
from jitui.clusters.eks.place import PRIVATE, Place, Places, configured
from jitui.clusters.eks.said import AwsError
from jitui.clusters.eks.seat import Seat
from jitui.clusters.eks.terms import Terms
from jitui.clusters.kind import quietly
from jitui.clusters.port import Headers, P
from jitui.clusters.trouble import Tell
from jitui.policy.terms import Grant
from jitui.values.clock import Clock
from jitui.values.errors import UpstreamError

BEAT_S: Final = 1.0  # between looks at what is due
OWN: Final = 0  # the gateway's own seat; grants count from 1
ENDED_KEPT: Final = 10_000  # ended grants remembered, so that a late request of one assumes nothing


class Eks:
    """The Upstream of one EKS cluster. `run` renews what is due, and is the task of whoever built it."""

    def __init__(self, aws: Aws, fixed: Place | None, clock: Clock, tell: Tell) -> None:
        self.aws = aws
        self.epoch = 0
        self._clock, self._tell, self.aside = clock, tell, Aside()
        self._host = socket.gethostname().partition(".")[0]
        self._seats: dict[int, Seat] = {}
        self._ended: OrderedDict[int, None] = OrderedDict()
        self.places = Places(aws, self.aside, clock, self.own_keys, tell, fixed)

    @classmethod
    def load(cls, terms: Terms, clock: Clock, tell: Tell | None = None) -> "Eks":
        """Reads files, and imports boto3 (half a second): in a thread. Calls nobody. Raises ConfigurationError in one line."""
        return cls(Aws(terms), configured(terms), clock, tell or quietly)

    def __repr__(self) -> str:
        return f"Eks({self.aws.terms.cluster}, {self.aws.terms.region})"

    @property
    def host(self) -> bytes:
        """Until the cluster was looked up, a name that every API server answers to."""
        return self.places.known.address.header if self.places.known is not None else b"kubernetes"

    @property
    def prefix(self) -> bytes:
        return self.places.known.address.prefix.encode("ascii") if self.places.known is not None else b""

    def ready(self, grant: Grant | None) -> Headers | None:
        if self.places.known is None:
            return None
        seat = self._seats.get(OWN if grant is None else grant.id)
        if seat is None:
            return None
        if grant is not None:
            seat.grant = grant
        return seat.ready()

    async def authorization(self, grant: Grant | None) -> Headers:
        await self.places.get()  # with it, host and prefix are known before the request is written
        return await self._seat(grant).get()

    async def renew(self, grant: Grant | None, stale: Headers) -> bool:
        return await self._seat(grant).refused(stale)

    async def open(self, factory: Callable[[], P], *, stream: bool = False) -> tuple[asyncio.Transport, P]:
        place = await self.places.get()
        try:
            return await dial(place.address, place.tls, factory, stream=stream)
        except UpstreamError as error:
            failed, cause = str(error), error.__cause__
        if isinstance(cause, TimeoutError) and not place.public:
            raise UpstreamError(f"{failed}; {PRIVATE}")
        try:
            other = await self.places.again(place) if isinstance(cause, ssl.SSLError | socket.gaierror) else None
        except AwsError as error:
            raise UpstreamError(f"{failed}; and AWS does not say whether the cluster moved: {error}") from None
        if other is None:
            raise UpstreamError(failed)
        self.epoch += 1
        return await dial(other.address, other.tls, factory, stream=stream)

    async def forget(self, grant: Grant) -> None:
        """Its keys and its token are gone when this returns, and AWS is not asked for others."""
        self._ended[grant.id] = None
        while len(self._ended) > ENDED_KEPT:
            self._ended.popitem(last=False)
        seat = self._seats.pop(grant.id, None)
        if seat is not None:
            seat.close()

    async def run(self) -> None:
        """Renew in the background what is in use, until cancelled: then nobody waits for AWS any more."""
        tending: dict[Seat, asyncio.Task[None]] = {}
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    tending = {seat: task for seat, task in tending.items() if not task.done()}
                    for seat in self._seats.values():
                        if seat not in tending and seat.due():
                            tending[seat] = group.create_task(seat.tend())
                    await asyncio.sleep(BEAT_S)
        except asyncio.CancelledError:
            self.aside.close()
            raise

    async def own_keys(self, stale: Keys | None = None) -> Keys:
        """Of the gateway's own session; of another one than `stale`, which AWS takes no more. Raises AwsError."""
        seat = self._seat(None)
        if seat.lease is not None and stale is not None and seat.lease.keys is stale:
            seat.lose(seat.lease)
        await seat.get()
        if seat.lease is None or seat.lease.keys is None:
            raise AwsError("the gateway's own role session ended at this very moment; try again")
        return seat.lease.keys

    def _seat(self, grant: Grant | None) -> Seat:
        """Made when first asked for. Raises AwsError for a grant that has ended."""
        ident = OWN if grant is None else grant.id
        if ident in self._ended:
            raise AwsError("the window has ended, and its role session with it")
        seat = self._seats.get(ident)
        if seat is None:
            seat = self._seats[ident] = Seat(grant, self._host, self.aws, self.aside, self._clock, self._tell)
        if grant is not None:
            seat.grant = grant
        return seat
