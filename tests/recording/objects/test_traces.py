"""Tokens, Secrets and copies in recorded bytes."""

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest

from jitui.recording.objects.bodies import Body
from jitui.recording.objects.traces import copied, secrets, tokens


def token(**claims: Any) -> bytes:
    """A token as an API server signs it, but for the signature."""
    def part(value: Any) -> bytes:
        return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    return b".".join((part({"alg": "RS256"}), part(claims), urlsafe_b64encode(b"signature" * 20).rstrip(b"=")))


BOUND = {"kubernetes.io": {"namespace": "web", "pod": {"name": "web-1"}}}
MINE = token(iss="https://k", sub="system:serviceaccount:web:app", exp=1_800_000_000, jti="j-1", **BOUND)


def test_a_token_is_told_by_its_claims() -> None:
    """Whose it is, until when, and the pod with which it ends; of another issuer too."""
    (found,) = tokens([b"$ cat token\r\n" + MINE + b"\r\n$ "])
    assert (found.issuer, found.account, found.expires_s, found.ident, found.pod) == ("https://k", "web/app", 1_800_000_000, "j-1", "web/web-1")
    (other,) = tokens([token(iss="https://idp", sub="ana")])
    assert (other.account, other.expires_s, other.pod) == ("", 0, "")


def test_a_token_in_two_pieces() -> None:
    """Wherever it is cut."""
    for at in range(1, len(MINE)):
        assert {each.ident for each in tokens([b"x " + MINE[:at], MINE[at:] + b" y"])} == {"j-1"}


@pytest.mark.parametrize("text", [b"", b"eyJ", b"eyJhbGciOiJub25l.eyJub3Jl.x", b"eyJhbGciOiJub25l.eyJpc3MiOm51bGx9.abcdefgh12", token(exp=5),
                                  b"eyJhbGciOiJub25l." + urlsafe_b64encode(b'{"' * 5000) + b".abcdefghij"])  # fmt: skip
def test_what_is_no_token(text: bytes) -> None:
    """Or one that says nothing of whose it is."""
    assert not list(tokens([text]))


def test_secrets_by_their_keys() -> None:
    """Never their values; a list of names alone shows none."""
    secret = {"kind": "Secret", "metadata": {"namespace": "web", "name": "db"}, "data": {"user": "eA==", "password": "eQ=="}}
    assert list(secrets(Body(None, [secret, {"kind": "Secret", "metadata": {}}]))) == [("web", "db", ("user", "password"))]
    assert list(secrets(Body(None, [secret], partial=True))) == []


@pytest.mark.parametrize(("argv", "way"), [
    (("tar", "cf", "-", "/etc/x"), "out"), (("sh", "-c", "tar cf - /a | head"), "out"), (("tar", "-xmf", "-", "-C", "/tmp"), "in"),
    (("/bin/tar", "czf", "-", "."), "out"), (("tar", "tf", "-"), ""), (("tar", "cf", "/tmp/x.tar", "."), ""), (("cat", "x"), ""), ((), ""),
    (("start", "-f", "-"), ""),
])  # fmt: skip
def test_copies(argv: tuple[str, ...], way: str) -> None:
    """As kubectl cp makes them, and by hand."""
    assert copied(argv) == way
