"""`jitui find`, over the files that a gateway left."""

from pathlib import Path

import pytest

from tests.cli.conftest import Front, jitui
from tests.store.index.shelf import build


@pytest.fixture
def indexed(state: Path) -> Path:
    build(state)
    return state


def test_each_hit_begins_with_a_link_that_commands_take(indexed: Path) -> None:
    """Its moment is that of the line: a replay of it is there."""
    said = jitui("--utc", "--data-dir", str(indexed), "find", "bold")
    (line,) = said.out.splitlines()
    assert line.startswith("s-2@")
    assert line.endswith("stdout  web/web-7c  plain bold")
    link = line.split()[0]
    assert jitui("--utc", "--data-dir", str(indexed), "replay", link, "--text").code == 0
    (found,) = jitui("--utc", "--data-dir", str(indexed), "find", "bold", "--json").jsons
    assert (found["session"], found["where"], found["line"], found["link"]) == ("s-2", "stdout", "plain bold", link)


def test_where_it_is_looked_for(indexed: Path) -> None:
    """By the agent, the kind of session and of text, the time; a denial has no session."""
    def count(*args: str) -> int:
        return len(jitui("--data-dir", str(indexed), "find", *args, "--json").jsons)

    assert (count("pods"), count("pods", "--in", "argv,stdin"), count("pods", "--in", "body"), count("pods", "--verb", "list")) == (1, 1, 0, 1)
    assert (count("plain", "--identity", "agent-a"), count("plain", "--identity", "agent-b"), count("plain", "--kind", "api")) == (1, 0, 0)
    denied = jitui("--data-dir", str(indexed), "find", "pods").out
    assert denied.startswith("denied ")


def test_it_says_what_it_cannot_do(indexed: Path, state: Path) -> None:
    """A text that is too short, a place that is none, and an index that is not there."""
    assert "at least 3" in jitui("--data-dir", str(indexed), "find", "ab").err
    assert "these are: argv, stdin, stdout, body" in jitui("--data-dir", str(indexed), "find", "plain", "--in", "head").err
    for path in state.glob("index.db*"):
        path.unlink()
    said = jitui("--data-dir", str(state), "find", "plain")
    assert "no index" in said.err
    assert "stands nowhere" in said.out


def test_an_exported_file_has_no_index(front: Front) -> None:
    """An agent may not look into records."""
    assert front("find", "text", by="agent").code == 1
