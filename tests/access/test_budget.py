"""A window moves so many bytes and no more: both ways, over all its sessions, restarts and reloads (promise 11)."""

from pathlib import Path

import pytest

from jitui.policy.terms import BUDGET
from jitui.protocol import spdy
from jitui.proxy.live import Window
from jitui.recording.frame import COST
from jitui.values.errors import NotFoundError
from tests.fakes.house import AGENT, House, house, rule
from tests.fakes.upstream import Asked
from tests.proxy.spdypeers import IDS, command
from tests.proxy.test_relay import connected, last_words

PODS = "/api/v1/namespaces/web/pods"
KIB = 1024
AGAIN = 'ask again: jitui request prod --duration 10m --reason "..."'


def only(home: House) -> Window:
    (window,) = home.broker.windows.live.values()
    return window


async def large(asked: Asked) -> None:
    await asked.body()
    asked.line.answer(b"x" * 40 * KIB)


async def test_all_sessions_count_each_direction_for_itself(tmp_path: Path) -> None:
    """The rest of a budget is the allowed bytes less every byte on record in one direction, heads too."""
    async with house(tmp_path) as home:
        await home.window()
        assert only(home).left == only(home).allowed == BUDGET
        plain = await home.dial()
        assert (await plain.ask("GET", PODS))[0] == 200
        kubectl, pod = await connected(home)
        kubectl.type(b"id\n" * 100)
        await home.until(lambda: pod.typed)
        pod.line.message(1, b"x" * 20_000)
        await kubectl.frame()
        sessions = home.broker.windows.sessions.values()
        moved_in, moved_out = sum(session.bytes_in for session in sessions), sum(session.bytes_out for session in sessions)
        assert moved_out > 5000 > moved_in > 300
        assert (only(home).used_in, only(home).used_out, {session.kind for session in sessions}) == (moved_in, moved_out, {"api", "exec"})
        assert only(home).left == BUDGET - moved_out


async def test_used_up_it_ends_with_everything_in_it(tmp_path: Path) -> None:
    """The stream is told in words that say how much it was; the window is revoked by the gateway; the next call is denied."""
    async with house(tmp_path, rules=(rule(budget=64 * KIB),)) as home:
        await home.window()
        kubectl, pod = await connected(home)
        pod.line.message(1, b"x" * 63 * KIB)
        frame = await kubectl.frame()
        assert frame is not None
        assert len(frame.payload) == 63 * KIB + 1
        pod.line.message(1, b"y" * 2 * KIB)  # the frame that uses it up still passes
        words = await last_words(kubectl)
        assert words == f"jitui: access window g-1 has used its 64 KiB; {AGAIN}"
        assert home.broker.windows.live == {}
        (grant,) = await home.facts("grant.ended")
        assert (grant.who, grant.what["state"], grant.what["why"]) == ("gateway", "revoked", "budget: 64 KiB used")
        await home.until(lambda: not home.broker.windows.sessions)
        (session,) = await home.facts("session.ended")
        assert (session.what["why"], session.what["by"]) == ("budget", "gateway")
        assert 65 * KIB < session.what["bytes_out"] == session.what["delivered_out"] < 67 * KIB
        plain = await home.dial()
        code, _, body = await plain.ask("GET", PODS)
        assert (code, b"has no live window" in body) == (403, True)


async def test_an_answer_that_uses_it_up_passes_whole_and_the_next_call_does_not(tmp_path: Path) -> None:
    """The window is over, as it is after its deadline."""
    async with house(tmp_path, rules=(rule(budget=64 * KIB),)) as home:
        home.cluster.answerer = large
        await home.window()
        kubectl = await home.dial()
        for _ in range(2):
            code, _, body = await kubectl.ask("GET", PODS)
            assert (code, len(body)) == (200, 40 * KIB)
        code, _, body = await kubectl.ask("GET", PODS)
        assert (code, b"has no live window" in body) == (403, True)
        assert len(home.cluster.asked) == 2


