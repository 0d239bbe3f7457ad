"""The proof of a leaf as one text."""

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from jitui.recording.tlog import tree
from jitui.recording.tlog.checkpoint import Checkpoint
from jitui.recording.tlog.inclusion import Proof, proof_of
from jitui.recording.tlog.note import sign
from jitui.values.errors import InvalidError
from tests.recording.tlog.grown import Grown
from tests.recording.tlog.test_note import PUBLIC, SECRET

GROWN = Grown(11)
NOTE = sign(Checkpoint("example.com/log", 11, GROWN.root(11)).text, "example.com/log", PUBLIC, SECRET.sign)
PROOF = Proof(4, tree.inclusion(11, 4, GROWN.kept.__getitem__), NOTE, b"leaf 4")


def test_written_and_read() -> None:
    """Its text begins as the form says, and leads to the root."""
    text = str(PROOF)
    assert text.startswith("c2sp.org/tlog-proof@v1\nextra bGVhZiA0\nindex 4\n")
    assert text.endswith(f"\n\n{NOTE}")
    assert proof_of(text) == PROOF
    assert PROOF.leads_to_root()
    bare = replace(PROOF, extra=b"")
    assert (proof_of(str(bare)), "extra" in str(bare), bare.leads_to_root()) == (bare, False, False)


def test_another_leaf_place_or_path() -> None:
    """Nothing else leads there."""
    for other in (replace(PROOF, extra=b"leaf 5"), replace(PROOF, index=5), replace(PROOF, index=99), replace(PROOF, path=PROOF.path[:-1])):
        assert not other.leads_to_root()


@pytest.mark.parametrize(("old", "new"), [("@v1", "@v2"), ("index 4", "index 04"), ("index 4", "index"), ("index 4\n", ""), ("extra bGVhZiA0", "extra bGVhZiA"),
                                          ("\n\n", "\n"), ("index 4\n", "index 4\nAAAA\n"), ("index 4\n", "index 4\n" + ("A" * 43 + "=\n") * 64),
                                          ("\n11\n", "\n011\n")])
def test_what_is_none(old: str, new: str) -> None:
    """One clear line."""
    with pytest.raises(InvalidError, match="it is no "):
        proof_of(str(PROOF).replace(old, new, 1))


@given(st.text(max_size=200), st.integers(0, 600))
def test_any_text(text: str, at: int) -> None:
    """Nothing but InvalidError comes of any text; what is read is written as it was."""
    for each in (text, str(PROOF)[:at] + text, str(PROOF)[:at] + text + str(PROOF)[at + len(text):]):
        with contextlib.suppress(InvalidError):
            assert str(proof_of(each)) == each
