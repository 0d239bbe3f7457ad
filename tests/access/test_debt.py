"""Facts that are owed to the ledger are written in their order, as soon as it takes them."""

import asyncio
from pathlib import Path

from jitui.access.debt import AT_ONCE
from jitui.recording.facts import Draft, Kind
from tests.fakes.house import house


def viewed(number: int) -> Draft:
    return Draft(Kind.VIEWED, f"s-{number}", "ana", {"how": "live"})


async def test_what_is_owed_meanwhile_is_not_waited_for(tmp_path: Path) -> None:
    """A revoke is answered though an agent's sessions go on ending all the time; its own fact is on record then."""
    async with house(tmp_path) as home:
        windows, stop = home.broker.windows, False

        async def flood() -> None:
            number = 0
            while not stop:
                number += 1
                windows.owe([viewed(number)])
                await asyncio.sleep(0)

        home.spawn(flood)
        await asyncio.sleep(0.05)
        windows.owe([Draft(Kind.GRANT_THAWED, "g-1", "ana", {})])
        async with asyncio.timeout(10):
            await windows.decided()
        stop = True
        assert [fact.subject for fact in await home.facts("grant.thawed")] == ["g-1"]


async def test_an_end_is_written_before_what_sessions_owe(tmp_path: Path) -> None:
    """Also if ten thousand facts were owed before it; those keep their order."""
    async with house(tmp_path) as home:
        home.broker.windows.owe([viewed(number) for number in range(10_000)])
        await asyncio.sleep(0)
        home.broker.windows.owe([Draft(Kind.GRANT_THAWED, "g-1", "ana", {})])
        facts = await home.facts()
        kinds = [str(fact.kind) for fact in facts]
        assert kinds.index("grant.thawed") - kinds.index("viewed") <= 2 * AT_ONCE
        assert [fact.subject for fact in facts if fact.kind is Kind.VIEWED] == [f"s-{number}" for number in range(10_000)][:kinds.count("viewed")]
        assert kinds.count("viewed") > 9000
