"""Escape sequences that reach beyond the screen."""

import pytest

from jitui.listeners.ssh.sieve import LONGEST, Sieve

PLAIN = "\x1b[?1049h\x1b[38;2;1;2;3mé ❤ \x1b(B\x1b[1;1H\x1b7\x1b8 tail\x07".encode()
PASSES = [PLAIN, b"\x1b]0;jitui\x07", b"\x1b]0;(12) jitui\x07", b"\x1b]9;jitui: 1 request waits for a decision\x1b\\"]
DROPPED = {
    "clipboard": b"\x1b]52;c;aGk=\x07", "clipboard, asked": b"\x1b]52;c;?\x1b\\", "title": b"\x1b]0;root@prod\x07", "icon": b"\x1b]1;jitui\x07",
    "title of two lines": b"\x1b]0;jitui\n\x07", "link": b"\x1b]8;;https://x\x1b\\", "file": b"\x1b]1337;File=:AAAA\x07",
    "notification": b"\x1b]777;notify;a;b\x07", "DCS": b"\x1bPq#0\x1b\\", "keys": b"\x1bP1;1|17/6c73\x1b\\", "image": b"\x1b_Ga=T;AAAA\x1b\\",
    "PM": b"\x1b^x\x1b\\", "SOS": b"\x1bXx\x1b\\", "long": b"\x1b]0;" + b"(1) jitui" * LONGEST + b"\x07", "broken off": b"\x1b]52;c;aGk=\x18",
    "one character": "\x9d52;c;aGk=\x9c".encode(), "one character, BEL": "\x9d52;c;aGk=\x07".encode(), "ours but for its first": "\x9d0;jitui\x07".encode(),
    "control character within": b"\x1b\x00]52;c;aGk=\x07", "several": b"\x1b\x1b\x0f\x7f]52;c;aGk=\x07", "in turn": b"\x1b\x00\x1b\x00]52;c;aGk=\x07",
    "notification with control characters": b"\x1b]9;jitui: \x0d\x07",
}  # fmt: skip


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("name", DROPPED)
def test_it_is_dropped_however_it_is_cut(name: str, size: int) -> None:
    """All of it, and nothing around it; but if a control character stands within its beginning, the rest is text."""
    shown = {"control character within": b"\x00]52;c;aGk=\x07", "several": b"\x0f\x7f]52;c;aGk=\x07", "in turn": b"\x00\x00]52;c;aGk=\x07"}
    assert fed(PLAIN + DROPPED[name] + PLAIN, size) == PLAIN + shown.get(name, b"") + PLAIN


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_all_else_passes(size: int) -> None:
    """Colours, cursor, other screen, text in UTF-8; of titles and notifications the screens' own."""
    assert fed(b"".join(PASSES), size) == b"".join(PASSES)


def test_a_sequence_ends_a_string() -> None:
    """As in a terminal: what comes behind it is shown."""
    assert fed(b"\x1b]52;c;aGk=\x1b[2Jshown", 1000) == b"\x1b[2Jshown"


def test_a_string_in_a_string_is_dropped_too() -> None:
    """As tmux passes one on."""
    assert b"52" not in fed(b"\x1bPtmux;\x1b\x1b]52;c;aGk=\x07\x1b\\", 1000)


def test_a_string_without_an_end_holds_a_few_bytes() -> None:
    """However long it goes on."""
    sieve = Sieve()
    assert sieve.feed(b"\x1b]52;c;") == b""
    assert all(sieve.feed(b"A" * 65536) == b"" for _ in range(16))
    assert sieve.feed(b"\x07shown") == b"shown"


def fed(data: bytes, size: int) -> bytes:
    sieve = Sieve()
    return b"".join(sieve.feed(data[at : at + size]) for at in range(0, len(data), size))
