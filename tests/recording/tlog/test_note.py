"""Signed notes, as Go's reference signs them, and as anybody may damage them."""

import base64
import contextlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, strategies as st

from jitui.recording.tlog.note import COSIGNED, COSIGNED_ML_DSA_44, ED25519, Key, Signature, cosign, parse, parse_key, sign, subtree_message, verified
from jitui.values.errors import InvalidError
from tests.recording.tlog.test_tree import CORPUS

NOTED = [told for told in CORPUS if "note" in told]
SECRET = Ed25519PrivateKey.from_private_bytes(b"l" * 32)
PUBLIC = SECRET.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
TEXT = f"example.com/x\n3\n{base64.b64encode(bytes(32)).decode()}\n"


def test_as_go_signs() -> None:
    """Text, keys and both signatures of golang.org/x/mod/sumdb/note and filippo.io/torchwood are read, written and verified alike."""
    assert len(NOTED) == 9
    for told in NOTED:
        note, keys = parse(told["note"]), [parse_key(text) for text in told["keys"]]
        assert (str(note), [str(key) for key in keys], [key.kind for key in keys]) == (told["note"], told["keys"], [ED25519, COSIGNED])
        log, witness = keys
        found = verified(note, keys)
        assert found[log] == 0
        assert found[witness] > 1_700_000_000


def test_it_signs_as_go_does() -> None:
    """The same keys give the same lines: Ed25519 leaves nothing to chance."""
    from hashlib import sha256  # noqa: PLC0415 - how the reference makes its keys

    log, witness = (Ed25519PrivateKey.from_private_bytes(sha256(name).digest()) for name in (b"log", b"witness"))
    for told in NOTED:
        note, keys = parse(told["note"]), [parse_key(text) for text in told["keys"]]
        at = verified(note, keys)[keys[1]]
        own = sign(note.text, keys[0].name, keys[0].public, log.sign).with_more([cosign(note.text, keys[1].name, keys[1].public, at, witness.sign)])
        assert str(own) == told["note"]


def test_a_signature_of_a_known_key_that_is_false() -> None:
    """It spoils the note; one of an unknown key, or of another name, is passed over."""
    note = sign(TEXT, "example.com/x", PUBLIC, SECRET.sign)
    key, other = Key("example.com/x", ED25519, PUBLIC), Key("example.com/y", ED25519, PUBLIC)
    assert (verified(note, [key]), verified(note, [other])) == ({key: 0}, {})
    (line,) = note.signatures
    broken = note.with_more([Signature(line.name, line.key_id, bytes(64))])
    with pytest.raises(InvalidError, match=r"the signature of example\.com/x .* is false"):
        verified(broken, [key])
    assert verified(broken, [other]) == {}
    assert note.with_more(note.signatures) == note


def test_ml_dsa() -> None:
    """A witness may sign with ML-DSA-44 over the tree, with its name in what it signs."""
    secret = MLDSA44PrivateKey.generate()
    key = Key("w.example", COSIGNED_ML_DSA_44, secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
    value = (7).to_bytes(8, "big") + secret.sign(subtree_message("w.example", 7, TEXT))
    assert key.signed(TEXT, value) == 7
    assert parse_key(str(key)) == key
    assert Key("v.example", COSIGNED_ML_DSA_44, key.public).signed(TEXT, value) is None
    assert key.signed(TEXT, (8).to_bytes(8, "big") + value[8:]) is None
    assert subtree_message("w.example", 7, TEXT)[:12] == b"subtree/v1\n\0"


@pytest.mark.parametrize("text", [
    "", "\n", "a\n", "a\n\n", "\n\n— k AAAAAAA=\n", "a\n\n— k\n", "a\n\n— k AAAA\n", "a\n\n- k AAAAAAA=\n", "a\n\n— k+x AAAAAAA=\n", "a\n\n— k AAAAAAA\n",
    "a\x00\n\n— k AAAAAAA=\n", "a\r\n\n— k AAAAAAA=\n", "a\n\n— k AAAAAAA=", "a\n\n— k AAAAAAB=\n", "a\n\n" + "— k AAAAAAA=\n" * 101,
    "a" * (1 << 20) + "\n\n— k AAAAAAA=\n",
])  # fmt: skip
def test_what_is_no_note(text: str) -> None:
    """One clear line."""
    with pytest.raises(InvalidError, match=r"no signed note|no line of a signature"):
        parse(text)


@pytest.mark.parametrize("text", ["", "k", "k+x", "k+00000000+", "k+00000000+AQ==", "k k+00000000+AAAA", "+00000000+AAAA",
                                  str(Key("k", 9, bytes(32))), str(Key("k", ED25519, bytes(31))), str(Key("k", ED25519, bytes(32))).replace("k+", "l+")])
def test_what_is_no_key(text: str) -> None:
    """One clear line; a type that nobody knows here, and a hash of another key, are none."""
    with pytest.raises(InvalidError, match="verifier key"):
        parse_key(text)


@given(st.text(max_size=400), st.binary(max_size=400))
def test_any_text(text: str, data: bytes) -> None:
    """Nothing but InvalidError comes of any text, and whatever is read is written as it was."""
    for each in (text, data.decode("utf-8", "replace"), str(sign(TEXT, "k", PUBLIC, SECRET.sign))[:len(data)] + text):
        with contextlib.suppress(InvalidError):
            assert str(parse(each)) == each
        with contextlib.suppress(InvalidError):
            assert str(parse_key(each)) == each
    for kind in (ED25519, COSIGNED, COSIGNED_ML_DSA_44):
        assert Key("k", kind, data).signed(text, data) is None
