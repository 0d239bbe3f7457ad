"""What an identity did before, in a line, and the scope of what it used."""

from collections.abc import Sequence
from typing import cast

from jitui.api.service.history import SUGGESTED, history
from jitui.policy.action import Action
from jitui.policy.scope import Scope
from jitui.store import ActionRow
from jitui.store.archive import Files
from jitui.values.page import Page


class Past:
    """A ledger with these windows and actions."""

    def __init__(self, windows: int, rows: Sequence[ActionRow]) -> None:
        self.windows, self.rows = windows, list(rows)

    def past(self, identity: str, connection: str, since_us: int) -> tuple[int, list[ActionRow]]:
        return self.windows, Page(self.rows)


def told(windows: int, rows: Sequence[ActionRow], asked: str = "@debug in web") -> tuple[str, str]:
    return history(cast("Files", Past(windows, rows)), "agent-x", "prod", 0, Scope.parse(asked))


def row(verb: str, resource: str, hazard: str = "READ", *, verdict: str = "allowed", count: int = 1, namespace: str = "web", name: str = "") -> ActionRow:
    action = Action(verb, resource=resource, namespace=namespace, name=name)
    return ActionRow(at_us=1, identity="agent-x", connection="prod", action=action, hazard=hazard, verdict=verdict, count=count)


def test_nothing_is_said_to_be_nothing() -> None:
    """No window and no action in 30 days."""
    assert told(0, []) == ("nothing in 30 d", "")


def test_actions_are_counted_by_hazard() -> None:
    """Equal ones by their count; denials apart, and not in the scope of what was used."""
    rows = [row("get", "pods", count=40), row("list", "pods"), row("delete", "pods", "CHANGE", verdict="denied", count=2)]
    words, used = told(1, rows)
    assert words == "1 window in 30 d: 41 reads, 2 denied"
    assert used == "read pods in web"


def test_what_lies_outside_is_left_out() -> None:
    """A narrowed scope lies within what is asked."""
    assert told(2, [row("get", "pods"), row("get", "pods", namespace="other")])[1] == "read pods in web"
    assert told(2, [row("get", "pods", namespace="other")]) == ("2 windows in 30 d: 1 read, 0 denied", "")


def test_too_many_clauses_are_of_no_use() -> None:
    """Then nothing is suggested."""
    rows = [row("get", "pods", name=f"p-{number}") for number in range(SUGGESTED + 1)]
    assert told(1, rows[:-1], "read pods in web")[1].count(";") == SUGGESTED - 1
    assert told(1, rows, "read pods in web")[1] == ""
