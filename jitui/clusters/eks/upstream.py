"""An EKS cluster as an Upstream (clusters/port.py): one role session for each grant, and one for the gateway's own requests."""

import asyncio
import socket
import ssl
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from jitui.clusters.dial import dial
from jitui.clusters.eks.aws import Aws, Keys
from jitui.clusters.eks.endpoint import PRIVATE, Endpoint, EndpointLookup, configured
from jitui.clusters.eks.errors import AwsError
from jitui.clusters.eks.role_session import RoleSession
from jitui.clusters.eks.settings import RoleSettings
from jitui.clusters.eks.threads import Threads
from jitui.clusters.kind import quietly
from jitui.clusters.port import Headers, P, Tell
from jitui.policy.terms import Grant
from jitui.values.clock import Clock
from jitui.values.errors import UpstreamError

BEAT_S: Final = 1.0  # between looks at what is due
OWN: Final = 0  # the gateway's own session; grants count from 1
ENDED_KEPT: Final = 10_000  # ended grants remembered, so that a late request of one assumes nothing


class Eks:
    """The Upstream of one EKS cluster. `run` renews what is due, and is the task of whoever built it."""

    def __init__(self, aws: Aws, fixed: Endpoint | None, clock: Clock, tell: Tell) -> None:
        self.aws = aws
        self.epoch = 0
        self._clock, self._tell, self.threads = clock, tell, Threads()
        self._host = socket.gethostname().partition(".")[0]
        self._sessions: dict[int, RoleSession] = {}
        self._ended: OrderedDict[int, None] = OrderedDict()
        self.endpoint = EndpointLookup(aws, self.threads, clock, self.own_keys, tell, fixed)

    @classmethod
    def load(cls, settings: RoleSettings, clock: Clock, tell: Tell | None = None) -> "Eks":
        """Reads files, and imports boto3 (half a second): in a thread. Calls nobody. Raises ConfigurationError in one line."""
        return cls(Aws(settings), configured(settings), clock, tell or quietly)

    def __repr__(self) -> str:
        return f"Eks({self.aws.settings.cluster}, {self.aws.settings.region})"

    @property
    def host(self) -> bytes:
        """The Host header; until the cluster was looked up, a name that every API server answers to."""
        return self.endpoint.known.address.header if self.endpoint.known is not None else b"kubernetes"

    @property
    def prefix(self) -> bytes:
        return self.endpoint.known.address.prefix.encode("ascii") if self.endpoint.known is not None else b""

    def ready(self, grant: Grant | None) -> Headers | None:
        if self.endpoint.known is None:
            return None
        session = self._sessions.get(OWN if grant is None else grant.id)
        if session is None:
            return None
        if grant is not None:
            session.grant = grant
        return session.ready()

    async def authorization(self, grant: Grant | None) -> Headers:
        await self.endpoint.get()  # with it, host and prefix are known before the request is written
        return await self._session_of(grant).get()

    async def renew(self, grant: Grant | None, stale: Headers) -> bool:
        return await self._session_of(grant).refused(stale)

    async def open(self, factory: Callable[[], P], *, stream: bool = False) -> tuple[asyncio.Transport, P]:
        endpoint = await self.endpoint.get()
        try:
            return await dial(endpoint.address, endpoint.tls, factory, stream=stream)
        except UpstreamError as error:
            failed, cause = str(error), error.__cause__
        if isinstance(cause, TimeoutError) and not endpoint.public:
            raise UpstreamError(f"{failed}; {PRIVATE}")
        try:
            other = await self.endpoint.again(endpoint) if isinstance(cause, ssl.SSLError | socket.gaierror) else None
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
        session = self._sessions.pop(grant.id, None)
        if session is not None:
            session.close()

    async def run(self) -> None:
        """Renew in the background what is in use, until cancelled: then nobody waits for AWS any more."""
        tending: dict[RoleSession, asyncio.Task[None]] = {}
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    tending = {session: task for session, task in tending.items() if not task.done()}
                    for session in self._sessions.values():
                        if session not in tending and session.due():
                            tending[session] = group.create_task(session.tend())
                    await asyncio.sleep(BEAT_S)
        except asyncio.CancelledError:
            self.threads.close()
            raise

    async def own_keys(self, stale: Keys | None = None) -> Keys:
        """The keys of the gateway's own session; of another one than `stale`, which AWS takes no more. Raises AwsError."""
        session = self._session_of(None)
        if session.credentials is not None and stale is not None and session.credentials.keys is stale:
            session.lose(session.credentials)
        await session.get()
        if session.credentials is None or session.credentials.keys is None:
            raise AwsError("the gateway's own role session ended at this very moment; try again")
        return session.credentials.keys

    def _session_of(self, grant: Grant | None) -> RoleSession:
        """Made when first asked for. Raises AwsError for a grant that has ended."""
        ident = OWN if grant is None else grant.id
        if ident in self._ended:
            raise AwsError("the window has ended, and its role session with it")
        session = self._sessions.get(ident)
        if session is None:
            session = self._sessions[ident] = RoleSession(grant, self._host, self.aws, self.threads, self._clock, self._tell)
        if grant is not None:
            session.grant = grant
        return session
