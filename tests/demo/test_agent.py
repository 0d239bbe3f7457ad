"""The agent at work, in a house of its own; a person here approves by the command line."""

import tempfile
from collections.abc import Iterator
from typing import Any

import pytest

from jitui.demo.house import AGENT, House
from tests.support.processes import until


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    with tempfile.TemporaryDirectory(prefix="jt-", dir="/tmp") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr("tempfile.tempdir", None)
        with House(12) as made:
            yield made


def of(house: House, *args: str) -> list[Any]:
    return house.jitui(*args, "--json").jsons


def test_it_asks_works_and_asks_again(house: House) -> None:
    """It asks with a reason; approved, it looks, follows a log and types in a shell until the window ends; then it wants the next."""
    house.work()
    (asked,) = until(lambda: of(house, "requests"), "request")
    assert (asked["identity"], asked["duration_s"], asked["state"]) == (AGENT, 12, "pending")
    assert house.jitui("approve", asked["id"]).code == 0

    def kinds() -> set[str]:
        return {one["kind"] for one in of(house, "sessions")}

    until(lambda: {"api", "exec", "logs"} <= kinds(), "exec and logs")
    (again,) = until(lambda: of(house, "requests"), "next request")
    assert again["id"] != asked["id"]
    ended = [one for one in of(house, "sessions") if one["kind"] == "exec"]
    assert {one["ended_why"] for one in ended} == {"expired"}
    typed = b"".join(house.jitui("frames", one["id"], "--raw", "--channel", "stdin").out for one in ended)
    assert b"\r" in typed
    assert house.jitui("verify").code == 0


def test_a_denied_agent_stays_away(house: House) -> None:
    """It says so in its log, and does not ask again at once."""
    house.work()
    (asked,) = until(lambda: of(house, "requests"), "request")
    assert house.jitui("deny", asked["id"], "--reason", "not today").code == 0
    log = house.folder / "agent.log"
    until(lambda: "not today" in log.read_text(), "refusal in its log")
    assert of(house, "requests") == []
