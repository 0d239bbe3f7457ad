"""The role session of one grant, or the gateway's own: assumed once for all who ask, renewed in the background, forgotten at the end.

While AWS does not give another session, the one at hand is used up, and whoever runs the gateway is told; then requests are
answered 503 until AWS is back.
"""

import asyncio
from functools import partial
from typing import Final

from jitui.clusters.eks.aws import Aws, CallerIdentity
from jitui.clusters.eks.credentials import SECOND, SUSPECT, TemporaryCredentials
from jitui.clusters.eks.errors import AwsError, Fault
from jitui.clusters.eks.retry import TRIES, jittered, retried
from jitui.clusters.eks.settings import LONGEST_S, RoleSettings, duration_s, session_name
from jitui.clusters.eks.threads import Threads
from jitui.clusters.port import Headers, Tell, Trouble
from jitui.policy.terms import Grant
from jitui.values.clock import Clock
from jitui.values.errors import UpstreamError

REST_S: Final = 1.0  # after a failure, before AWS is asked again; doubled each time
LONGEST_REST_S: Final = 30.0
PASSING: Final = 3  # failures in a row that AWS may have by the way, before anybody is told
DIAGNOSED_US: Final = 10 * SECOND  # how long a diagnosis is repeated
SKEW_S: Final = 300.0  # STS takes no request that is further off


