"""The gateway's own command in a container."""

import asyncio
import math
from dataclasses import replace
from pathlib import Path

import pytest

from jitui.policy.terms import Identity, Role
from jitui.protocol.channels import Exit
from jitui.proxy.pod import look
from jitui.proxy.pod.asking import LookError
from jitui.proxy.pod.look import NO_SHELL, Look, Place, ended, identify
from jitui.recording.frame import Channel
from tests.fakes.house import house
from tests.fakes.upstream import Asked
from tests.proxy.pod.yard import Yard, yard

MISSING = (b'{"status":"Failure","message":"Internal error occurred: error executing command in container: exec failed: \\"sh\\": executable file not found in '
           b'$PATH","reason":"InternalError","code":500}')  # fmt: skip


async def a_look(it: Yard, place: Place) -> tuple[Look, int]:
    grant = await it.home.window()
    return Look(it.way, grant, place, it.home.store, it.home.clock, lambda session: f"jitui-test-{session}-0"), grant.id


def test_a_place_is_said_as_sessions_say_it() -> None:
    """Without a container if the command named none."""
    assert [Place("prod", "web", "box", container).target for container in ("side", "")] == ["web/box/side", "web/box"]


async def test_a_look_is_on_record_like_any_command(tmp_path: Path) -> None:
    """A session of the window, its request with an Audit-ID of ours, every order and answer, its row, and its end; the proof of it all is whole."""
    async with yard(tmp_path) as it:
        one, grant = await a_look(it, Place("prod", "web", "box", "box"))
        await one.open()
        assert [each.pid for each in one.there] == [each.pid for each in await one.stat()] == [1, one.own]
        assert one.before(math.inf)[0].sids == {1}
        before, words = one.before(one.said_at - 1e9)
        assert (before.processes, before.known, before.unsure, words) == (frozenset(), True, frozenset(), ())
        before, words = one.before(one.said_at + 1e9)
        assert (before.sids, len(words), before.unsure) == (frozenset({1}), 1, frozenset())
        first = one.there[0].start / 100 - max(each.start for each in one.there) / 100  # seconds, less than 0
        before, words = one.before(one.said_at + first)
        assert (before.processes, {pid for pid, _ in before.unsure}, words) == (frozenset(), {1}, ())
        await one.aclose()
        opened, ended = await it.home.facts("session.opened"), await it.home.facts("session.ended")
        assert [(fact.what["kind"], fact.what["grant"], fact.what["target"]) for fact in opened] == [("probe", grant, "web/box/box")]
        assert [fact.what["why"] for fact in ended] == ["exit"]
        frames = await it.home.frames(one.session)
        assert [frame.channel for frame in frames[:3]] == [Channel.REQUEST, Channel.STDIN, Channel.RESPONSE]
        assert b"Audit-ID: jitui-test-1-0" in frames[0].body
        assert b"uthorization" not in frames[0].body
        assert (await it.texts(one.session, Channel.STDIN)).endswith(b"\nd\nd\nq\n")
        assert b" hello 2 %d 0\n" % one.start in await it.texts(one.session, Channel.STDOUT)
        await it.home.store.commit([])
        (row,) = await asyncio.to_thread(it.home.files.actions)
        desk = it.home.desk(Identity("eva", frozenset({Role.AUDITOR})))
        assert [[view.kind for view in await desk.sessions(looks=looks)] for looks in (False, True)] == [[], ["probe"]]
        assert (row.identity, row.session, row.hazard, row.code, row.clause) == ("gateway", one.session, "EXEC", 101, look.OWN_LOOK)


async def test_a_pod_that_is_not_there_gives_no_look(tmp_path: Path) -> None:
    """The cluster's words are the reason; the pod is known to be gone."""
    async with yard(tmp_path) as it:
        place = Place("prod", "web", "none", "main")
        one, _ = await a_look(it, place)
        with pytest.raises(LookError, match=r"answered 404 to a look into the container: pods .none. not found"):
            await one.open()
        await one.aclose()
        grant = next(iter(it.home.broker.windows.live.values())).grant
        assert (await identify(it.way, grant, place, 5.0)).gone
        found = await identify(it.way, grant, Place("prod", "web", "box", "box"), 5.0)
        assert (found.gone, found.container_id) == (False, f"demo://{found.uid}-box")
        assert await identify(it.way, grant, Place("prod", "web", "box", ""), 5.0) == replace(found, only="box")  # the pod's only one, where none is named
        assert Place("prod", "web", "box", "").target == "web/box"


async def test_a_container_without_a_shell_gives_no_look(tmp_path: Path) -> None:
    """The runtime says so on the connection; a cluster that says nothing is not waited for beyond the caller's time."""
    async with house(tmp_path) as home:
        async def serve(asked: Asked) -> None:
            asked.line.switch(asked)
            asked.line.message(3, MISSING)
            await asked.line.reader.read(1)

        home.cluster.answerer = serve
        one = Look(home.way, await home.window(), Place("prod", "web", "web-1", "c"), home.store, home.clock, str)
        with pytest.raises(LookError, match=NO_SHELL):
            await one.open()
        await one.aclose()
        assert [fact.what["why"] for fact in await home.facts("session.ended")] == ["cluster-closed"]


@pytest.mark.parametrize(("message", "shell"), [
    ('failed to exec in container: OCI runtime exec failed: exec failed: unable to start container process: exec: "sh": executable file not found', False),
    ("executable file `sh` not found in $PATH: No such file or directory: OCI runtime attempted to invoke a command that was not found", False),
    ('exec: "sh": permission denied', False),
    ("error executing command in container: failed to exec in container: container is in CONTAINER_EXITED state", True),
    ('unable to upgrade connection: container not found ("main")', True),
    ("OCI runtime exec failed: exec failed: unable to start container process: can't get final child's PID from pipe: EOF", True),
])  # fmt: skip
def test_only_a_shell_that_can_not_be_started_is_none(message: str, shell: bool) -> None:
    """A container that was stopped, or is at its limit of processes, is not said to have none: an ephemeral container would be put beside it."""
    assert (ended(Exit(ok=False, code=None, message=message)) != NO_SHELL) is shell
    assert ended(Exit(ok=False, code=137, message="exit code 137")) == "the look into the container ended before it was done: exit code 137"
