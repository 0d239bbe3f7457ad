"""The limits of a listener leave room for everybody."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from jitui.listeners.caps import Caps, at_api, at_kube
from jitui.listeners.visitors import Visitor, Visitors
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


@pytest.mark.parametrize("room", [24, 102, 512])
def test_people_are_never_crowded_out_of_the_api(room: int) -> None:
    """Agents fill all that agents may have, strangers all that strangers may; half of the connections are people's own."""
    listener = Listener(at_api(Limits(), room))
    for agent in range(50):
        for _ in range(20):
            visitor = listener.arrive(f"192.0.2.{agent}")
            try:
                listener.all.known(visitor, f"agent-{agent}", agent=True)
            except TooManyError:
                listener.all.gone(visitor)
    assert 0 < listener.all.agents <= room // 4
    for person in range(2):
        for _ in range(min(64, room // 2) // 2):
            listener.known(f"person-{person}", agent=False)
    for at in range(600):
        listener.arrive(f"198.51.100.{at % 250}")
    assert (listener.all.people, listener.all.agents + listener.all.people + len(listener.all.strangers) <= room) == (min(64, room // 2) // 2 * 2, True)


@pytest.mark.parametrize("files", [256, 1024, 1 << 20])
def test_the_smallest_limits_leave_one_of_each(files: int) -> None:
    """With 1 everywhere nobody is told that they have as many as none; with the largest, the descriptors are the limit."""
    ones = {name: 1 for name in Limits.model_fields if name.startswith(("api_", "streams", "connections", "strangers"))}
    for limits in (Limits.model_validate(ones), Limits.model_validate(dict.fromkeys(ones, 1000000))):
        shares = share(files, limits.strangers)
        kube, api = at_kube(limits, shares), at_api(limits, shares.api)
        assert min(kube.strangers, kube.per_agent, kube.streams_per_agent, kube.streams_per_grant) >= 1
        assert min(api.strangers, api.per_agent, api.per_person, api.streams_per_agent, api.streams_per_person) >= 1
        assert kube.strangers + kube.agents <= files
        assert api.strangers + api.agents + api.people <= shares.api
