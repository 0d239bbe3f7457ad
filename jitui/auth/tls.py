"""The gateway's side of TLS: its own certificate authority and server certificate, or those that an administrator brings.

The authority (P-256) signs only the server leaf. Agents' kubeconfigs pin it, so it is made once and lasts ten years; the leaf lasts 90 days and is
renewed when two thirds of that are over, when the names change, and when it does not fit its key or authority. Both pass the strictest of the
clients: Python 3.13 (VERIFY_X509_STRICT, RFC 5280), Go, and OpenSSL.

    material = ensure(folder, ["gateway.example", "127.0.0.1"], clock.now())     regularly; cheap while nothing is due
    context = server_context(material)                                           once
    refresh(context, material)                                                   when `ensure` returned a new one; needs no restart
"""

import hashlib
import ipaddress
import re
import secrets
import ssl
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from jitui.values.errors import ConfigurationError, UnsafeError
from jitui.values.instant import Instant
from jitui.values.private_file import write_private

CA_LIFE: Final = timedelta(days=3650)
LEAF_LIFE: Final = timedelta(days=90)
SKEW: Final = timedelta(hours=1)  # clients whose clock is behind accept a new certificate, too
UNREADABLE: Final = (  # a certificate or key that is not there, is none, or is of a kind that `cryptography` does not know
    OSError, ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType,
)  # fmt: skip
DNS_NAME: Final = re.compile(r"(\*\.)?([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*")


@dataclass(frozen=True, slots=True)
class Material:
    """The files of a server context. Two are equal if they hold the same certificate."""

    certificate: Path  # PEM; the leaf, then the certificates that follow it in the file
    key: Path
    authority: Path  # PEM; what clients pin
    fingerprint: str  # of the authority, for people: SHA-256 as AB:CD:...
    leaf: str  # SHA-256 of the leaf, hex
    renew_us: int  # UTC microseconds; when `ensure` renews it, or when the administrator should
    pinned: str  # the certificates of `authority`, PEM without the comments that a file may have in any encoding


def ensure(folder: Path, names: Sequence[str], now: Instant) -> Material:
    """The gateway's own authority and a leaf for these DNS names and addresses, made if missing or due. Blocks for some milliseconds.

    keys/ca.key and keys/server.key are 0600, server.crt too, ca.crt may be read by all. Raises ConfigurationError for names that
    can't be certified and for an authority that expires, UnsafeError for a key that others may read.
    """
    wanted = _names(names)
    moment = _moment(now.wall_us)
    keys = folder / "keys"
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority, signer = _authority(folder, moment)
    certificate, key = folder / "server.crt", keys / "server.key"
    leaf = _standing(certificate, key, wanted, authority, moment) or _issue(certificate, key, wanted, authority, signer, moment)
    return _material(certificate, key, folder / "ca.crt", [authority], leaf)


def own(certificate: Path, key: Path, names: Sequence[str], now: Instant, *, authority: Path | None = None) -> Material:
    """A certificate and key that an administrator brings; clients pin `authority`, by default the last certificate in the file.

    Raises ConfigurationError, in one line, for a pair that would fail in the client: wrong key, wrong names, expired.
    """
    try:
        chain = x509.load_pem_x509_certificates(certificate.read_bytes())
        private = serialization.load_pem_private_key(key.read_bytes(), None)
        trusted = x509.load_pem_x509_certificates(authority.read_bytes()) if authority is not None else [*chain[-1:], *chain[:-1]]
        certified, fits = _certified(chain[0]), chain[0].public_key() == private.public_key()
    except UNREADABLE as error:
        raise ConfigurationError(f"certificate {certificate} or its key {key} can't be used: {_reason(error)}") from error
    _private(key)
    leaf = chain[0]
    if not fits:
        raise ConfigurationError(f"key {key} does not belong to the first certificate in {certificate}")
    moment = _moment(now.wall_us)
    if not leaf.not_valid_before_utc <= moment < leaf.not_valid_after_utc:
        raise ConfigurationError(f"certificate {certificate} is valid from {leaf.not_valid_before_utc:%F} to {leaf.not_valid_after_utc:%F}, not now")
    missing = [name for name in names if not _covered(name, certified)]
    if missing:
        raise ConfigurationError(f"certificate {certificate} is not for {', '.join(missing)}; change listen.names and listen.kube_names, or bring another")
    return _material(certificate, key, authority or certificate, trusted, leaf)


