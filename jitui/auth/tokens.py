"""Bearer tokens: `jt_<id>_<43 characters>`. The id is public and names the token; the rest is 256 random bits.

Only the sha256 of the whole text is kept, in the fact that issues it. A hash of 256 random bits can't be reversed by trial, so a reader of the
record, or of an evidence file, can't use a token. A token is printed once, when it is issued.
"""

import hmac
import json
import re
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Protocol

from jitui.values.errors import UnknownCallerError
from jitui.values.instant import rfc3339

LIFETIME_US: Final = 90 * 86400 * 1_000_000
SHAPE: Final = re.compile(r"jt_([0-9a-f]{8})_([A-Za-z0-9_-]{43})\Z", re.ASCII)


class Row(Protocol):
    """A token as the ledger keeps it; times in UTC microseconds, 0 for never."""

    @property
    def id(self) -> str: ...
    @property
    def identity(self) -> str: ...
    @property
    def issued_by(self) -> str: ...
    @property
    def sha256(self) -> bytes: ...
    @property
    def expires_us(self) -> int: ...
    @property
    def revoked_us(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Minted:
    """A new token; `text` goes to its owner and nowhere else."""

    id: str
    sha256: bytes
    expires_us: int  # UTC
    text: str = field(repr=False)


def mint(now_us: int, lifetime_us: int = LIFETIME_US) -> Minted:
    """A new token that expires `lifetime_us` after `now_us` (UTC microseconds)."""
    ident = secrets.token_hex(4)
    text = f"jt_{ident}_{secrets.token_urlsafe(32)}"
    return Minted(ident, fingerprint(text), now_us + lifetime_us, text)


def fingerprint(text: str) -> bytes:
    """The sha256 of a token, which is all that is kept of it."""
    return sha256(text.encode("utf-8", "surrogateescape")).digest()


class Tokens:
    """Every token that was ever issued, by its id. The errors for unknown, revoked and expired ones are different sentences."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._rows: dict[str, Row] = {row.id: row for row in rows}
        self.used_us: dict[str, int] = {}  # newest use of each, UTC microseconds: a note, no right comes from it
        self._looked_us = 0  # `aged` has returned the tokens that expired before this time
        self.due_us = 0  # no token expires before this time

    def put(self, row: Row) -> None:
        """Puts in a new token, or a new state of an old one."""
        self._rows[row.id] = row
        self.due_us = min(self.due_us, row.expires_us)

    def uses(self) -> bytes:
        """The newest use of each token as JSON, to be kept in a file."""
        return json.dumps(self.used_us, sort_keys=True).encode("ascii")

    def recall(self, uses: bytes) -> None:
        """Takes up the `uses` that the last gateway kept; what can't be read of them is ignored."""
        with suppress(ValueError, AttributeError):
            kept = json.loads(uses).items()
            self.used_us = {ident: at for ident, at in kept if ident in self._rows and isinstance(at, int)} | self.used_us

    def aged(self, now_us: int) -> list[Row]:
        """The tokens that expired since the last call, at `now_us` (UTC), without those revoked before. Cheap while there are none."""
        if now_us < self.due_us:
            return []
        last, self._looked_us = self._looked_us, now_us
        self.due_us = min((row.expires_us for row in self._rows.values() if row.expires_us > now_us), default=now_us + LIFETIME_US)
        return [row for row in self._rows.values() if last < row.expires_us <= now_us and not row.revoked_us]

    def of(self, identity: str) -> tuple[Row, ...]:
        """All tokens of an identity, in the order of their issue."""
        return tuple(row for row in self._rows.values() if row.identity == identity)

    def identify(self, text: str, now_us: int) -> Row:
        """The row of a presented token, at `now_us` (UTC). Raises UnknownCallerError."""
        shape = SHAPE.match(text)
        row = self._rows.get(shape[1]) if shape else None
        return self._used(row, fingerprint(text), now_us)

    def again(self, ident: str, sha256: bytes, now_us: int) -> Row:
        """The row of a token that was identified before, by its id and fingerprint, at `now_us` (UTC). Raises as `identify` does."""
        return self._used(self._rows.get(ident), sha256, now_us)

    def stands(self, ident: str, sha256: bytes, now_us: int) -> bool:
        """Whether `again` would return a row; then the token is used."""
        row = self._rows.get(ident)
        if row is None or row.revoked_us or now_us >= row.expires_us or not hmac.compare_digest(row.sha256, sha256):
            return False
        self.used_us[ident] = now_us
        return True

    def _used(self, row: Row | None, shown: bytes, now_us: int) -> Row:
        kept = row.sha256 if row else bytes(32)
        if not hmac.compare_digest(kept, shown) or row is None:
            raise UnknownCallerError("token is unknown here; an admin issues one with: jitui identity add NAME --role agent --owner PERSON")
        if row.revoked_us or now_us >= row.expires_us:
            _stands(row, now_us, f"token jt_{row.id} of {row.identity}")
        self.used_us[row.id] = now_us
        return row

    def must_stand(self, ident: str, now_us: int) -> None:
        """Raises UnknownCallerError if the token with this id has ended by `now_us` (UTC): for a caller that is still connected."""
        row = self._rows.get(ident)
        if row is None:
            raise UnknownCallerError(f"your token jt_{ident} is unknown here; ask an admin for another")
        _stands(row, now_us, f"your token jt_{ident}")

    def expires_us(self, ident: str) -> int:
        """When the token expires, in UTC microseconds; 0 for an unknown one."""
        row = self._rows.get(ident)
        return row.expires_us if row is not None else 0


def _stands(row: Row, now_us: int, name: str) -> None:
    """Raises UnknownCallerError for a token that is revoked or expired."""
    another = f"an admin issues another with: jitui identity rotate {row.identity}"
    if row.revoked_us:
        raise UnknownCallerError(f"{name} was revoked at {rfc3339(row.revoked_us)}; {another}")
    if now_us >= row.expires_us:
        raise UnknownCallerError(f"{name} expired at {rfc3339(row.expires_us)}; {another}")
