"""The end of commands in a container, and what is said of them."""

import asyncio
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from jitui.protocol.probe import Process
from jitui.proxy.drain import Drain
from jitui.proxy.pod.commands import Command, Job, Several
from jitui.proxy.pod.ending import Ending, _free, _Owned
from jitui.proxy.pod.kin import Kin
from jitui.proxy.pod.lineage import Asked, Before, Family, families
from jitui.proxy.pod.look import Identity, Place
from jitui.recording.facts import ProcessSeen
from tests.fakes.house import rule
from tests.proxy.pod.yard import gone, running, yard


def test_hundreds_of_families_are_not_compared_whole() -> None:
    """Each with each, they hold up the loop for most of a second, and with it the words to clients."""
    class Whole(Family):
        def __eq__(self, other: object) -> bool:
            raise AssertionError(other)

        __hash__ = Family.__hash__

    found: list[Family] = [Whole((Process(pid, 0, pid, 0, 100, "S"),)) for pid in range(10, 510)]
    assert [family.start for family in _free(found, {1: found[:200], 2: [found[300]]})] == [100] * 299


async def test_words_alone_tie_no_process_that_began_long_after_its_command() -> None:
    """Of a command that was lost with a gateway nobody knows when it ended: somebody else's shell of half an hour later is not its."""
    now, place, argv = asyncio.get_running_loop().time(), Place("prod", "web", "box", "box"), ("sh",)
    for start, found in ((40_300, [5]), (90_000, [])):
        processes = [Process(50, 0, 50, 0, 100_000, "S"), Process(30, 0, 30, 0, start, "S")]
        (family,) = families(processes, (50,))
        command = Command(Several(5, argv), place, now - 600, over=True, ended=now)
        job = Job(3, [command], now - 600, now, Before(), ends=True, last=True, kin=Kin(), spells=[command.spell(mine=True)])
        job.kin.see(processes[1:], now)
        job.kin.looked(now)
        ending = Ending(cast("Any", SimpleNamespace(own=50, start=100_000, said_at=now, asked_at=now)), place, Identity(), list, cast("Any", None))
        ending._argv[30, start] = argv
        by_session = ending._by_kin(job, [family], {5: command})
        ending._rest_of_kin(job, [] if by_session else [family], by_session, {5: command})
        assert list(by_session) == found, start


def test_a_command_that_is_over_explains_no_process_but_its_own() -> None:
    """Else an operator's would pass for that of a command whose own is known to be gone."""
    loop_time, place, argv, key = time.monotonic(), Place("prod", "web", "box", "box"), ("sh",), (30, 100_300)
    processes = [Process(50, 0, 50, 0, 100_000, "S"), Process(*key[:1], 0, 30, 0, key[1], "S")]
    strange = families(processes, (50,))
    ending = cast("Any", SimpleNamespace(_argv={key: argv}, _root=lambda family: None, _loop=SimpleNamespace(time=lambda: loop_time)))
    ending._asked, ending._young = partial(Ending._asked, ending), partial(Ending._young, ending)
    ending._since = lambda *_: 100_000
    for over, leader, left in ((True, (20, 5), 1), (True, None, 1), (True, key, 0), (False, None, 0), (False, (20, 5), 1)):
        command = Command(Several(5, argv), place, loop_time - 600, leader=leader, over=over)
        assert len(Ending._but_of_others(ending, strange, [command])) == left, (over, leader)


def test_words_are_written_only_where_they_may_come_out_for_a_command() -> None:
    """An operator's stream beside the gateway would have them among its bytes: none that began before the command, or long after it, is touched."""
    ending = cast("Any", SimpleNamespace(_begins_until=lambda *_: 101_000))
    ending._asked = lambda *_: Asked(5, ("sh",), 100_000, tty=False)
    command = Command(Several(5, ("sh",)), Place("prod", "web", "box", "box"), 0.0)
    for start, ppid, perhaps in ((99_999, 0, False), (100_000, 0, True), (101_001, 0, False), (101_001, 1, True)):
        (family,) = families([Process(30, ppid, 30, 0, start, "S")], ())
        assert Ending._perhaps(ending, command, family) == perhaps


@pytest.mark.parametrize("own", [True, False])
async def test_words_are_written_first_where_a_commands_own_words_are(monkeypatch: pytest.MonkeyPatch, own: bool) -> None:
    """If that is the command, nobody else's output is touched, an operator's least of all; else all that may be it are."""
    now, place, argv = asyncio.get_running_loop().time(), Place("prod", "web", "box", "box"), ("sh", "-c", "x")
    found = families([Process(pid, 0, pid, 0, 100_000 + pid, "S") for pid in (30, 40)], ())
    drain = Drain(wanted=True)
    drain.open = True
    command = Command(cast("Any", SimpleNamespace(id=5, argv=argv, tty=False, stdin=False, drain=drain, may_run_on=1)), place, now, over=True, forced=True)
    ending = Ending(cast("Any", SimpleNamespace(own=50, start=100_000, said_at=now, asked_at=now)), place, Identity(), list, cast("Any", None))
    ending._argv |= {(30, 100_030): ("tail", "-f", "log"), (40, 100_040): argv}
    touched: list[int] = []

    async def dye(look: object, free: list[Family], everybody: object) -> tuple[dict[int, list[Family]], set[tuple[int, int]]]:
        touched.extend(family.first.pid for family in free)
        its = [family for family in free if family.first.pid == (40 if own else 30)]
        return ({5: its} if its else {}), {(family.first.pid, family.start) for family in free}

    monkeypatch.setattr("jitui.proxy.pod.ending.dye", dye)
    by_session: dict[int, list[Family]] = {}
    assert await ending._dye(Job(3, [command], now, now, Before(), ends=True), found, by_session, {5: command}) == {(30, 100_030), (40, 100_040)}
    assert (touched, [family.first.pid for family in by_session[5]]) == (([40], [40]) if own else ([40, 30], [30]))


