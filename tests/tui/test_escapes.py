"""Bytes of a terminal, as the parser tells a sink."""

import pytest

from jitui.tui.escapes import LARGEST, PARAMETERS, Parser


class Heard:
    """Keeps each call in order; text that comes in pieces is joined."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    def printed(self, text: str) -> None:
        before = self.calls.pop()[1] if self.calls and self.calls[-1][0] == "printed" else ""
        self.calls.append(("printed", f"{before}{text}"))

    def control(self, char: str) -> None:
        self.calls.append(("control", char))

    def escape(self, final: str) -> None:
        self.calls.append(("escape", final))

    def charset(self, slot: str, code: str) -> None:
        self.calls.append(("charset", slot, code))

    def csi(self, private: str, parameters: list[int], final: str) -> None:
        self.calls.append(("csi", private, list(parameters), final))


def heard(*pieces: bytes) -> list[tuple[object, ...]]:
    sink = Heard()
    parser = Parser(sink)
    for piece in pieces:
        parser.feed(piece)
    return sink.calls


def test_text_controls_and_sequences_are_told_apart() -> None:
    """However the bytes are cut, also within a character; the 8-bit introducers mean the same."""
    said = "a\r\x1b[1;31m漢\x1b[m\x1b(0q\x1b7\x1b[?25l\x9b2K\x1b[0\x18m".encode()
    told = [
        ("printed", "a"), ("control", "\r"), ("csi", "", [1, 31], "m"), ("printed", "漢"), ("csi", "", [0], "m"), ("charset", "(", "0"), ("printed", "q"),
        ("escape", "7"), ("csi", "?", [25], "l"), ("csi", "", [2], "K"), ("printed", "m"),
    ]  # fmt: skip
    assert heard(said) == told
    assert heard(*(said[at : at + 1] for at in range(len(said)))) == told


@pytest.mark.parametrize("introducer", ["\x1bP", "\x1b]", "\x1bX", "\x1b^", "\x1b_", "\x90", "\x9d", "\x98", "\x9e", "\x9f"], ids=ascii)
@pytest.mark.parametrize("end", ["\x07", "\x18", "\x1a", "\x1b\\", "\x9c"], ids=ascii)
def test_a_string_to_the_terminal_says_nothing(introducer: str, end: str) -> None:
    """Neither text nor a control of it comes through, until whichever end."""
    assert [call for call in heard(f"{introducer}52;c;\n[31m漢\t{end}x".encode()) if call != ("escape", "\\")] == [("printed", "x")]


def test_a_sequence_without_end_is_bounded() -> None:
    """Parameters beyond the sixteenth and digits beyond 9999 are not kept."""
    ((_, _, parameters, final),) = heard(b"\x1b[" + b"99999999;" * 10_000 + b"H")
    assert isinstance(parameters, list)
    assert (len(parameters), max(parameters), final) == (PARAMETERS, LARGEST, "H")


def test_a_control_within_a_sequence_acts_at_once_and_the_sequence_goes_on() -> None:
    """As terminals do; a sequence with an intermediate byte is known to be of no use here."""
    assert heard(b"\x1b[3\r1m") == [("control", "\r"), ("csi", "", [31], "m")]
    assert heard(b"\x1b[1 qx") == [("printed", "x")]
