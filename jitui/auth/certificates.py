"""OpenSSH user certificates (PROTOCOL.certkeys of OpenSSH): a key that an authority of the configuration vouches for, by name and for a time.

A certificate is read here before the SSH library sees it, by the gateway's clock. It has to name its principals; those that name nobody would be good
for everybody. The only option that it may demand is `source-address`.
"""

import base64
import hmac
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_network
from types import MappingProxyType
from typing import Final, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    SSHCertificateType,
    SSHCertPublicKeyTypes,
    load_ssh_public_identity,
)

from jitui.auth.peer import address
from jitui.auth.sshkeys import HARDWARE, RSA, RSA_BITS, PublicKey, fingerprint, is_certificate, type_of
from jitui.values.errors import InvalidError, UnknownCallerError
from jitui.values.instant import rfc3339
from jitui.values.said import clean

FOREVER: Final = (1 << 64) - 1  # seconds: the certificate does not expire
SOURCE: Final = b"source-address"
LONG: Final = 32 << 10  # bytes of a certificate
SHA2: Final = (b"rsa-sha2-256", b"rsa-sha2-512")


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that was good when it was shown."""

    key: str  # fingerprint of the key that it is for
    authority: str  # fingerprint of the key that signed it
    id: str  # the name that its authority gave it, cleaned
    serial: int
    principals: tuple[str, ...]
    until_us: int  # it expires then, UTC; 0 for never

    @property
    def said(self) -> str:
        """For people and the record."""
        return f'key {self.key}, certificate "{self.id}" serial {self.serial} of {self.authority}'


@dataclass(frozen=True, slots=True)
class Trust:
    """Beside keys of its own, an SSH client may be known by these."""

    authorities: Mapping[str, bytes] = field(default_factory=dict)  # keys of certificate authorities, by fingerprint
    passwords: bool = False  # a jitui token, as the password

    @classmethod
    def of(cls, authorities: Iterable[PublicKey], *, passwords: bool = False) -> Self:
        return cls(MappingProxyType({key.fingerprint: key.blob for key in authorities}), passwords)

    def read(self, blob: bytes, name: str, client: str, now_us: int) -> Certificate:
        """The certificate that a client at the address `client` shows as `name`, at `now_us` (UTC). Raises UnknownCallerError."""
        shown = _parsed(blob)
        try:
            signer = shown.signature_key()
        except (ValueError, UnsupportedAlgorithm) as error:
            raise UnknownCallerError("the certificate's authority is unknown here") from error
        authority = _encoded(signer)
        kept = self.authorities.get(fingerprint(authority), bytes(32))
        if not hmac.compare_digest(kept, authority):
            raise UnknownCallerError(f"the certificate's authority, {fingerprint(authority)}, is unknown here; an admin names it under ssh.user_ca")
        _must_be_signed(shown, signer, blob)
        key = shown.public_key()
        if isinstance(key, RSAPublicKey) and key.key_size not in RSA_BITS:
            raise UnknownCallerError(f"the certificate is for an RSA key of {key.key_size} bits; {RSA_BITS.start} are needed")
        principals = _principals(shown)
        _must_allow(shown, principals, name, client, now_us)
        until_us = 0 if shown.valid_before == FOREVER else shown.valid_before * 1_000_000
        return Certificate(fingerprint(_encoded(key)), fingerprint(authority), clean(shown.key_id.decode("utf-8", "replace"), 100), shown.serial,
                           principals, until_us)

    def must_stand(self, certificate: Certificate, now_us: int) -> None:
        """Raises UnknownCallerError if the certificate has expired by `now_us` (UTC), or its authority is trusted no more."""
        if certificate.until_us and now_us >= certificate.until_us:
            raise UnknownCallerError(f'your certificate "{certificate.id}" expired at {rfc3339(certificate.until_us)}; get another of your authority')
        if certificate.authority not in self.authorities:
            raise UnknownCallerError(f'the authority of your certificate "{certificate.id}" is not trusted here any more; ask an admin')


def must_be_authority(key: PublicKey) -> None:
    """Raises InvalidError for a key whose certificates can't be checked."""
    if key.type in HARDWARE:
        raise InvalidError(f"{key.type} is held by a FIDO device; certificates by such an authority are not taken: use one of another type")


def _parsed(blob: bytes) -> SSHCertificate:
    """Raises UnknownCallerError for anything but a certificate of a plain type, whole."""
    shown: object = None
    if len(blob) <= LONG and is_certificate(blob):
        with suppress(ValueError, UnsupportedAlgorithm, NotImplementedError):
            shown = load_ssh_public_identity(type_of(blob) + b" " + base64.b64encode(blob))
    if not isinstance(shown, SSHCertificate):
        raise UnknownCallerError("that is no certificate, or one of a type that is not taken here")
    return shown


def _encoded(key: SSHCertPublicKeyTypes) -> bytes:
    return base64.b64decode(key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1])


def _must_be_signed(shown: SSHCertificate, signer: SSHCertPublicKeyTypes, blob: bytes) -> None:
    """Raises UnknownCallerError unless the authority signed it, and not over SHA-1, which an RSA key may do (RFC 8332)."""
    try:
        shown.verify_cert_signature()
    except (InvalidSignature, ValueError) as error:
        raise UnknownCallerError("the certificate was altered: its authority did not sign it so") from error
    if isinstance(signer, RSAPublicKey):
        length = (signer.key_size + 7) // 8  # of the signature, which stands last; its name stands before it
        if signer.key_size not in RSA_BITS or not any(blob[: -length - 4].endswith(len(name).to_bytes(4, "big") + name) for name in SHA2):
            raise UnknownCallerError(f"the certificate is signed with {RSA} over SHA-1, or by a key too short; sign it with: ssh-keygen -t rsa-sha2-512")


def _principals(shown: SSHCertificate) -> tuple[str, ...]:
    try:
        return tuple(each.decode("utf-8") for each in shown.valid_principals)
    except UnicodeDecodeError as error:
        raise UnknownCallerError("a principal of the certificate is no text") from error


def _must_allow(shown: SSHCertificate, principals: tuple[str, ...], name: str, client: str, now_us: int) -> None:
    """Raises UnknownCallerError unless it is a user's, of this name, from this address, now, with no other demand."""
    if shown.type is not SSHCertificateType.USER:
        raise UnknownCallerError("it is a host's certificate; a user's is needed")
    if name not in principals:
        raise UnknownCallerError("the certificate does not name this identity among its principals; they are identities' names, exactly")
    if not shown.valid_after * 1_000_000 <= now_us < shown.valid_before * 1_000_000:
        raise UnknownCallerError("the certificate is not valid at this time")
    for option, value in shown.critical_options.items():
        if option != SOURCE:
            raise UnknownCallerError(f"the certificate demands {clean(option.decode('latin-1'), 40)}, which jitui does not do")
        if not _within(value, client):
            raise UnknownCallerError("the certificate is not for a client at this address")


def _within(networks: bytes, client: str) -> bool:
    """Whether an address is in one of the networks of `source-address`; a list that can't be read has none."""
    try:
        here, _ = address(client, 0)
        allowed = [ip_network(each) for each in networks.decode("ascii").split(",")]
    except ValueError:
        return False
    return any(here.version == each.version and here in each for each in allowed)
