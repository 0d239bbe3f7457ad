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
DAEMON = f"(setsid sleep 76004 {QUIET} &); sleep 0.3; echo ready"  # its parent is gone before most looks can have seen it


async def test_what_finished_commands_left_is_ended(tmp_path: Path) -> None:
    """At the end of the window what each command left is ended and belongs to it; a daemon is told and left, unless a look saw it as its command's child."""
    async with yard(tmp_path) as it:
        grant = await it.home.window()
        for line in (*LEFT.values(), DAEMON):
            kubectl = await it.run("sh", "-c", line)
            await kubectl.rest()
        await it.home.until(lambda: not it.home.broker.windows.sessions)
        assert len(running("7600")) >= 4
        cut = await it.home.broker.windows.end(it.home.broker.windows.live[grant.id], Event.RELEASE, by="agent-x", why="")()
        told = {each.argv[-1]: each for each in cut.told}
        seen = [ProcessSeen.of(fact) for fact in await it.home.facts("process.seen")]
        assert {each.session for each in seen if each.processes} >= {1, 3, 4}
        daemon, caught = told["76004"], {int(process.split(":")[0]): each.session for each in seen for process in each.processes}
        proof = ("gone", "explained") if daemon.pid in caught else ("gone",)
        assert {word: (each.state, each.proof, each.session) for word, each in told.items()} == {
            "76001": ("ended", proof, 1), "76002": ("ended", proof, 3), "76003": ("ended", proof, 4),
            "76004": ("ended", proof, 5) if daemon.pid in caught else ("unexplained", (), 0)}  # fmt: skip
        assert len(running("7600")) == (0 if daemon.pid in caught else 1)
        assert it.places._containers == {}
