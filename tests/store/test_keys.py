"""The ledger's key."""

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from jitui.recording.chain import key_id
from jitui.store.keys import ledger_key
from jitui.values.errors import UnsafeError


def test_it_is_made_once(tmp_path: Path) -> None:
    """Private to the user, the same at the next start, and it signs what its public half verifies."""
    path = tmp_path / "ledger.ed25519"
    key = ledger_key(path)
    assert (stat.S_IMODE(path.stat().st_mode), [each.name for each in tmp_path.iterdir()]) == (0o600, ["ledger.ed25519"])
    assert (ledger_key(path).public, ledger_key(path).id) == (key.public, key_id(key.public))
    Ed25519PublicKey.from_public_bytes(key.public).verify(key.sign(b"text"), b"text")
    assert "private" not in repr(key)


@pytest.mark.parametrize("content", [b"", b"poem", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
                                     generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())])
def test_something_else_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    """A key that can't be read is not replaced: what it signed could never be verified again."""
    path = tmp_path / "ledger.ed25519"
    path.write_bytes(content)
    with pytest.raises(UnsafeError, match="restore it, or go on with a new ledger beside it: jitui repair --new-ledger"):
        ledger_key(path)
    assert path.read_bytes() == content


def test_a_ledger_without_its_key_gets_no_other(tmp_path: Path) -> None:
    """A new key would sign what it never saw."""
    with pytest.raises(UnsafeError, match=r"ledger.ed25519 is missing, and it signed the ledger that is there; restore it, or .* jitui repair --new-ledger"):
        ledger_key(tmp_path / "ledger.ed25519", make=False)
    assert list(tmp_path.iterdir()) == []
