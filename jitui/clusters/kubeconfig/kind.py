"""The kind `kubernetes`: a connection by a context of a kubeconfig."""

import os
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from jitui.clusters.call import call
from jitui.clusters.kind import ClusterKind, ConnectionSettings, Step, quietly
from jitui.clusters.kubeconfig.context import read_context
from jitui.clusters.kubeconfig.upstream import Kubeconfig
from jitui.clusters.pool import Pool
from jitui.clusters.port import Tell
from jitui.values import foreign
from jitui.values.clock import Clock
from jitui.values.errors import JituiError, UpstreamError
from jitui.values.fields import FilePaths
from jitui.values.said import clean

PATIENCE_S: Final = 10.0  # seconds that the cluster may take to say its version


class KubernetesConnection(ConnectionSettings):
    kind: Literal["kubernetes"]
    kubeconfig: FilePaths = Field(default_factory=lambda: (Path(os.path.expanduser("~/.kube/config")),))  # noqa: PTH111 - raises nothing without a home
    """A file, or several joined by `:`, which are merged as those in KUBECONFIG."""
    context: str = ""
    """Empty: the kubeconfig's current context."""
    impersonate: bool = False
    """Send the agent's name as Impersonate-User, so that the cluster's own RBAC and audit log know it."""
    insecure_skip_tls_verify: bool = False
    """Must repeat the kubeconfig's insecure-skip-tls-verify, or that one is refused."""
    plugin_environment: list[Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*\*?$")]] = Field(default_factory=list)
    """Variables of the gateway's own environment that its exec plugin sees beside PATH, HOME and the like, as in AWS_PROFILE or AWS_*."""


class KubeconfigKind(ClusterKind[KubernetesConnection, Kubeconfig]):
    """The user of the kubeconfig has rights of its own, which are only bound, never compared."""

    name = "kubernetes"
    settings = KubernetesConnection
    binds_user = True

    def load(self, connection: KubernetesConnection, clock: Clock, tell: Tell = quietly) -> Kubeconfig:  # noqa: ARG002 - failures are told to who asks
        return Kubeconfig.load(connection.kubeconfig, connection.context, clock, impersonate=connection.impersonate,
                               insecure=connection.insecure_skip_tls_verify, passed=connection.plugin_environment)  # fmt: skip

    def exposed(self, connection: KubernetesConnection) -> Sequence[str]:
        try:
            return read_context(connection.kubeconfig, connection.context, insecure=connection.insecure_skip_tls_verify).exposed
        except JituiError:
            return ()  # `load` says what is wrong with it

    def exposed_by(self, upstream: Kubeconfig) -> Sequence[str]:
        return upstream.exposed

    def notes(self, connection: KubernetesConnection) -> Iterator[str]:
        if connection.insecure_skip_tls_verify:
            yield "its certificate is not verified: whoever stands in between gets the gateway's credential; pin the CA instead"

    async def probe(self, upstream: Kubeconfig) -> AsyncIterator[Step]:
        pool = Pool(upstream)
        try:
            reply = await call(pool, upstream, b"GET", b"/version", timeout=PATIENCE_S)
        finally:
            pool.close()
        said = f"{upstream.host.decode()} answers {reply.status} to GET {upstream.prefix.decode()}/version"
        try:
            document = foreign.read(reply.body)
        except ValueError:
            raise UpstreamError(f"{said}, and not in JSON: it is no Kubernetes; correct the server of its cluster in the kubeconfig") from None
        version = document.get("gitVersion") if isinstance(document, dict) else None
        if reply.status != 200 or not isinstance(version, str):
            why = document.get("message") if isinstance(document, dict) and reply.status != 200 else None
            what = clean(why, 200) if isinstance(why, str) else "it is no Kubernetes"
            raise UpstreamError(f"{said}: {what}; correct the server or the user in the kubeconfig")
        yield Step("", f"{upstream.host.decode()} answers, Kubernetes {clean(version, 40)}")

    def impersonates(self, connection: KubernetesConnection) -> bool:
        return connection.impersonate
