"""Public keys are read as OpenSSH writes them, and nothing else is."""

import base64
from pathlib import Path
from typing import Final

import pytest

from jitui.auth.sshkeys import COMMENT, FINGERPRINT, KEYS, SshKeys, fingerprint, is_certificate, read_keys
from jitui.store import SshKeyRow
from jitui.values.errors import InvalidError, UnknownCallerError
from tests.support import openssh

RIGHT: Final = (("ed25519", 0), ("ecdsa", 256), ("ecdsa", 384), ("ecdsa", 521), ("rsa", 3072))
HARDWARE: Final = {  # made by hand, as a device would: its point, and the application it is for
    "sk-ssh-ed25519@openssh.com": ("ed25519", 0),
    "sk-ecdsa-sha2-nistp256@openssh.com": ("ecdsa", 256),
}


def string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def of_device(kind: str, folder: Path) -> str:
    """The line of a key that a FIDO device holds (PROTOCOL.u2f of OpenSSH): that of an ordinary key, with another type and an application behind it."""
    plain = openssh.blob(openssh.public(openssh.made(folder / kind, *HARDWARE[kind])))
    rest = plain[4 + int.from_bytes(plain[:4], "big") :]
    return f"{kind} {base64.b64encode(string(kind.encode()) + rest + string(b'ssh:')).decode()} token"


@pytest.mark.parametrize(("kind", "bits"), RIGHT)
def test_each_type_that_is_taken(tmp_path: Path, kind: str, bits: int) -> None:
    """Its fingerprint is the one that ssh-keygen prints."""
    key = openssh.made(tmp_path / "key", kind, bits, "ana@laptop")
    (found,) = read_keys(openssh.public(key))
    assert (found.fingerprint, found.comment) == (openssh.printed(key), "ana@laptop")
    assert FINGERPRINT.match(found.fingerprint)
    assert not is_certificate(found.blob)


@pytest.mark.parametrize("kind", HARDWARE)
def test_a_key_that_a_device_holds(tmp_path: Path, kind: str) -> None:
    """It is one of these types; a byte behind it, or one too few, makes it none."""
    line = of_device(kind, tmp_path)
    (found,) = read_keys(line)
    assert (found.type, found.comment) == (kind, "token")
    for other in (found.blob + b"\0", found.blob[:-1]):
        with pytest.raises(InvalidError, match="cut or altered"):
            read_keys(f"{kind} {base64.b64encode(other).decode()}")


def test_several_keys_of_one_file(tmp_path: Path) -> None:
    """All are read, each once; blank lines and comments are passed over, and comments are cleaned."""
    lines = [openssh.public(openssh.made(tmp_path / name)).strip() for name in ("one", "two")]
    found = read_keys(f"# mine\n\n{lines[0]} \x1b[31mred\u202e\n  {lines[1]}\n{lines[0]} again\n")
    assert [key.fingerprint for key in found] == [openssh.printed(tmp_path / name) for name in ("one", "two")]
    assert "\x1b" not in found[0].comment
    assert "\u202e" not in found[0].comment
    assert len(read_keys(f"{lines[0]} {'x' * 500}")[0].comment) == COMMENT


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> str:
    return openssh.public(openssh.made(tmp_path_factory.mktemp("key") / "key")).strip()


