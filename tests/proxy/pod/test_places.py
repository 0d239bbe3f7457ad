"""What windows have in containers, and its end, before the embedded cluster."""

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from jitui.policy.grant import Event
from jitui.policy.terms import Identity, Role
from jitui.protocol.probe import Process
from jitui.proxy.pod.commands import Command, Job, Several
from jitui.proxy.pod.containers import OF_AN_AGENT, Container, Stay
from jitui.proxy.pod.lineage import Before
from jitui.proxy.pod.look import Identity as Run, Look, Place
from jitui.proxy.pod.places import Places
from jitui.recording.facts import ProcessesBefore
from jitui.recording.frame import Channel
from tests.proxy.pod.yard import gone, running, yard

AUDITOR = Identity("eva", frozenset({Role.AUDITOR}))
TREE = "trap '' TERM HUP; (sleep 709001 &) ; setsid sleep 709002 & echo ready; sleep 709003"


async def test_the_end_of_a_window_is_its_end_in_the_pod(tmp_path: Path) -> None:
    """A tree that ignores signals, one on a terminal, and an orphan of a command that ended by itself: gone, with the runtime's word and a last look.

    The client has its words at once; what the cluster says afterwards is on record and goes to nobody; each look is a session of its own.
    """
    async with yard(tmp_path) as it:
        grant = await it.home.window()
        tree = await it.run("sh", "-c", TREE)
        shell = await it.run("sh", "-c", "setsid sleep 709004 & sleep 709005 & echo ready; exec sleep 709006", tty=True)
        assert len(running("70900")) >= 6
        cut = await it.home.broker.windows.end(it.home.broker.windows.live[grant.id], Event.REVOKE, by="ana", why="enough")()
        assert cut.processes == 0, cut
        assert (cut.streams, cut.may_run_on) == (2, ())
        assert {each.state for each in cut.told} == {"ended"}
        assert await gone("70900")
        told = await it.told(grant)
        assert {each.session for each in told} == {1, 3}
        assert {each.argv[-1] for each in told} >= {"709001", "709002", "709003", "709004", "709005", "709006"}
        assert all("gone" in each.proof and "explained" in each.proof for each in told), told
        assert sum("runtime" in each.proof for each in told) == 2
        assert all(each.took_ms < 2000 and each.pod == "web/box" and each.container == "box" and each.pod_uid for each in told)
        for kubectl in (tree, shell):
            assert b"revoked by ana" in b"".join(frame.payload for frame in await kubectl.rest())
        drained = await it.texts(1, Channel.DRAINED)
        assert b"NonZeroExitCode" in drained
        (before,) = [ProcessesBefore.of(fact) for fact in await it.home.facts("processes.before")]
        assert (before.grant, before.probe, before.pod_uid, before.why) == (grant.id, 2, told[0].pod_uid, "")
        assert "1:1:1" in before.processes
        probes = [fact for fact in await it.home.facts("session.opened") if fact.what["kind"] == "probe"]
        assert [fact.subject for fact in probes] == ["s-2", "s-4"]
        assert b"\nk " in await it.texts(4, Channel.STDIN)
        assert all(proof.consistent for proof in await it.home.desk(AUDITOR).verify())


async def test_four_equal_commands_are_told_apart(tmp_path: Path) -> None:
    """Two windows, four commands with the same words: the killed one ends, the others go on, and no word of the dye reaches a client."""
    async with yard(tmp_path) as it:
        await it.home.window()
        other = await it.home.agent("agent-y")
        await it.home.window(agent="agent-y")
        same = ("sh", "-c", "echo ready; while read l; do echo got $l; done; exec sleep 71001")
        kubectls = [await it.run(*same, token=token) for token in (None, other, None, other)]
        streams = [session for session in it.home.broker.windows.sessions.values() if session.kind == "exec"]
        victim = streams[2]
        cut = await it.home.broker.windows.kill(victim, by="ana", reason="this one")()
        assert cut.processes == 0
        assert [(each.state, each.session) for each in cut.told] == [("ended", victim.id)], cut
        assert {"runtime", "gone"} <= set(cut.told[0].proof)
        rest = [kubectl for at, kubectl in enumerate(kubectls) if at != 2]
        said = []
        for kubectl in rest:
            kubectl.type(b"hello\n")
            frame = await asyncio.wait_for(kubectl.frame(), 5)
            assert frame is not None
            said.append(frame.payload)
        assert said == [b"\x01got hello\n"] * 3
        await it.home.broker.windows.settled()
        for session in streams:
            assert b"jitui:" not in await it.texts(session.id, Channel.STDOUT)


