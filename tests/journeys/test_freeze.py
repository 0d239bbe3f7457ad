"""A frozen window, seen from outside: nothing passes, nothing is lost, and every end goes through it."""

import hashlib
import time
from collections.abc import Iterator

import pytest

from jitui.proxy.exchange import THAWS_WITHIN
from jitui.proxy.turns import WIDE
from tests.conftest import MakeGateway
from tests.support.clusters import Cluster
from tests.support.gateway import Agent, Gateway, rule
from tests.support.kubectls import Kubectl
from tests.support.processes import Program, until

AGENTS = [f"bot-{number:02}" for number in range(8)]
ROUNDS, LINES = 120, 4000
BURSTS = ("exec", "-n", "web", "box", "--", "sh", "-c", f"n=0; while [ $n -lt {ROUNDS} ]; do n=$((n+1)); seq 1 {LINES}; sleep 0.03; done")
WHOLE = "".join(f"{line}\n" for line in range(1, LINES + 1)).encode() * ROUNDS
READ = 320 << 10  # at most what one read may add to a leg whose window is all but full, with the frame that it completes


@pytest.fixture(scope="module")
def gateway(embedded_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with Gateway(tmp_path_factory.mktemp("gateway"), embedded_cluster, rules=[rule(name) for name in AGENTS]) as gateway:
        yield gateway


def flooding(gateway: Gateway, agent: Agent, kubectl: Kubectl) -> Program:
    program = gateway.spawn_kubectl(kubectl, agent, *BURSTS)
    program.expect("4000")
    return program


def silent(program: Program, seconds: float = 1.5) -> int:
    """How much it has printed, once what was handed on is read. For so long nothing comes behind that."""
    printed = -1
    while printed != len(program.out):
        printed = len(program.out)
        time.sleep(0.3)
    time.sleep(seconds)
    assert len(program.out) == printed
    return printed


def test_nothing_passes_and_nothing_is_lost(gateway: Gateway, agent: Agent, one_kubectl: Kubectl) -> None:
    """A flood stands still at once; what is recorded meanwhile is bounded; thawed, every byte comes in order."""
    grant = gateway.window(agent)
    program = flooding(gateway, agent, one_kubectl)
    gateway.jitui("freeze", grant).ok()
    printed = silent(program)
    assert printed < len(WHOLE) // 2
    session = gateway.live("exec", grant)
    assert (session["frozen_by"], session["state"]) == (gateway.grants()[-1]["frozen_by"], "open")
    assert 0 < session["held"] <= WIDE + READ
    assert session["bytes_out"] - session["held"] >= printed
    time.sleep(1)
    assert gateway.live("exec", grant)["bytes_out"] == session["bytes_out"]
    again = gateway.jitui("freeze", grant)
    assert (again.code, f"{grant} was already frozen by" in again.said) == (1, True)
    assert "FROZEN by" in gateway.jitui("grants").ok().text

    thawed = gateway.jitui("thaw", grant).ok()
    assert "go on in order" in thawed.text
    result = program.end(60).ok()
    assert hashlib.sha256(result.out).hexdigest() == hashlib.sha256(WHOLE).hexdigest()
    assert hashlib.sha256(gateway.raw(session["id"], "stdout")).hexdigest() == hashlib.sha256(WHOLE).hexdigest()
    gateway.jitui("verify", session["id"]).ok()


def test_new_requests_wait_and_are_told_by_whom(gateway: Gateway, agent: Agent, one_kubectl: Kubectl) -> None:
    """`get pods` waits: a thaw in time answers it, and without one it is told after 30 s that it is frozen, and by whom. An exec too."""
    grant = gateway.window(agent)
    by = gateway.desk(lambda remote: remote.freeze(grant)).frozen_by
    waiting = gateway.spawn_kubectl(one_kubectl, agent, "get", "pods", "-n", "web")
    time.sleep(3)
    assert waiting.running
    assert waiting.out == b""
    gateway.jitui("thaw", grant).ok()
    assert "box" in waiting.end(20).ok().text

    gateway.jitui("freeze", "all").ok()
    began = time.monotonic()
    calls = [gateway.spawn_kubectl(one_kubectl, agent, *args) for args in (("get", "pods", "-n", "web"), ("exec", "-n", "web", "box", "--", "echo", "hi"))]
    for call in calls:
        refused = call.end(THAWS_WITHIN + 20)
        assert refused.code == 1
        assert f"{grant} is frozen by {by}" in refused.said
        assert refused.out == b""
        assert time.monotonic() - began > THAWS_WITHIN
    gateway.jitui("thaw", "all").ok()


@pytest.mark.parametrize("how", ["kill", "revoke", "deadline"])
def test_every_end_goes_through_it(gateway: Gateway, agent: Agent, one_kubectl: Kubectl, how: str) -> None:
    """The client gets its words; what was held is not delivered, and the record says so; the clock ran on."""
    grant = gateway.window(agent, duration="8s" if how == "deadline" else "30m")
    program = flooding(gateway, agent, one_kubectl)
    gateway.desk(lambda remote: remote.freeze(grant))
    printed = silent(program)
    session = gateway.live("exec", grant)
    assert session["held"] > 0
    if how == "kill":
        gateway.jitui("kill", session["id"], "--reason", "stop that").ok()
    elif how == "revoke":
        gateway.jitui("revoke", grant, "--reason", "stop that").ok()
    result = program.end(20)
    assert result.code == 1, result
    assert ("stop that" if how != "deadline" else f"window {grant} ended") in result.said
    assert len(result.out) == printed
    (ended,) = until(lambda: [one for one in gateway.sessions("exec") if one["id"] == session["id"] and one["state"] == "ended"], "end of the session")
    assert ended["ended_why"] == {"kill": "killed", "revoke": "revoked", "deadline": "expired"}[how]
    assert ended["bytes_out"] - ended["delivered_out"] >= session["held"]
    frames = gateway.desk(lambda remote: remote.frames(session["id"], after=ended["frames"] - 5))
    assert frames
    live = {one["id"]: one["frozen_by"] for one in gateway.grants()}
    assert (grant in live) is (how == "kill")


def test_it_survives_the_gateway(gateway: Gateway, agent: Agent, one_kubectl: Kubectl) -> None:
    """Killed and started again, the window is frozen as it was, and what comes waits."""
    grant = gateway.window(agent)
    gateway.jitui("freeze", grant).ok()
    gateway.kill9()
    gateway.restart()
    assert [one["frozen_by"] != "" for one in gateway.grants() if one["id"] == grant] == [True]
    waiting = gateway.spawn_kubectl(one_kubectl, agent, "get", "pods", "-n", "web")
    time.sleep(2)
    assert waiting.running
    assert waiting.out == b""
    gateway.jitui("thaw", grant).ok()
    assert "box" in waiting.end(20).ok().text


def test_a_window_ends_when_its_bytes_are_used_up(embedded_cluster: Cluster, one_kubectl: Kubectl, make_gateway: MakeGateway) -> None:
    """kubectl prints how much it was, and exits 1; what it printed is on record; the facts say why."""
    gateway = make_gateway(embedded_cluster, rules=[rule("bot", bytes="300KiB")])
    agent = gateway.agent("bot")
    grant = gateway.window(agent)
    program = gateway.spawn_kubectl(one_kubectl, agent, *BURSTS)
    result = program.end(30)
    assert result.code == 1, result
    assert f'jitui: access window {grant} has used its 300 KiB; ask again: jitui request test --duration 30m --reason "..."' in result.said
    (session,) = until(lambda: [one for one in gateway.sessions("exec") if one["grant"] == grant and one["state"] == "ended"], "end of the session")
    assert (session["ended_why"], session["ended_by"]) == ("budget", "gateway")
    assert 250 << 10 < len(result.out) <= session["bytes_out"] < (300 << 10) + READ
    assert WHOLE.startswith(result.out)
    assert gateway.grants() == []
    ended = next(fact for fact in gateway.jitui("facts", as_json=True).ok().jsons if fact["kind"] == "grant.ended")
    assert (ended["who"], ended["what"]["state"], ended["what"]["why"]) == ("gateway", "revoked", "budget: 300 KiB used")
    assert "jitui request test" in gateway.kubectl(one_kubectl, agent, "get", "pods", "-n", "web").said
