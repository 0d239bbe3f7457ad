"""The kinds of connections. A new one is a module with its ClusterKind, and its line in KINDS; beside that only .importlinter names them."""

import functools
import operator
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field

from jitui.clusters.eks.kind import EksKind
from jitui.clusters.kind import ClusterKind, ConnectionSettings
from jitui.clusters.kubeconfig.kind import KubeconfigKind

KINDS: Final[tuple[ClusterKind[Any, Any], ...]] = (EksKind(), KubeconfigKind())

BY_NAME: Final[Mapping[str, ClusterKind[Any, Any]]] = {kind.name: kind for kind in KINDS}
_BY_SETTINGS: Final[Mapping[type[ConnectionSettings], ClusterKind[Any, Any]]] = {kind.settings: kind for kind in KINDS}

if TYPE_CHECKING:
    Connection = ConnectionSettings
else:
    Connection = Annotated[functools.reduce(operator.or_, (kind.settings for kind in KINDS)), Field(discriminator="kind")]


def kind_of(connection: ConnectionSettings) -> ClusterKind[Any, Any]:
    """The kind that reads these settings."""
    return _BY_SETTINGS[type(connection)]
