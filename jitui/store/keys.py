"""The ledger's key: Ed25519, made once, private to the gateway's user. It signs heads of the chain, and the note of what is owed to it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key

from jitui.recording.chain import key_id
from jitui.values.errors import UnsafeError
from jitui.values.private_file import write_private

ANEW: Final = "jitui repair --new-ledger"


@dataclass(frozen=True, slots=True)
class LedgerKey:
    """The private key, its raw public bytes, and the name of both."""

    private: Ed25519PrivateKey = field(repr=False)
    public: bytes
    id: str

    def sign(self, text: bytes) -> bytes:
        return self.private.sign(text)


def ledger_key(path: Path, *, make: bool = True) -> LedgerKey:
    """The key in `path` (PKCS 8, PEM). If there is none it is made there, mode 0600, but with `make` false: a ledger without its key is worth nothing.

    Raises UnsafeError if it can't be read.
    """
    if not path.exists():
        if not make:
            raise UnsafeError(f"{path} is missing, and it signed the ledger that is there; restore it, or go on with a new ledger beside it: {ANEW}")
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write_private(path, pem)
    try:
        private = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UnsafeError(f"{path} is not a ledger key ({error}); restore it, or go on with a new ledger beside it: {ANEW}") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise UnsafeError(f"{path} is not an Ed25519 key; restore it, or go on with a new ledger beside it: {ANEW}")
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return LedgerKey(private, public, key_id(public))
