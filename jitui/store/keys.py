"""The ledger's key: Ed25519, made once, private to the gateway's user. It signs heads of the chain and nothing else."""

from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key

from jitui.errors import UnsafeError
from jitui.private_file import write_private
from jitui.tape.chain import key_id


@dataclass(frozen=True, slots=True)
class LedgerKey:
    """The private key, its raw public bytes, and the name of both."""

    private: Ed25519PrivateKey = field(repr=False)
    public: bytes
    id: str

    def sign(self, text: bytes) -> bytes:
        return self.private.sign(text)


def ledger_key(path: Path) -> LedgerKey:
    """The key in `path` (PKCS 8, PEM), made there with mode 0600 if there is none. Raises UnsafeError if it can't be read."""
    if not path.exists():
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write_private(path, pem)
    try:
        private = load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UnsafeError(f"{path} is not a ledger key ({error}); restore it, or move it away and the next start makes a new one") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise UnsafeError(f"{path} is not an Ed25519 key; restore it, or move it away and the next start makes a new one")
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return LedgerKey(private, public, key_id(public))
