"""A cluster of a kubeconfig as an Upstream (clusters/port.py): one credential for all grants, or the agents' names beside it."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path

from jitui.clusters.dial import Identification, client_context, dial
from jitui.clusters.kubeconfig.context import Context, read_context
from jitui.clusters.kubeconfig.credential import Fixed, Plugin, Source, TokenFile
from jitui.clusters.port import Headers, P, bearer
from jitui.policy.terms import Grant
from jitui.values.clock import Clock
from jitui.values.errors import ConfigurationError, UpstreamError


class Kubeconfig:
    """The Upstream (port.py) of one kubeconfig context."""

    def __init__(self, context: Context, clock: Clock, *, impersonate: bool = False) -> None:
        """`impersonate`: calls are made as `jitui:IDENTITY` of group `jitui:agents`, so the cluster's audit log names the agent and the grant."""
        if impersonate and context.act_as:
            raise ConfigurationError(f"{context.source}: impersonate: true, but its user has `as` already; use one of the two")
        self._context, self._impersonate = context, impersonate
        self._source: Source
        if context.token_file is not None:
            self._source = TokenFile(context.token_file, clock, context.token)
        elif context.command is not None:
            self._source = Plugin(context.command, clock)
        elif context.basic:
            self._source = Fixed(((b"authorization", b"Basic " + context.basic.encode("ascii")),))
        else:
            self._source = Fixed(bearer(context.token) if context.token else ())
        self._tls: tuple[object, ssl.SSLContext] | None = None
        self._acting: dict[int, Headers] = {}  # by grant
        self.exposed = context.exposed  # a sentence for each file of the credential that other users may read
        self.host = context.address.header
        self.prefix = context.address.prefix.encode("ascii")
        self.epoch = 0

    @classmethod
    def load(
        cls, paths: Path | Sequence[Path], context: str, clock: Clock, *, insecure: bool = False, impersonate: bool = False, passed: Sequence[str] = ()
    ) -> "Kubeconfig":
        """Reads files and blocks: at start, or in a thread. Raises ConfigurationError in one line. Empty context: the current one.

        `passed`: names of the gateway's own environment variables that an exec plugin sees, beside plugin.PASSED.
        """
        upstream = cls(read_context(paths, context, insecure=insecure, passed=passed), clock, impersonate=impersonate)
        upstream._trust(None)  # certificates and keys are checked now, not at the first call
        return upstream

    def __repr__(self) -> str:
        return f"Kubeconfig({self._context.source}, {self._context.address})"

    def ready(self, grant: Grant | None) -> Headers | None:
        proof = self._source.ready()
        return None if proof is None else proof.headers + self._as(grant)

    async def authorization(self, grant: Grant | None) -> Headers:
        return (await self._source.get()).headers + self._as(grant)

    async def renew(self, grant: Grant | None, stale: Headers) -> bool:
        epoch, sent = self.epoch, stale[: len(stale) - len(self._as(grant))]
        await self._source.refused(sent)
        proof = await self._source.get()
        self._trust(proof.identification)
        return proof.headers != sent or self.epoch != epoch

    async def open(self, factory: Callable[[], P], *, stream: bool = False) -> tuple[asyncio.Transport, P]:
        proof = await self._source.get()
        return await dial(self._context.address, self._trust(proof.identification), factory, proxy=self._context.proxy, stream=stream)

    async def forget(self, grant: Grant) -> None:
        self._acting.pop(grant.id, None)

    def _as(self, grant: Grant | None) -> Headers:
        if not self._impersonate or grant is None:
            return self._context.act_as
        headers = self._acting.get(grant.id)
        if headers is None:
            headers = self._acting[grant.id] = (
                (b"impersonate-user", f"jitui:{grant.identity}".encode()),
                (b"impersonate-group", b"jitui:agents"),
                (b"impersonate-extra-jitui-grant", grant.label.encode()),
            )
        return headers

    def _trust(self, identification: Identification | None) -> ssl.SSLContext:
        """TLS as the files and the credential are now; made anew only when one of them changed.

        Files that don't fit each other, as in the middle of a rotation, leave the last good ones in use.
        """
        it = self._context
        mark = (identification, *(pem.mark() for pem in (it.ca, it.certificate, it.key) if pem is not None))
        if self._tls is not None and self._tls[0] == mark:
            return self._tls[1]
        try:
            if identification is None and it.certificate is not None and it.key is not None:
                identification = Identification(it.certificate.load(), it.key.load())
            tls = client_context(it.ca.load() if it.ca is not None else None, identification, insecure=it.insecure, source=it.source)
        except ConfigurationError as error:
            if self._tls is None:
                raise
            if it.command is not None:  # a plugin's new credential is used or refused, never replaced by the old one
                raise UpstreamError(str(error)) from error
            return self._tls[1]
        self.epoch += self._tls is not None
        self._tls = (mark, tls)
        return tls