class Direct(ssl.SSLObject):
    """TLS over memory, as the loop has it. Its reads, writes and looks at what is decrypted are those of the C object, without a Python call around each:
    a list of pods comes in a dozen records.
    """

    _sslobj: Any

    @property
    def read(self) -> Callable[..., Any]:
        return self._sslobj.read  # type: ignore[no-any-return]

    @property
    def write(self) -> Callable[..., int]:
        return self._sslobj.write  # type: ignore[no-any-return]

    @property
    def pending(self) -> Callable[[], int]:
        return self._sslobj.pending  # type: ignore[no-any-return]


class _Asked(Direct):
    """The gateway's end of a connection, with the host that the client asked for."""

    name = ""


def server_context(material: Material, *, names: bool = False) -> ssl.SSLContext:
    """TLS 1.2 or later, HTTP/1.1 only (protocol: upgrades and h2 don't go together). `names`: `server_name` can tell what a client asked for.

    A server name that is not ASCII then fails the handshake, and Python calls sys.unraisablehook with its UnicodeDecodeError. Raises ConfigurationError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslobject_class = Direct
    if names:
        context.sslobject_class = _Asked
        context.sni_callback = _asked
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    refresh(context, material)
    return context


def refresh(context: ssl.SSLContext, material: Material) -> None:
    """Serves this certificate from the next handshake on; open connections keep theirs. Raises ConfigurationError."""
    try:
        context.load_cert_chain(material.certificate, material.key, password=_no_password)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"certificate {material.certificate} or its key {material.key} can't be used: {_reason(error)}") from error


def server_name(end: object) -> str:
    """The host that a client asked for in its handshake (SNI, RFC 6066, 3), of the `ssl_object` of a transport; empty if it named none."""
    return end.name if isinstance(end, _Asked) else ""


def covers(material: Material, name: str) -> bool:
    """Whether the certificate is for this DNS name or address."""
    return _covered(name, _certified(x509.load_pem_x509_certificate(material.certificate.read_bytes())))


def fingerprint(pem: bytes) -> str:
    """SHA-256 of the first certificate, as AB:CD:..., which people compare. Raises ValueError."""
    return x509.load_pem_x509_certificate(pem).fingerprint(hashes.SHA256()).hex(":").upper()


def _authority(folder: Path, moment: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    certificate, key = folder / "ca.crt", folder / "keys" / "ca.key"
    if not certificate.exists() and not key.exists():
        made, signer = _make_authority(moment)
        write_private(key, _pem(signer))
        write_private(certificate, made.public_bytes(serialization.Encoding.PEM), mode=0o644)
    _private(key)
    try:
        authority = x509.load_pem_x509_certificate(certificate.read_bytes())
        loaded = serialization.load_pem_private_key(key.read_bytes(), None)
        fits = isinstance(loaded, ec.EllipticCurvePrivateKey) and authority.public_key() == loaded.public_key()
    except UNREADABLE as error:
        raise ConfigurationError(f"the gateway's certificate authority, {certificate} and {key}, can't be read: {_reason(error)}; restore both, or delete "
                                 "both and give the agents new kubeconfigs") from error  # fmt: skip
    if not isinstance(loaded, ec.EllipticCurvePrivateKey) or not fits:
        raise ConfigurationError(f"{key} is not the key of {certificate}; restore both, or delete both and give the agents new kubeconfigs")
    if moment >= authority.not_valid_after_utc:
        raise ConfigurationError(f"the gateway's certificate authority {certificate} ended on {authority.not_valid_after_utc:%Y-%m-%d}; delete it and {key}, "
                                 "and give the agents new kubeconfigs")  # fmt: skip
    return authority, loaded


def _make_authority(moment: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    signer = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"jitui gateway CA {secrets.token_hex(4)}")])  # each has its own name, so that
    identifier = x509.SubjectKeyIdentifier.from_public_key(signer.public_key())  # OpenSSL never mistakes one for another
    usage = _usage(key_cert_sign=True, crl_sign=True)
    certificate = (
        _builder(name, name, signer.public_key(), moment, moment + CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(signer, hashes.SHA256())
    )
    return certificate, signer


def _issue(
    certificate: Path, key: Path, names: Sequence[x509.GeneralName], authority: x509.Certificate, signer: ec.EllipticCurvePrivateKey, moment: datetime
) -> x509.Certificate:
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "jitui gateway")])
    above = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    leaf = (
        _builder(subject, authority.subject, private.public_key(), moment, min(moment + LEAF_LIFE, authority.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(above), critical=False)
        .sign(signer, hashes.SHA256())
    )
    write_private(key, _pem(private))  # a crash between the two writes leaves a pair that does not fit: the next start makes another
    write_private(certificate, leaf.public_bytes(serialization.Encoding.PEM))
    return leaf


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    blank = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public)
    return blank.serial_number(x509.random_serial_number()).not_valid_before(start - SKEW).not_valid_after(end)


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature, key_cert_sign=key_cert_sign, crl_sign=crl_sign, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _standing(
    certificate: Path, key: Path, names: Sequence[x509.GeneralName], authority: x509.Certificate, moment: datetime
) -> x509.Certificate | None:
    """The existing leaf, if it serves these names, fits its key and its authority, and is not due."""
    if key.exists():
        _private(key)
    try:
        leaf = x509.load_pem_x509_certificate(certificate.read_bytes())
        private = serialization.load_pem_private_key(key.read_bytes(), None)
        leaf.verify_directly_issued_by(authority)
    except Exception:  # noqa: BLE001 - missing, cut short, of another authority: each is a reason to make one, none to stop
        return None
    fits = leaf.public_key() == private.public_key() and set(_certified(leaf)) == set(names)
    return leaf if fits and leaf.not_valid_before_utc <= moment < _due(leaf) else None


def _material(certificate: Path, key: Path, authority: Path, trusted: Sequence[x509.Certificate], leaf: x509.Certificate) -> Material:
    """`trusted`: the certificates of the file `authority`; people compare the first."""
    pinned = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in trusted)
    digest = hashlib.sha256(leaf.public_bytes(serialization.Encoding.DER)).hexdigest()
    return Material(certificate, key, authority, fingerprint(pinned), digest, round(_due(leaf).timestamp()) * 1_000_000, pinned.decode("ascii"))


def _due(leaf: x509.Certificate) -> datetime:
    """When two thirds of its lifetime are over."""
    return leaf.not_valid_before_utc + (leaf.not_valid_after_utc - leaf.not_valid_before_utc) * 2 / 3


def _names(names: Sequence[str]) -> list[x509.GeneralName]:
    if not names:
        raise ConfigurationError("listen.names is empty; name what agents will call the gateway")
    wanted: list[x509.GeneralName] = []
    for name in dict.fromkeys(names):
        try:
            wanted.append(x509.IPAddress(ipaddress.ip_address(name.strip("[]"))))
        except ValueError:
            if not DNS_NAME.fullmatch(name) or len(name) > 253:
                raise ConfigurationError(f"listen.names: {name!r} is neither a DNS name in ASCII nor an IP address") from None
            wanted.append(x509.DNSName(name.lower()))
    return wanted


def _certified(leaf: x509.Certificate) -> list[x509.GeneralName]:
    try:
        return list(leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return []


def _covered(name: str, certified: Sequence[x509.GeneralName]) -> bool:
    (wanted,) = _names([name])
    if wanted in certified:
        return True
    _, _, parent = name.lower().partition(".")
    return isinstance(wanted, x509.DNSName) and bool(parent) and x509.DNSName(f"*.{parent}") in certified


def _private(key: Path) -> None:
    """Raises UnsafeError for a key that others may read."""
    try:
        mode = key.stat().st_mode & 0o777
    except OSError:
        return  # reading it says what is wrong
    if mode & 0o077:
        raise UnsafeError(f"key {key} has mode {mode:04o}, so others may read it; chmod 600 {key}, and treat it as known: make another")


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _moment(wall_us: int) -> datetime:
    return datetime.fromtimestamp(wall_us // 1_000_000, UTC)


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error).splitlines()[0].lower() if str(error) else type(error).__name__


def _asked(end: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
    if isinstance(end, _Asked):
        end.name = name or ""


def _no_password() -> str:
    raise ValueError("the key is encrypted; bring one without a password, readable by the gateway's user only")


def unraisable(found: Any) -> None:
    """Says nothing of a stranger's TLS server name that is not ASCII: the handshake has failed, and that is all. Of other errors, as Python does."""
    if not (isinstance(found.exc_value, UnicodeDecodeError) and isinstance(found.object, bytes)):
        sys.__unraisablehook__(found)