async def test_commands_that_ended_by_themselves_get_their_end_with_the_window(tmp_path: Path) -> None:
    """What a gone command left in a session of its own is listed, not killed: nothing ties it to the window. A quick one leaves nothing to tell."""
    async with yard(tmp_path) as it:
        grant = await it.home.window()
        quick = await it.run("sh", "-c", "setsid sleep 72001 >/dev/null 2>&1 </dev/null & echo ready")
        await quick.rest()
        await it.home.until(lambda: not it.home.broker.windows.sessions)
        cut = await it.home.broker.windows.end(it.home.broker.windows.live[grant.id], Event.RELEASE, by="agent-x", why="")()
        assert [(each.state, each.argv, each.session) for each in cut.told] == [("unexplained", ("sleep", "72001"), 0)]
        assert "can't be tied" in cut.told[0].why
        assert running("72001")
        assert it.places._containers == {}  # nothing is kept of a window that ended


async def test_a_container_with_and_without_its_name_is_one(tmp_path: Path) -> None:
    """A pod's only container: commands of one window that name it and that don't are ended in one look, and nothing of the gateway's is told as the agent's."""
    async with yard(tmp_path) as it:
        grant = await it.home.window()
        kubectls = [await it.run("sh", "-c", f"echo ready; sleep 7319{at}", container=name) for at, name in enumerate(("box", "", "box"))]
        cut = await it.home.broker.windows.end(it.home.broker.windows.live[grant.id], Event.REVOKE, by="ana", why="enough")()
        assert {each.state for each in cut.told} == {"ended"}, cut
        assert {each.session for each in cut.told if each.session} == {1, 3, 4}
        assert await gone("7319")
        assert len([fact for fact in await it.home.facts("session.opened") if fact.what["kind"] == "probe"]) == 2
        assert (it.places._containers, it.places._same) == ({}, {})
        for kubectl in kubectls:
            kubectl.close()


async def test_a_half_typed_line_is_never_executed(tmp_path: Path) -> None:
    """A shell that reads a pipe runs its last line at the end of its input: there is none before it is dead, also where the gateway stops."""
    async with yard(tmp_path) as it:
        await it.home.window()
        for at in range(5):
            kubectl = await it.run("sh", "-c", "echo ready; exec sh")
            kubectl.type(f"touch {tmp_path}/made-{at}".encode())
            session = next(each for each in it.home.broker.windows.sessions.values() if each.kind == "exec")
            await it.home.until(lambda session=session: session.handed_in > 0)  # type: ignore[misc]
            cut = await it.home.broker.windows.kill(session, by="ana", reason="no")()
            assert cut.processes == 0
            kubectl.close()
        kubectl = await it.run("sh", "-c", "echo ready; exec sh")
        kubectl.type(f"touch {tmp_path}/made-5".encode())
        (session,) = [each for each in it.home.broker.windows.sessions.values() if each.kind == "exec"]
        await it.home.until(lambda: session.handed_in > 0)
        stopped = await it.home.broker.windows.stop()()
        assert stopped.processes == 0
        kubectl.close()
        await asyncio.sleep(0.2)
        assert not running("made-")
        assert not any((tmp_path / f"made-{at}").exists() for at in range(6))


