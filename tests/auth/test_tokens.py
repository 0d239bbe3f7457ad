"""Bearer tokens."""

import re
from dataclasses import dataclass

import pytest
from hypothesis import given, strategies as st

from jitui.auth import tokens
from jitui.auth.tokens import LIFETIME_US, Tokens, mint
from jitui.values.errors import UnknownCallerError

NOW = 1_795_449_600_000_000


@dataclass(frozen=True, slots=True)
class Row:
    id: str
    identity: str
    sha256: bytes
    expires_us: int
    revoked_us: int = 0
    issued_by: str = "root"


def issued(revoked_us: int = 0) -> tuple[str, Tokens]:
    made = mint(NOW)
    return made.text, Tokens([Row(made.id, "agent-a", made.sha256, made.expires_us, revoked_us)])


def test_shape() -> None:
    """jt_, a public id, 43 characters of 256 random bits; good for 90 days; the text is in no repr."""
    made = mint(NOW)
    assert re.fullmatch(r"jt_[0-9a-f]{8}_[A-Za-z0-9_-]{43}", made.text)
    assert (made.id, made.expires_us) == (made.text[3:11], NOW + 90 * 86400 * 1_000_000)
    assert made.text not in repr(made)
    assert mint(NOW).text != made.text


def test_identify() -> None:
    """The right token names its identity, until the microsecond it expires."""
    text, known = issued()
    assert known.identify(text, NOW + LIFETIME_US - 1).identity == "agent-a"
    assert known.used_us == {text[3:11]: NOW + LIFETIME_US - 1}
    with pytest.raises(UnknownCallerError, match=rf"jt_{text[3:11]} of agent-a expired at 2027-02-21T16:00:00.000000Z; an admin issues another"):
        known.identify(text, NOW + LIFETIME_US)


def test_revoked() -> None:
    """A revoked token says since when, and leaves no use."""
    text, known = issued(revoked_us=NOW)
    with pytest.raises(UnknownCallerError, match=r"was revoked at 2026-11-23T16:00:00.000000Z"):
        known.identify(text, NOW)
    assert known.used_us == {}


def test_the_id_alone_is_worth_nothing() -> None:
    """The id is public: with other secret bits it is just unknown, and the message does not say that the id exists."""
    text, known = issued()
    with pytest.raises(UnknownCallerError, match=r"^token is unknown here"):
        known.identify(text[:-1] + ("A" if text[-1] != "A" else "B"), NOW)


@given(st.text(max_size=70))
def test_any_text_is_unknown(text: str) -> None:
    """Whatever is presented, the answer is the same sentence."""
    _, known = issued()
    with pytest.raises(UnknownCallerError, match=r"^token is unknown here"):
        known.identify(text, NOW)


def test_put_and_of() -> None:
    """A new state of a token replaces the old one at once."""
    text, known = issued()
    old = known.of("agent-a")[0]
    known.put(Row(old.id, old.identity, old.sha256, old.expires_us, revoked_us=NOW))
    assert [row.revoked_us for row in known.of("agent-a")] == [NOW]
    assert known.of("agent-b") == ()
    with pytest.raises(UnknownCallerError, match=r"revoked"):
        known.identify(text, NOW)


def test_fingerprint_of_surrogates() -> None:
    """A header that is not UTF-8 does not crash the comparison."""
    assert len(tokens.fingerprint("jt_\udcff")) == 32
