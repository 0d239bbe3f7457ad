"""Live sessions as a viewer sees them."""

from base64 import b64decode
from pathlib import Path

from jitui.api.service.live import BEFORE
from jitui.api.service.views import BRIEF
from jitui.api.views import ActionView, SessionView
from tests.api.service.conftest import OPERATOR
from tests.fakes.house import house
from tests.proxy.test_relay import connected


async def test_who_begins_to_watch_sees_the_newest_bytes(tmp_path: Path) -> None:
    """64 KiB of them, though what came before is one long frame."""
    async with house(tmp_path) as home:
        await home.window()
        _, pod = await connected(home)
        pod.line.message(1, b"a" * 100_000)
        pod.line.message(2, b"$ ")
        session = home.broker.windows.sessions[1]
        await home.until(lambda: session.bytes_out > 100_000 and home.store.recorded(1) == session.frames)
        shown = []
        async for chunk in home.desk(OPERATOR).watch("s-1"):
            assert chunk.frame is not None
            shown.append((chunk.frame.channel, b64decode(chunk.frame.data_b64)))
            if shown[-1] == ("stderr", b"$ "):
                break
        assert shown == [("stdout", b"a" * (BEFORE - 2)), ("stderr", b"$ ")]


async def test_lists_that_are_fetched_again_and_again_carry_the_beginning_of_a_command(tmp_path: Path) -> None:
    """Of a script in an argument; the one session has all of it, and so has the list that is asked for in full."""
    async with house(tmp_path) as home:
        await home.window()
        script = "x" * 3000
        kubectl, _ = await connected(home, "sh", "-c", script)
        await home.store.commit([])
        desk = home.desk(OPERATOR)
        brief: list[SessionView | ActionView] = [*await desk.sessions(brief=True), *await desk.actions(brief=True)]
        whole: list[SessionView | ActionView] = [await desk.session("s-1"), *await desk.sessions(), *await desk.actions()]
        assert [[str(word) for word in view.argv[:2]] for view in brief] == [["sh", "-c"]] * 2
        assert {len(view.argv[2].raw) for view in brief} == {BRIEF - len("sh -c ") + 1}
        assert {view.argv[2].raw for view in whole} == {script}
        kubectl.close()
