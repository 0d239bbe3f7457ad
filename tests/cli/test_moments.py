"""A session and a window at a moment, as text."""

from pathlib import Path

from tests.cli.conftest import jitui


def test_a_session_at_a_moment(state: Path) -> None:
    """Its screen then, clean; without a moment, in the end; as JSON with the time."""
    whole = jitui("--data-dir", str(state), "show", "s-1")
    assert whole.code == 0
    assert "red" in whole.out
    assert "\x1b" not in whole.out
    first = jitui("--data-dir", str(state), "show", "s-1@+0", "--json").json
    assert (first["session"], first["whole"]) == ("s-1", True)
    assert not any("red" in line for line in first["lines"])
    assert "is no moment" in jitui("--data-dir", str(state), "show", "s-1@25:00").err


def test_a_window_at_a_moment(state: Path) -> None:
    """Its last events up to then, and the streams that ran, each with the command that shows it; `replay --text` prints all of them."""
    found = jitui("--data-dir", str(state), "show", "g-1")
    assert found.code == 0
    assert "grant.started" in found.out
    assert "opened" in found.out
    every = jitui("--data-dir", str(state), "replay", "g-1", "--text").out.splitlines()
    assert len(every) >= len(jitui("--data-dir", str(state), "show", "g-1", "--json").json["events"])
    assert jitui("--data-dir", str(state), "replay", "g-1", "--text", "--json").jsons[0]["kind"] == "request.asked"
    early = jitui("--data-dir", str(state), "show", "g-1@+0", "--json").json
    assert all(event["at"] <= early["moment"]["at"] for event in early["events"])
