"""A session of the gateway's own."""

from pathlib import Path

import pytest

from jitui.policy.action import Hazard
from jitui.proxy.pod.asking import Asking, LookError
from jitui.recording.frame import Channel
from tests.fakes.house import House, house


async def asking(home: House) -> Asking:
    return Asking(home.store, home.clock, await home.window(), "prod", "web/box/main", lambda session: f"jitui-test-{session}-0")


async def test_it_is_on_record_from_its_opening_to_its_end(tmp_path: Path) -> None:
    """Frames are numbered in their order, whether they were waited for or not; the Audit-ID is that of its number."""
    async with house(tmp_path) as home:
        one = await asking(home)
        await one.begin("sh")
        assert one.audit_id == f"jitui-test-{one.session}-0"
        await one.put((Channel.REQUEST, b"GET"), (Channel.REQUEST_BODY, b"x"))
        told: list[str] = []
        one.put_soon([(Channel.STDOUT, b"out")], told.append)
        one.note(b"GET", b"/api/v1/namespaces/web/pods/box", Hazard.READ, "why", 200)
        await one.end("exit")
        assert told == [""]
        assert [(frame.seq, frame.body) for frame in await home.frames(one.session)] == [(0, b"GET"), (1, b"x"), (2, b"out")]
        assert [fact.what["why"] for fact in await home.facts("session.ended")] == ["exit"]


async def test_one_that_did_not_begin_has_no_end(tmp_path: Path) -> None:
    """Nothing of it is on record; what can't be recorded is an error with the reason."""
    async with house(tmp_path) as home:
        one = await asking(home)
        await one.end("exit")
        assert await home.facts("session.ended") == []
        await home.store.aclose()
        with pytest.raises(LookError, match="a look can't be recorded"):
            await one.put((Channel.REQUEST, b"GET"))
