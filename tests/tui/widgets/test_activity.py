"""One line an action."""

from dataclasses import replace

from jitui.api.views import ActionView
from jitui.tui.widgets.activity import action_row, session_row
from jitui.values.said import Said
from tests.tui.test_reel import session

EXEC = ActionView(
    at="2026-11-23T16:04:11.000000Z", session="s-1", grant="g-1", conn=0, identity="agent", verb="create", resource="pods/exec", namespace=Said("web"),
    name=Said("web-7c"), argv=(Said("sh"),), hazard="EXEC", verdict="allowed", clause="@debug in web", code=101, bytes_in=0, bytes_out=0, audit_id="a",
    count=1,
)  # fmt: skip


def test_a_stream_shows_the_bytes_of_its_session() -> None:
    """Its action was written when it was opened; what passed since is the session's to say."""
    open_one = replace(session(), state="open", bytes_in=1000, bytes_out=4000)
    assert "4.9 KB" in action_row(EXEC, {"s-1": open_one})(100).plain
    assert "0 B" in action_row(EXEC, {})(100).plain


def test_a_denial_says_why_and_how_often() -> None:
    """A client that does not give up is one line, with a count: of an exec as of a plain request."""
    for argv in ((Said("sh"),), ()):
        line = action_row(replace(EXEC, argv=argv, session="", verdict="denied", clause="not in the scope", code=403, count=7), {})(100).plain
        assert all(words in line for words in ("DENIED", "web-7c", "x7", "not in the scope", "403"))


def test_what_a_closed_stream_left_behind() -> None:
    """It is on the stream's own line."""
    over = replace(session(), state="ended", ended_why="expired", may_run_on=1)
    assert "1 may run on" in action_row(EXEC, {"s-1": over})(100).plain
    assert "1 may run on" in session_row(over)(100).plain
    assert "run on" not in session_row(replace(over, may_run_on=0))(100).plain
