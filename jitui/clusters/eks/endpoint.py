"""The cluster's address and the authority that signs for it: as configured, or by DescribeCluster, kept. That authority alone is trusted."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from jitui.clusters.dial import Address, client_context, read
from jitui.clusters.eks.aws import Aws, ClusterDescription, Keys
from jitui.clusters.eks.credentials import SECOND
from jitui.clusters.eks.errors import AwsError, Fault
from jitui.clusters.eks.retry import retried
from jitui.clusters.eks.settings import RoleSettings
from jitui.clusters.eks.threads import Threads
from jitui.clusters.port import Tell, Trouble
from jitui.values.clock import Clock
from jitui.values.errors import ConfigurationError

AGAIN_US: Final = 30 * SECOND  # between two looks for where it moved
REST_US: Final = 5 * SECOND  # after a look that failed
HOLDER: Final = "cluster"  # of a trouble
PRIVATE: Final = ("the cluster's endpoint is private (resourcesVpcConfig.endpointPublicAccess is false): "
                  "run the gateway inside its VPC, or make the endpoint public")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A cluster's address, and how its certificate is verified."""

    address: Address
    authority: bytes  # PEM
    tls: ssl.SSLContext = field(compare=False, repr=False)
    public: bool = True
    version: str = ""
    mode: str = ""


def configured(settings: RoleSettings) -> Endpoint | None:
    """The endpoint of cluster_url and certificate_authority; None if it is to be looked up. Raises ConfigurationError."""
    if not settings.url or settings.authority is None:
        return None
    return _endpoint(settings.url, read(settings.authority, "certificate_authority"), f"certificate_authority {settings.authority}")


class EndpointLookup:
    """The one endpoint of a cluster, looked up when first needed, and again after a failure that a move could explain."""

    def __init__(self, aws: Aws, threads: Threads, clock: Clock, keys: Callable[[Keys | None], Awaitable[Keys]], tell: Tell, fixed: Endpoint | None) -> None:
        """`keys`: of a role session, another than the given one. Raises nothing."""
        self._aws, self._threads, self._clock, self._keys, self._tell = aws, threads, clock, keys, tell
        self._fixed = fixed is not None
        self._lock = asyncio.Lock()
        self._looked_us = -AGAIN_US
        self._failed: AwsError | None = None
        self.known = fixed

    async def get(self) -> Endpoint:
        """Raises AwsError."""
        if self.known is None:
            async with self._lock:
                if self.known is None:
                    self.known = await self._look()
        return self.known

    async def again(self, old: Endpoint) -> Endpoint | None:
        """Look the endpoint up anew, at most once in 30 seconds; None if it is still `old`. Raises AwsError."""
        if self._fixed:
            return None
        async with self._lock:
            if self.known == old and self._now() - self._looked_us >= AGAIN_US:
                self.known = await self._look()
        return self.known if self.known != old else None

    async def _look(self) -> Endpoint:
        """Raises AwsError, also again for the look just before."""
        if self._failed is not None and self._now() - self._looked_us < REST_US:
            raise AwsError(str(self._failed), self._failed.fault)
        told, self._failed = self._failed, None
        try:
            endpoint = await retried(self._describe)
        except AwsError as error:
            self._failed = AwsError(str(error), error.fault)
            if not self._threads.closed and (told is None or told.fault is not error.fault):
                self._tell(Trouble(HOLDER, str(error)))
            raise
        finally:
            self._looked_us = self._now()
        if told is not None:
            self._tell(Trouble(HOLDER, ""))
        return endpoint

    async def _describe(self) -> Endpoint:
        settings = self._aws.settings
        keys = await self._keys(None)
        found: ClusterDescription
        try:
            found = await self._threads(partial(self._aws.describe, keys))
        except AwsError as error:
            if error.fault is not Fault.EXPIRED:
                raise
            found = await self._threads(partial(self._aws.describe, await self._keys(keys)))
        if not found.url or not found.authority:
            raise AwsError(f"cluster {settings.cluster} in {settings.region} is {found.status}: it has no endpoint yet; wait until it is ACTIVE")
        try:
            return _endpoint(found.url, found.authority, f"cluster {settings.cluster} in {settings.region}", found)
        except ConfigurationError as error:
            raise AwsError(f"what eks:DescribeCluster says can't be used: {error}") from None

    def _now(self) -> int:
        return self._clock.now().boot_us


def _endpoint(url: str, authority: bytes, source: str, found: ClusterDescription | None = None) -> Endpoint:
    address, tls = Address.parse(url), client_context(authority, source=source)
    if found is None:
        return Endpoint(address, authority, tls)
    return Endpoint(address, authority, tls, found.public, found.version, found.mode)
