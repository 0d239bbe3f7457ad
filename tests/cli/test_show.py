"""Tables and lines: whatever others wrote, the terminal stays whole."""

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from jitui.api.views import FactView, FrameView, LiveChunk, Proof
from jitui.cli import show
from jitui.cli.auditor import fact_line
from jitui.cli.desk import GRANT_COLUMNS, SESSION_COLUMNS, chunk_lines, request_line
from jitui.cli.proof import proof_line
from jitui.cli.tapes import frame_line
from jitui.values.instant import named
from jitui.values.said import Said
from tests.fakes.desk import grant_view, request_view, session_view

HOSTILE = "\x1b[2J\x9b31m\u202e\u200b\r\n[@click=app.approve]\x07"
BAD = set("\x1b\x9b\u202e\u200b\r\x07")


def poisoned(view: Any) -> Any:
    """Every text of it hostile."""
    made: dict[str, Any] = {}
    for field in fields(view):
        value = getattr(view, field.name)
        if isinstance(value, Said):
            made[field.name] = Said(HOSTILE)
        elif isinstance(value, str) and field.name not in {"started", "ended", "deadline", "asked", "state", "at"}:
            made[field.name] = HOSTILE
        elif value and isinstance(value, tuple) and isinstance(value[0], Said):
            made[field.name] = (Said(HOSTILE),)
    return replace(view, **made)


@pytest.mark.parametrize("state", ["pending", "approved", "denied"])
def test_hostile_lines(state: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A request's line is one line, in every state."""
    show.one(poisoned(request_view("r-1", "agent-a", "prod", 60, state=state, decided_by="x", same_user=True)), False, request_line)
    out = capsys.readouterr().out
    assert (out.count("\n"), set(out) & BAD) == (1, set())


@pytest.mark.parametrize(("view", "columns"), [(grant_view("g-1", "a", "b"), GRANT_COLUMNS), (session_view("s-1"), SESSION_COLUMNS)])
def test_hostile_tables(view: Any, columns: dict[str, Callable[[Any], show.Cell]], capsys: pytest.CaptureFixture[str]) -> None:
    """A row is one line."""
    show.many([poisoned(view)], False, columns, "")
    out = capsys.readouterr().out
    assert (out.count("\n"), set(out) & BAD) == (2, set())


def test_hostile_records(capsys: pytest.CaptureFixture[str]) -> None:
    """Facts, frames, live chunks, proofs."""
    body = b64encode(HOSTILE.encode()).decode()
    show.line(fact_line(FactView(seq=1, at="t", kind=HOSTILE, who=HOSTILE, subject=HOSTILE, what={HOSTILE: HOSTILE}, hash="")))
    frame = FrameView(seq=1, at_us=1, conn=0, channel="stdout", data_b64=body)
    show.line(frame_line(frame))
    for chunk in (LiveChunk(kind="frame", frame=frame), LiveChunk(kind="end", why=HOSTILE)):
        for text in chunk_lines(chunk):
            show.line(text)
    show.line(proof_line(Proof(subject="s-1", consistent=False, signed="no", frames=0, unsigned_tail=0, problem=HOSTILE, session="s-1", seq=3)))
    show.note(HOSTILE)
    done = capsys.readouterr()
    assert set(done.out + done.err) & BAD == set()
    assert done.err.count("\n") == 1


@given(st.lists(st.lists(st.text(max_size=20).map(show.cell), min_size=2, max_size=2), max_size=4))
def test_tables_line_up(rows: list[list[str]]) -> None:
    """The second column begins at one place, and no line is broken."""
    lines = show.table(["a", "b"], rows)
    assert len(lines) == len(rows) + 1
    width = max(len(row[0]) for row in [["a", "b"], *rows])
    assert [line[width + 2 :] for line in lines] == [row[1].rstrip() for row in [["a", "b"], *rows]]


def test_small_things() -> None:
    """Sizes, times and empty cells as people read them."""
    assert [show.size(count) for count in (-1, 0, 999, 12_345, 3_000_000, 7_000_000_000)] == ["?", "0 B", "999 B", "12 KB", "3 MB", "7 GB"]
    assert [show.clock("2026-11-23T16:04:11.000250Z"), show.clock("")] == [named("2026-11-23T16:04:11.000250Z"), ""]
    assert [show.cell(None), show.cell(""), show.cell(0), show.cell(Said("a\x1bb"))] == ["-", "-", "0", "a\N{REPLACEMENT CHARACTER}b"]


def test_json_is_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    """For programs the text is as it was, escaped."""
    show.one({"said": Said(HOSTILE)}, True, str)
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out) == {"said": HOSTILE}
