"""What commands left is known to be the window's, because somebody looked while they ran, before the embedded cluster."""

from pathlib import Path

from jitui.policy.grant import Event
from jitui.recording.facts import ProcessSeen
from tests.proxy.pod.yard import running, yard

QUIET = ">/dev/null 2>&1 </dev/null"
LEFT = {
    "in the background": f"sleep 76001 {QUIET} & sleep 0.3; echo ready",
    "without a hang-up": f"nohup sleep 76002 {QUIET} & sleep 0.3; echo ready",
    "in a session of its own": f"setsid sleep 76003 {QUIET} & sleep 0.3; echo ready",
}
DAEMON = f"(setsid sleep 76004 {QUIET} &); sleep 0.3; echo ready"  # its parent is gone before anybody can have seen it


async def test_what_finished_commands_left_is_ended(tmp_path: Path) -> None:
    """At the end of the window what each command left is ended and belongs to it; a daemon that nobody saw in its session or as its child is told and left."""
    async with yard(tmp_path) as it:
        grant = await it.home.window()
        for line in (*LEFT.values(), DAEMON):
            kubectl = await it.run("sh", "-c", line)
            await kubectl.rest()
        await it.home.until(lambda: not it.home.broker.windows.sessions)
        assert len(running("7600")) >= 4
        cut = await it.home.broker.windows.end(it.home.broker.windows.live[grant.id], Event.RELEASE, by="agent-x", why="")()
        told = {each.argv[-1]: (each.state, each.proof, each.session) for each in cut.told}
        assert told == {"76001": ("ended", ("gone",), 1), "76002": ("ended", ("gone",), 3), "76003": ("ended", ("gone",), 4), "76004": ("unexplained", (), 0)}
        assert len(running("7600")) == 1
        seen = [ProcessSeen.of(fact) for fact in await it.home.facts("process.seen")]
        assert {each.session for each in seen if each.processes} >= {1, 3, 4}
        assert it.places._containers == {}
