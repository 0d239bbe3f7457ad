"""Witnesses: a file elsewhere that only grows, and a service that cosigns (c2sp.org/tlog-witness). Their calls block; a thread of their own makes them."""

import base64
import http.client
import os
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from jitui.recording.tlog.checkpoint import checkpoint_of
from jitui.recording.tlog.note import Key, Note, Signature, parse_key, parse_signature
from jitui.values.errors import UnavailableError
from jitui.values.said import clean
from jitui.witness.settings import WitnessSettings

TIMEOUT: Final = 10.0  # seconds
MOST: Final = 64 << 10  # bytes of an answer

Consistency = Callable[[int, int], Sequence[bytes]]  # the proof from one size of the log to another


class Witness(Protocol):
    """Somebody elsewhere who sees checkpoints."""

    def see(self, note: Note, consistency: Consistency) -> Sequence[Signature]:
        """Show it a checkpoint; its cosignatures, if it gives any. Raises OSError, UnavailableError."""


class FileWitness:
    """A file that each checkpoint is appended to: on another machine's disk, or one that can only be appended to."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def see(self, note: Note, _: Consistency) -> Sequence[Signature]:
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            data = str(note).encode()
            if os.write(file, data) != len(data):
                raise UnavailableError(f"{self._path} took a part of the checkpoint only; make room there")
            os.fsync(file)
        finally:
            os.close(file)
        return ()


class CosigningWitness:
    """A service that checks that the log only grew, and signs that it saw the checkpoint."""

    def __init__(self, url: str, key: Key) -> None:
        self._url, self._key = urlsplit(url), key
        self._seen = 0  # leaves that it saw, as far as is known here

    def see(self, note: Note, consistency: Consistency) -> Sequence[Signature]:
        size = checkpoint_of(note.text).size
        status, answer = self._ask(note, self._seen, consistency(self._seen, size))
        if status == http.client.CONFLICT and (seen := _size(answer)) is not None:
            if seen > size:
                raise UnavailableError(f"it saw {seen} leaves of this log, {size} are here: the state folder was set back to an older copy")
            self._seen = seen
            status, answer = self._ask(note, seen, consistency(seen, size))
        if status != http.client.OK:
            raise UnavailableError(f"{self._url.netloc} answers {status} to the checkpoint of {size} leaves: {clean(answer, 200)}")
        lines = [parse_signature(line) for line in answer.splitlines()]
        found = [line for line in lines if (line.name, line.key_id) == (self._key.name, self._key.id) and self._key.signed(note.text, line.value) is not None]
        if not found:
            raise UnavailableError(f"{self._url.netloc} does not sign as {self._key.name}; set its key as it says")
        self._seen = size
        return found

    def _ask(self, note: Note, old: int, proof: Sequence[bytes]) -> tuple[int, str]:
        lines = [f"old {old}", *(base64.b64encode(each).decode() for each in proof), "", str(note)]
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "https":
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(host, port, timeout=TIMEOUT, context=ssl.create_default_context())
        else:
            connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
        try:
            connection.request("POST", f"{self._url.path.rstrip('/')}/add-checkpoint", "\n".join(lines).encode())
            answer = connection.getresponse()
            return answer.status, answer.read(MOST).decode("utf-8", "replace")
        except http.client.HTTPException as error:
            raise UnavailableError(f"{self._url.netloc} answers no HTTP: {type(error).__name__}") from error
        finally:
            connection.close()


def _size(text: str) -> int | None:
    text = text.removesuffix("\n")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def witness_of(settings: WitnessSettings) -> Witness:
    """The witness of its settings."""
    return FileWitness(settings.file) if settings.file is not None else CosigningWitness(settings.url or "", parse_key(settings.key or ""))
