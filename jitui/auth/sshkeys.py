"""SSH public keys: read from the files that people have, and found again when a client proves that it has the private half.

A key is known by its fingerprint, the SHA-256 of its encoding (RFC 4253, 6.6), as `ssh-keygen -l` prints it. It belongs to one identity, and once it is
revoked it is nobody's for good. The types are those that OpenSSH makes and that need neither SHA-1 nor DSA.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_public_key

from jitui.values.errors import InvalidError, UnknownCallerError
from jitui.values.instant import rfc3339
from jitui.values.said import clean

ED25519: Final = "ssh-ed25519"
RSA: Final = "ssh-rsa"
PLAIN: Final = frozenset({ED25519, "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", RSA})
HARDWARE: Final = frozenset({"sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"})  # held by a FIDO device
TYPES: Final = PLAIN | HARDWARE
RSA_BITS: Final = range(3072, 16385)  # ssh-keygen makes 3072 unless told otherwise; OpenSSH takes 16384 at most
CERTIFICATE: Final = "-cert-v01@openssh.com"  # the end of a certificate's type

FILE: Final = 256 << 10  # bytes of a file of keys
KEYS: Final = 64  # in one file
COMMENT: Final = 100  # characters
FINGERPRINT: Final = re.compile(r"SHA256:[A-Za-z0-9+/]{43}\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One public key, as it was in a file."""

    type: str
    blob: bytes = field(repr=False)
    comment: str = ""

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.blob)


def fingerprint(blob: bytes) -> str:
    """`SHA256:` and 43 characters of an encoded key, as ssh-keygen prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode("ascii").rstrip("=")


def type_of(blob: bytes) -> bytes:
    """The type that an encoded key or certificate names first; of other bytes, anything."""
    return blob[4 : 4 + int.from_bytes(blob[:4], "big")]


def is_certificate(blob: bytes) -> bool:
    return type_of(blob).endswith(CERTIFICATE.encode("ascii"))


def read_keys(text: str) -> tuple[PublicKey, ...]:
    """The keys of a `.pub` file, or of an authorized_keys file without options, each once. Raises InvalidError, which names the line."""
    if len(text) > FILE:
        raise InvalidError(f"a file of {len(text)} characters is no file of public keys; it has {FILE} at most")
    if "PRIVATE KEY" in text:
        raise InvalidError("this is a private key, which jitui must never see; give the public one, in the file beside it whose name ends in .pub")
    if "BEGIN SSH2 PUBLIC KEY" in text or "BEGIN PUBLIC KEY" in text or "BEGIN RSA PUBLIC KEY" in text:
        raise InvalidError("this public key is not in OpenSSH's form, one line that begins with its type; make that with: ssh-keygen -i -f FILE")
    found: dict[bytes, PublicKey] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key = _read(line.split(), number)
        found.setdefault(key.blob, key)
        if len(found) > KEYS:
            raise InvalidError(f"more than {KEYS} keys are in one file; give those of one identity")
    if not found:
        raise InvalidError("no public key is in it; the file that ssh-keygen makes has a name that ends in .pub")
    return tuple(found.values())


def _read(words: list[str], number: int) -> PublicKey:
    """The key of one line. Raises InvalidError."""
    kind, where = words[0], f"line {number}"
    if kind.endswith(CERTIFICATE):
        raise InvalidError(f"{where} is a certificate; give the key that it is for, or trust its authority: ssh: {{user_ca: [FILE]}} in the configuration")
    if kind not in TYPES:
        if any(word in TYPES for word in words[1:]):
            raise InvalidError(f"{where} has options before the key ({clean(words[0], 40)}), which jitui would not heed; give the key without them")
        raise InvalidError(f"{where} has no key of a type that is taken ({clean(kind, 40)}); it is one of: {', '.join(sorted(TYPES))}")
    try:
        blob = base64.b64decode(words[1], validate=True)
    except (IndexError, binascii.Error, ValueError):
        raise InvalidError(f"{where} is cut or altered: no key stands behind {kind}") from None
    must_be_key(kind, blob, where)
    return PublicKey(kind, blob, clean(" ".join(words[2:]), COMMENT))


def must_be_key(kind: str, blob: bytes, where: str) -> None:
    """Raises InvalidError if `blob` is not a key of this type, in the one encoding it has, and as long as it must be."""
    line = kind.encode("ascii") + b" " + base64.b64encode(blob)
    try:
        key = load_ssh_public_key(line)
    except (ValueError, UnsupportedAlgorithm, NotImplementedError):
        raise InvalidError(f"{where} is cut or altered: it does not hold the {kind} key that it says") from None
    if kind in PLAIN and key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) != line:
        raise InvalidError(f"{where} is altered: its {kind} key is not encoded as OpenSSH does, so it would have a second fingerprint")
    if isinstance(key, RSAPublicKey) and key.key_size not in RSA_BITS:
        raise InvalidError(f"{where} has an RSA key of {key.key_size} bits; {RSA_BITS.start} to {RSA_BITS.stop - 1} are taken; "
                           "make another with: ssh-keygen -t ed25519")


class KeyRow(Protocol):
    """A key as the ledger keeps it; times in UTC microseconds, 0 for never."""

    @property
    def fingerprint(self) -> str: ...
    @property
    def identity(self) -> str: ...
    @property
    def added_by(self) -> str: ...
    @property
    def added_us(self) -> int: ...
    @property
    def type(self) -> str: ...
    @property
    def key(self) -> bytes: ...
    @property
    def comment(self) -> str: ...
    @property
    def revoked_us(self) -> int: ...


class SshKeys:
    """Every key that was ever added, by its fingerprint."""

    def __init__(self, rows: Iterable[KeyRow] = ()) -> None:
        self._rows: dict[str, KeyRow] = {row.fingerprint: row for row in rows}

    def put(self, row: KeyRow) -> None:
        """Puts in a new key, or a new state of an old one."""
        self._rows[row.fingerprint] = row

    def get(self, of: str) -> KeyRow | None:
        """The key with that fingerprint, also one that was revoked."""
        return self._rows.get(of)

    def of(self, identity: str) -> tuple[KeyRow, ...]:
        """All keys of an identity, in the order in which they were added."""
        return tuple(row for row in self._rows.values() if row.identity == identity)

    def owner(self, blob: bytes) -> str:
        """The identity that a presented key is of; empty if it is nobody's, or not any more."""
        row = self._rows.get(fingerprint(blob))
        kept = row.key if row else bytes(32)
        return row.identity if hmac.compare_digest(kept, blob) and row is not None and not row.revoked_us else ""

    def must_stand(self, of: str, identity: str) -> None:
        """Raises UnknownCallerError if that key is not this identity's any more: for a caller that is still connected."""
        row = self._rows.get(of)
        if row is None or row.identity != identity:
            raise UnknownCallerError(f"your key {of} is unknown here; ask an admin to add it: jitui identity add-key {identity} FILE")
        if row.revoked_us:
            raise UnknownCallerError(f"your key {of} was revoked at {rfc3339(row.revoked_us)}; ask an admin to add another: "
                                     f"jitui identity add-key {identity} FILE")

    def __iter__(self) -> Iterator[KeyRow]:
        return iter(self._rows.values())
