"""Strangers make room for strangers, and a known caller never for one."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from jitui.listeners.caps import Caps, at_kube
from jitui.listeners.visitors import Owner, Visitor, Visitors, network
from jitui.values.descriptors import share
from jitui.values.errors import TooManyError
from jitui.values.limits import Limits

CAPS = replace(at_kube(Limits(), share(4096, 256)), strangers=6, per_address=4, agents=6, per_agent=4, streams_per_agent=3, streams_per_grant=2,
               rate=2, burst=3, refusals=1, heads=1000)  # fmt: skip


class Listener:
    """Visitors whose closing is seen."""

    def __init__(self, caps: Caps = CAPS) -> None:
        self.said: list[tuple[str, str]] = []
        self.closed: list[Visitor] = []
        self.all = Visitors(caps, lambda limit, who, words: self.said.append((limit, who)))

    def arrive(self, address: str = "192.0.2.1") -> Visitor:
        visitor: Visitor
        visitor = self.all.arrive(address, 0.0, lambda: self.closed.append(visitor))
        return visitor

    def known(self, name: str, *, agent: bool = True, resting: Callable[[], bool] = lambda: False) -> Visitor:
        visitor = self.arrive()
        visitor.resting = resting
        self.all.known(visitor, name, agent=agent)
        return visitor


def test_strangers_make_room_for_strangers() -> None:
    """At an address's own limit its oldest goes; at the limit of all, the oldest of the address that has the most."""
    listener = Listener()
    here = [listener.arrive("192.0.2.1") for _ in range(5)]
    assert listener.closed == here[:1]
    listener.arrive("192.0.2.2")
    listener.arrive("192.0.2.3")
    listener.arrive("192.0.2.4")
    assert listener.closed == here[:2]
    listener.arrive("192.0.2.5")
    assert listener.closed == here[:3]
    assert len(listener.all.strangers) == 6
    assert listener.said == [("strangers_per_address", "192.0.2.1"), ("strangers", "192.0.2.1"), ("strangers", "192.0.2.1")]


def test_who_is_known_never_makes_room_for_strangers() -> None:
    """A thousand strangers come and go; the agent's connections stay, and so do their counts."""
    listener = Listener()
    mine = [listener.known("bot", resting=lambda: True) for _ in range(4)]
    for at in range(1000):
        listener.arrive(f"192.0.2.{at % 250}")
    assert not set(mine) & set(listener.closed)
    assert (len(listener.all.strangers), listener.all.agents) == (6, 4)


def test_an_agents_connection_that_rests_makes_room_for_its_next() -> None:
    """One in use never does; then the new one is refused, with words and a time after which to try again."""
    listener = Listener()
    busy = [listener.known("bot") for _ in range(3)]
    idle = listener.known("bot", resting=lambda: True)
    new = listener.known("bot")
    assert listener.closed == [idle]
    refused = listener.arrive()
    with pytest.raises(TooManyError, match=r"bot has 4 connections open here, as many as limits.connections_per_agent .* all are in use; close one") as caught:
        listener.all.known(refused, "bot", agent=True)
    assert (caught.value.retry_after, caught.value.close, refused.owner) == (1, True, None)
    listener.all.gone(busy[0])
    owner = listener.all.known(refused, "bot", agent=True)
    assert list(owner.visitors) == [*busy[1:], new, refused]


def test_one_agents_connections_never_keep_another_out() -> None:
    """When there is no room for agents, the one that has the most gives up what rests; a stream stays."""
    listener = Listener()
    watch, *rest = [listener.known("greedy", resting=lambda: True) for _ in range(4)]
    listener.all.stream(watch, 1)
    for _ in range(3):
        listener.known("modest", resting=lambda: False)
    assert listener.closed == rest[:1]
    assert listener.all.agents == 6


def test_a_connection_in_other_hands() -> None:
    """It counts for whom its newest good request names; without a good token it is a stranger's again, with a stranger's time."""
    listener = Listener()
    visitor = listener.known("a")
    listener.all.known(visitor, "b", agent=True)
    assert (len(listener.all.owners["a"].visitors), len(listener.all.owners["b"].visitors), listener.all.agents) == (0, 1, 1)
    listener.all.unknown(visitor, 50.0)
    assert (visitor.owner, visitor.until, listener.all.agents, list(listener.all.strangers)) == (None, 50.0 + CAPS.first_s, 0, [visitor])
    listener.all.gone(visitor)
    assert not listener.all.strangers


