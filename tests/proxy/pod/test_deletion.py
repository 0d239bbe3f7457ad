"""The deletion of a pod, where a rule has it written out."""

from pathlib import Path

import pytest

from jitui.policy.grant import Event
from jitui.proxy.pod.asking import LookError
from jitui.proxy.pod.watch import Watch
from tests.fakes.house import rule
from tests.proxy.pod.yard import gone, running, yard

DAEMON = ("sh", "-c", "setsid sleep 76001 >/dev/null 2>&1 </dev/null & echo ready")


async def fails(*_: object) -> None:
    raise LookError("not now")


@pytest.mark.interpreted
@pytest.mark.parametrize("written", [False, True])
async def test_a_pod_is_deleted_only_where_the_rule_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: bool) -> None:
    """A daemon that nothing ties to the window ends with its pod, which is seen to be gone; without the rule's word it is listed and left."""
    monkeypatch.setattr(Watch, "_closely", fails)  # nobody sees it while it is its command's child
    async with yard(tmp_path) as it:
        grant = await it.home.window()
        it.places._rule = lambda grant: rule(deletes_pods=written)
        await (await it.run(*DAEMON)).rest()
        await it.home.until(lambda: not it.home.broker.windows.sessions)
        cut = await it.home.broker.windows.end(it.home.broker.windows.live[grant.id], Event.REVOKE, by="ana", why="x")()
        await it.home.until(lambda: not it.places._containers)
        (told,) = await it.told(grant)
        if written:
            assert await gone("76001")
            assert (told.state, told.proof, told.why) == ("ended", ("gone",), "its pod was deleted, as the rule says")
        else:
            assert running("76001")
            assert (told.state, [each.state for each in cut.told]) == ("unexplained", ["unexplained"])
