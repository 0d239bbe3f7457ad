"""Waiting for a gateway's facts and decisions."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from jitui.api.views import FactView, RequestView
from jitui.cli import follow
from jitui.values.errors import RefusedError, UnavailableError
from jitui.values.said import Said
from tests.fakes.desk import FakeDesk, FakeGateway, request_view
from tests.fakes.gateway import ANA


async def test_following(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """When a gateway goes and comes back it goes on where it was: nothing twice, nothing missed; each is said once."""
    monkeypatch.setattr(follow, "RETRY_S", 0.01)
    house, asked = FakeGateway(), []

    class Lame(FakeDesk):
        async def events(self, *, since: int = -1) -> AsyncIterator[FactView]:
            """The stream ends after each fact, and every second time nobody answers."""
            asked.append(since)
            if len(asked) % 2 == 0:
                raise UnavailableError("no gateway running")
            async for fact in super().events(since=since):
                yield fact
                return

    for _ in range(3):
        await house.happen("viewed", "ana", "s-1")
    found = follow.facts(Lame(house, ANA, "", "", False), 0)
    assert [(await anext(found)).seq for _ in range(3)] == [1, 2, 3]
    assert asked == [0, 1, 1, 2, 2]
    assert capsys.readouterr().err == "jitui: no gateway running\njitui: the gateway answers again\n" * 2


class Restarting(FakeDesk):
    """A gateway that does not answer so many times; then the person has decided."""

    away = 0

    async def request(self, ident: str, *, wait_s: int = 0) -> RequestView:
        if self.away:
            self.away -= 1
            raise UnavailableError("no gateway running")
        return replace(self.house.requests[ident], state="denied", decided_by="ana", why=Said("not\x1b today"))


def restarting(away: int) -> tuple[Restarting, RequestView]:
    house = FakeGateway()
    house.requests["r-1"] = request_view("r-1", "agent-a", "prod", 600)
    desk = Restarting(house, ANA, "", "", False)
    desk.away = away
    return desk, house.requests["r-1"]


async def test_a_wait_outlives_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to PATIENCE_S without an answer; a decision that is there already is not asked for."""
    monkeypatch.setattr(follow, "POLL_S", 0.001)
    monkeypatch.setattr(follow, "PATIENCE_S", 0.0105)
    desk, asked = restarting(9)
    assert (await follow.decision(desk, asked)).state == "denied"
    desk, asked = restarting(12)
    with pytest.raises(UnavailableError):
        await follow.decision(desk, asked)
    assert await follow.decision(desk, done := replace(asked, state="lapsed")) is done
    assert desk.away == 1


async def test_a_refusal_is_said_with_who_and_why() -> None:
    """As far as it is known; the words are clean; an approval is none."""
    desk, asked = restarting(0)
    with pytest.raises(RefusedError, match=r"^r-1 is denied by ana: not\ufffd today$"):
        follow.must_be_approved(await desk.request("r-1"))
    with pytest.raises(RefusedError, match=r"^r-1 is lapsed$"):
        follow.must_be_approved(replace(asked, state="lapsed"))
    follow.must_be_approved(replace(asked, state="approved"))
