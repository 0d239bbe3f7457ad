"""Facts that are owed to the ledger are written in their order, as soon as it takes them."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from jitui.access.debt import AT_ONCE
from jitui.policy.grant import Event
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
        kinds: list[str] = []
        while kinds.count("viewed") <= 9000:  # a slow machine writes them in more than the seconds that anybody waits
            facts = await home.facts()
            kinds = [str(fact.kind) for fact in facts]
        assert kinds.index("grant.thawed") - kinds.index("viewed") <= 2 * AT_ONCE
        assert [fact.subject for fact in facts if fact.kind is Kind.VIEWED] == [f"s-{number}" for number in range(10_000)][:kinds.count("viewed")]


async def test_an_end_that_the_ledger_does_not_take_is_noted_beside_it(tmp_path: Path) -> None:
    """At once, also what ends later; it is on record as soon as the ledger takes it, and then the note is empty."""
    async with house(tmp_path) as home:
        windows, note, db = home.broker.windows, tmp_path / "state/owed", home.store._ledger.db
        await home.window()
        await home.window()
        db.execute("pragma query_only=on")
        for number, window in list(windows.live.items()):
            windows.end(window, Event.REVOKE, by="ana", why="enough")
            await home.until(lambda number=number: note.read_bytes().count(b'"kind":"grant.ended"') == number, 20)  # type: ignore[misc]
        db.execute("pragma query_only=off")
        assert [fact.subject for fact in await home.facts("grant.ended")] == ["g-1", "g-2"]
        await home.until(lambda: not note.read_bytes().strip(b"\0"))


async def test_an_end_that_waits_for_a_slow_ledger_is_noted_too(tmp_path: Path) -> None:
    """Another process holds the ledger for longer than a person waits."""
    async with house(tmp_path) as home:
        note = tmp_path / "state/owed"
        grant = await home.window()
        with closing(sqlite3.connect(tmp_path / "state/ledger.db", isolation_level=None)) as other:
            other.execute("begin immediate")
            home.broker.windows.end(home.broker.windows.live[grant.id], Event.REVOKE, by="ana", why="enough")
            await home.until(lambda: b'"kind":"grant.ended"' in note.read_bytes(), 20)
            other.execute("rollback")
        assert [fact.subject for fact in await home.facts("grant.ended")] == ["g-1"]
        await home.until(lambda: not note.read_bytes().strip(b"\0"))


async def test_a_gateway_that_stops_while_the_ledger_takes_nothing_leaves_the_note(tmp_path: Path) -> None:
    """The next one starts with what ended."""
    async with house(tmp_path) as home:
        await home.window()
        home.store._ledger.db.execute("pragma query_only=on")
        home.broker.windows.end(home.broker.windows.live[1], Event.REVOKE, by="ana", why="enough")
        await home.until(lambda: b"grant.ended" in (tmp_path / "state/owed").read_bytes())
        await home.broker.windows.stop()()
        home.store._ledger.db.execute("pragma query_only=off")
    async with house(tmp_path) as home:
        assert home.broker.windows.live == {}
        (ended,) = await home.facts("grant.ended")
        assert (ended.subject, ended.who, ended.what["why"]) == ("g-1", "ana", "enough")
