"""An ordinary kubectl works in a window: streams in both directions, with and without a terminal."""

import contextlib

import pytest

from tests.support.gateway import Agent, Gateway
from tests.support.kubectls import Kubectl
from tests.support.processes import Program


@pytest.fixture
def window(gateway: Gateway, agent: Agent) -> str:
    """A grant for the agent."""
    return gateway.window(agent)


@pytest.mark.usefixtures("window")
def test_exec_without_a_terminal(gateway: Gateway, agent: Agent, kubectl: Kubectl) -> None:
    """stdin, stdout, stderr and the exit code pass, each on its own channel."""
    result = gateway.kubectl(kubectl, agent, "exec", "-i", "-n", "web", "box", "--", "sh", "-c", "cat; echo oops >&2; exit 7", stdin=b"to the pod\n")
    assert (result.code, result.out) == (7, b"to the pod\n")
    assert "oops" in result.said


def test_exec_with_a_terminal(gateway: Gateway, agent: Agent, kubectl: Kubectl, window: str) -> None:
    """A shell on a terminal: what is typed, what is printed, and a change of the window's size arrive; `exit` ends it with its code."""
    with gateway.spawn_kubectl(kubectl, agent, "exec", "-it", "-n", "web", "box", "--", "env", "PS1=pod> ", "sh", tty=(24, 80)) as program:
        program.expect("pod> ")
        _type(program, "echo $((6 * 7))", "42")
        program.resize(33, 101)
        _type(program, "sleep 0.3; stty size", "33 101")
        program.write(b"exit 3\r")
        assert program.end().code == 3
    (session,) = [one for one in gateway.sessions("exec") if one["grant"] == window]
    assert session["tty"] is True
    assert b"echo $((6 * 7))\r" in gateway.raw(session["id"], "stdin")
    assert b'"Width":101,"Height":33' in gateway.raw(session["id"], "resize")
    assert "42" in gateway.jitui("replay", session["id"], "--text").ok().text


def test_frames_are_the_very_bytes(gateway: Gateway, agent: Agent, kubectl: Kubectl, window: str) -> None:
    """Of half a megabyte each way nothing is missing, added or out of order, on the wire and on record."""
    sent = b"".join(b"%08d\n" % number for number in range(60_000))
    result = gateway.kubectl(kubectl, agent, "exec", "-i", "-n", "web", "box", "--", "cat", stdin=sent).ok()
    assert result.out == sent
    (session,) = [one for one in gateway.sessions("exec") if one["grant"] == window]
    assert gateway.raw(session["id"], "stdout") == sent
    assert gateway.raw(session["id"], "stdin") == sent
    gateway.jitui("verify", session["id"]).ok()


@pytest.mark.usefixtures("window")
def test_logs_follow(gateway: Gateway, agent: Agent, kubectl: Kubectl) -> None:
    """`logs -f` goes on printing as the pod writes."""
    with gateway.spawn_kubectl(kubectl, agent, "logs", "-f", "-n", "web", "chatty", "--tail", "1") as program:
        at = program.expect("line")
        program.expect("line", after=program.expect("line", after=at))


@pytest.mark.usefixtures("window")
def test_watch(gateway: Gateway, agent: Agent, kubectl: Kubectl) -> None:
    """`get -w` lists and then waits for changes."""
    with gateway.spawn_kubectl(kubectl, agent, "get", "pods", "-n", "web", "-w") as program:
        program.expect("chatty")
        assert gateway.live("watch")["identity"] == agent.name
        assert program.running


@pytest.mark.usefixtures("window")
def test_cp_both_ways(gateway: Gateway, agent: Agent, one_kubectl: Kubectl) -> None:
    """`cp` is exec with tar: a file goes into the pod and comes back the same."""
    there = f"box:{agent.name}.bin"
    (agent.home / "there").write_bytes(bytes(range(256)) * 400)
    gateway.kubectl(one_kubectl, agent, "cp", "-n", "web", str(agent.home / "there"), there).ok()
    gateway.kubectl(one_kubectl, agent, "cp", "-n", "web", there, str(agent.home / "back")).ok()
    assert (agent.home / "back").read_bytes() == (agent.home / "there").read_bytes()


@pytest.mark.usefixtures("window")
def test_a_command_that_never_begins_has_its_reason(gateway: Gateway, agent: Agent, kubectl: Kubectl) -> None:
    """The cluster says why, and resets the connection as more input comes: kubectl, which goes on sending, prints the cluster's words."""
    for left in (4, 3, 2, 1, 0):
        with gateway.spawn_kubectl(kubectl, agent, "exec", "-i", "-n", "web", "box", "--", "no-such-program") as program:
            with contextlib.suppress(BrokenPipeError):
                for _ in range(200):
                    program.write(bytes(100_000))
            result = program.end()
        if result.code or not left or b'"Success"' not in gateway.raw(gateway.sessions("exec")[-1]["id"], "error"):
            break  # or a busy cluster loses the reason, and says that all went well
    assert "no-such-program" in result.said, result
    assert "jitui" not in result.said, result
    assert result.code in {1, 126, 127}, result


@pytest.mark.usefixtures("window")
def test_exec_over_spdy(gateway: Gateway, agent: Agent, kubectl: Kubectl) -> None:
    """A kubectl told not to speak WebSocket is served over SPDY: the same streams, the same exit code."""
    result = gateway.kubectl(kubectl, agent, "exec", "-i", "-n", "web", "box", "--", "sh", "-c", "cat; echo oops >&2; exit 7", stdin=b"to the pod\n",
                             env={"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false"})
    assert (result.code, result.out) == (7, b"to the pod\n")
    assert "oops" in result.said


def _type(program: Program, line: str, answer: str) -> None:
    """Type a line and wait for an answer on a line of its own, and for the next prompt: what is typed before that is echoed ahead of it."""
    at = len(program.out)
    program.write(f"{line}\r".encode())
    program.expect("pod> ", after=program.expect(f"\n{answer}", after=at))
