"""The Merkle tree: as Go's reference makes it, and against its definition for every small size."""

import base64
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from jitui.recording.tlog import tree
from tests.recording.tlog.grown import Grown

CORPUS = [json.loads(line) for line in (Path(__file__).parent / "reference" / "corpus.jsonl").read_text(encoding="utf-8").splitlines()]
LARGE = Grown(300)


def bytes_of(texts: list[str]) -> list[bytes]:
    return [base64.b64decode(text) for text in texts]


def defined(leaves: list[bytes]) -> bytes:
    """The tree's root by its definition, RFC 6962, section 2.1."""
    if len(leaves) < 2:
        return sha256(b"\0" + leaves[0]).digest() if leaves else sha256().digest()
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return sha256(b"\1" + defined(leaves[:half]) + defined(leaves[half:])).digest()


@pytest.mark.parametrize("told", CORPUS, ids=lambda told: str(told["size"]))
def test_as_go_makes_it(told: dict[str, Any]) -> None:
    """Root, kept hashes, inclusion and consistency proofs are those of golang.org/x/mod/sumdb/tlog."""
    size = told["size"]
    grown = Grown(size)
    read = grown.kept.__getitem__
    assert base64.b64encode(grown.root(size)).decode() == told["root"]
    assert (len(grown.kept), tree.kept(size)) == (told["kept"], told["kept"])
    assert tree.appended(size, tree.leaf_hash(b"leaf %d" % size), read) == bytes_of(told["more"])
    for index, *path in told["included"]:
        assert tree.inclusion(size, int(index), read) == bytes_of(path)
        assert tree.root_of(size, int(index), tree.leaf_hash(grown.leaves[int(index)]), bytes_of(path)) == grown.root(size)
    for old, *proof in told["grown"]:
        assert tree.consistency(int(old), size, read) == bytes_of(proof)
        assert tree.grew(int(old), size, grown.root(int(old)), grown.root(size), bytes_of(proof))


def test_as_defined() -> None:
    """Every root up to 100 leaves is that of the definition, and every hash stands at its place."""
    for size in range(100):
        assert LARGE.root(size) == defined(LARGE.leaves[:size])
    for level in range(7):
        for n in range(300 >> level):
            assert LARGE.kept[tree.place(level, n)] == defined(LARGE.leaves[n << level:(n + 1) << level])


def test_its_edge() -> None:
    """Walked leaf by leaf, the roots and the list of hashes are the same."""
    edge, kept = tree.Edge(), []
    for leaf in LARGE.leaves:
        assert edge.root == LARGE.root(edge.size)
        kept += edge.add(tree.leaf_hash(leaf))
    assert (kept, edge.root) == (LARGE.kept, LARGE.root(300))


@given(st.integers(1, 300), st.data())
def test_what_is_not_in_it(size: int, data: st.DataObject) -> None:
    """A path proves its leaf at its number in its tree, and with any change it proves nothing."""
    index = data.draw(st.integers(0, size - 1))
    path = tree.inclusion(size, index, LARGE.kept.__getitem__)
    leaf, root = tree.leaf_hash(LARGE.leaves[index]), LARGE.root(size)
    assert tree.root_of(size, index, leaf, path) == root
    other = data.draw(st.integers(0, 300))
    changed = data.draw(st.sampled_from(["leaf", "index", "path", "longer", "shorter"]))
    if changed == "index" and other != index:
        index = other
    elif changed == "path" and path:
        path[other % len(path)] = bytes(32)
    elif changed == "shorter" and path:
        path = path[:-1]
    elif changed == "longer":
        path = [*path, root]
    else:
        leaf = tree.leaf_hash(b"another")
    try:
        found = tree.root_of(size, index, leaf, path)
    except ValueError:
        return
    assert found != root


@given(st.integers(0, 300), st.data())
def test_what_did_not_grow(size: int, data: st.DataObject) -> None:
    """A proof shows that a tree began with an older one, and with any change it shows nothing."""
    old = data.draw(st.integers(0, size))
    proof = tree.consistency(old, size, LARGE.kept.__getitem__)
    was, now = LARGE.root(old), LARGE.root(size)
    assert tree.grew(old, size, was, now, proof)
    assert not tree.grew(old, size, tree.leaf_hash(b"x"), now, proof)
    assert not tree.grew(old, size, was, tree.leaf_hash(b"x"), proof) or old == 0
    assert not tree.grew(old, size, was, now, [*proof, now])
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        assert not tree.grew(old, size, was, now, [bytes(32) if n == at else each for n, each in enumerate(proof)])
        assert not tree.grew(old, size, was, now, proof[:-1])
    assert not tree.grew(size + 1, size, now, now, [])


def test_what_can_t_be() -> None:
    """No leaf behind the last, and no beginning that is longer than the tree."""
    for index in (-1, 300):
        with pytest.raises(ValueError, match="no leaf"):
            tree.inclusion(300, index, LARGE.kept.__getitem__)
        with pytest.raises(ValueError, match="no leaf"):
            tree.root_of(300, index, bytes(32), [])
    with pytest.raises(ValueError, match="no beginning"):
        tree.consistency(301, 300, LARGE.kept.__getitem__)
