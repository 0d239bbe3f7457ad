"""Spans made anew from a tape's frames, against those that stand in it."""

from pathlib import Path

import pytest

from jitui.store import Files
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


@pytest.mark.parametrize(("script", "why"), [
    ("update spans set seq = 74 where session = 1", "its span names a frame that is not there"),
    ("update spans set at_us = 27640 where session = 1", "its span names a frame that is not there"),
    ("update spans set (seq, at_us) = (select seq, at_us from frames order by id desc limit 1) where session = 1", ""),
])  # fmt: skip
def test_the_span_of_an_evidence_file(bundle: Path, script: str, why: str) -> None:
    """It names its first frame, or any other of them, as older files do; a moment is found either way."""
    files = Files(bundle)
    moments = [files.seq_at(1, at_us) for at_us in (0, 1000, 5500)]
    files.close()
    with tampering(bundle) as db:
        db.execute(script)
    assert [why in each for each in wrong(bundle)] == [True] * bool(why)
    files = Files(bundle)
    if not why:
        assert moments == [files.seq_at(1, at_us) for at_us in (0, 1000, 5500)] == [0, 1, 5]
    files.close()
