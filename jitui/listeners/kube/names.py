"""The host names of connections: `listen.kube_names` with a connection's name in place of the asterisk."""

import re
from collections.abc import Collection, Iterable
from typing import Final

LABELS: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*")
LONGEST: Final = 253  # characters of a host name (RFC 1035, 2.3.4)


class HostNames:
    """The names under one pattern, as `*.gw.example.com`. None of them is a name of the listener itself."""

    def __init__(self, pattern: str, but: Collection[str] = ()) -> None:
        """`but`: names of the listener, which stay its own even where the pattern covers them."""
        self.pattern = pattern.lower()
        self._behind = self.pattern.removeprefix("*")
        self._but = frozenset(name.lower() for name in but)

    def of(self, connection: str) -> str:
        """The host name of a connection. Raises ValueError if it can't be one."""
        name = connection + self._behind
        if not LABELS.fullmatch(name) or len(name) > LONGEST:
            raise ValueError(f"{name} is no host name")
        return name

    def connection(self, host: str) -> str:
        """The connection that a host names, whether or not there is one; empty if it is none of these names. A port and a last dot don't count."""
        name = host.partition(":")[0].removesuffix(".").lower()
        return name.removesuffix(self._behind) if name.endswith(self._behind) and name not in self._but else ""

    def certified(self, connections: Iterable[str]) -> list[str]:
        """The names for the certificate: the pattern, and those that clients don't find covered by it.

        An asterisk stands for one label (RFC 9525, 6.3), and OpenSSL takes none before a name of one label.
        """
        wide = self.pattern.count(".") > 1
        return [self.pattern, *(self.of(each) for each in connections if "." in each or not wide)]
