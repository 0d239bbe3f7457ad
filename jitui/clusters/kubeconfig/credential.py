"""A kubeconfig user's credential: fixed, in a file that is rewritten, or from a plugin."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from jitui.clusters.dial import Identification
from jitui.clusters.kubeconfig import plugin
from jitui.clusters.port import Headers, bearer
from jitui.values.clock import Clock
from jitui.values.errors import UpstreamError

LOOK_AGAIN_US: Final = 1_000_000  # a token file's date is looked at once a second at most
REST_US: Final = 5_000_000  # between two runs of a plugin that failed, or whose credential was refused
LEEWAY_US: Final = 30_000_000  # before its expiry a credential is renewed; never more than a tenth of what was left of its life


@dataclass(frozen=True, slots=True)
class Proof:
    """The proof of who calls, for one request: headers, or a client certificate on the connection, or both."""

    headers: Headers = ()
    identification: Identification | None = None  # a client certificate that belongs to the credential


class Source(Protocol):
    """The origin of the credential."""

    def ready(self) -> Proof | None:
        """The proof that is at hand and still good; None: await `get`."""

    async def get(self) -> Proof:
        """Raises UpstreamError."""

    async def refused(self, headers: Headers) -> None:
        """The cluster does not take these: look for others. Raises UpstreamError."""


class Fixed:
    """A token written into the kubeconfig, or none at all (a client certificate alone)."""

    def __init__(self, headers: Headers = ()) -> None:
        self._proof = Proof(headers)

    def ready(self) -> Proof:
        return self._proof

    async def get(self) -> Proof:
        return self._proof

    async def refused(self, headers: Headers) -> None:
        """There are no others."""


class TokenFile:
    """`tokenFile`: read again when it changes (a projected service account token is rewritten every hour)."""

    def __init__(self, path: Path, clock: Clock, token: str = "") -> None:
        """`token`: the one that stands beside it, which serves until the file can be read."""
        self._path, self._clock = path, clock
        self._mark: tuple[int, ...] = ()
        self._proof = Proof(bearer(token)) if token else None
        self._looked_us = -LOOK_AGAIN_US

    def ready(self) -> Proof | None:
        now = self._clock.now().boot_us
        if now - self._looked_us >= LOOK_AGAIN_US:
            self._looked_us = now
            self._look()
        return self._proof

    async def get(self) -> Proof:
        proof = self.ready()
        if proof is None:
            self._look()
            proof = self._proof
        if proof is None:
            raise UpstreamError(f"token file {self._path} can't be read or holds no token")
        return proof

    async def refused(self, headers: Headers) -> None:
        if self._proof is not None and self._proof.headers == headers:
            self._mark = ()
            self._look()

    def _look(self) -> None:
        """Keeps the last good token while the file is missing or half written; the cluster says when it is no good any more."""
        try:
            stat = self._path.stat()
            mark = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if mark == self._mark:
                return
            token = self._path.read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            return
        if plugin.is_token(token):
            self._mark, self._proof = mark, Proof(bearer(token))


class Plugin:
    """An exec plugin's credential, kept in memory until it expires or is refused; runs one at a time."""

    def __init__(self, command: plugin.Command, clock: Clock, *, timeout: float = plugin.TIMEOUT_S) -> None:
        self._command, self._clock, self._timeout = command, clock, timeout
        self._lock = asyncio.Lock()
        self._proof: Proof | None = None
        self._renew_us: int | None = None  # UTC
        self._ran_us = -REST_US  # boot clock
        self._error: UpstreamError | None = None

    def ready(self) -> Proof | None:
        if self._proof is None or (self._renew_us is not None and self._clock.now().wall_us >= self._renew_us):
            return None
        return self._proof

    async def get(self) -> Proof:
        async with self._lock:
            proof = self.ready()
            return proof if proof is not None else await self._run()

    async def refused(self, headers: Headers) -> None:
        async with self._lock:
            if self._proof is None or self._proof.headers != headers:
                return  # somebody was faster
            if self._clock.now().boot_us - self._ran_us < REST_US:
                return  # just made and refused already: running it for every request would help nobody
            self._proof = None
            await self._run()

    async def _run(self) -> Proof:
        now = self._clock.now()
        if self._error is not None and now.boot_us - self._ran_us < REST_US:
            raise UpstreamError(str(self._error))
        self._ran_us = now.boot_us
        try:
            made = await plugin.run(self._command, timeout=self._timeout)
        except UpstreamError as error:
            self._error = error
            raise
        left_us = None if made.expires_us is None else made.expires_us - now.wall_us
        if left_us is not None and left_us <= 0:
            self._error = UpstreamError(f"credential plugin {self._command.name} printed a credential that has expired already")
            raise self._error
        self._error = None
        self._renew_us = None if left_us is None else now.wall_us + left_us - min(LEEWAY_US, left_us // 10)
        self._proof = Proof(bearer(made.token) if made.token else (), made.identification)
        return self._proof
