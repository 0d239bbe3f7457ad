"""Signed notes and the keys that sign them (c2sp.org/signed-note, c2sp.org/tlog-cosignature).

A note is a text of lines, an empty line, and lines of signatures. A key is named by its name and four bytes of a hash, and written as a verifier
key: name+hash+base64 of its type and its public bytes.
"""

import base64
import binascii
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from jitui.values.errors import InvalidError

ED25519: Final = 0x01  # of a log
COSIGNED: Final = 0x04  # Ed25519 of a witness, with a time
COSIGNED_ML_DSA_44: Final = 0x06  # ML-DSA-44 of a witness, with a time
PUBLIC: Final = {ED25519: 32, COSIGNED: 32, COSIGNED_ML_DSA_44: 1312}  # bytes of a public key
MOST_TEXT: Final = 1 << 20  # bytes of a note
MOST_SIGNATURES: Final = 100
DASH: Final = "— "


@dataclass(frozen=True, slots=True)
class Signature:
    """One line below a note."""

    name: str
    key_id: bytes  # four bytes
    value: bytes  # a cosignature begins with its time: eight bytes, seconds since 1970

    def __str__(self) -> str:
        return f"{DASH}{self.name} {base64.b64encode(self.key_id + self.value).decode()}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text that ends with a newline, and its signatures, of which nothing is believed yet."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return f"{self.text}\n{''.join(map(str, self.signatures))}"

    def with_more(self, more: Iterable[Signature]) -> "Note":
        return Note(self.text, (*self.signatures, *(each for each in more if each not in self.signatures)))


@dataclass(frozen=True, slots=True)
class Key:
    """A key that verifies: its name, the type of its signatures, its public bytes."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        return sha256(f"{self.name}\n".encode() + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([self.kind]) + self.public).decode()}"

    def signed(self, text: str, value: bytes) -> int | None:
        """The time of a signature over a text, seconds since 1970; 0 if its kind has none; None if it is false."""
        try:
            if self.kind == ED25519:
                Ed25519PublicKey.from_public_bytes(self.public).verify(value, text.encode())
                return 0
            at = int.from_bytes(value[:8], "big")
            if len(value) <= 8 or at >= 1 << 63:
                return None
            if self.kind == COSIGNED:
                Ed25519PublicKey.from_public_bytes(self.public).verify(value[8:], f"cosignature/v1\ntime {at}\n{text}".encode())
            else:
                MLDSA44PublicKey.from_public_bytes(self.public).verify(value[8:], subtree_message(self.name, at, text))
        except (InvalidSignature, ValueError):
            return None
        return at


def subtree_message(name: str, at: int, text: str) -> bytes:
    """The bytes that an ML-DSA-44 cosignature covers: of a checkpoint its first three lines. Raises ValueError for another text."""
    origin, size, root, *_ = text.split("\n")
    parts = [b"subtree/v1\n\0", bytes([len(name.encode())]), name.encode(), at.to_bytes(8, "big"), bytes([len(origin.encode())]), origin.encode(),
             bytes(8), int(size).to_bytes(8, "big"), base64.b64decode(root, validate=True)]
    return b"".join(parts)


def parse(text: str) -> Note:
    """The note of a text. Raises InvalidError."""
    if len(text) > MOST_TEXT:
        raise InvalidError(f"it is no signed note: it has {len(text)} characters, {MOST_TEXT} at most")
    if any(each < " " and each != "\n" for each in text):
        raise InvalidError("it is no signed note: there is a control character in it")
    body, empty, rest = text.rpartition("\n\n")
    if not empty or not body or not rest.endswith("\n"):
        raise InvalidError("it is no signed note: a text, an empty line, and lines of signatures")
    lines = rest[:-1].split("\n")
    if len(lines) > MOST_SIGNATURES:
        raise InvalidError(f"it is no signed note: it has {len(lines)} signatures, {MOST_SIGNATURES} at most")
    return Note(body + "\n", tuple(parse_signature(line) for line in lines))


def parse_signature(line: str) -> Signature:
    """The signature of one line, without its newline. Raises InvalidError."""
    name, _, told = line.removeprefix(DASH).partition(" ")
    value = _decoded(told)
    if not line.startswith(DASH) or not is_name(name) or value is None or len(value) < 5:
        raise InvalidError(f"{line[:80]!r} is no line of a signature")
    return Signature(name, value[:4], value[4:])


def parse_key(text: str) -> Key:
    """The key of a verifier key's text. Raises InvalidError."""
    name, _, rest = text.partition("+")
    digits, _, told = rest.partition("+")
    value = _decoded(told)
    if not is_name(name) or value is None or len(value) < 2:
        raise InvalidError(f"{text[:80]!r} is no verifier key: name+hash+key")
    key = Key(name, value[0], value[1:])
    if PUBLIC.get(key.kind) != len(key.public):
        raise InvalidError(f"the verifier key of {name} is of a type that is not known here ({key.kind}, {len(key.public)} bytes)")
    if key.id.hex() != digits:
        raise InvalidError(f"the verifier key of {name} is damaged: its hash is {key.id.hex()}, not {digits[:16]!r}")
    return key


def sign(text: str, name: str, public: bytes, signer: Callable[[bytes], bytes]) -> Note:
    """A text signed by the Ed25519 key of a log."""
    return Note(text, (Signature(name, Key(name, ED25519, public).id, signer(text.encode())),))


def cosign(text: str, name: str, public: bytes, at: int, signer: Callable[[bytes], bytes]) -> Signature:
    """The cosignature of a checkpoint by the Ed25519 key of a witness, at that time (seconds since 1970)."""
    value = at.to_bytes(8, "big") + signer(f"cosignature/v1\ntime {at}\n{text}".encode())
    return Signature(name, Key(name, COSIGNED, public).id, value)


def cosign_ml_dsa(text: str, name: str, public: bytes, at: int, signer: Callable[[bytes], bytes]) -> Signature:
    """The same by an ML-DSA-44 key, over the first three lines of the checkpoint."""
    return Signature(name, Key(name, COSIGNED_ML_DSA_44, public).id, at.to_bytes(8, "big") + signer(subtree_message(name, at, text)))


def verified(note: Note, keys: Iterable[Key]) -> dict[Key, int]:
    """The keys that signed a note, each with the time of its newest signature (0: none is said). Others' signatures are passed over.

    Raises InvalidError if a signature of one of the keys is false.
    """
    found: dict[Key, int] = {}
    for key in keys:
        for signature in note.signatures:
            if (signature.name, signature.key_id) != (key.name, key.id):
                continue
            at = key.signed(note.text, signature.value)
            if at is None:
                raise InvalidError(f"the signature of {key.name} ({key.id.hex()}) on it is false")
            found[key] = max(at, found.get(key, 0))
    return found


def is_name(name: str) -> bool:
    """Whether a key may have that name."""
    return bool(name) and "+" not in name and not any(each.isspace() for each in name)


def _decoded(text: str) -> bytes | None:
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return value if base64.b64encode(value).decode() == text else None
