"""Checkpoints: three lines, exactly."""

import pytest
from hypothesis import given, strategies as st

from jitui.recording.tlog.checkpoint import MARK, Checkpoint, checkpoint_of, in_one_line, notes_in
from jitui.recording.tlog.note import parse
from jitui.values.errors import InvalidError
from tests.recording.tlog.test_note import NOTED

ROOT = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="


def test_as_go_writes_it() -> None:
    """The text of the reference is read, and written as it was."""
    for told in NOTED:
        text = parse(told["note"]).text
        assert checkpoint_of(text).text == text
        assert checkpoint_of(text).size == told["size"]


def test_more_lines() -> None:
    """They may follow, and are not looked at."""
    assert checkpoint_of(f"o\n7\n{ROOT}\nmore\n") == Checkpoint("o", 7, bytes(32))


@pytest.mark.parametrize("text", ["", "o\n", f"o\n7\n{ROOT}", f"\n7\n{ROOT}\n", f"o\n07\n{ROOT}\n", f"o\n-7\n{ROOT}\n", f"o\n{1 << 62}\n{ROOT}\n",
                                  f"o\n٣\n{ROOT}\n",                                   f"o\n\n{ROOT}\n", "o\n7\nAAAA\n",
                                  f"o\n7\n{ROOT[:-2]}B=\n", f"o\n7\n{ROOT}\n\n", "o\n" + "9" * 5000 + f"\n{ROOT}\n"])
def test_what_is_none(text: str) -> None:
    """One clear line."""
    with pytest.raises(InvalidError, match="it is no checkpoint"):
        checkpoint_of(text)


def test_many_in_one_text() -> None:
    """The file of a witness has them one behind the other, with and without empty lines between."""
    texts = [told["note"] for told in NOTED]
    for between in ("", "\n", "\n\n"):
        assert [str(note) for note in notes_in(between.join(texts))] == texts
    assert list(notes_in("")) == []


def test_lines_of_a_collector() -> None:
    """Whatever it writes around them; a damaged one is an error."""
    texts = [told["note"] for told in NOTED]
    lines = [f"Nov 23 16:00:0{n} gw jitui - - {in_one_line(parse(text))} x\nanother line\n" for n, text in enumerate(texts)]
    assert [str(note) for note in notes_in("".join(lines))] == texts
    for damaged in (f"{MARK}AAA", f"{MARK}", f"{MARK}aGVsbG8="):
        with pytest.raises(InvalidError):
            list(notes_in(damaged))


@given(st.text(max_size=300))
def test_any_text(text: str) -> None:
    """Nothing but InvalidError comes of any text."""
    for each in (text, f"o\n7\n{ROOT}\n{text}", f"{NOTED[0]['note']}{text}"):
        try:
            list(notes_in(each))
            checkpoint_of(each)
        except InvalidError:
            pass
