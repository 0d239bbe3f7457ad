"""Facts about identities, their tokens and their SSH keys. The subject is the identity's name, where nothing else is said."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from jitui.recording.facts.fact import Kind
from jitui.recording.facts.payload import Codec, Payload


def _sha256(value: str) -> bytes:
    digest = bytes.fromhex(value)
    if len(digest) != 32:
        raise ValueError
    return digest


SHA256: Final = Codec(_sha256, bytes.hex)
HASHES: Final = Codec(lambda value: {token: _sha256(digest) for token, digest in value.items()},
                      lambda hashes: {token: digest.hex() for token, digest in hashes.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityAdded(Payload):
    KIND: ClassVar = Kind.IDENTITY_ADDED
    roles: tuple[str, ...]
    owner: str = ""  # of an agent: the person who answers for it
    created_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityDisabled(Payload):
    KIND: ClassVar = Kind.IDENTITY_DISABLED
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenIssued(Payload):
    KIND: ClassVar = Kind.TOKEN_ISSUED
    token: str  # its id only
    expires_us: int  # UTC
    # of the whole token: it holds 256 random bits, so nobody finds it by trying. The first version kept it in a table alone.
    sha256: Annotated[bytes, SHA256] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRevoked(Payload):
    KIND: ClassVar = Kind.TOKEN_REVOKED
    token: str  # its id
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensAdopted(Payload):
    """Once in a ledger's life, what the first version kept of tokens beside the facts is taken over. Subject: gateway."""

    KIND: ClassVar = Kind.TOKENS_ADOPTED
    tables: int = 1  # the number of the ledger's tables, as in store/schema.py
    unsigned: int = 0  # facts of the first version that it had not signed yet
    tokens: Annotated[Mapping[str, bytes], HASHES]  # sha256 by id, of those whose token.issued does not have it


@dataclass(frozen=True, slots=True, kw_only=True)
class SshKeyAdded(Payload):
    KIND: ClassVar = Kind.SSH_KEY_ADDED
    type: str  # ssh-ed25519, and so on
    fingerprint: str  # SHA256:..., of the key, as ssh-keygen -l prints it
    key: bytes  # the public key as RFC 4253, 6.6 encodes it
    comment: str = ""  # from the key's file


@dataclass(frozen=True, slots=True, kw_only=True)
class SshKeyRevoked(Payload):
    KIND: ClassVar = Kind.SSH_KEY_REVOKED
    fingerprint: str
    why: str = ""
