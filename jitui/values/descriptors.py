"""The shares of this process's file descriptors: the record, the desk's socket and the clusters come first, strangers last.

Every connection counts against a share before it is accepted, so that no open() of the gateway itself ever fails with EMFILE.
"""

import resource
from dataclasses import dataclass
from typing import Final

from jitui.values.errors import ConfigurationError

LEAST: Final = 256  # open files that a gateway needs
FLOOR: Final = 200  # of which so many are shared out, whatever the number of its connections
MOST: Final = 1 << 20  # open files that it shares out at most
OWN: Final = 80  # descriptors for the record, its readers, the loop, credential plugins, look-ups of the clusters
READERS: Final = 6  # descriptors of one thread that reads the record: two files, each with its WAL and the WAL's index


@dataclass(frozen=True, slots=True)
class Shares:
    """The number of descriptors for each purpose; their sum is within the limit."""

    own: int
    desk: int  # connections on the Unix socket
    api: int  # on the API's TCP port
    strangers: int  # at the Kubernetes listener without a token
    agents: int  # at the Kubernetes listener with one
    clusters: int  # connections to clusters in use, one for each of those
    kept: int  # connections to clusters that rest between requests
    ports: int = 0  # listening sockets of single connections
    ssh: int = 0  # connections at the SSH listener

    @property
    def threads(self) -> int:
        """Threads that may read the record at a time."""
        return max(4, min(32, self.own // (2 * READERS)))


def share(limit: int, strangers: int, ports: int = 0, *, ssh: bool = False) -> Shares:
    """Divides `limit` descriptors; at most `strangers` of them for connections without a token at the Kubernetes listener, `ports` for connections' own ports.
    `ssh`: there is an SSH listener, whose sessions need a connection to a cluster each.

    Raises ConfigurationError.
    """
    least = max(LEAST, FLOOR + ports)
    if limit < least:
        raise ConfigurationError(f"this process may open {limit} files, and a gateway needs {least}; raise the hard limit (ulimit -Hn, "
                                 "or LimitNOFILE= of its unit)")
    limit = min(limit, MOST) - ports
    own = OWN + min(limit // 16, 192)
    desk = max(24, min(limit // 10, 256))
    api = max(24, min(limit // 10, 512))
    outside = min(strangers, max(16, limit // 10))
    kept = max(8, min(limit // 20, 1024))
    rooms = max(24, min(limit // 10, 1024)) if ssh else 0
    agents = (limit - own - desk - api - outside - kept - 2 * rooms) // 2
    return Shares(own, desk, api, outside, agents, agents + rooms, kept, ports, rooms)


def raise_limit() -> int:
    """Raises this process's limit as far as the system allows, and returns the new limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else hard
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return min(wanted, MOST)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (ValueError, OSError):  # the kernel's own bound (fs.nr_open) may be lower
        return soft
    return min(wanted, MOST)
