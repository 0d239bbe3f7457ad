"""Facts about identities and their tokens."""

import pytest

from jitui.recording.facts.fact import Fact, Kind
from jitui.recording.facts.identities import TokenIssued, TokensAdopted
from jitui.values.errors import InvalidError


def test_a_token_of_the_first_version_has_no_hash() -> None:
    """Its fact names none; nobody can use it before another fact takes it over."""
    assert TokenIssued.of(Fact(1, 1, Kind.TOKEN_ISSUED, "root", "bot", {"token": "0a", "expires_us": 5}, b"")).sha256 is None


@pytest.mark.parametrize("digest", ["00" * 31, "", "xx" * 32, 5])
def test_a_hash_is_a_sha256_or_the_fact_is_none(digest: object) -> None:
    """32 bytes in hex."""
    with pytest.raises(InvalidError, match=r"fact 1 can't be read: token.issued about bot has the sha256"):
        TokenIssued.of(Fact(1, 1, Kind.TOKEN_ISSUED, "root", "bot", {"token": "0a", "expires_us": 5, "sha256": digest}, b""))
    with pytest.raises(InvalidError, match=r"fact 2 can't be read: tokens.adopted about gateway has the tokens"):
        TokensAdopted.of(Fact(2, 1, Kind.TOKENS_ADOPTED, "gateway", "gateway", {"tokens": {"0a": digest}}, b""))
