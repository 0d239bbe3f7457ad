"""A tree that grows in memory."""

from jitui.recording.tlog import tree


class Grown:
    """The list of hashes of a tree, and its leaves."""

    def __init__(self, size: int = 0) -> None:
        self.kept: list[bytes] = []
        self.leaves: list[bytes] = []
        for n in range(size):
            self.add(b"leaf %d" % n)

    def add(self, leaf: bytes) -> None:
        self.kept += tree.appended(len(self.leaves), tree.leaf_hash(leaf), self.kept.__getitem__)
        self.leaves.append(leaf)

    def root(self, size: int) -> bytes:
        return tree.root(size, self.kept.__getitem__)
