"""Who knocks, and for which connection: everything about a request that comes before what it asks."""

from dataclasses import dataclass

from jitui.clusters.way import Way
from jitui.policy.terms import Identity


@dataclass(frozen=True, slots=True)
class Admission:
    """A known agent at a known connection."""

    who: Identity
    token: str  # id
    connection: str
    target: bytes  # what goes upstream, behind the connection's own prefix: judged and forwarded as these very bytes
    way: Way
    peer: str
