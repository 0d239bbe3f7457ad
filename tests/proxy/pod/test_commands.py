"""What is said of commands in a container that nobody could look into."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from jitui.protocol.channels import Exit
from jitui.proxy.pod.commands import Command, Job, foremost, unseen
from jitui.proxy.pod.lineage import Before
from jitui.proxy.pod.look import Identity, Place
from jitui.recording.facts import ProcessEnded, ProcessLeft, ProcessTold

PLACE = Place("prod", "web", "web-7c", "app")


def job(*, exited: bool = False, forced: bool = True, ran: int = 1) -> Job:
    drain = SimpleNamespace(exited=Exit(ok=False, code=137, message="") if exited else None)
    session: Any = SimpleNamespace(id=5, argv=("sleep", "9"), may_run_on=ran, drain=drain)
    return Job(3, [Command(session, PLACE, 0.0, over=True, forced=forced)], 0.0, 0.0, Before(), ends=True)


@pytest.mark.parametrize(("given", "where", "state", "proof"), [
    ({}, Identity("u", "c"), "not-proved", ()),
    ({"exited": True}, Identity("u", "c"), "ended", ("runtime",)),
    ({}, Identity(gone=True), "ended", ("gone",)),
    ({"forced": False}, Identity("u", "c"), "not-proved", ()),
])  # fmt: skip
def test_without_a_look_only_the_runtime_and_the_cluster_prove(given: dict[str, Any], where: Identity, state: str, proof: tuple[str, ...]) -> None:
    """Nothing is said to have ended because a connection closed."""
    mine = job(**given)
    (told,) = unseen(mine, PLACE, where, 2000, "no shell in the container")
    assert (told.state, told.proof, told.argv, told.pod, told.took_ms) == (state, proof, ("sleep", "9"), "web/web-7c", 2000)
    assert (told.why == "no shell in the container") is (state != "ended" or where.gone)
    assert mine.commands[0].session.may_run_on == (state != "ended")


def test_of_a_command_that_ended_by_itself_nothing_is_told() -> None:
    """The runtime told its end long before."""
    assert unseen(job(forced=False, ran=0), PLACE, Identity("u", "c"), 1, "no shell") == []


def test_what_finished_commands_left_is_not_known_without_a_look() -> None:
    """At the end of the window that is said once, and not where the pod is gone, or a command that may run on tells the same."""
    last = replace(job(forced=False, ran=0), last=True)
    (told,) = unseen(last, PLACE, Identity("u", "c"), 1, "no shell")
    assert (told.state, told.session, told.pid, told.argv, told.why) == ("not-proved", 0, 0, (), "no shell")
    assert [each.state for each in unseen(replace(job(exited=True), last=True), PLACE, Identity("u", "c"), 1, "no shell")] == ["ended", "not-proved"]
    assert [each.session for each in unseen(replace(job(), last=True), PLACE, Identity("u", "c"), 1, "no shell")] == [5]
    assert {each.state for each in unseen(last, PLACE, Identity(gone=True), 1, "its pod is gone")} == {"ended"}


def test_of_each_command_one_process_is_told_of() -> None:
    """A hundred of one command's own don't push out the only one of another, of which nobody would know then whether it runs on."""
    def told(session: int, pid: int, state: str = "ended") -> ProcessTold:
        return (ProcessEnded if state == "ended" else ProcessLeft)(grant=1, session=session, pod="web/box", container="box", pid=pid, state=state)

    many = [*(told(5, pid) for pid in range(100, 200)), told(6, 300), told(7, 400), told(7, 401, "left")]
    assert [(each.session, each.pid) for each in foremost(many, 4)] == [(7, 401), (5, 100), (6, 300), (5, 101)]
