"""A scope in little room."""

from typing import Final

import pytest
from hypothesis import given, strategies as st

from jitui.policy.brief import brief, parts, tally, worst_first
from jitui.values.said import clean

LONG: Final = [*((f"get configmaps:c-{at:03} in web", "READ") for at in range(14)), ("delete pods in payments", "CHANGE"), ("get secrets:x in web", "SECRET")]


def test_the_worst_first() -> None:
    """An unknown hazard is worse than all; equal ones stay in order."""
    assert [hazard for _, hazard in worst_first([("a", "READ"), ("b", "NEW"), ("c", "EXEC"), ("d", "ESCAPE")])] == ["NEW", "ESCAPE", "EXEC", "READ"]
    assert worst_first(LONG)[2:4] == LONG[:2]
    assert tally(LONG) == "16 clauses: 1 CHANGE, 1 SECRET, 14 READ"


@pytest.mark.parametrize(("room", "says"), [
    (1000, "CHANGE delete pods in payments; SECRET get secrets:x in web; READ get configmaps:c-000 in web; READ get"),
    (70, "CHANGE delete pods in payments; SECRET get secrets:x in web +14 READ"),
    (60, "CHANGE delete pods in payments +15 SECRET"),
    (30, "CHANGE delete pods… +15 SECRET"),
    (5, "+15 …"),
])  # fmt: skip
def test_what_is_left_out_is_counted(room: int, says: str) -> None:
    """With the worst of it, however little room there is."""
    assert brief(LONG, room).startswith(says)
    assert room == 1000 or brief(LONG, room) == says


def test_one_clause_alone() -> None:
    assert brief(parts("read pods in web"), 60) == "read pods in web"
    assert brief(parts("read pods in web; create pods in web"), 60) == "SPAWN create pods in web; READ read pods in web"
    assert brief(parts("no scope at all"), 60) == "no scope at all"


@given(st.lists(st.tuples(st.text(max_size=40), st.sampled_from(["READ", "CHANGE", "ESCAPE", "", "\x1b[1m"])), min_size=1, max_size=20), st.integers(0, 120))
def test_it_fits_whatever_it_is(clauses: list[tuple[str, str]], room: int) -> None:
    """Never longer than there is room, never two lines, never a control character."""
    line = brief(clauses, room)
    assert len(line) <= max(room, 1)
    assert clean(line, 1000) == line
