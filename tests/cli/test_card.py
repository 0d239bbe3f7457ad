"""A request in full at the command line: nothing is cut, and no text of the agent's can hide a warning."""

from dataclasses import replace

from jitui.api.views import ClauseView, RequestView
from jitui.cli.card import BYPASS, lines
from jitui.values.said import Said

VIEW = RequestView(
    id="r-1", state="pending", identity="bot", owner="olga", connection="prod", duration_s=1800, scope="get pods in web; exec pods in web",
    clauses=(ClauseView(text="get pods in web", hazard="READ"), ClauseView(text="exec pods in web", hazard="EXEC")), hazard="EXEC",
    reason=Said("roll back\x1b[2J"), asked="2026-01-01T00:00:00Z", waited_s=1.0, lapses_s=60.0, approvals=(), approvals_needed=1,
    rule_duration_s=3600, rule_scope="@view in web",
    starts="on-approval", from_peer="uid 1000", token="ab12", same_user=False, owner_may_approve=False, digest="d" * 32, you_may=("approve",), you_may_not="",
)  # fmt: skip


def test_the_worst_clause_stands_first() -> None:
    """With its hazard before it, whatever the order in the scope."""
    said = list(lines(VIEW))
    assert [line.split()[0] for line in said if line.startswith("    ")] == ["EXEC", "READ"]


def test_warnings_come_before_what_is_asked() -> None:
    said = list(lines(replace(VIEW, same_user=True, owner_may_approve=True)))
    assert BYPASS in said[1]
    assert said[2].strip() == "ITS OWNER MAY APPROVE IT"


def test_a_reason_is_one_clean_line() -> None:
    """No escape sequence of the agent's reaches the terminal."""
    text = "\n".join(lines(VIEW))
    assert "roll back" in text
    assert "\x1b" not in text


def test_a_long_scope_is_shown_whole() -> None:
    scope = "; ".join(f"get pods:web-{number} in web" for number in range(200))
    clauses = tuple(ClauseView(text=text, hazard="READ") for text in scope.split("; "))
    text = "\n".join(lines(replace(VIEW, scope=scope, rule_scope=scope, clauses=clauses)))
    assert all(f"get pods:web-{number} in web" in text for number in range(200))
    assert "the same; it allows no more" in text
