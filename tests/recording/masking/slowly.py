"""The slow way to find secrets: every byte is looked at, and every word is searched for by itself. The quick way must find the same."""

from collections.abc import Iterator
from itertools import pairwise

from jitui.recording.masking import commands, manifests, pairs, patterns
from jitui.recording.masking.hit import Flat, Hit, _kept, _removed


def flat(data: bytes, columns: int, column: int = 0) -> Flat:
    """`hit.flat`, without the lines being told apart by their length."""
    gone = list(_removed(data, columns or 1 << 62, column, last=bool(columns)))
    return Flat(b"".join(_kept(data, gone)), data, [(start, end) for start, end in gone if data[start] != 0x1B])


def places(word: bytes, text: bytes) -> list[int]:
    found, at = list[int](), text.find(word)
    while at >= 0:
        found.append(at)
        at = text.find(word, at + 1)
    return found


def look(text: bytes, *, manifest: bool = True) -> list[Hit]:
    """`text.look`, word by word."""
    lower = text.lower()
    plain = {word: places(word, text) for word in (*(word for word, _ in patterns.LOOKS), manifests.NAME)}
    low = {word: places(word, lower) for word in (*(word for word, _ in (*patterns.LOWER, *commands.COMMANDS)), *pairs.LITERALS)}
    return [*patterns.look(text, plain, low), *pairs.look(text, low), *commands.look(text, low),
            *(manifests.look(text, plain[manifests.NAME]) if manifest else ())]  # fmt: skip


def pieces(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    """The data cut at these places."""
    for start, end in pairwise(sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})):
        yield data[start:end]
