"""Spans made anew from a tape's frames, against those that stand in it."""

from pathlib import Path

import pytest

from tests.store.evidence import tampering, wrong


@pytest.mark.parametrize("script", [
    "update spans set last = last - 3 where session = 1", "update spans set seq = 5 where session = 1", "delete from spans where session = 2",
    "insert into spans values(7, 0, 0, 2, 3)", "insert into spans values(1, 40, 0, 400, 500)", "update spans set first = 2 where session = 0",
    "insert into spans values(0, 500, 0, 500, 900)"])
def test_spans_that_say_something_else(state: Path, script: str) -> None:
    """They are made anew from the frames."""
    with tampering(state / "tapes/000001.db") as db:
        db.execute(script)
    (problem,) = wrong(state)
    assert problem.startswith("spans: 000001.db: ")
