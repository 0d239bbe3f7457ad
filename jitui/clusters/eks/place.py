"""Where the cluster listens and which authority signs for it: as configured, or by DescribeCluster, kept. That authority alone is trusted."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from jitui.clusters.dial import Address, client_context, read
from jitui.clusters.eks.aside import Aside
from jitui.clusters.eks.aws import Aws, Description, Keys
from jitui.clusters.eks.lease import SECOND
from jitui.clusters.eks.patience import patiently
from jitui.clusters.eks.said import AwsError, Fault
from jitui.clusters.eks.terms import Terms
from jitui.clusters.trouble import Tell, Trouble
from jitui.values.clock import Clock
from jitui.values.errors import ConfigurationError

AGAIN_US: Final = 30 * SECOND  # between two looks for where it moved
REST_US: Final = 5 * SECOND  # after a look that failed
HOLDER: Final = "cluster"  # of a trouble
PRIVATE: Final = ("the cluster's endpoint is private (resourcesVpcConfig.endpointPublicAccess is false): "
                  "run the gateway inside its VPC, or make the endpoint public")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """One answer to where."""

    address: Address
    authority: bytes  # PEM
    tls: ssl.SSLContext = field(compare=False, repr=False)
    public: bool = True
    version: str = ""
    mode: str = ""


def configured(terms: Terms) -> Place | None:
    """Of cluster_url and certificate_authority; None if they are to be looked up. Raises ConfigurationError."""
    if not terms.url or terms.authority is None:
        return None
    return _place(terms.url, read(terms.authority, "certificate_authority"), f"certificate_authority {terms.authority}")


class Places:
    """The one place of a cluster, looked up when first needed, and again after a failure that a move could explain."""

    def __init__(self, aws: Aws, aside: Aside, clock: Clock, keys: Callable[[Keys | None], Awaitable[Keys]], tell: Tell, fixed: Place | None) -> None:
        """`keys`: of a role session, another than the given one. Raises nothing."""
        self._aws, self._aside, self._clock, self._keys, self._tell = aws, aside, clock, keys, tell
        self._fixed = fixed is not None
        self._lock = asyncio.Lock()
        self._looked_us = -AGAIN_US
        self._failed: AwsError | None = None
        self.known = fixed

    async def get(self) -> Place:
        """Raises AwsError."""
        if self.known is None:
            async with self._lock:
                if self.known is None:
                    self.known = await self._look()
        return self.known

    async def again(self, old: Place) -> Place | None:
        """Another place than `old`, if there is one; asks AWS, at most once in 30 seconds. Raises AwsError."""
        if self._fixed:
            return None
        async with self._lock:
            if self.known == old and self._now() - self._looked_us >= AGAIN_US:
                self.known = await self._look()
        return self.known if self.known != old else None

    async def _look(self) -> Place:
        """Raises AwsError, also again for the look just before."""
        if self._failed is not None and self._now() - self._looked_us < REST_US:
            raise AwsError(str(self._failed), self._failed.fault)
        told, self._failed = self._failed, None
        try:
            place = await patiently(self._describe)
        except AwsError as error:
            self._failed = AwsError(str(error), error.fault)
            if not self._aside.closed and (told is None or told.fault is not error.fault):
                self._tell(Trouble(HOLDER, str(error)))
            raise
        finally:
            self._looked_us = self._now()
        if told is not None:
            self._tell(Trouble(HOLDER, ""))
        return place

    async def _describe(self) -> Place:
        terms = self._aws.terms
        keys = await self._keys(None)
        found: Description
        try:
            found = await self._aside(partial(self._aws.describe, keys))
        except AwsError as error:
            if error.fault is not Fault.EXPIRED:
                raise
            found = await self._aside(partial(self._aws.describe, await self._keys(keys)))
        if not found.url or not found.authority:
            raise AwsError(f"cluster {terms.cluster} in {terms.region} is {found.status}: it has no endpoint yet; wait until it is ACTIVE")
        try:
            return _place(found.url, found.authority, f"cluster {terms.cluster} in {terms.region}", found)
        except ConfigurationError as error:
            raise AwsError(f"what eks:DescribeCluster says can't be used: {error}") from None

    def _now(self) -> int:
        return self._clock.now().boot_us


def _place(url: str, authority: bytes, source: str, found: Description | None = None) -> Place:
    address, tls = Address.parse(url), client_context(authority, source=source)
    if found is None:
        return Place(address, authority, tls)
    return Place(address, authority, tls, found.public, found.version, found.mode)
