"""One attempted operation on a cluster, as the rules see it."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class Hazard(StrEnum):
    """How much an action can hurt, in rising order. policy/table.py assigns it, policy/hazard.py reads it."""

    READ = "READ"  # looks, changes nothing
    SECRET = "SECRET"  # noqa: S105 - shows credentials, or what may hold them
    EXEC = "EXEC"  # runs commands in, types into, or tunnels to a pod
    CHANGE = "CHANGE"  # changes what runs; what it changes outlives the window
    SPAWN = "SPAWN"  # starts code with any service account of the namespace, or may do more than its kind says
    ESCAPE = "ESCAPE"  # can leave the window or widen rights

    @property
    def rank(self) -> int:
        return RANKS[self]


RANKS: Final = {hazard: rank for rank, hazard in enumerate(Hazard)}


@dataclass(frozen=True, slots=True)
class Action:
    """RequestInfo of one request (kubernetes: apiserver/pkg/endpoints/request/requestinfo.go), plus what exec adds."""

    verb: str  # get list watch create update patch delete deletecollection; for a non-resource the lower-case method
    group: str = ""  # "" is core
    version: str = ""
    resource: str = ""  # plural; "" for a non-resource path
    subresource: str = ""
    namespace: str = ""  # "": cluster-scoped, or across all namespaces
    name: str = ""  # "": the collection; a fieldSelector metadata.name=X counts as X
    path: str = ""  # the decoded path
    argv: tuple[str, ...] = field(default=())  # of exec
    container: str = ""
    default: bool = False  # `container` is the pod's default one, as the gateway found out: judged as if none were named
    stdin: bool = False
    tty: bool = False
    follow: bool = False  # pods/log?follow, and any log over a WebSocket
    dry_run: bool = False
    apply: bool = False  # server-side apply: creates what is missing, so it needs patch and create
    length: int = field(init=False, compare=False, repr=False)  # characters of all its words, with one between those of a command

    def __post_init__(self) -> None:
        length = (len(self.verb) + len(self.group) + len(self.version) + len(self.resource) + len(self.subresource) + len(self.namespace)
                  + len(self.name) + len(self.path) + len(self.container))  # fmt: skip
        object.__setattr__(self, "length", length + sum(map(len, self.argv)) + len(self.argv))

    @property
    def kind(self) -> str:
        """`deployments.apps/scale`: resource, group, subresource in the words of the scope grammar."""
        base = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{base}/{self.subresource}" if self.subresource else base
