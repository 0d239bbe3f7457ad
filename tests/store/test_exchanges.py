"""Exchanges that the rows of `actions` lead to."""

import asyncio
from pathlib import Path

from jitui.recording.frame import Channel
from jitui.store.exchanges import Exchanges
from tests.fakes.house import house, rule
from tests.fakes.objects import CM, SCOPE, Talk, cm
from tests.fakes.upstream import Asked


async def test_an_exchange_is_read_among_others_of_its_session(tmp_path: Path) -> None:
    """By its connection, with its own bodies alone; and once."""
    async with house(tmp_path, rules=(rule(scope=SCOPE),)) as home:
        await home.window()
        talk = Talk(home)
        for name in ("a", "b", "c"):
            await talk.ask("POST", CM, cm(name, x=name), cm(name, x=name), status="201 Created")

        def look() -> None:
            exchanges = Exchanges(home.files)
            spots = exchanges.writing(grant=1)
            assert [spot.conn for spot in spots] == [0, 1, 2]
            bodies = [exchanges.objects(spot, spot.at_us) for spot in spots]
            assert [each.items[0]["data"] for each in bodies if each] == [{"x": "a"}, {"x": "b"}, {"x": "c"}]
            assert exchanges.exchange(spots[1]) is exchanges.exchange(spots[1])
            assert [frame.conn for frame in exchanges.frames(1, channels=(Channel.REQUEST,))] == [0, 1, 2]

        await asyncio.to_thread(look)


async def test_a_spent_budget_is_said(tmp_path: Path) -> None:
    """Nothing more is read, and how often that was so is counted."""
    async with house(tmp_path, rules=(rule(scope=SCOPE),)) as home:
        await home.window()
        await Talk(home).ask("POST", CM, cm(), cm(), status="201 Created")

        def look() -> None:
            exchanges = Exchanges(home.files, budget=0)
            (spot,) = exchanges.writing(grant=1)
            assert exchanges.exchange(spot) is None
            assert exchanges.left_out == 1

        await asyncio.to_thread(look)


async def test_streams_into_pods_are_listed_beside_the_writes(tmp_path: Path) -> None:
    """Their effects are no objects."""
    async with house(tmp_path) as home:
        await home.window()
        kubectl = await home.dial()
        talk = Talk(home)
        await talk.ask("GET", "/api/v1/namespaces/web/pods", {"kind": "PodList", "items": []})
        home.cluster.answerer = switches
        assert await kubectl.exec() == 101
        await home.store.commit([])
        spots = await asyncio.to_thread(lambda: Exchanges(home.files).inside(grant=1))
        assert [(spot.subresource, spot.name, spot.argv) for spot in spots] == [("exec", "web-1", ("sh",))]
        kubectl.close()


async def switches(asked: Asked) -> None:
    asked.line.switch(asked)
