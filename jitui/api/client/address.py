"""The address of a gateway: `unix:PATH`, `https://HOST:PORT`, or `fd:N` for a process that the gateway itself started for a person."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from jitui.values import places
from jitui.values.errors import InvalidError


@dataclass(frozen=True, slots=True)
class Address:
    """One of the three."""

    unix: Path | None = None
    url: str = ""  # without a path
    inherited: int | None = None  # the descriptor over which connections are asked for

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Raises InvalidError; plain http would show the token to the network."""
        if text.startswith("unix:") and len(text) > 5:
            return cls(unix=places.written(text.removeprefix("unix:")))
        if text.startswith("fd:") and text[3:].isascii() and text[3:].isdecimal():
            return cls(inherited=int(text[3:]))
        try:
            parts = urlsplit(text)
            fits = parts.scheme == "https" and parts.hostname and parts.path in {"", "/"} and not (parts.query or parts.fragment or parts.username)
            port = parts.port
        except ValueError:
            fits, port = False, None
        if not fits:
            raise InvalidError(f'a gateway is unix:PATH or https://HOST:PORT, not "{text[:80]}"')
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return cls(url=f"https://{host}:{port or 443}")

    def __str__(self) -> str:
        return f"unix:{self.unix}" if self.unix else self.url or f"fd:{self.inherited}"
