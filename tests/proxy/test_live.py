"""Windows, and the sessions under them."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from jitui.policy.action import Action
from jitui.policy.scope import Scope
from jitui.policy.terms import Grant, GrantState
from jitui.proxy.ends import End, Why
from jitui.proxy.live import Session, Window
from jitui.recording.facts import Undelivered
from jitui.recording.frame import COST, Channel, Frame
from jitui.values.clock import ManualClock
from jitui.values.instant import Deadline

END = End(Why.KILLED, "ana", "jitui: killed by ana: odd")


class AtOnce:
    """A store whose commits take no time."""

    def put_all(self, frames: Sequence[Frame], done: Callable[[Exception | None], None]) -> None:
        done(None)


class Open:
    """A leg that notes what it is told."""

    def __init__(self) -> None:
        self.action: Action | None = None
        self.told: list[object] = []

    def cut(self, end: End) -> None:
        self.told.append(end)

    def freeze(self, on: bool) -> None:
        self.told.append(on)


def window(clock: ManualClock, **more: Any) -> Window:
    now = clock.now()
    return Window(Grant(id=1, request=1, identity="bot", connection="prod", scope=Scope.parse("read pods"), duration_s=60, approved=now, approved_by=("ana",),
                        state=GrantState.ACTIVE, deadline=Deadline.after(now, 60_000_000)), **more)


def session(clock: ManualClock, kind: str = "api", over: Callable[[Session, End], None] = lambda *_: None) -> Session:
    def late(under: Window) -> None:
        under.closed = True

    return Session(1, kind, window(clock), clock.now(), journal=AtOnce(), clock=clock, over=over, late=late)


def nothing() -> None:
    """Nothing waits for it."""


def test_a_window_is_open_until_it_is_closed_or_its_deadline_is_here() -> None:
    """By the clock, whatever its timer says."""
    clock = ManualClock()
    one, other = window(clock), window(clock)
    assert (one.open_at(clock.now()), one.left > 1 << 60) == (True, True)
    one.closed = True
    assert (one.open_at(clock.now()), other.open_at(clock.now())) == (False, True)
    clock.advance(60)
    assert not other.open_at(clock.now())


def test_a_budget_is_of_the_way_of_which_more_went() -> None:
    """Or of what very many small frames take; rows and facts count as frames do."""
    under = window(ManualClock(), allowed=10 * COST, used=(COST, 3 * COST, 2))
    assert under.left == 7 * COST
    under.charge(4 * COST)
    assert under.left == 4 * COST


def test_a_session_has_connections_until_its_end() -> None:
    """A leg opened while it is frozen is frozen too; one that hands over gives up its place; the closing fact tells what was lost."""
    one = session(ManualClock(), "exec")
    handshake, relay, substream = Open(), Open(), Open()
    assert (one.next_conn, one.open_conn(handshake), one.next_conn) == (0, 0, 1)
    one.freeze("ana")
    one.hand_over(handshake, relay)
    one.open_conn(substream)
    one.record(1, [(Channel.STDOUT, b"abc")], nothing)
    assert (one.frozen_by, one.held, one.frozen_words) == ("ana", 3, "s-1 is frozen by ana; try again once it is thawed")
    one.thaw()
    one.handed(1, Channel.STDOUT, 2)
    assert (one.mute(END), one.mute(END), one.muted, one.end, one.passing()) == (True, False, True, END, False)
    assert one.cut() == 2
    assert (handshake.told, relay.told, substream.told) == ([True], [True, False, END], [True, False, END])
    assert (one.undelivered(), one.bytes_out, one.handed_out) == ([Undelivered(1, 0, 0, 3, 2)], 3, 2)


def test_what_comes_late_closes_the_window() -> None:
    """And is not put on record."""
    clock = ManualClock()
    one = session(clock)
    one.open_conn(Open())
    clock.advance(60)
    one.record(0, [(Channel.REQUEST, b"GET")], nothing)
    assert (one.window.closed, one.frames, one.passing()) == (True, 0, False)


@pytest.mark.interpreted
async def test_an_api_session_in_which_too_much_was_broken_off_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once its last exchange is over: further ones are another session's."""
    monkeypatch.setattr("jitui.proxy.live.UNFINISHED", 2)
    ends = list[End]()
    one = session(ManualClock(), over=lambda _, end: ends.append(end))
    legs = [Open() for _ in range(3)]
    conns = [one.open_conn(leg) for leg in legs]
    for conn, leg in zip(conns[:2], legs, strict=False):
        one.record(conn, [(Channel.RESPONSE_BODY, b"x")], nothing)
        one.close_conn(conn, leg)
    await asyncio.sleep(0)
    assert (one.full, ends) == (True, [])
    one.close_conn(conns[2], legs[2])
    await asyncio.sleep(0)
    assert [end.why for end in ends] == [Why.CLIENT_CLOSED]