@pytest.mark.parametrize("case", ["its own", "known before", "unsure", "judged", "exited", "cut", "at once"])
async def test_words_alone_find_no_process_of_a_command_whose_own_is_known(case: str) -> None:
    """That has ended; an equal process is somebody else's."""
    now, place, argv, key = asyncio.get_running_loop().time(), Place("prod", "web", "box", "box"), ("sh",), (30, 40_300)
    processes = [Process(50, 0, 50, 0, 100_000, "S"), Process(*key[:1], 0, 30, 0, key[1], "S")]
    found = families(processes, (50,))
    command = Command(Several(5, argv, stdin=case == "cut"), place, now - 600, leader=(20, 40_050) if case == "known before" else None, over=True,
                      ended=now - 598 if case == "at once" else now, exited=case == "exited")  # fmt: skip
    before = Before(known=True, unsure=frozenset({key} if case == "unsure" else ()))
    job = Job(3, [command], now - 600, now, before, ends=True, last=True, kin=Kin(before), spells=[command.spell(mine=True)])
    ending = Ending(cast("Any", SimpleNamespace(own=50, start=100_000, said_at=now, asked_at=now)), place, Identity(), list, cast("Any", None))
    ending._argv[key] = argv
    if case == "judged":
        job.kin.looked(now - 900)
        job.kin.see(processes[1:], now - 599)
        job.kin.firsts[key].settled = True
    by_session: dict[int, list[Family]] = {}
    ending._by_words(job, [command], found, by_session)
    assert by_session == ({5: found} if case == "its own" else {})


async def test_a_connection_that_was_closed_before_the_runtimes_word_proves_nothing() -> None:
    """That a command is gone then says its shell alone, which may have waited for that; also where the rule leaves processes."""
    now, place, first = asyncio.get_running_loop().time(), Place("prod", "web", "box", "box"), Process(30, 0, 30, 0, 40_300, "S")
    for left, ends, states in ((True, True, ["not-proved"]), (True, False, ["not-proved"]), (False, True, ["ended"])):
        drain, nobody = Drain(wanted=True), cast("Any", SimpleNamespace(open=True, closing=False, exited=None, listen=list, abort=list))
        drain.begin(nobody, nobody, lambda _: None)
        (drain.leave if left else drain.close)()  # or it was the cluster that closed it
        session = cast("Any", SimpleNamespace(id=5, argv=("sh",), tty=False, stdin=False, drain=drain, may_run_on=1))
        command = Command(session, place, now, over=True, forced=True)
        job = Job(3, [command], now, now, Before(), ends=ends, last=True, kin=Kin())
        owned = _Owned([], {(30, 40_300): first}, leader=(30, 40_300))
        ending = Ending(cast("Any", SimpleNamespace(own=50, start=100_000, said_at=now, asked_at=now)), place, Identity(), list, cast("Any", None))
        assert [told.state for told in ending._told(job, {5: owned}, set(), [])] == states


async def test_what_the_rule_leaves_is_found_and_left(tmp_path: Path) -> None:
    """Each is named as left; none is killed but a shell with an unfinished command, which it would execute as its input ends with the connection."""
    made = tmp_path / "made"
    async with yard(tmp_path) as it:
        grant = await it.home.window()
        it.places._rule = lambda grant: rule(ends_processes=False)
        await it.run("sh", "-c", "echo ready; exec sleep 73001")
        cut = await it.home.broker.windows.kill(next(iter(it.home.broker.windows.sessions.values())), by="ana", reason="x")()
        assert [(each.state, each.argv, each.why) for each in cut.told] == [("left", ("sleep", "73001"), "the rule leaves processes to run on")]
        assert (cut.processes, cut.may_run_on) == (1, ("web/box/box",))
        assert running("73001")
        assert [each.state for each in await it.told(grant)] == ["left"]
        kubectl = await it.run("sh", "-c", "sleep 73002 </dev/null & echo ready; exec sh")
        kubectl.type(f"cat >{made} <<E\nline\n".encode())
        session = max(it.home.broker.windows.sessions.values(), key=lambda each: each.id)
        await it.home.until(lambda: session.drain.unfinished)
        cut = await it.home.broker.windows.kill(session, by="ana", reason="x")()
        assert [(each.state, each.argv, "runtime" in each.proof) for each in cut.told] == [("left", ("sleep", "73002"), False), ("ended", ("sh",), True)]
        assert running("73002")
        assert not made.exists()


async def test_a_client_that_leaves_leaves_its_command_until_the_window_ends(tmp_path: Path) -> None:
    """Nobody sees its output any more; its words and its first process alone tie it to the window."""
    async with yard(tmp_path) as it:
        grant = await it.home.window()
        quick = await it.run("sh", "-c", "echo ready")
        await quick.rest()  # the container was looked at before the next
        kubectl = await it.run("sleep", "74001", says=b"")
        (session,) = it.home.broker.windows.sessions
        async with asyncio.timeout(30):
            while session not in {ProcessSeen.of(fact).session for fact in await it.home.facts("process.seen")}:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        kubectl.close()
        await it.home.until(lambda: not it.home.broker.windows.sessions)
        assert running("74001")
        it.home.clock.advance(600)
        it.home.tick()
        assert await gone("74001")
        await it.home.until(lambda: not it.places._containers)
        assert [(each.state, each.proof, each.session) for each in await it.told(grant)] == [("ended", ("gone", "explained"), session)]
