"""The Merkle tree of RFC 6962, section 2.1, over hashes of complete subtrees that are kept in one growing list.

The hash of the complete subtree over the leaves n * 2^level to (n + 1) * 2^level - 1 stands at `place(level, n)`. Leaves are appended, so that list
only grows: after leaf n there come the hashes of the subtrees that it completes. It is twice as long as the number of leaves, at most.
"""

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import Final

HASH: Final = 32  # bytes
EMPTY: Final = sha256().digest()  # the root of a tree without a leaf

Read = Callable[[int], bytes]  # the hash at a place of the list


def leaf_hash(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def place(level: int, n: int) -> int:
    """Where the hash of a complete subtree stands in the list."""
    for _ in range(level):  # it stands behind the last of its right half
        n = 2 * n + 1
    return kept(n) + level


def kept(size: int) -> int:
    """The number of hashes in the list of a tree of that many leaves."""
    count = 0
    while size:
        count += size
        size >>= 1
    return count


def appended(size: int, leaf: bytes, read: Read) -> list[bytes]:
    """The hashes to append to the list of a tree of `size` leaves, with the hash of its next leaf."""
    found, n, level = [leaf], size, 0
    while n & 1:
        found.append(node_hash(read(place(level, n - 1)), found[-1]))
        n >>= 1
        level += 1
    return found


class Edge:
    """The right edge of a tree that is walked leaf by leaf: one hash a level, which is all that the next root needs."""

    def __init__(self) -> None:
        self.size = 0
        self._left: dict[int, bytes] = {}  # by level, the complete subtrees that make up the tree

    def add(self, leaf: bytes) -> list[bytes]:
        """The hashes that the list of the tree gets with the hash of its next leaf."""
        found, level = [leaf], 0
        while self.size >> level & 1:
            found.append(node_hash(self._left.pop(level), found[-1]))
            level += 1
        self._left[level] = found[-1]
        self.size += 1
        return found

    @property
    def root(self) -> bytes:
        found = b""
        for level in sorted(self._left):
            found = node_hash(self._left[level], found) if found else self._left[level]
        return found or EMPTY


def root(size: int, read: Read) -> bytes:
    return _range(0, size, read) if size else EMPTY


def inclusion(size: int, index: int, read: Read) -> list[bytes]:
    """The audit path of a leaf, from its sibling up (RFC 6962, section 2.1.1). Raises ValueError if there is no such leaf."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    path: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _half(high - low)
        if index < middle:
            path.append(_range(middle, high, read))
            high = middle
        else:
            path.append(_range(low, middle, read))
            low = middle
    return path[::-1]


def consistency(old: int, size: int, read: Read) -> list[bytes]:
    """The proof that the tree of `old` leaves is the beginning of the one of `size` (RFC 6962, section 2.1.2). Raises ValueError if it can't be."""
    if not 0 <= old <= size:
        raise ValueError(f"a tree of {old} leaves is no beginning of one of {size}")
    return list(_subproof(old, 0, size, read, whole=True)) if 0 < old < size else []


def root_of(size: int, index: int, leaf: bytes, path: Sequence[bytes]) -> bytes:
    """The root that follows from a leaf's hash and its audit path (RFC 9162, section 2.1.3.2). Raises ValueError if the path is of another length."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    first, last, found = index, size - 1, leaf
    for each in path:
        if not last:
            raise ValueError("the path is longer than the tree is high")
        if first & 1 or first == last:
            found = node_hash(each, found)
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            found = node_hash(found, each)
        first, last = first >> 1, last >> 1
    if last:
        raise ValueError("the path ends below the root")
    return found


def grew(old: int, size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether a proof shows that the tree with the new root began with the tree with the old one (RFC 9162, section 2.1.4.2)."""
    if not 0 <= old <= size:
        return False
    if old in {0, size}:
        return not proof and old_root == (EMPTY if not old else new_root)
    path = [old_root, *proof] if not old & (old - 1) else list(proof)
    if not path:
        return False
    first, last = old - 1, size - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    was = now = path[0]
    for each in path[1:]:
        if not last:
            return False
        if first & 1 or first == last:
            was, now = node_hash(each, was), node_hash(each, now)
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            now = node_hash(now, each)
        first, last = first >> 1, last >> 1
    return not last and was == old_root and now == new_root


def _range(low: int, high: int, read: Read) -> bytes:
    """The hash over the leaves low to high - 1, which is a node of a tree: it is made of complete subtrees, larger ones to the left."""
    parts = []
    while low < high:
        level = (high - low).bit_length() - 1
        parts.append(read(place(level, low >> level)))
        low += 1 << level
    found = parts.pop()
    while parts:
        found = node_hash(parts.pop(), found)
    return found


def _half(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def _subproof(old: int, low: int, high: int, read: Read, *, whole: bool) -> Iterator[bytes]:
    """SUBPROOF of RFC 6962: `old` counts from `low`; `whole` as long as the verifier knows the hash of what is left."""
    if old == high - low:
        if not whole:
            yield _range(low, high, read)
        return
    middle = low + _half(high - low)
    if old <= middle - low:
        yield from _subproof(old, low, middle, read, whole=whole)
        yield _range(middle, high, read)
    else:
        yield from _subproof(old - (middle - low), middle, high, read, whole=False)
        yield _range(low, middle, read)
