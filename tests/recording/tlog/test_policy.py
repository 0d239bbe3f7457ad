"""Policies: read exactly, and judged by quorum."""

import contextlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, strategies as st

from jitui.recording.tlog.note import COSIGNED, ED25519, Key, cosign, sign
from jitui.recording.tlog.policy import policy_of
from jitui.values.errors import InvalidError
from tests.recording.tlog.test_note import PUBLIC, SECRET, TEXT

WITNESSES = [Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in range(1, 5)]
KEYS = [Key(f"w.example/{n}", COSIGNED, each.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)) for n, each in enumerate(WITNESSES)]
LOG = Key("example.com/x", ED25519, PUBLIC)
POLICY = f"""
# whose word counts
log {LOG} https://log.example
witness a {KEYS[0]} https://a.example
witness b {KEYS[1]}
\twitness  c\t{KEYS[2]}
witness d {KEYS[3]}
group few 2 a b c
group both all few d
quorum both
"""


def test_the_quorum() -> None:
    """Two of three and the fourth, by groups of groups; the log's own signature has to be there."""
    policy = policy_of(POLICY)
    assert policy_of(policy.text) == policy
    note = sign(TEXT, LOG.name, PUBLIC, SECRET.sign)
    lines = [cosign(TEXT, key.name, key.public, 100 + n, each.sign) for n, (key, each) in enumerate(zip(KEYS, WITNESSES, strict=True))]
    for given_by, enough in (((), False), ((0, 1), False), ((0, 1, 2), False), ((0, 3), False), ((0, 1, 3), True), ((1, 2, 3), True), ((0, 1, 2, 3), True)):
        judged = policy.judge(note.with_more(lines[n] for n in given_by))
        assert (judged.enough, judged.log, sorted(judged.cosigned)) == (enough, LOG, ["abcd"[n] for n in given_by])
        assert judged.at == max((100 + n for n in given_by), default=0)
    stranger = sign(TEXT, "example.com/y", PUBLIC, SECRET.sign).with_more(lines)
    assert (policy.judge(stranger).log, policy.judge(stranger).enough) == (None, False)


def test_a_false_cosignature() -> None:
    """It is an error, not a missing one."""
    note = sign(TEXT, LOG.name, PUBLIC, SECRET.sign).with_more([cosign("another\n", KEYS[0].name, KEYS[0].public, 1, WITNESSES[0].sign)])
    with pytest.raises(InvalidError, match=r"the signature of w\.example/0"):
        policy_of(POLICY).judge(note)


def test_no_witness_is_asked() -> None:
    """A policy may do without."""
    note = sign(TEXT, LOG.name, PUBLIC, SECRET.sign)
    assert policy_of(f"log {LOG}\nquorum none\n").judge(note).enough


@pytest.mark.parametrize("text", [
    "", "quorum x", "quorum none\nquorum none", "log", "log x", f"log {KEYS[0]}\nquorum none", f"log {LOG}\nlog {LOG}\nquorum none",
    f"witness a {LOG}\nquorum a",     f"witness none {KEYS[0]}\nquorum none", f"witness a {KEYS[0]}\nwitness a {KEYS[1]}\nquorum a",
    f"witness a {KEYS[0]}\nwitness b {KEYS[0]}\nquorum a",
    f"witness a {KEYS[0]}\ngroup g 2 a\nquorum g", f"witness a {KEYS[0]}\ngroup g 0 a\nquorum g", f"witness a {KEYS[0]}\ngroup g any\nquorum g",
    f"witness a {KEYS[0]}\ngroup g any a\ngroup h any a\nquorum h", f"witness a {KEYS[0]}\ngroup g any a a\nquorum g",
    f"group g any a\nwitness a {KEYS[0]}\nquorum g",     f"witness a {KEYS[0]}\ngroup g any none\nquorum g", "more", "x" * ((1 << 20) + 1),
])  # fmt: skip
def test_what_is_no_policy(text: str) -> None:
    """One clear line."""
    with pytest.raises(InvalidError, match="policy"):
        policy_of(text)


@given(st.text(max_size=200), st.integers(0, 900))
def test_any_text(text: str, at: int) -> None:
    """Nothing but InvalidError comes of any text."""
    for each in (text, POLICY[:at] + text, POLICY[:at] + text + POLICY[at:]):
        with contextlib.suppress(InvalidError):
            policy_of(each)
