"""A kind of connection, as the gateway, `jitui check` and `jitui rbac` use it: the one interface that a new kind implements."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, TypeVar

from jitui.clusters.port import Tell, Trouble, Upstream
from jitui.values.clock import Clock
from jitui.values.fields import HostPort, Strict

Work = Callable[[], Coroutine[Any, Any, None]]
Note = Callable[[str], None]
"""Takes a sentence for the administrator, which goes beside what is printed."""


class ConnectionSettings(Strict):  # no docstring: it would stand in the schema
    access: Literal["just-in-time"] = "just-in-time"
    isolation: Literal["required", "advised"] = "advised"
    """required: refuses agents that run as the gateway's own Unix user."""
    listen: HostPort | None = None
    """The connection's own address for kubectl, TLS. Otherwise a name of listen.kube_names, or a port behind that of listen.kube, given once and for good."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the way to a cluster that went well."""

    what: str  # "" : the whole way
    said: str
    doubt: bool = False  # it works, and is worth a thought


S = TypeVar("S", bound=ConnectionSettings)
U = TypeVar("U", bound=Upstream)


def quietly(trouble: Trouble) -> None:
    """Drops a trouble, for a command that ends with the first failure and prints it."""


class ClusterKind(ABC, Generic[S, U]):
    """One kind of connection. It holds nothing; everything is in its settings and its upstream.

    `name` is `kind:` in the configuration, and the only value of that field of `settings`.
    """

    name: ClassVar[str]
    settings: type[S]
    compares_rights: ClassVar[bool] = False  # the credential was made for the gateway, so check compares what it may do with what the rules promise
    binds_user: ClassVar[bool] = False  # rbac binds the user of the credential, whose name only the cluster knows, and not a group

    def must_be_whole(self, connection: S) -> None:
        """Raises ConfigurationError, in one line, if something that the settings count on outside the file is not there."""

    @abstractmethod
    def load(self, connection: S, clock: Clock, tell: Tell = quietly) -> U:
        """The way to the cluster. Reads files and blocks: at start, or in a thread. Raises ConfigurationError in one line.

        `tell`: is told of a credential that can't be renewed, and when that is over.
        """

    def renewing(self, upstream: U) -> Work | None:  # noqa: ARG002 - of a kind that renews nothing
        """The background work of an upstream, for as long as the gateway runs; None if it has none."""
        return None

    def exposed(self, connection: S) -> Sequence[str]:  # noqa: ARG002
        """A sentence for each file of the credential that other users may read or change, for `jitui check`, also of a connection that can't be loaded.

        Reads files and blocks; raises nothing.
        """
        return ()

    def exposed_by(self, upstream: U) -> Sequence[str]:  # noqa: ARG002
        """The same of the credential that an upstream was loaded with: the gateway starts by this one, and reads nothing twice."""
        return ()

    def notes(self, connection: S) -> Iterable[str]:  # noqa: ARG002
        """Sentences on settings that are allowed and still worth a thought."""
        return ()

    @abstractmethod
    def probe(self, upstream: U) -> AsyncIterator[Step]:
        """The way to the cluster, step by step. Raises JituiError at the step that fails, in one sentence with the fix."""

    def impersonates(self, connection: S) -> bool:  # noqa: ARG002
        """Whether calls are made in the agents' names, so that rbac binds those."""
        return False

    async def documents(self, connection: S, group: str, note: Note) -> dict[str, Any]:  # noqa: ARG002
        """The documents beside RBAC that the connection needs, by what each is, bound to this Kubernetes group. Raises ConfigurationError."""
        return {}
