"""Witnesses: a file that only grows, a service that cosigns (c2sp.org/tlog-witness), a collector of syslog, an authority for time stamps, a second key.

Their calls block; a thread of their own makes them. The bucket with object lock is in `bucket.py`.
"""

import base64
import http.client
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key

from jitui.export.settings import SyslogPlace
from jitui.export.targets import Wire, message, post
from jitui.recording.tlog.checkpoint import checkpoint_of, in_one_line
from jitui.recording.tlog.note import COSIGNED_ML_DSA_44, Key, Note, Signature, cosign_ml_dsa, parse_key, parse_signature
from jitui.recording.tlog.stamp import Stamp, must_answer, query
from jitui.values.clock import Clock
from jitui.values.errors import UnavailableError, UnsafeError
from jitui.values.private_file import write_private
from jitui.values.said import clean
from jitui.witness.settings import TimestampSettings, WitnessSettings

ACKNOWLEDGED: Final = 100  # looks, a tenth of a second apart

Consistency = Callable[[int, int], Sequence[bytes]]  # the proof from one size of the log to another


class Witness(Protocol):
    """Somebody elsewhere who sees checkpoints."""

    def see(self, note: Note, consistency: Consistency) -> Sequence[Signature | Stamp]:
        """Show it a checkpoint; its cosignatures or time stamp, if it gives any. Raises JituiError, OSError, ValueError."""


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


class SyslogWitness:
    """A collector of syslog: each checkpoint is one line there, severity informational."""

    def __init__(self, place: SyslogPlace, clock: Clock) -> None:
        self._wire, self._place, self._clock = Wire(place), place, clock

    def see(self, note: Note, _: Consistency) -> Sequence[Signature]:
        """It answers nothing: over TCP and TLS its machine has acknowledged the line, over UDP nobody knows."""
        kept = self._wire.connected
        try:
            self._say(note)
        except OSError:
            if not kept:
                raise
            self._say(note)  # it has closed the connection of the last time
        return ()

    def _say(self, note: Note) -> None:
        try:
            self._wire.send([message(6, self._clock.now().wall_us, self._wire.host, "checkpoint", in_one_line(note))])
            self._acknowledged()
        except BaseException:
            self._wire.close()
            raise

    def _acknowledged(self) -> None:
        for _ in range(ACKNOWLEDGED):
            if self._wire.check():
                return
            threading.Event().wait(0.1)
        raise UnavailableError(f"{self._place.address} does not acknowledge the checkpoint")


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
        status, answer = post(self._url, f"{self._url.path.rstrip('/')}/add-checkpoint", "\n".join(lines).encode(), {"Content-Type": "text/plain"})
        return status, answer.decode("utf-8", "replace")


class TimestampAuthority:
    """An authority that signs when it saw a checkpoint (RFC 3161), at most once in a while."""

    def __init__(self, settings: TimestampSettings, clock: Clock) -> None:
        self._url, self._clock, self._every_us, self._due_us = urlsplit(settings.url), clock, settings.every * 1_000_000, 0

    def see(self, note: Note, _: Consistency) -> Sequence[Stamp]:
        """A stamp over the checkpoint's text, if one is due. Whose it is, and what it is worth, is the verifier's question, who has the certificates."""
        if self._clock.now().boot_us < self._due_us:
            return ()
        status, answer = post(self._url, self._url.path or "/", query(note.text), {"Content-Type": "application/timestamp-query"})
        if status != http.client.OK:
            raise UnavailableError(f"{self._url.netloc} answers {status} to a question for a time stamp: {clean(answer.decode('utf-8', 'replace'), 200)}")
        must_answer(answer, note.text)
        self._due_us = self._clock.now().boot_us + self._every_us
        return (Stamp(answer),)


class OwnKey:
    """A second key of the gateway's own, ML-DSA-44, in a file: it shows nothing that the log's key does not, and outlives Ed25519."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self._clock = path, clock

    def see(self, note: Note, _: Consistency) -> Sequence[Signature]:
        """Its cosignature under the log's name; FILE.pub gets the verifier key, for a policy."""
        private = self._private()
        public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        name = checkpoint_of(note.text).origin
        told, beside = f"{Key(name, COSIGNED_ML_DSA_44, public)}\n".encode(), self._path.with_name(f"{self._path.name}.pub")
        if not beside.exists() or beside.read_bytes() != told:
            write_private(beside, told, mode=0o644)
        return (cosign_ml_dsa(note.text, name, public, self._clock.now().wall_us // 1_000_000, private.sign),)

    def _private(self) -> MLDSA44PrivateKey:
        if not self._path.exists():
            write_private(self._path, MLDSA44PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        try:
            found = load_pem_private_key(self._path.read_bytes(), None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise UnsafeError(f"{self._path} holds no private key ({error}); restore it, or name another file") from error
        if not isinstance(found, MLDSA44PrivateKey):
            raise UnsafeError(f"{self._path} holds no ML-DSA-44 key; name another file")
        return found


def _size(text: str) -> int | None:
    text = text.removesuffix("\n")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def witness_of(settings: WitnessSettings, clock: Clock) -> Witness:
    """The witness of its settings."""
    if settings.file is not None:
        return FileWitness(settings.file)
    if settings.syslog is not None:
        return SyslogWitness(settings.syslog, clock)
    if settings.s3 is not None:
        from jitui.witness.bucket import BucketWitness  # noqa: PLC0415 - boto3 takes long to import

        return BucketWitness(settings.s3, clock)
    if settings.timestamps is not None:
        return TimestampAuthority(settings.timestamps, clock)
    if settings.ml_dsa_44 is not None:
        return OwnKey(settings.ml_dsa_44, clock)
    return CosigningWitness(settings.url or "", parse_key(settings.key or ""))
