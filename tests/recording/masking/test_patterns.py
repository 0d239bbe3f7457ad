"""Secrets by their own form."""

from base64 import b64encode

import pytest

from jitui.recording.masking.patterns import AWS, CREDENTIAL, PRIVATE_KEY, TOKEN, look, secret_like
from jitui.recording.masking.text import LOWER, PLAIN

PEM = b"-----BEGIN PRIVATE KEY-----\n" + b"\n".join([b"Ab1+" * 16] * 4) + b"\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize(("text", "kind", "hidden"), [
    (b"eyJhbGciOiJSUzI1NiIs.eyJpc3MiOiJrdWJl.c2lnbmF0dXJl done\n", TOKEN, b"eyJpc3MiOiJrdWJl"),
    (b"token jt_0123abcd_" + b"x" * 43 + b" here\n", TOKEN, b"x" * 43),
    (b"AKIAABCDEFGHIJKLMNOP and\n", AWS, b"AKIAABCDEFGHIJKLMNOP"),
    (PEM + b"$ ", PRIVATE_KEY, b"Ab1+" * 16),
    (b"key: " + b64encode(PEM) + b" \n", PRIVATE_KEY, b64encode(PEM)[40:80]),
    (b"Authorization: Basic YTpiY2RlZg==\r\n", CREDENTIAL, b"YTpiY2RlZg=="),
    (b"postgres://app:hunter2@db/x\n", CREDENTIAL, b"hunter2"),
    (b"root:$6$saltsalt$" + b"h" * 86 + b":1\n", CREDENTIAL, b"h" * 86),
    (b"Cookie: session=hunter2; a=b\r\n", CREDENTIAL, b"hunter2"),
    (b"ghp_" + b"a1B2" * 9 + b"\n", TOKEN, b"a1B2" * 9),
])  # fmt: skip
def test_a_form_is_found(text: bytes, kind: str, hidden: bytes) -> None:
    """With its kind, and all of it."""
    hits = [hit for hit in look(text, PLAIN.within(text), LOWER.within(text.lower())) if hidden in text[hit.value : hit.end]]
    assert kind in {hit.kind for hit in hits}


@pytest.mark.parametrize("text", [b"http://db:5432/\n", b"-----BEGIN CERTIFICATE-----\n", b"eyJ\n", b"AKIA\n", b"bearer of news\n", b"jt_ x\n"])
def test_what_only_begins_like_one(text: bytes) -> None:
    assert list(look(text, PLAIN.within(text), LOWER.within(text.lower()))) == []


def test_a_secret_key_near_its_id_is_found() -> None:
    """AWS prints the two behind each other."""
    key = "aB3/" * 10
    text = f"AKIAABCDEFGHIJKLMNOP,{key},x\n".encode()
    assert key.encode() in [text[hit.value : hit.end] for hit in look(text, PLAIN.within(text), LOWER.within(text.lower()))]


@pytest.mark.parametrize(("word", "expected"), [(b"hunter2222", True), (b"password", False), (b"12345678", False), (b"abc123", False), (b"a" * 32, True)])
def test_words_that_look_like_secrets(word: bytes, expected: bool) -> None:
    """Long, or of letters and digits."""
    assert secret_like(word) is expected
