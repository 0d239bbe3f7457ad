"""What a gateway that is gone left in containers."""

import asyncio
from pathlib import Path

from jitui.policy.grant import Event
from jitui.proxy.pod.lost import Lost, recover, resume
from jitui.proxy.pod.places import Places
from jitui.recording.facts import ProcessesBefore, ProcessSeen
from tests.proxy.pod.yard import Yard, gone, running, yard


def next_gateway(it: Yard) -> Places:
    """It knows nothing but the record."""
    it.places.close()
    it.places = Places({"prod": it.way}, it.home.store, it.home.clock, it.home.spawn, gateway="test", owe=it.home.broker.windows.owe)
    it.home.proxy.places = it.home.broker.windows.aftermath = it.places
    return it.places


async def test_the_next_gateway_finishes_the_job(tmp_path: Path) -> None:
    """Commands that were lost with a gateway are ended at the start of the next, by what the record tells; the runtime's word is not to be had."""
    async with yard(tmp_path) as it:
        grant = await it.home.window()
        lost = []
        for word in ("77001", "77002"):
            kubectl = await it.run("sh", "-c", f"trap '' HUP; echo ready; while :; do sleep {word}; done", tty=True)
            session = next(reversed(it.home.broker.windows.sessions.values()))
            kubectl.close()
            await it.home.until(lambda session=session: session.muted)  # type: ignore[misc]
            lost.append(Lost(grant, session.id, session.target, session.argv, tty=True, stdin=True, started_us=session.started.wall_us,
                             before=ProcessesBefore.of((await it.home.facts("processes.before"))[0]), over=True))  # fmt: skip
        assert running("7700")
        after = next_gateway(it)
        await resume(after, lost)
        assert await gone("7700")
        told = await it.told(grant)
        assert {each.session for each in told if each.session} == {each.id for each in lost}
        assert {(each.state, each.proof) for each in told} == {("ended", ("gone", "explained"))}
        await recover(after, it.home.files, ())  # facts tell of them: there is nothing to do
        assert after._containers == {}


async def test_a_command_with_other_words_is_known_by_what_was_seen(tmp_path: Path) -> None:
    """A shell that took the place of its command: its pid and start are on record since it had the words of the command."""
    async with yard(tmp_path) as it:
        grant = await it.home.window()
        kubectl = await it.run("sh", "-c", "trap '' HUP; echo ready; sleep 1.5; exec sleep 77003", tty=True)
        session = next(reversed(it.home.broker.windows.sessions.values()))
        async with asyncio.timeout(30):
            while not (seen := await it.home.facts("process.seen")):  # noqa: ASYNC110 - the store is another thread
                await asyncio.sleep(0.05)
        kubectl.close()
        await it.home.until(lambda: session.muted)
        await asyncio.sleep(1.0)
        after = next_gateway(it)
        before = ProcessesBefore.of((await it.home.facts("processes.before"))[0])
        await resume(after, [Lost(grant, session.id, session.target, session.argv, tty=True, stdin=True, started_us=session.started.wall_us, before=before,
                                  over=True, seen=ProcessSeen.of(seen[-1]))])  # fmt: skip
        assert await gone("77003")
        assert [(each.session, each.argv, each.state, each.proof) for each in await it.told(grant)] == [
            (session.id, ("sleep", "77003"), "ended", ("gone", "explained"))]  # fmt: skip


async def test_what_a_finished_command_left_ends_with_its_window(tmp_path: Path) -> None:
    """Also if the gateway was another one when the command ran."""
    async with yard(tmp_path) as it:
        grant = await it.home.window()
        kubectl = await it.run("sh", "-c", "setsid sleep 77004 >/dev/null 2>&1 </dev/null & sleep 1.3; echo ready")
        await kubectl.rest()
        await it.home.until(lambda: not it.home.broker.windows.sessions)
        async with asyncio.timeout(30):
            while not [fact for fact in await it.home.facts("process.seen") if fact.what.get("processes")]:  # noqa: ASYNC110 - the store is another thread
                await asyncio.sleep(0.05)
        after = next_gateway(it)
        await recover(after, it.home.files, it.home.broker.windows.live)
        assert running("77004")
        cut = await it.home.broker.windows.end(it.home.broker.windows.live[grant.id], Event.REVOKE, by="ana", why="enough")()
        assert [(each.session, each.state) for each in cut.told] == [(1, "ended")]
        assert await gone("77004")
