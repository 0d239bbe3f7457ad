"""Screens and facts tell of a credential that can't be renewed."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from jitui.access.troubles import Troubles
from jitui.clusters.port import Trouble
from jitui.recording.facts import Kind
from jitui.store.archive import Files
from jitui.values.clock import ManualClock
from tests.store.life import opened


async def test_it_begins_changes_and_is_over(tmp_path: Path) -> None:
    """The newest is shown, with how long it goes on; each change is a fact; what is over makes room for what is not."""
    async with opened(tmp_path / "state") as store:
        tasks: list[asyncio.Task[None]] = []

        def spawn(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
            tasks.append(asyncio.get_running_loop().create_task(work()))

        clock = ManualClock()
        troubles = Troubles(store, clock, spawn)
        assert troubles.newest == ""
        troubles.tell("prod", Trouble("gateway", "AWS is away", 300.4))
        troubles.tell("prod", Trouble("g-7", "AWS refuses", 240.0))
        assert troubles.newest == "prod g-7 goes on for 4m: AWS refuses"
        clock.advance(180)
        assert troubles.newest == "prod g-7 goes on for 1m: AWS refuses"
        clock.advance(60)
        assert troubles.newest == "prod g-7 gets 503: AWS refuses"
        troubles.tell("prod", Trouble("g-7", "AWS refuses", 0.0))
        assert troubles.newest == "prod g-7 gets 503: AWS refuses"
        troubles.tell("prod", Trouble("g-7", ""))
        assert troubles.newest == "prod gateway goes on for 1m: AWS is away"
        troubles.tell("prod", Trouble("g-8", "AWS refuses", 240.0))
        troubles.tell("prod", Trouble("g-8", "", gone=True))
        assert troubles.newest == "prod gateway goes on for 1m: AWS is away", "the window has ended: nothing was renewed"
        troubles.tell("prod", Trouble("gateway", ""))
        assert troubles.newest == ""
        await asyncio.gather(*tasks)
        facts = [fact for fact in Files(tmp_path / "state").facts() if fact.kind in {Kind.CREDENTIAL_FAILING, Kind.CREDENTIAL_RENEWED}]
    assert [(fact.kind.value, fact.subject, fact.who, fact.what) for fact in facts] == [
        ("credential.failing", "prod", "gateway", {"holder": "gateway", "why": "AWS is away", "left_s": 300}),
        ("credential.failing", "prod", "gateway", {"holder": "g-7", "why": "AWS refuses", "left_s": 240}),
        ("credential.failing", "prod", "gateway", {"holder": "g-7", "why": "AWS refuses", "left_s": 0}),
        ("credential.renewed", "prod", "gateway", {"holder": "g-7"}),
        ("credential.failing", "prod", "gateway", {"holder": "g-8", "why": "AWS refuses", "left_s": 240}),
        ("credential.renewed", "prod", "gateway", {"holder": "gateway"}),
    ]
