"""Compressed bodies are opened piece by piece, within bounds."""

import gzip
import random
import time
import zlib

import pytest

from jitui.recording import gunzip
from jitui.recording.frame import LARGEST
from jitui.recording.gunzip import Gunzip, Unreadable

TEXT = b"".join(b'{"name":"pod-%d","node":"n%d"}' % (number, number % 7) for number in range(5000))


@pytest.mark.parametrize("size", [1, 7, 4096, 1 << 20])
@pytest.mark.parametrize("packed", [gzip.compress(TEXT), gzip.compress(TEXT[:999]) + gzip.compress(b"") + gzip.compress(TEXT[999:])])
def test_pieces_of_any_size(packed: bytes, size: int) -> None:
    """Each piece opens to its share, also over several members (RFC 1952, 2.2)."""
    opening = Gunzip()
    assert b"".join(opening.feed(packed[at : at + size]) for at in range(0, len(packed), size)) == TEXT


@pytest.mark.parametrize("cut", [1, 10, 5000])
def test_from_the_middle(cut: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What came before is opened for nothing but the state, a bounded piece at a time; beyond a limit it is not."""
    monkeypatch.setattr(gunzip, "PIECE", 1000)
    packed, whole, late = gzip.compress(TEXT), Gunzip(), Gunzip()
    before = whole.feed(packed[:cut])
    late.skip([packed[:cut]])
    assert late.feed(packed[cut:]) == TEXT[len(before) :]
    monkeypatch.setattr(gunzip, "SKIPPED", cut - 1)
    with pytest.raises(Unreadable):
        Gunzip().skip([packed[:cut]])


def test_a_bomb_is_not_opened() -> None:
    """64 KiB that open to 64 MiB cost no more than the limit for one piece, and say so."""
    bomb = gzip.compress(bytes(LARGEST + 1))
    assert len(bomb) < 64 << 10
    with pytest.raises(Unreadable, match="more than"):
        Gunzip().feed(bomb)
    late = Gunzip()
    late.skip([bomb[:-9]])  # in the middle it is opened for nothing, a mebibyte at a time
    assert len(late.feed(bomb[-9:])) < 1 << 16


def test_damage() -> None:
    """What is no gzip, or is not any more, is an error, never wrong bytes; random bytes are no way to anything else."""
    chance = random.Random(1)
    for data in (TEXT, zlib.compress(TEXT), b"\x1f\x8b\x07" + bytes(20), gzip.compress(TEXT) + b"more", *(chance.randbytes(1000) for _ in range(200))):
        with pytest.raises(Unreadable):
            Gunzip().feed(data)


def test_many_members_take_linear_time() -> None:
    """Whoever uploads decides how many members there are: four times as many empty ones cost four times as much, not sixteen times."""
    def cost(size: int) -> float:
        packed = gzip.compress(b"") * (size // 20)
        began = time.process_time()
        assert Gunzip().feed(packed) == b""
        return time.process_time() - began

    assert cost(2 << 20) < 10 * cost(512 << 10)
