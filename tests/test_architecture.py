"""ARCHITECTURE.md shows the tables that the code runs by, and stays short."""

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import pytest

from jitui.policy import grant, request
from jitui.proxy.ends import Why

ROOT = Path(__file__).parents[1]
TEXT = ROOT.joinpath("ARCHITECTURE.md").read_text()


def block(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n(.*?)\n<!-- end -->", TEXT, re.DOTALL)
    assert found, f"ARCHITECTURE.md has no block {name}"
    return found[1]


@pytest.mark.parametrize(("name", "moves"), [("request", request.MOVES), ("grant", grant.MOVES)])
def test_the_state_tables_are_those_of_the_code(name: str, moves: Mapping[StrEnum, Mapping[StrEnum, StrEnum]]) -> None:
    """Row by row; end states have none."""
    rows = [f"| {state} | {event} | {to} |" for state, events in moves.items() for event, to in events.items()]
    assert block(name).splitlines()[2:] == rows


def test_the_ends_of_a_session_are_those_of_the_code() -> None:
    """Every word of `ended_why`."""
    assert block("session").split(", ") == [str(why) for why in Why]


def test_every_room_is_named() -> None:
    """A folder or module that the page does not mention is one that a newcomer does not find."""
    rooms = {path.name for path in ROOT.joinpath("jitui").iterdir() if not path.name.startswith("_") and path.suffix in {"", ".py"}}
    plain = {"marked.py", "span.py", "demo"}  # YAML with lines, lengths of time; the demo has a page of its own in its docstring
    assert sorted(room for room in rooms - plain if f"`{room}" not in TEXT) == []


def test_it_stays_short() -> None:
    """120 lines at most: it is read before the code, not instead of it."""
    assert len(TEXT.splitlines()) <= 120
