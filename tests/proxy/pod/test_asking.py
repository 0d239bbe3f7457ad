"""A session of the gateway's own."""

from pathlib import Path

import pytest

from jitui.policy.action import Hazard
from jitui.policy.terms import Identity, Role
from jitui.proxy.pod.asking import Asking, LookError
from jitui.recording.frame import Channel
from tests.fakes.house import House, house

AUDITOR = Identity("eva", frozenset({Role.AUDITOR}))


async def asking(home: House) -> Asking:
    return Asking(home.store, home.clock, await home.window(), "prod", "web/box/main", lambda session: f"jitui-test-{session}-0")


async def test_it_is_on_record_from_its_opening_to_its_end(tmp_path: Path) -> None:
    """Frames are numbered in their order, whether they were waited for or not; the Audit-ID is that of its number."""
    async with house(tmp_path) as home:
        one = await asking(home)
        await one.begin("sh")
        assert one.audit_id == f"jitui-test-{one.session}-0"
        await one.ask(b"GET", b"/api/v1/namespaces/web/pods/box", Hazard.READ, "why", (Channel.REQUEST, b"GET"), (Channel.REQUEST_BODY, b"x"))
        one.answered(200)
        told: list[str] = []
        one.put_soon([(Channel.STDOUT, b"out")], told.append)
        await one.end("exit")
        assert told == [""]
        assert [(frame.seq, frame.body) for frame in await home.frames(one.session)] == [(0, b"GET"), (1, b"x"), (2, b"out")]
        assert [fact.what["why"] for fact in await home.facts("session.ended")] == ["exit"]
        assert [(row.verb, row.code, row.clause) for row in await home.desk(AUDITOR).actions() if row.session == f"s-{one.session}"] == [("get", 200, "why")]


async def test_a_request_whose_answer_nobody_waited_for_has_a_row(tmp_path: Path) -> None:
    """It was sent, or may have been: a look ends at its time, whatever it waits for."""
    async with house(tmp_path) as home:
        one = await asking(home)
        await one.begin("sh")
        await one.ask(b"GET", b"/api/v1/namespaces/web/pods/box", Hazard.READ, "why", (Channel.REQUEST, b"GET"))
        await one.end("cluster-closed")
        assert [(row.verb, row.code) for row in await home.desk(AUDITOR).actions() if row.session == f"s-{one.session}"] == [("get", None)]


async def test_one_that_did_not_begin_has_no_end(tmp_path: Path) -> None:
    """Nothing of it is on record; what can't be recorded is an error with the reason."""
    async with house(tmp_path) as home:
        one = await asking(home)
        await one.end("exit")
        assert await home.facts("session.ended") == []
        await home.store.aclose()
        with pytest.raises(LookError, match="a look can't be recorded"):
            await one.put((Channel.REQUEST, b"GET"))
