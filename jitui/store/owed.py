"""The note of decisions and ends that count already and that the ledger did not take: beside it, read by the next start.

A revoke works at once, whatever the disk does. While the ledger can't be written, its fact stands here: a line of canonical JSON with the hash
of the newest fact on record, and the signature of the ledger's key. The next start puts on record what is not there yet, before anything else.
The file keeps 64 KiB while nothing is in it, so that a full disk has room for the note.

It can't help where the folder takes no write at all (a disk that fails, a file system that became read-only), nor against somebody who removes it.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from jitui.recording.facts import Draft, Kind, canonical
from jitui.store.keys import LedgerKey
from jitui.store.ledger import Ledger
from jitui.values.errors import JituiError

ROOM: Final = 64 << 10  # bytes held for it on the disk; more are written if there is room
SIGNED: Final = b"jitui owed 1\n"  # stands before a line where it is signed, so that its signature is good for nothing else


@dataclass(frozen=True, slots=True)
class Line:
    """One fact that was owed."""

    after: bytes  # hash of the newest fact on record when it was written
    draft: Draft


class Owed:
    """The file. Its methods block for a flush of the disk, and are used by one thread at a time. Each raises OSError."""

    def __init__(self, path: Path, key: LedgerKey) -> None:
        self._path, self._key = path, key
        self._used = 0  # bytes

    def hold(self) -> None:
        """Have its room on the disk."""
        fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(fd).st_size
            if size < ROOM:
                self._put(fd, bytes(ROOM - size), size)
        finally:
            os.close(fd)

    def add(self, drafts: Sequence[Draft], after: bytes) -> None:
        """Write these facts behind those that are there; on disk when this returns."""
        data = b"".join(self._line(draft, after) for draft in drafts)
        self._write(data, self._used)
        self._used += len(data)

    def clear(self) -> None:
        """All of it is on record."""
        if self._used:
            self._write(bytes(self._used), 0)
            self._used = 0
            os.truncate(self._path, ROOM)

    def lines(self) -> Iterator[Line]:
        """Those that our key signed, in their order. A line that a crash cut short is the last."""
        try:
            written = self._path.read_bytes().partition(b"\0")[0]
        except FileNotFoundError:
            return
        self._used = len(written)
        for text, _, signature in (line.rpartition(b" ") for line in written.split(b"\n")[:-1]):
            with suppress(InvalidSignature, ValueError):
                Ed25519PublicKey.from_public_bytes(self._key.public).verify(bytes.fromhex(signature.decode("ascii")), SIGNED + text)
                told = json.loads(text)
                yield Line(bytes.fromhex(told["after"]), Draft(Kind(told["kind"]), told["subject"], told["who"], told["what"]))

    def _line(self, draft: Draft, after: bytes) -> bytes:
        text = canonical({"after": after.hex(), "kind": draft.kind.value, "subject": draft.subject, "who": draft.who, "what": draft.what}).encode("ascii")
        return b"%b %b\n" % (text, self._key.sign(SIGNED + text).hex().encode("ascii"))

    def _write(self, data: bytes, at: int) -> None:
        fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._put(fd, data, at)
        finally:
            os.close(fd)

    @staticmethod
    def _put(fd: int, data: bytes, at: int) -> None:
        while data:
            written = os.pwrite(fd, data, at)
            data, at = data[written:], at + written
        os.fsync(fd)


def take_up(ledger: Ledger, owed: Owed) -> int:
    """Put on record what the last gateway owed; how many facts. A line of another ledger, or of this one set back, counts for nothing."""
    taken = 0
    for line in owed.lines():
        known = ledger.db.execute("select seq from facts where hash = ?", (line.after,)).fetchone()
        if known is None or ledger.tells(line.draft, after=known[0]):
            continue
        with suppress(JituiError):  # facts that can't be folded any more
            ledger.commit_now([line.draft])
            taken += 1
    owed.clear()
    return taken
