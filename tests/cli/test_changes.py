"""`jitui changes`, over the files of a real gateway."""

import asyncio
from pathlib import Path

import pytest

from jitui.cli.changes import value
from jitui.values.clock import ManualClock, SystemClock
from tests.cli.conftest import jitui
from tests.fakes.house import house, rule
from tests.fakes.objects import CM, SCOPE, WEB, Talk, cm, deployment


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A window that created a config map, changed an image, and asked for a deletion that nobody answered."""
    folder = tmp_path_factory.mktemp("recorded")

    async def play() -> None:
        async with house(folder, rules=(rule(scope=SCOPE),), clock=ManualClock(SystemClock().now().wall_us)) as home:
            await home.window()
            talk = Talk(home)
            await talk.ask("POST", CM, cm(a="x\x1b[2J"), cm(a="x"), status="201 Created")
            await talk.ask("GET", f"{WEB}/web", deployment("web:1.5"))
            await talk.merge(f"{WEB}/web", deployment("web:1.4"), {})
            await talk.ask("DELETE", f"{CM}/d", None)

    asyncio.run(play())
    return folder / "state"


def test_for_people(recorded: Path) -> None:
    """A block an object, a line a field; whatever others wrote is clean."""
    said = jitui("--data-dir", str(recorded), "changes", "g-1").out
    assert "+ configmaps web/c  prod" in said
    assert "data.a: - -> x\N{REPLACEMENT CHARACTER}[2J" in said
    assert "~ deployments.apps web/web" in said
    assert "spec.template.spec.containers[app].image: web:1.5 -> web:1.4" in said
    assert "? configmaps web/d" in said
    assert "(whether it was carried out is not known)" in said


def test_for_programs(recorded: Path) -> None:
    """One write a line."""
    created, changed, unknown = jitui("--data-dir", str(recorded), "changes", "g-1", "--json").jsons
    assert {"object", "verb", "at", "session", "conn", "code", "fields"} <= created.keys()
    assert changed["fields"] == [{"path": "spec.template.spec.containers[app].image", "before": "web:1.5", "after": "web:1.4"}]
    assert (unknown["effect"], unknown["code"], unknown["object"]["name"]) == ("unknown", None, "d")


def test_residue(recorded: Path) -> None:
    """A line each, with how it ends; that bare files reach no cluster is said beside it."""
    done = jitui("--data-dir", str(recorded), "residue", "g-1")
    assert "configmaps web/c created, the cluster was not asked  ends with: kubectl delete configmaps c -n web" in done.out
    assert "which of the objects still exist is not known" in done.err
    found = jitui("--data-dir", str(recorded), "residue", "g-1", "--json").jsons
    assert [(one["kind"], one["exists"]) for one in found] == [("object", None)] * 3
    assert [one["effect"] for one in found] == ["created", "changed", "unknown"]


def test_of_an_agent_and_a_time(recorded: Path) -> None:
    """Without a window; the clock of bare files is this machine's."""
    assert len(jitui("--data-dir", str(recorded), "changes", "--identity", "agent-x", "--since", "1w", "--json").jsons) == 3
    assert len(jitui("--data-dir", str(recorded), "changes", "g-1", "--since", "1w", "--json").jsons) == 3
    assert jitui("--data-dir", str(recorded), "changes", "g-1", "--identity", "agent-y", "--json").jsons == []
    assert jitui("--data-dir", str(recorded), "changes", "--identity", "agent-y").out == "nothing was written, and nothing ran inside pods\n"


def test_values() -> None:
    """A text stands without quotes where it can be taken for nothing else."""
    values: tuple[object, ...] = ("a", "", " a", 1, None, ["a"], {}, True)
    assert [value(one) for one in values] == ["a", '""', '" a"', "1", "-", '["a"]', "{}", "true"]
