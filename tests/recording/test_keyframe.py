"""Keyframes come out of a file that anybody may have written."""

import pytest
import zstandard

from jitui.recording.keyframe import LARGEST, OPENED, Keyframe, compressed, opened


def test_a_state_is_the_same_again() -> None:
    """It is stored compressed."""
    assert opened(compressed(b"screen" * 100)) == b"screen" * 100


@pytest.mark.parametrize("state", [
    b"", b"no state", compressed(b""), compressed(b"screen")[:-3], zstandard.ZstdCompressor().compress(bytes(OPENED + 1)),
    zstandard.ZstdCompressor(write_content_size=False).compress(bytes(100 << 20)),
])  # fmt: skip
def test_one_that_is_none_or_opens_to_too_much_is_refused(state: bytes) -> None:
    """Before it is opened."""
    with pytest.raises(ValueError, match="state"):
        opened(state)


@pytest.mark.parametrize("wrong", [{"columns": 501}, {"lines": 5000}, {"columns": 0}, {"seq": -1}, {"at_us": -1}, {"tail": bytes(9)},
                                   {"state": bytes(LARGEST + 1)}, {"columns": "80"}])  # fmt: skip
def test_its_numbers_are_those_of_a_terminal(wrong: dict[str, object]) -> None:
    """A keyframe of another size is none."""
    given: dict[str, object] = {"seq": 1, "at_us": 1, "columns": 80, "lines": 24, "newline": False, "clean": True, "tail": b"", "state": b"x"}
    Keyframe(**given)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="keyframe"):
        Keyframe(**given | wrong)  # type: ignore[arg-type]
