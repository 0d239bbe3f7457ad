"""Blocks of text with the moments of their lines."""

import pytest
import zstandard

from jitui.store.index.blocks import LARGEST, Block, Moment, Opened, Source


def test_each_line_is_found_once_with_its_moment() -> None:
    """Whatever its letters' case; the newest first."""
    block = Block(Source.STDOUT)
    for at in range(3):
        block.add(f"Error {at}: error\nother\n", Moment(0, at, 1000 + at))
    found = list(Opened(*block.packed()).find("ERROR"))
    assert [(moment.seq, line) for moment, line, _ in found] == [(2, "Error 2: error"), (1, "Error 1: error"), (0, "Error 0: error")]
    assert all(line[place : place + 5].lower() == "error" for _, line, place in found)


@pytest.mark.parametrize("text", ["ẞtraße İstanbul", "日本語 ログ", "e\u0301tat"])
def test_text_of_any_language_is_found(text: str) -> None:
    """Also where a small letter takes more characters than its capital."""
    block = Block(Source.BODY)
    block.add(f"before {text} behind\nnext", Moment(1, 2, 3))
    ((moment, line, _),) = Opened(*block.packed()).find(text)
    assert moment == Moment(1, 2, 3)
    assert "behind" in line


def test_a_broken_block_is_an_error() -> None:
    """Bombs, other types, numbers out of all range, and moments that are missing: nothing else happens."""
    block = Block(Source.STDOUT)
    block.add("text\n", Moment(0, 0, 0))
    text, lines = block.packed()
    pack = zstandard.ZstdCompressor().compress
    bomb = pack(bytes(LARGEST + 1))
    unsized = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(100 << 20))
    for broken in ((bomb, lines), (unsized, lines), (text, bomb), (text, b""), (text, pack(b"")), (text, pack(bytes(31))), (text, pack(b"\xff" * 32)),
                   (None, lines), ("text", lines), (text[:-2], lines)):  # fmt: skip
        with pytest.raises(ValueError, match="block"):
            Opened(*broken)