WRONG: Final = {
    "": "no public key is in it",
    "# only this": "no public key is in it",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nx": "this is a private key, which jitui must never see",
    "---- BEGIN SSH2 PUBLIC KEY ----\nx": "not in OpenSSH's form",
    'command="/bin/sh" {line}': 'line 1 has options before the key (command="/bin/sh")',
    'from="10.0.0.0/8",no-pty {line}': "line 1 has options before the key",
    "\n{line}\ncert-authority {line}": "line 3 has options before the key",
    "ssh-dss AAAAB3NzaC1kc3MAAACBAP": "no key of a type that is taken (ssh-dss)",
    "hello": "no key of a type that is taken (hello)",
    "ssh-ed25519": "line 1 is cut or altered: no key stands behind ssh-ed25519",
    "ssh-ed25519 AAAA": "line 1 is cut or altered",
    "ssh-ed25519 !!!!": "line 1 is cut or altered",
    "ecdsa-sha2-nistp256 {body}": "line 1 is cut or altered: it does not hold the ecdsa-sha2-nistp256 key that it says",
    "ssh-ed25519 {short}": "line 1 is cut or altered",
    "ssh-ed25519-cert-v01@openssh.com {body}": "line 1 is a certificate",
}


@pytest.mark.parametrize("text", WRONG)
def test_anything_else_is_refused_with_a_sentence(line: str, text: str) -> None:
    """It says which line, and what to give in its place."""
    body = line.split()[1]
    with pytest.raises(InvalidError) as refused:
        read_keys(text.replace("{line}", line).replace("{body}", body).replace("{short}", body[:-4]))
    assert WRONG[text] in str(refused.value)
    assert "\n" not in str(refused.value)


def test_bounds(line: str, tmp_path: Path) -> None:
    """An RSA key that is too short, too many keys, and a file that is no file of keys."""
    with pytest.raises(InvalidError, match="line 1 has an RSA key of 2048 bits; 3072 to 16384 are taken"):
        read_keys(openssh.public(openssh.made(tmp_path / "rsa", "rsa", 2048)))
    with pytest.raises(InvalidError, match="it has 262144 at most"):
        read_keys("#" * 300_000)
    start = openssh.blob(line)[:-4]
    many = [base64.b64encode(start + number.to_bytes(4, "big")).decode() for number in range(KEYS + 1)]
    with pytest.raises(InvalidError, match="more than 64 keys"):
        read_keys("\n".join(f"ssh-ed25519 {each}" for each in many))


def test_a_second_encoding_of_one_key_is_none(tmp_path: Path) -> None:
    """A leading zero in the modulus would give the same key a second fingerprint, and with it a second owner."""
    blob = openssh.blob(openssh.public(openssh.made(tmp_path / "rsa", "rsa", 3072)))
    at = len(string(b"ssh-rsa"))
    exponent = int.from_bytes(blob[at : at + 4], "big")
    modulus = blob[at + 4 + exponent + 4 :]
    altered = blob[: at + 4 + exponent] + string(b"\0" + modulus)
    with pytest.raises(InvalidError, match="altered"):
        read_keys(f"ssh-rsa {base64.b64encode(altered).decode()}")


def row(key: bytes, identity: str = "agent-x", revoked_us: int = 0) -> SshKeyRow:
    return SshKeyRow(fingerprint=fingerprint(key), identity=identity, added_by="root", added_us=1, type="ssh-ed25519", key=key, comment="",
                     revoked_us=revoked_us)


def test_a_presented_key_has_one_owner() -> None:
    """The whole key counts, not only its fingerprint; a revoked one is nobody's at once."""
    keys = SshKeys([row(b"one")])
    assert (keys.owner(b"one"), keys.owner(b"two"), keys.owner(b"")) == ("agent-x", "", "")
    keys.put(SshKeyRow(fingerprint=fingerprint(b"three"), identity="agent-x", added_by="", added_us=1, type="", key=b"other", comment=""))
    assert keys.owner(b"three") == ""
    keys.must_stand(fingerprint(b"one"), "agent-x")
    keys.put(row(b"one", revoked_us=1_795_449_600_000_000))
    assert keys.owner(b"one") == ""
    for identity, why in (("agent-x", "was revoked at 2026"), ("agent-y", "unknown here")):
        with pytest.raises(UnknownCallerError, match=why):
            keys.must_stand(fingerprint(b"one"), identity)
    assert [each.revoked_us > 0 for each in keys.of("agent-x")] == [True, False]