async def test_whoever_has_a_turn_first_looks_for_all_of_a_container(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of one agent's window does not wait for the turns of another, whose containers do not answer."""
    spawned: list[asyncio.Task[Any]] = []
    places = Places({}, cast("Any", None), cast("Any", None), lambda work: spawned.append(asyncio.ensure_future(work())), gateway="test", owe=lambda _: None)
    looks: list[list[int]] = []

    async def end(place: Place, container: Container, jobs: Sequence[Job]) -> Run:
        looks.append([job.grant for job in jobs])
        return Run()

    monkeypatch.setattr(places, "_end", end)
    place, loop = Place("prod", "web", "shared", "main"), asyncio.get_running_loop()
    before: asyncio.Future[Any] = loop.create_future()
    agents = {3: "agent-x", 4: "agent-y"}
    stays = {number: Stay(cast("Any", SimpleNamespace(id=number, identity=agent, label="")), 0.0, before) for number, agent in agents.items()}
    places._containers[place] = Container(dict(stays))
    jobs = {number: places.job(stay.grant, stay, 0.0, last=True) for number, stay in stays.items()}
    async with asyncio.timeout(30), contextlib.AsyncExitStack() as hangs:
        for number in range(OF_AN_AGENT):
            await hangs.enter_async_context(places._turns.of(Place("prod", "web", f"hangs-{number}", "main"), "agent-x"))
        slow, quick = places.put(place, jobs[3]), places.put(place, jobs[4])
        await quick
        assert (slow.done(), looks) == (True, [[3, 4]])
        await hangs.aclose()
        await asyncio.gather(*spawned)
    assert (looks, places._containers) == ([[3, 4]], {})


async def test_commands_of_containers_that_share_their_processes_are_known_to_a_look() -> None:
    """Else words would be written into the output of another container's command, and its client would see them; a container that shares nothing has none."""
    places = Places({}, cast("Any", None), cast("Any", None), lambda _: None, gateway="test", owe=lambda _: None)
    before: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    of = {name: Place("prod", "web", "box", name) for name in ("main", "debug", "beside")}
    for number, place in enumerate(of.values()):
        command = Command(Several(number), place, 0.0)
        places._containers[place] = Container({number: Stay(cast("Any", SimpleNamespace(id=number)), 0.0, before, commands={number: command})})
    places._know(of["debug"], Run("u", "c", together=frozenset({"main", "debug"})))
    assert {name: sorted(command.session.id for command in places._beside(place)) for name, place in of.items()} == {
        "main": [0, 1], "debug": [0, 1], "beside": [2]}
    assert [len(places._kins(place)) for place in of.values()] == [2, 2, 1]


async def test_an_end_waits_a_moment_for_the_look_before_the_first_command() -> None:
    """A window may end before that has answered: what it saw is the proof that nothing else is left."""
    places = Places({}, cast("Any", None), cast("Any", None), lambda _: None, gateway="test", owe=lambda _: None)
    known, never = asyncio.get_running_loop().create_future(), asyncio.get_running_loop().create_future()
    stays = {number: Stay(cast("Any", SimpleNamespace(id=number)), 0.0, future) for number, future in ((3, known), (4, never))}
    jobs = [places.job(stay.grant, stay, 0.0, last=True) for stay in stays.values()]
    asyncio.get_running_loop().call_later(0.01, known.set_result, (Before(known=True), Run()))
    await places._known(Container(stays), jobs)
    assert [job.before.known for job in jobs] == [True, False]


class Fresh:
    """A look into a container whose first process began 10 s before it."""

    own = 50

    async def stat(self) -> tuple[Process, ...]:
        return Process(1, 0, 1, 0, 9000, "S"), Process(50, 0, 50, 0, 10_000, "S")


@pytest.mark.parametrize("now", ["anew", "same", "elsewhere"])
async def test_with_a_run_of_the_container_ended_what_was_started_in_it_and_no_more(now: str) -> None:
    """An agent may end the container itself, and go on in the next run: that is ended as ever, by what is seen there alone."""
    place, known = Place("prod", "web", "box", "box"), asyncio.get_running_loop().create_future()
    known.set_result((Before(frozenset({(1, 10)}), frozenset({1}), known=True), Run("uid", "first")))
    stay = Stay(cast("Any", None), 900.0, known)
    for session, asked in ((5, 900.0), (6, 989.8), (7, 995.0)):
        stay.commands[session] = Command(Several(session), place, asked, leader=(30 + session, 100 * session))
        stay.kin.restore(session, (30 + session, 8500 + 500 * (session - 5)), ())
    stay.commands[7].leader = (37, 9500)
    job = Job(3, [*stay.commands.values()], 900.0, 1000.0, known.result()[0], ends=True, kin=stay.kin)
    places = Places({}, cast("Any", None), cast("Any", None), lambda _: None, gateway="test", owe=lambda _: None)
    where = {"anew": Run("uid", "second"), "same": Run("uid", "first"), "elsewhere": Run("other", "second")}[now]
    over = await places._begin_anew(cast("Look", Fresh()), Container({3: stay}), [job], where, 1000.0)
    if now == "same":
        assert (over, len(job.commands), job.before.known, job.first) == ([], 3, True, 900.0)
        return
    assert [(of is job, [command.session.id for command in commands]) for of, commands in over] == [(True, [5])]
    assert [command.session.id for command in job.commands] == [6, 7] == list(stay.commands), "what may have been asked for in time is looked for"
    assert (job.before.known, job.first) == (False, 989.8)
    assert [command.leader for command in job.commands] == [None, (37, 9500) if now == "anew" else None]
    assert set(stay.kin.firsts) == ({(36, 9000), (37, 9500)} if now == "anew" else set())
