"""How windows and streams end: each end is told in words that kubectl prints, and after it nothing passes."""

from typing import Any

import pytest

from tests.support.gateway import Agent, Gateway
from tests.support.kubectls import Kubectl
from tests.support.processes import Program, until

FLOOD = ("exec", "-n", "web", "box", "--", "sh", "-c", "i=0; while [ $i -lt 900 ]; do echo tick; sleep 0.05; i=$((i+1)); done")
TYPING = ("exec", "-it", "-n", "web", "box", "--", "env", "PS1=pod> ", "sh")
LOGS = ("logs", "-f", "-n", "web", "chatty")
WATCH = ("get", "pods", "-n", "web", "-w")


def all_ended(gateway: Gateway, grant: str) -> list[Any]:
    """The agent's sessions under a grant, once each has ended: that is on record when the processes in the pods have. The gateway's own looks into pods,
    of the kind `probe`, come and end by themselves.
    """
    sessions = [one for one in gateway.sessions() if one["grant"] == grant and one["kind"] != "probe"]
    return sessions if all(one["state"] == "ended" for one in sessions) else []


def test_a_kill_says_why(gateway: Gateway, agent: Agent, kubectl: Kubectl) -> None:
    """The person's reason is what kubectl prints, with exit code 1; the window itself lives on."""
    grant = gateway.window(agent)
    with gateway.spawn_kubectl(kubectl, agent, *FLOOD) as program:
        program.expect("tick")
        session = gateway.live("exec", grant)["id"]
        gateway.jitui("kill", session, "--reason", "wrong pod, sorry").ok()
        result = program.end(10)
    assert result.code == 1, result
    assert "wrong pod, sorry" in result.said
    assert gateway.kubectl(kubectl, agent, "get", "pods", "-n", "web").code == 0
    (ended,) = until(lambda: [one for one in gateway.sessions("exec") if one["id"] == session and one["state"] == "ended"], "end of the session")
    assert ended["ended_why"] == "killed"


def test_a_kill_reaches_a_terminal(gateway: Gateway, agent: Agent, kubectl: Kubectl) -> None:
    """In an interactive shell too the reason is read and the exit code is not 0."""
    grant = gateway.window(agent)
    with gateway.spawn_kubectl(kubectl, agent, *TYPING, tty=(24, 80)) as program:
        program.expect("pod> ")
        gateway.jitui("kill", gateway.live("exec", grant)["id"], "--reason", "lunch is over").ok()
        result = program.end(10)
    assert result.code == 1, result
    assert "lunch is over" in result.text


def test_at_the_deadline_every_stream_ends(gateway: Gateway, agent: Agent, kubectl: Kubectl) -> None:
    """exec, a terminal, logs -f and get -w all end with words about the window at its deadline; the next call is refused."""
    grant = gateway.window(agent, duration="10s")
    flood, logs, watch = (gateway.spawn_kubectl(kubectl, agent, *args) for args in (FLOOD, LOGS, WATCH))
    typing = gateway.spawn_kubectl(kubectl, agent, *TYPING, tty=(24, 80))
    flood.expect("tick")
    logs.expect("line")
    watch.expect("chatty")
    typing.expect("pod> ")

    for program in (flood, logs, typing):
        result = program.end(20)
        assert result.code == 1, result
        assert f"window {grant} ended" in result.text + result.said, result
    result = watch.end(20)
    assert f"window {grant} ended" in result.text + result.said, result

    after = gateway.kubectl(kubectl, agent, "get", "pods", "-n", "web")
    assert after.code == 1
    assert "jitui request test" in after.said
    sessions = until(lambda: all_ended(gateway, grant), "end of every session")
    assert {one["ended_why"] for one in sessions} == {"expired"}
    assert {one["kind"] for one in sessions} >= {"exec", "logs", "watch"}


def test_what_kubectl_printed_until_the_end_is_on_record(gateway: Gateway, agent: Agent, kubectl: Kubectl) -> None:
    """A flood cut at the deadline: the bytes kubectl printed are the beginning of the bytes on record."""
    grant = gateway.window(agent, duration="6s")
    program = gateway.spawn_kubectl(kubectl, agent, "exec", "-n", "web", "box", "--", "sh", "-c", "i=0; while true; do i=$((i+1)); echo line $i; done")
    result = program.end(20)
    assert result.code == 1, result
    assert len(result.out) > 1000
    (session,) = [one for one in until(lambda: all_ended(gateway, grant), "end of every session") if one["kind"] == "exec"]
    assert gateway.raw(session["id"], "stdout").startswith(result.out)
    assert session["delivered_out"] <= session["bytes_out"]
    gateway.jitui("verify", session["id"]).ok()


@pytest.mark.parametrize("verb", ["revoke", "release"])
def test_a_window_ends_early(gateway: Gateway, agent: Agent, one_kubectl: Kubectl, verb: str) -> None:
    """Revoked by a person or released by the agent: its streams end with it, in words, and the next call is refused."""
    grant = gateway.window(agent)
    program = _flooding(gateway, agent, one_kubectl)
    if verb == "revoke":
        gateway.jitui("revoke", grant, "--reason", "incident over").ok()
    else:
        gateway.jitui("release", grant, by=agent).ok()
    result = program.end(10)
    assert result.code == 1, result
    assert ("incident over" if verb == "revoke" else "released") in result.said
    assert gateway.kubectl(one_kubectl, agent, "get", "pods", "-n", "web").code == 1


def test_lockdown_ends_everything(gateway: Gateway, agent: Agent, one_kubectl: Kubectl) -> None:
    """On: streams end, windows are gone and nothing is granted; off: asking works again."""
    gateway.window(agent)
    program = _flooding(gateway, agent, one_kubectl)
    gateway.jitui("lockdown", "on", "--reason", "under attack").ok()
    try:
        result = program.end(10)
        assert result.code == 1, result
        assert "under attack" in result.said
        refused = gateway.jitui("request", "test", "--duration", "1m", "--reason", "again", by=agent)
        assert refused.code == 1
        assert "lockdown" in refused.said
    finally:
        gateway.jitui("lockdown", "off", "--reason", "all clear").ok()
    gateway.window(agent)
    gateway.kubectl(one_kubectl, agent, "get", "pods", "-n", "web").ok()


def test_a_disabled_agent_has_nothing(gateway: Gateway, agent: Agent, one_kubectl: Kubectl) -> None:
    """Disabling ends the agent's windows and its token at once."""
    gateway.window(agent)
    program = _flooding(gateway, agent, one_kubectl)
    gateway.jitui("identity", "disable", agent.name).ok()
    assert program.end(10).code == 1
    result = gateway.kubectl(one_kubectl, agent, "get", "pods", "-n", "web")
    assert result.code == 1
    assert "Unauthorized" in result.said or "logged in" in result.said


def _flooding(gateway: Gateway, agent: Agent, kubectl: Kubectl) -> Program:
    program = gateway.spawn_kubectl(kubectl, agent, *FLOOD)
    program.expect("tick")
    return program
