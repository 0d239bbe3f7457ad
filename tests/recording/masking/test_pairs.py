"""Secrets by the name in front of them."""

import pytest

from jitui.recording.masking.pairs import LONGEST, look
from jitui.recording.masking.text import LOWER


def values(text: bytes) -> list[bytes]:
    return [text[hit.value : hit.end] for hit in look(text, LOWER.within(text.lower()))]


@pytest.mark.parametrize(("text", "secret"), [
    (b"password: hunter2 and more\n", b"hunter2 and more"), (b"DB_PASSWORD=hunter2\n", b"hunter2"), (b'{"client_secret": "hunter2-and"}', b"hunter2-and"),
    (b"--token s3cr3t-t0ken x\n", b"s3cr3t-t0ken"), (b"<password>hunter2</password>", b"hunter2"), (b"?password=hunter2&y=1", b"hunter2"),
    (b'{"name":"DB_PASSWORD","value":"hunter2"}', b"hunter2"), (b"password: |\n  line one\n  line two\nmode: x\n", b"line one\n  line two\n"),
    (b'password="a\\"b" x', b'a\\"b'),
])  # fmt: skip
def test_the_value_is_found(text: bytes, secret: bytes) -> None:
    """To the end of the word, of the quotes, of the line or of the block."""
    assert secret.strip() in [value.strip() for value in values(text)]


@pytest.mark.parametrize("text", [
    b"password: <none>\n",
    b"DB_PASSWORD=${DB_PASSWORD}\n", b"password: true\n", b"secretName: db-secret\n", b"token: /var/run/secrets/token\n",
    b"bypass: true\n", b"compass: north1234\n", b"key: value\n",
])  # fmt: skip
def test_what_is_no_value(text: bytes) -> None:
    """Placeholders, variables, paths, and names that only resemble one."""
    assert values(text) == []


def test_a_quoted_value_without_end_is_bounded() -> None:
    text = b'password="' + b"a1" * LONGEST
    assert [hit.end - hit.value for hit in look(text, LOWER.within(text))] == [LONGEST]
