"""Time stamps are read and checked as openssl makes them: over another text, by another authority, or damaged, they count for nothing."""

import time
from pathlib import Path

import pytest

from jitui.recording.tlog.stamp import Stamp, must_answer, query, roots_of, stamped
from jitui.values.errors import InvalidError
from tests.support.tsa import authority

TEXT = "example.com/log\n3\nAAAA\n"


def test_a_stamp_says_when_the_authority_saw_the_text(tmp_path: Path) -> None:
    """To the second, which is what openssl writes."""
    tsa = authority(tmp_path / "tsa")
    answer = tsa.reply(query(TEXT))
    must_answer(answer, TEXT)
    assert abs(stamped(Stamp(answer), TEXT, roots_of(tsa.roots.read_bytes())) - time.time() * 1e6) < 60e6


def test_a_stamp_that_is_not_over_the_text_or_of_another_authority_is_false(tmp_path: Path) -> None:
    """So is one of which a byte was flipped, wherever."""
    tsa, other = authority(tmp_path / "tsa"), authority(tmp_path / "other")
    answer, roots = tsa.reply(query(TEXT)), roots_of(tsa.roots.read_bytes())
    others = roots_of(other.roots.read_bytes())
    for false, text, against in ((answer, TEXT + "x", roots), (answer, TEXT, others), (b"", TEXT, roots), (b"\x30\x03", TEXT, roots)):
        with pytest.raises(InvalidError, match="the time stamp is false"):
            stamped(Stamp(false), text, against)
    with pytest.raises(InvalidError, match="stamped something else"):
        must_answer(answer, TEXT + "x")
    with pytest.raises(InvalidError, match="answers no time stamp"):
        must_answer(b"hello", TEXT)
    was, passed = stamped(Stamp(answer), TEXT, roots), set()
    for at in range(0, len(answer), 7):
        try:
            passed.add(stamped(Stamp(answer[:at] + bytes([answer[at] ^ 1]) + answer[at + 1:]), TEXT, roots))
        except InvalidError:
            continue
    assert passed <= {was}  # what is not signed says nothing else


def test_roots_are_certificates() -> None:
    """A file without one is an error."""
    with pytest.raises(InvalidError, match="no certificate"):
        roots_of(b"hello")
