"""The address of a gateway: `unix:PATH` or `https://HOST:PORT`."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from jitui.values import places
from jitui.values.errors import InvalidError


@dataclass(frozen=True, slots=True)
class Address:
    """One of the two."""

    unix: Path | None = None
    url: str = ""  # without a path

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Raises InvalidError; plain http would show the token to the network."""
        if text.startswith("unix:") and len(text) > 5:
            return cls(unix=places.written(text.removeprefix("unix:")))
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
        return f"unix:{self.unix}" if self.unix else self.url