class RoleSession:
    """One session of AWS after the other, under one name."""

    def __init__(self, grant: Grant | None, host: str, aws: Aws, threads: Threads, clock: Clock, tell: Tell) -> None:
        self.grant = grant  # as it was seen last: its deadline is fixed when it becomes active
        self.name = session_name(grant, host)
        self._aws, self._threads, self._clock, self._tell = aws, threads, clock, tell
        self._lock = asyncio.Lock()
        self._credentials: TemporaryCredentials | None = None
        self._closed = False
        self._failures = 0  # in a row
        self._failed = ("", Fault.WRONG)
        self._rest_us = 0  # AWS is not asked before
        self._told = ""
        self._diagnosis: tuple[int, str] = (-DIAGNOSED_US, "")

    # -- in use ------------------------------------------------------------------------------------------------------------

    def ready(self) -> Headers | None:
        """The token, if there is one that may be used now."""
        credentials = self._credentials
        return credentials.headers if credentials is not None and credentials.good(self._now()) else None

    async def get(self) -> Headers:
        """The token; a session is assumed first where there is none. Raises AwsError."""
        headers = self.ready()
        if headers is None:
            async with self._lock:
                headers = self.ready() or await self._fetch()
        return headers

    def due(self) -> bool:
        """Whether something is wanted in the background: another session, or another token."""
        credentials, now = self._credentials, self._now()
        if credentials is None or self._closed:
            return False
        return self._wants_session(credentials, now) or credentials.token_renew_us <= now < credentials.last_us

    async def tend(self) -> None:
        """Do what is due. Raises nothing: whoever needs the session hears of a failure from `get`, whoever runs the gateway by `tell`."""
        async with self._lock:
            credentials, now = self._credentials, self._now()
            if credentials is None or self._closed:
                return
            try:
                if self._wants_session(credentials, now):
                    await self._assume(tries=1)
                elif now >= credentials.token_renew_us:
                    credentials.mint(self._aws.token, now)
            except AwsError:
                pass  # noted by _assume

    def _wants_session(self, credentials: TemporaryCredentials, now: int) -> bool:
        """Soon the one at hand will be over, and not if the window is over before."""
        if now < max(credentials.renew_us, self._rest_us):
            return False
        return self.grant is None or self._left_s() * SECOND > max(0, credentials.last_us - now)

    def _left_s(self) -> float:
        """Seconds that the window lasts on; of the gateway's own session, the longest life of a session."""
        grant = self.grant
        if grant is None:
            return LONGEST_S
        return grant.duration_s if grant.deadline is None else max(0.0, grant.deadline.remaining_us(self._clock.now()) / SECOND)

    # -- from AWS ----------------------------------------------------------------------------------------------------------

    async def _fetch(self) -> Headers:
        """The lock is held, and no token is at hand: sign one if there is a session, else assume one."""
        credentials, now = self._credentials, self._now()
        if self._closed:
            raise AwsError("the window has ended, and its role session with it")
        if credentials is not None and now < credentials.last_us:
            credentials.mint(self._aws.token, now)
        else:
            if self._failures and now < self._rest_us:
                self._say(0.0)
                raise AwsError(*self._failed)
            credentials = await self._assume(tries=TRIES)
        return credentials.headers

    async def _assume(self, tries: int) -> TemporaryCredentials:
        """Assume another session in place of the one at hand, if there is one. Raises AwsError, after whoever runs the gateway was told."""
        try:
            credentials = await retried(self._assumed, tries)
        except AwsError as error:
            if not self._threads.closed:
                self._note_failure(str(error), error.fault)
            raise
        if self._closed:
            credentials.give_up()
            raise AwsError("the window has ended, and its role session with it")
        self._credentials, self._failures, self._rest_us = credentials, 0, 0
        if self._told:
            self._told = ""
            self._tell(Trouble(self._holder, ""))
        return credentials

    async def _assumed(self) -> TemporaryCredentials:
        """One AssumeRole, and the first token of it; once more with the gateway's own credentials read anew if those have expired."""
        now, settings = self._now(), self._aws.settings
        seconds, source, tags = duration_s(self._left_s()), settings.source(self.grant), settings.tags_of(self.grant)
        for again in (True, False):
            try:
                keys = await self._threads(lambda: self._aws.assume(self.name, seconds, source, tags))
                break
            except AwsError as error:
                if not again or error.fault is not Fault.EXPIRED:
                    raise
                await self._threads(self._aws.start_over)
        credentials = TemporaryCredentials.of(keys, now)
        credentials.mint(self._aws.token, self._now())
        if not credentials.good(self._now()):
            raise AwsError(f"AWS gave a session that is over in {keys.life_s:.0f} s, before it could be used")
        return credentials

    def _note_failure(self, why: str, fault: Fault) -> None:
        """Rest a while, and tell whoever runs the gateway: once for each kind of failure, and again when the session at hand is used up."""
        now, credentials = self._now(), self._credentials
        self._failed = (why, fault)
        self._rest_us = now + round(jittered(min(LONGEST_REST_S, REST_S * 2 ** min(self._failures, 10))) * SECOND)
        self._failures += 1
        left_s = max(0.0, (credentials.last_us if credentials is not None else now) - now) / SECOND
        if left_s > 0 and self._failures < PASSING and fault in {Fault.THROTTLED, Fault.UNREACHABLE}:
            return  # it may be over in a moment, and there is time
        self._say(left_s)

    def _say(self, left_s: float) -> None:
        """Tell whoever runs the gateway what failed, and that the session at hand serves on so long, in seconds."""
        why, fault = self._failed
        told = f"{fault}{left_s > 0}"
        if told != self._told and not self._closed:
            self._told = told
            self._tell(Trouble(self._holder, why, left_s))

    # -- refused -----------------------------------------------------------------------------------------------------------

    async def refused(self, headers: Headers) -> bool:
        """The cluster answered 401 to these. True: there are others, worth a try.

        Raises UpstreamError with a diagnosis where a token made for that reason was refused too: AWS is asked whether it still
        takes the session (the cluster itself says nothing but Unauthorized).
        """
        async with self._lock:
            credentials, now = self._credentials, self._now()
            if self._closed:
                return False
            if credentials is None or credentials.keys is None:
                return await self._fetch() != headers
            if credentials.headers != headers:
                return True  # somebody was faster
            if not credentials.suspect or now - credentials.minted_us > SUSPECT:
                credentials.mint(self._aws.token, now, suspect=True)
                if credentials.headers != headers:  # equal, if both were made within one second
                    return True
            if now - self._diagnosis[0] >= DIAGNOSED_US:
                self._diagnosis = (now, await self._diagnose(credentials))
            if self._diagnosis[1]:
                raise UpstreamError(self._diagnosis[1])
            return True

    async def _diagnose(self, credentials: TemporaryCredentials) -> str:
        """The reason that a token which looks good is refused, in a sentence; empty if the session was over, and there is another now. Raises AwsError."""
        settings = self._aws.settings
        try:
            caller: CallerIdentity = await self._threads(partial(self._aws.whoami, credentials.keys))
        except AwsError as error:
            if error.fault is not Fault.EXPIRED:
                return f"cluster {settings.cluster} answers 401 to session {self.name}, and AWS can't be asked why: {error}"
        else:
            return _refused(caller, settings)
        self.lose(credentials)  # it was over before its time
        await self._fetch()
        return ""

    def lose(self, credentials: TemporaryCredentials) -> None:
        """AWS does not take this session any more: nothing of it is used again."""
        credentials.give_up()
        if self._credentials is credentials:
            self._credentials = None

    def close(self) -> None:
        """The grant has ended: let go of everything at once. What is being assumed just now is dropped when it comes."""
        self._closed = True
        if self._credentials is not None:
            self._credentials.give_up()
        self._credentials = None
        if self._told:
            self._told = ""
            self._tell(Trouble(self._holder, "", gone=True))

    @property
    def credentials(self) -> TemporaryCredentials | None:
        """The session at hand."""
        return self._credentials

    @property
    def _holder(self) -> str:
        return self.grant.label if self.grant is not None else "gateway"

    def _now(self) -> int:
        return self._clock.now().boot_us


def _refused(caller: CallerIdentity, settings: RoleSettings) -> str:
    """The reason that a cluster refuses a session which AWS takes."""
    if abs(caller.ahead_s) > SKEW_S:
        way = "ahead of" if caller.ahead_s > 0 else "behind"
        return f"cluster {settings.cluster} answers 401: this machine's clock is {abs(caller.ahead_s):.0f} s {way} AWS's, and tokens bear its time; set it"
    return (f"cluster {settings.cluster} answers 401 to {caller.arn}, a session that AWS takes: cluster_name is not the cluster's own name, or there is "
            f"no access entry for {settings.role} (one for a role that was deleted and made again counts no more); "
            "its log `authenticator` says which")  # fmt: skip
