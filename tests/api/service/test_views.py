"""Values of the gateway as people are shown them."""

from pathlib import Path
from typing import Any

import pytest

from jitui.api.service.views import ended_view
from jitui.proxy.live import Cut
from jitui.recording.facts import ProcessEnded, ProcessLeft
from jitui.values.errors import RefusedError
from tests.api.service.conftest import AGENT_X, APPROVER
from tests.fakes.house import house


async def test_what_others_wrote_is_shown_masked(tmp_path: Path) -> None:
    """The reasons of those who decided and ended, too."""
    async with house(tmp_path) as home:
        desk = home.desk(APPROVER)
        with pytest.raises(RefusedError):
            await home.desk(AGENT_X).ask("prod", reason="x", scope="exec pods in other -- mysql --password=correct-horse-8")
        await home.desk(AGENT_X).ask("prod", reason="x")
        await desk.deny("r-1", reason="password=correct-horse-7 is not yours")
        assert "correct-horse" not in str((await desk.request("r-1")).why)
        facts = await desk.facts()
        assert "request.refused" in {fact.kind for fact in facts}
        assert "correct-horse" not in str(facts)


WHERE: dict[str, Any] = {"grant": 3, "pod": "web/web-7c", "pod_uid": "u", "container": "app", "container_id": "c"}


def test_an_end_says_what_became_of_processes() -> None:
    """Those that ended, and by whose word; those that may run on, and how to be certain. Nothing is killed because a stream was closed."""
    ended = [ProcessEnded(**WHERE, pid=pid, start=1, argv=("sleep", "9"), state="ended", proof=("runtime", "gone"), took_ms=310) for pid in (30, 31)]
    left = ProcessLeft(**WHERE, pid=22052, start=1, argv=("sleep", "1000"), state="unexplained")
    unseen = ProcessLeft(**WHERE, argv=("sh", "\x1b[2J"), state="not-proved", why="no shell in the container")
    said = ended_view("g-3", Cut(3, 21.2, (), 0, told=ended)).said
    assert said == "3 streams closed in 21 ms; 2 processes ended in web/web-7c, confirmed by the runtime in 0.3 s"
    said = ended_view("g-3", Cut(1, 2.0, ("web/web-7c",), 1, told=[left])).said
    assert said == ('1 stream closed in 2 ms; 1 process may still run: pid 22052 "sleep 1000"; delete the pod to be certain: kubectl delete pod -n web web-7c')
    view = ended_view("g-3", Cut(1, 2.0, ("web/web-7c",), 1, told=[unseen]))
    assert "(no shell in the container); delete the pod to be certain" in view.said
    assert "\x1b" not in view.said
    assert [(each.state, each.pid) for each in view.processes] == [("not-proved", 0)]
    assert "killed" not in view.said


def test_an_end_says_what_other_streams_leave() -> None:
    """Attach starts no process, and what is typed through it is the container's own; a port-forward leaves nothing."""
    said = ended_view("g-3", Cut(2, 2.0, (), 0, [("attach", "web/box/box"), ("port-forward", "web/db")])).said
    assert said == ("2 streams closed in 2 ms; what was typed through attach in web/box/box may run on as the container's own: delete the pod to be certain; "
                    "a port-forward leaves no process")
