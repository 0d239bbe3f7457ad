"""Time stamps of RFC 3161: an authority says when it saw a checkpoint's text. The package `rfc3161-client` reads them, where it is installed."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography import x509

from jitui.values.errors import InvalidError

MOST: Final = 64 << 10  # bytes of an answer
LACKING: Final = "time stamps need the package rfc3161-client; install it beside jitui: pip install 'jitui[timestamps]'"


@dataclass(frozen=True, slots=True)
class Stamp:
    """An authority's whole answer, DER. Nothing of it is believed yet."""

    answer: bytes


def query(text: str) -> bytes:
    """The question for a time stamp over a text: DER, with a nonce. Raises InvalidError if the package is missing."""
    package = _package()
    asked: bytes = package.TimestampRequestBuilder().data(text.encode()).hash_algorithm(package.HashAlgorithm.SHA256).build().as_bytes()
    return asked


def must_answer(answer: bytes, text: str) -> None:
    """Raises InvalidError if an authority's answer is no time stamp over the text; who signed it is not looked at."""
    package = _package()
    try:
        found = package.decode_timestamp_response(answer)
        granted = found.status == package.PKIStatus.GRANTED
        about = found.tst_info.message_imprint.message if granted else b""
    except ValueError as error:
        raise InvalidError(f"the authority answers no time stamp: {error}") from None
    if about != hashlib.sha256(text.encode()).digest():
        raise InvalidError("the authority refused to stamp it" if not granted else "the authority stamped something else")


def roots_of(pem: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates in a PEM file. Raises InvalidError if there is none."""
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except ValueError as error:
        raise InvalidError(f"there is no certificate in it: {error}") from None


def stamped(stamp: Stamp, text: str, roots: Sequence[x509.Certificate]) -> int:
    """When the authority saw the text, microseconds UTC, if a chain leads from its signature to one of the roots. Raises InvalidError."""
    package = _package()
    builder = package.VerifierBuilder()
    for root in roots:
        builder = builder.add_root_certificate(root)
    try:
        found = package.decode_timestamp_response(stamp.answer)
        builder.build().verify_message(found, text.encode())
        at_us: int = round(found.tst_info.gen_time.timestamp() * 1_000_000)
    except (package.VerificationError, ValueError) as error:
        raise InvalidError(f"the time stamp is false: {str(error) or type(error).__name__:.200}") from None
    return at_us


def _package() -> Any:
    try:
        import rfc3161_client  # noqa: PLC0415 - an extra
    except ImportError:
        raise InvalidError(LACKING) from None
    return rfc3161_client
