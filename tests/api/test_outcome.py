"""The words for what became of processes in pods."""

from dataclasses import replace

import pytest

from jitui.api.outcome import NOT_YET, in_short, last_line, of_window, told
from jitui.api.views import GrantView, ProcessView
from jitui.values.said import Said
from tests.fakes.desk import AT, grant_view

ENDED = ProcessView(session="s-1", pod="web/web-7c", pod_uid="u", container="app", container_id="c", pid=30, start=1, argv=(Said("sleep"), Said("9")),
                    state="ended", proof=("runtime", "gone"), took_ms=310, why="")  # fmt: skip
UNEXPLAINED = replace(ENDED, session="", pid=22052, argv=(Said("sleep"), Said("1000")), state="unexplained", proof=(), why="it can't be tied")
UNSEEN = replace(ENDED, pid=0, argv=(Said("sh"), Said("\x1b[2J")), state="not-proved", proof=(), why="no shell in the container")
LEFT = replace(ENDED, pid=44, state="left", proof=(), why="the rule leaves processes to run on")
CERTAIN = "delete the pod to be certain: kubectl delete pod -n web web-7c"
OVER = grant_view("g-3", "agent-a", "prod", state="expired", ended=AT, cut=3)


def window(*processes: ProcessView, **more: int) -> GrantView:
    return replace(OVER, processes=processes, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(("view", "line", "short"), [
    (window(), "", ""),
    (window(ENDED, replace(ENDED, pid=31)), "3 streams cut; 2 processes ended in web/web-7c, confirmed by the runtime in 0.3 s", "2 ended in pods"),
    (window(replace(ENDED, proof=("gone",))), "3 streams cut; 1 process ended in web/web-7c, confirmed in 0.3 s", "1 ended in pods"),
    (window(UNEXPLAINED), f'3 streams cut; 1 process may still run: pid 22052 "sleep 1000"; {CERTAIN}', "1 may run on"),
    (window(LEFT, may_run_on=1), f'3 streams cut; 1 process runs on, as the rule says: pid 44 "sleep 9"; {CERTAIN}', "1 runs on"),
    (window(LEFT, replace(LEFT, pid=45), may_run_on=2),
     f'3 streams cut; 2 processes run on, as the rule says: pid 44 "sleep 9", pid 45 "sleep 9"; {CERTAIN}', "2 run on"),
    (window(UNSEEN, may_run_on=3), (f'3 streams cut; 1 process may still run: "sh \N{REPLACEMENT CHARACTER}[2J" (no shell in the container); {CERTAIN}; '
     "2 processes may still run in its pods, and nothing tells which"), "3 may run on"),
    (window(ENDED, proving=1), f"3 streams cut; {NOT_YET}", "looking into pods"),
], ids=["none", "ended", "without-the-runtime", "unexplained", "left", "more-left", "unseen", "not-yet"])  # fmt: skip
def test_an_ended_window_says_what_facts_say(view: GrantView, line: str, short: str) -> None:
    """In full and in short; never that a process was killed because a stream was closed, and before it is known, that it is not."""
    assert (last_line(view), in_short(view)) == (line, short)
    assert of_window(view) == line.removeprefix("3 streams cut; ")


def test_a_window_that_lives_tells_only_what_may_run_on() -> None:
    """A command of it was killed; its other commands go on."""
    live = replace(window(ENDED, UNSEEN, may_run_on=1, proving=4), ended="", state="active")
    assert (last_line(live), in_short(live)) == ("", "1 may run on")


def test_three_are_named_and_the_others_counted() -> None:
    """Each pod of those that are named has its command once."""
    said = told([replace(UNEXPLAINED, pid=pid, pod=pod) for pid, pod in ((1, "web/a"), (2, "web/a"), (3, "web/b"), (4, "web/c"), (5, "web/c"))])
    assert said.startswith("5 processes may still run: pid 1 ")
    assert said.endswith("and 2 more; delete the pod to be certain: kubectl delete pod -n web a; kubectl delete pod -n web b")
