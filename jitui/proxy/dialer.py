"""The way of one request to its cluster: the credential, a connection, and one more try. Plain requests and streams go it alike.

Nothing is dialled or sent for a request that is over by then, and nothing is sent while its session is frozen.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

from jitui.clusters.pool import Connection
from jitui.clusters.port import Headers
from jitui.clusters.way import Way
from jitui.proxy.live import Session
from jitui.values.errors import FailedError, JituiError

NOT_ACCEPTED: Final = "the cluster does not accept the gateway's credential; whoever runs this gateway finds out why with: jitui check"


class Outgoing(Protocol):
    """The request that is to be sent."""

    def connected(self, connection: Connection, credential: Headers) -> None:
        """Send it; bytes may pass at this instant."""

    def rewind(self) -> bool:
        """Be ready to be sent once more; False if what was sent is not at hand any more."""

    def failed(self, error: JituiError) -> None:
        """The cluster can't be reached, or the gateway itself failed."""

    def unaccepted(self, why: str, code: int) -> None:
        """The cluster accepts no credential that there is; `code` is for the answer."""


class Dialer:
    """The tries of one request. Its owner calls `begin`, then `again` or `unauthorized` as the cluster answers, and `stop` at the end."""

    __slots__ = ("_credential", "_dialled", "_outgoing", "_retried", "_session", "_stopped", "_stream", "_way")

    def __init__(self, way: Way, session: Session, outgoing: Outgoing, *, stream: bool = False) -> None:
        """`stream`: on a connection of its own, never a kept one, and no byte of it may be lost at its end."""
        self._way, self._session, self._outgoing, self._stream = way, session, outgoing, stream
        self._credential: Headers = ()
        self._dialled: Connection | None = None  # it waits for the thaw
        self._retried = self._stopped = False

    def resume(self, credential: Headers) -> None:
        """Go on where a request stands that was sent with this credential."""
        self._credential = credential

    def begin(self) -> None:
        """The request is on record and may pass: on a kept connection at once, else on a new one."""
        if self._stopped:
            return
        way = self._way
        credential = None if self._stream else way.upstream.ready(self._session.window.grant)
        connection = None if credential is None else way.pool.take()
        if connection is None or credential is None:
            self._later(self._dial)
        else:
            self._credential = credential
            self._outgoing.connected(connection, credential)

    def again(self) -> bool:
        """Send it once more, on a new connection: the kept one had been closed by the cluster. False if it can't be sent again."""
        if not self._may_retry():
            return False
        self._later(self._dial)
        return True

    def unauthorized(self) -> None:
        """The cluster answered 401: that is never the client's business, whose own token is good."""
        stale, again = self._credential, self._may_retry()

        async def renew() -> None:
            why, code = NOT_ACCEPTED, 502
            try:
                more = await self._way.upstream.renew(self._session.window.grant, stale)
            except JituiError as error:
                more, why, code = False, str(error), error.code
            if self._stopped:
                return
            if more and again:
                await self._dial()
            else:
                self._outgoing.unaccepted(why, code)

        self._later(renew)

    def stop(self) -> None:
        """Nothing is sent any more; what was dialled and not used is closed."""
        self._stopped = True
        dialled, self._dialled = self._dialled, None
        if dialled is not None:
            dialled.abort()

    def _may_retry(self) -> bool:
        if self._retried or not self._session.passing() or not self._outgoing.rewind():
            return False
        self._retried = True
        return True

    async def _dial(self) -> None:
        """Raises UpstreamError."""
        way = self._way
        credential = await way.upstream.authorization(self._session.window.grant)
        if self._over():
            return
        kept = None if self._stream or self._retried else way.pool.take()
        connection = kept or await way.pool.connect(stream=self._stream)
        if self._over():
            connection.abort()
            return
        self._dialled = connection
        self._session.flow(lambda: self._go(connection, credential))

    def _over(self) -> bool:
        """Whether it ended, or its time ran out, while something was awaited."""
        return self._stopped or not self._session.passing()

    def _go(self, connection: Connection, credential: Headers) -> None:
        self._dialled = None
        if not self._stopped:
            self._credential = credential
            self._outgoing.connected(connection, credential)

    def _later(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """In a task of its own; however that fails, the client is told."""

        async def guarded() -> None:
            try:
                await work()
            except JituiError as error:
                self._fail(error)
            except Exception:
                self._fail(FailedError())
                raise

        self._way.spawn(guarded)

    def _fail(self, error: JituiError) -> None:
        if not self._stopped:
            self._outgoing.failed(error)
