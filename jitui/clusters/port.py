"""A cluster's interface to the rest of the gateway, whichever kind of connection it is."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar

from jitui.policy.terms import Grant

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]
P = TypeVar("P", bound=asyncio.Protocol)


def bearer(token: str) -> Headers:
    """The headers of a token (RFC 6750). Raises UnicodeEncodeError if it is not ASCII."""
    return ((b"authorization", b"Bearer " + token.encode("ascii")),)


class Upstream(Protocol):
    """One cluster. All of it is called on the loop; what may take long is a coroutine. Failures are UpstreamError."""

    @property
    def host(self) -> bytes:
        """Value of the Host header: the server URL's host, with its port unless that is 443."""

    @property
    def prefix(self) -> bytes:
        """Path of the server URL, put before every target; without a slash at the end, usually empty."""

    @property
    def epoch(self) -> int:
        """Rises when new connections would prove another client certificate: older idle ones are of no use then."""

    def ready(self, grant: Grant | None) -> Headers | None:
        """The headers that prove who calls, if they are known and still good: the hot path. None: await `authorization`."""

    async def authorization(self, grant: Grant | None) -> Headers:
        """The headers as `ready` gives them, fetched or refreshed where needed. No grant: the gateway's own requests (discovery, check)."""

    async def renew(self, grant: Grant | None, stale: Headers) -> bool:
        """The cluster answered 401 to `stale`: forget it and look for another. True: there is one, so one more try is worth it.

        After a second 401 it is called again, for the reason: raises UpstreamError with that, where it can be found out.
        """

    async def open(self, factory: Callable[[], P], *, stream: bool = False) -> tuple[asyncio.Transport, P]:
        """A new TLS connection, HTTP/1.1, made within 10 seconds. `stream`: for an upgrade, of which no byte may be lost at its end."""

    async def forget(self, grant: Grant) -> None:
        """The grant has ended: drop what was kept for it."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A credential that can't be renewed, told to whoever runs the gateway while the one at hand still serves. It begins, changes, or is over."""

    holder: str  # g-17, "gateway" for its own requests, "cluster" for where it listens
    why: str  # empty: it is over
    left_s: float = 0.0  # seconds that the credential at hand serves on; 0: requests fail now
    gone: bool = False  # it is over because nobody needs the credential any more


Tell = Callable[[Trouble], None]