async def test_what_is_on_record_counts_after_a_restart(tmp_path: Path) -> None:
    """Also in sessions that ended with the gateway, and what it said to them."""
    rules = (rule(budget=64 * KIB),)
    async with house(tmp_path, rules=rules) as home:
        home.cluster.answerer = large
        await home.window()
        kubectl = await home.dial()
        assert (await kubectl.ask("GET", PODS))[0] == 200
        left, clock, token = only(home).left, home.clock, home.token
        assert left < 24 * KIB
    async with house(tmp_path, rules=rules, clock=clock, agent=False) as home:
        home.cluster.answerer, home.token = large, token
        assert only(home).left == left - _words(home)
        kubectl = await home.dial()
        assert (await kubectl.ask("GET", PODS))[0] == 200
        assert home.broker.windows.live == {}
    async with house(tmp_path, rules=rules, clock=clock, agent=False) as home:
        (ended,) = await home.facts("grant.ended")
        assert ended.what["why"] == "budget: 64 KiB used"
        with pytest.raises(NotFoundError):
            home.broker.windows.window(1)


def _words(home: House) -> int:
    """Bytes that the gateway itself said at its end: on record, so they count."""
    return sum(len(frame.body) for frame in home.files.frames(1) if frame.channel.label == "gateway")


async def test_very_many_small_frames_use_it_up(tmp_path: Path) -> None:
    """Each takes room on the disk, whatever is in it: one for each 128 bytes, the session itself 2 KiB and its action's row 256 bytes, over a restart too.

    What a session moved is still what it moved.
    """
    rules = (rule(budget=512 * KIB),)
    async with house(tmp_path, rules=rules) as home:
        await home.window()
        client, pod = await command(home)
        client.send(spdy.data(IDS["stdin"], b"") * 2000)
        await home.until(lambda: len(pod.got) >= 2004)
        (session,) = home.broker.windows.sessions.values()
        assert (only(home).used_in, only(home).left) == (session.bytes_in, 512 * KIB - session.frames * COST - 2 * KIB - 256)
        assert session.bytes_in < KIB
        left, clock, token = only(home).left, home.clock, home.token
    async with house(tmp_path, rules=rules, clock=clock, agent=False) as home:
        home.token = token
        words = sum(1 for frame in await home.frames(1) if frame.channel.label == "gateway")
        assert only(home).left == left - words * COST
        client, pod = await command(home)
        client.send(spdy.data(IDS["stdin"], b"") * 4000)
        assert b"has used its 512 KiB" in b"".join([frame.payload for frame in await client.rest()])
        assert len(pod.got) < 2500


async def test_a_reload_counts_what_is_on_record(tmp_path: Path) -> None:
    """More bytes in the rule are more at once; fewer than were used end the window."""
    async with house(tmp_path) as home:
        home.cluster.answerer = large
        await home.window()
        kubectl = await home.dial()
        assert (await kubectl.ask("GET", PODS))[0] == 200
        people, used = home.broker.roster.people, BUDGET - only(home).left
        await home.broker.reload({(AGENT, "prod"): rule(budget=3 * BUDGET)}, people, "d")
        assert (only(home).allowed, only(home).left) == (3 * BUDGET, 3 * BUDGET - used)
        await home.broker.reload({(AGENT, "prod"): rule(budget=20 * KIB)}, people, "e")
        assert home.broker.windows.live == {}
        (ended,) = await home.facts("grant.ended")
        assert ended.what["why"] == "budget: 20 KiB used"


async def test_a_smaller_rule_after_a_restart(tmp_path: Path) -> None:
    """If nothing is left of it, the window is over before anybody comes."""
    async with house(tmp_path) as home:
        home.cluster.answerer = large
        await home.window()
        kubectl = await home.dial()
        assert (await kubectl.ask("GET", PODS))[0] == 200
        clock = home.clock
    async with house(tmp_path, rules=(rule(budget=20 * KIB),), clock=clock, agent=False) as home:
        assert home.broker.windows.live == {}
        (ended,) = await home.facts("grant.ended")
        assert ended.what["why"] == "budget: 20 KiB used"
