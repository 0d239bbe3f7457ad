"""Facts about tapes that are kept, or go."""

import pytest

from jitui.recording.facts import Fact, Gone, Kind, TapeRetired
from jitui.values.errors import InvalidError

TOLD = TapeRetired(why="older than 90d", frames=12, bytes=4096, opened_us=1, until_us=2, sessions=(Gone(4, 0, 12, b"h" * 32, 100, -1),))


def read(**more: object) -> TapeRetired:
    return TapeRetired.of(Fact(9, 1, Kind.TAPE_RETIRED, "gateway", "000001.db", {**TOLD.json(), **more}, b""))


def test_a_retired_tape_is_read_as_it_was_written() -> None:
    """With each session's count of frames and its head; older readers pass over parts."""
    assert read() == TOLD
    assert TOLD.json()["sessions"] == [[4, 0, 12, "68" * 32, 100, -1]]


@pytest.mark.parametrize("wrong", [[[4, 0, 12]], [[4, 0, "12", "68", 1, 1]], [[4, 0, 12, "zz", 1, 1]], [4]])
def test_what_no_gateway_wrote_is_refused(wrong: object) -> None:
    """The error names the fact."""
    with pytest.raises(InvalidError, match="fact 9 can't be read"):
        read(sessions=wrong)