def test_streams() -> None:
    """Of one window, and of all windows of one agent; a connection that ends takes its stream with it. Time alone changes nothing, so no Retry-After."""
    listener = Listener()
    streams = [listener.known("bot") for _ in range(4)]
    for visitor, grant in zip(streams[:2], (17, 17), strict=True):
        listener.all.stream(visitor, grant)
    with pytest.raises(TooManyError, match=r"bot has 2 streams open in g-17, as many as limits.streams_per_grant allows; end one of them") as caught:
        listener.all.stream(streams[2], 17)
    assert caught.value.retry_after == 0
    listener.all.stream(streams[2], 18)
    with pytest.raises(TooManyError, match=r"bot has 3 streams open, as many as limits.streams_per_agent"):
        listener.all.stream(streams[3], 18)
    listener.all.gone(streams[0])
    listener.all.still(streams[1])
    listener.all.stream(streams[3], 17)
    owner = listener.all.owners["bot"]
    assert (owner.streams, owner.grants) == (2, {18: 1, 17: 1})


def test_requests_a_second() -> None:
    """A burst, then a rate; the refusal says when there is room again."""
    listener = Listener()
    owner = listener.all.known(listener.arrive(), "bot", agent=True)
    for _ in range(3):
        listener.all.take(owner, 10.0)
    with pytest.raises(TooManyError, match=r"bot makes more than 2 requests a second \(limits.requests_per_second\); try again in 1 s") as caught:
        listener.all.take(owner, 10.0)
    assert caught.value.retry_after == 1
    listener.all.take(owner, 11.0)
    listener.all.tune(replace(CAPS, rate=100, burst=100))
    for _ in range(90):
        listener.all.take(owner, 12.0)


def test_requests_without_a_token() -> None:
    """Counted by address, ten seconds' worth at once; the connection of one too many is closed."""
    listener = Listener()
    visitor = listener.arrive("192.0.2.9")
    for _ in range(10):
        listener.all.refused(visitor, 5.0)
    with pytest.raises(TooManyError, match=r"more than 1 requests a second without a good token come from 192.0.2.9") as caught:
        listener.all.refused(listener.arrive("192.0.2.9"), 5.0)
    assert caught.value.close
    listener.all.refused(listener.arrive("192.0.2.10"), 5.0)


def test_heads_that_are_not_whole() -> None:
    """Those of strangers together, those of one agent apart; the oldest goes, never the only one."""
    listener = Listener()
    first, second, third, mine = listener.arrive(), listener.arrive("192.0.2.2"), listener.arrive("192.0.2.3"), listener.known("bot")
    listener.all.holds(mine, 900)
    listener.all.holds(first, 400)
    listener.all.holds(second, 400)
    listener.all.holds(first, 500)
    listener.all.holds(third, 300)
    assert listener.closed == [first]
    listener.all.holds(second, 0)
    listener.all.holds(third, 5000)
    assert listener.closed == [first]
    assert listener.said == [("heads", "192.0.2.1")]


def test_networks() -> None:
    """An IPv6 host has a whole /64 to itself; a mapped address is the IPv4 one; who comes over a Unix socket has a name of another kind."""
    assert [network(one) for one in ("192.0.2.7", "::ffff:192.0.2.7", "2001:db8:1:2:3:4:5:6", "fe80::1%eth0", "uid 1000")] == [
        "192.0.2.7", "192.0.2.7", "2001:db8:1:2::/64", "fe80::/64", "uid 1000"]


def test_counts_are_right_after_anything() -> None:
    """Twenty thousand steps at random: what is counted is what is there, and no limit is passed."""
    listener, chance, now = Listener(), random.Random(7), 0.0
    there: list[Visitor] = []
    for _ in range(20_000):
        now += 0.01
        step = chance.randrange(8)
        if step < 2 or not there:
            there.append(listener.arrive(f"192.0.2.{chance.randrange(6)}"))
            there[-1].resting = lambda: chance.random() < 0.5
        else:
            visitor = chance.choice(there)
            try:
                if step == 2:
                    listener.all.known(visitor, chance.choice("abc"), agent=True)
                elif step == 3:
                    listener.all.stream(visitor, chance.randrange(3))
                elif step == 4:
                    listener.all.still(visitor)
                elif step == 5:
                    listener.all.unknown(visitor, now)
                elif step == 6:
                    listener.all.holds(visitor, chance.choice((0, 10, 300)))
                else:
                    listener.closed.append(visitor)
            except TooManyError:
                pass
        while listener.closed:
            gone = listener.closed.pop()
            listener.all.gone(gone)
            there = [one for one in there if one is not gone]
    _same(listener.all, there)


def _same(all_: Visitors, there: list[Visitor]) -> None:
    assert set(all_.strangers) == {one for one in there if one.owner is None}
    assert all_.agents == len([one for one in there if one.owner is not None])
    for owner in all_.owners.values():
        assert isinstance(owner, Owner)
        mine = [one for one in there if one.owner is owner]
        assert set(owner.visitors) == set(mine)
        assert owner.streams == len([one for one in mine if one.streaming])
        assert owner.heads.size == sum(one.head for one in mine)
        assert all(count == len([one for one in mine if one.streaming and one.grant == grant]) for grant, count in owner.grants.items())
        assert len(mine) <= CAPS.per_agent
        assert owner.streams <= CAPS.streams_per_agent
    assert len(all_.strangers) <= CAPS.strangers
    assert all_.agents <= CAPS.agents
