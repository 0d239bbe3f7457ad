"""The record: who reads what of it, and what is noted of that."""

from base64 import b64decode
from pathlib import Path

import pytest

from jitui.api.views import FrameView
from jitui.policy.terms import Identity, Role
from jitui.protocol.speech import TOGETHER
from jitui.recording.facts import SessionEnded
from jitui.store.tape_rows import PAGE_BYTES
from jitui.values.errors import RefusedError
from tests.api.service.conftest import APPROVER, AUDITOR, OPERATOR
from tests.fakes.house import house
from tests.proxy.test_rest import held_back
from tests.recording.test_delivery import delivered
from tests.store.index.shelf import build


async def test_a_look_at_a_record_is_a_fact_wherever_it_begins(tmp_path: Path) -> None:
    """From the second frame on as from the first; the next pages leave none."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        assert (await kubectl.ask("GET", "/api/v1/namespaces/web/pods"))[0] == 200
        desk = home.desk(AUDITOR)
        assert [frame.seq for frame in await desk.frames("s-1", after=0)] == [1, 2]
        await desk.frames("s-1", after=1)
        assert [(fact.who, fact.subject) for fact in await home.facts("viewed")] == [("aud", "s-1")]


async def test_recorded_content_by_role(tmp_path: Path) -> None:
    """An operator the last hour, an approver what they decided, an auditor all of it."""
    async with house(tmp_path) as home:
        grant = await home.window()
        kubectl = await home.dial()
        assert (await kubectl.ask("GET", "/api/v1/namespaces/web/pods"))[0] == 200
        await home.desk(APPROVER).revoke(grant.label, reason="x")
        bea = Identity("bea", frozenset({Role.APPROVER}))
        assert await home.desk(OPERATOR).frames("s-1")
        with pytest.raises(RefusedError):
            await home.desk(bea).frames("s-1")
        home.clock.advance(3601)
        with pytest.raises(RefusedError):
            await home.desk(OPERATOR).frames("s-1")
        assert await home.desk(APPROVER).frames("s-1")
        assert await home.desk(AUDITOR).frames("s-1")


async def test_a_call_is_found_by_who_asks_right_behind_it(tmp_path: Path) -> None:
    """Denied and done: its row waits for company, and whoever asks for the list does not see it without."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl, desk = await home.dial(), home.desk(AUDITOR)
        for at, (path, code) in enumerate([("/api/v1/namespaces/web/pods", 200), ("/api/v1/namespaces/kube-system/secrets", 403)] * 3):
            assert (await kubectl.ask("GET", path))[0] == code
            assert sum(row.count for row in await desk.actions()) == at + 1


async def test_long_pages_are_short(tmp_path: Path) -> None:
    """A page is no longer than may be put into text at once; what of it was delivered is the same as of the whole record, page by page."""
    async with house(tmp_path) as home:
        await home.window()
        await held_back(home)
        session = home.broker.windows.sessions[1]
        await home.until(lambda: session.bytes_out > 2 * PAGE_BYTES)
        await home.desk(OPERATOR).kill("s-1", reason="enough")
        frames = await home.frames(1)
        (ended,) = await home.facts("session.ended")
        assert ended.what["conns"]
        seen: list[FrameView] = []
        while page := await home.desk(OPERATOR).frames("s-1", after=seen[-1].seq if seen else -1):
            assert sum(len(b64decode(view.data_b64)) for view in page) < PAGE_BYTES + TOGETHER
            seen += page
        assert [(view.seq, view.delivered) for view in seen] == [(frame.seq, whole) for frame, whole in delivered(frames, SessionEnded.of(ended).conns or ())]
        assert {view.delivered for view in seen} == {True, False}
        assert sum(len(frame.body) for frame in frames) > 2 * PAGE_BYTES


async def test_whoever_may_replay_may_find(tmp_path: Path) -> None:
    """By the same roles as recorded content, session by session; that somebody searched is a fact, once in an hour."""
    async with house(tmp_path) as home:
        grant = await home.window()
        kubectl = await home.dial()
        assert (await kubectl.ask("GET", "/api/v1/namespaces/web/pods"))[0] == 200
        await home.desk(APPROVER).revoke(grant.label, reason="x")
        build(tmp_path / "state")
        bea = Identity("bea", frozenset({Role.APPROVER}))
        found = {who.name: await home.desk(who).find("web") for who in (AUDITOR, OPERATOR, APPROVER, bea)}
        assert [bool(each.hits) for each in found.values()] == [True, True, True, False]
        assert "left out" in found["bea"].notes[-1]
        home.clock.advance(3601)
        assert not (await home.desk(OPERATOR).find("web")).hits
        await home.desk(AUDITOR).find("other text", identity="bot")
        viewed = [(fact.who, fact.subject) for fact in await home.facts("viewed") if fact.what["how"] == "find"]
        assert viewed.count((AUDITOR.name, "all")) == 1
        assert (AUDITOR.name, "bot") in viewed
        with pytest.raises(RefusedError):
            await home.desk(Identity("bot", frozenset({Role.AGENT}), owner="ana")).find("web")


async def test_a_keyframe_is_as_secret_as_its_frames(tmp_path: Path) -> None:
    """The same rights; without an index there is none, and that is no error."""
    async with house(tmp_path) as home:
        grant = await home.window()
        kubectl = await home.dial()
        assert (await kubectl.ask("GET", "/api/v1/namespaces/web/pods"))[0] == 200
        await home.desk(APPROVER).revoke(grant.label, reason="x")
        assert (await home.desk(AUDITOR).keyframe("s-1", at_us=0)).seq == -1
        with pytest.raises(RefusedError):
            await home.desk(Identity("bea", frozenset({Role.APPROVER}))).keyframe("s-1", at_us=0)
