"""The agent's side of the command line: a window around one command, and the credential plugin."""

import json

from tests.support.gateway import Agent, Gateway
from tests.support.kubectls import Kubectl
from tests.support.processes import until


def test_a_window_around_one_command(gateway: Gateway, agent: Agent, one_kubectl: Kubectl) -> None:
    """`request ... -- COMMAND` asks, waits, runs it with a kubeconfig that works, passes its exit code on, and gives the window back."""
    program = gateway.spawn("request", "test", "--duration", "1m", "--reason", "one look", "--", *one_kubectl.argv,
                            "--kubeconfig", str(agent.kubeconfig), "exec", "-n", "web", "box", "--", "sh", "-c", "echo from the pod; exit 5", by=agent)
    asked = gateway.pending(agent)
    assert program.running
    grant = gateway.ask_json("approve", asked)["grant"]
    result = program.end()
    assert (result.code, result.text) == (5, "from the pod\n")
    until(lambda: grant not in [one["id"] for one in gateway.grants()], "release")
    assert gateway.kubectl(one_kubectl, agent, "get", "pods", "-n", "web").code == 1


GRANT = {"id", "state", "identity", "connection", "scope", "started", "deadline", "remaining_s"}
SESSION = {"id", "kind", "grant", "identity", "connection", "target", "argv", "state", "started", "ended", "ended_why", "frames", "bytes_in", "bytes_out"}


def test_what_was_stopped_is_told_as_it_stands(gateway: Gateway, agent: Agent, one_kubectl: Kubectl) -> None:
    """`--json` of freeze, thaw, kill, revoke and release has the session or window as it is now, and what was done."""
    grant = gateway.window(agent)
    program = gateway.spawn_kubectl(one_kubectl, agent, "exec", "-n", "web", "box", "--", "sh", "-c", "echo here; sleep 300")
    program.expect("here")
    session = gateway.live("exec", grant)["id"]
    for target, fields in ((session, SESSION), (grant, GRANT)):
        frozen = gateway.ask_json("freeze", target)
        assert (fields <= set(frozen), frozen["id"], frozen["streams"] >= 1, frozen["frozen_by"] != "") == (True, target, True, True)
        thawed = gateway.ask_json("thaw", target)
        assert (fields <= set(thawed), thawed["frozen_by"]) == (True, "")
    assert gateway.ask_json("freeze", "all")["windows"] == [grant]
    gateway.ask_json("thaw", "all")
    killed = gateway.ask_json("kill", session, "--reason", "enough")
    assert (set(killed) >= SESSION, killed["state"], killed["ended_why"], killed["frames"] > 0) == (True, "ended", "killed", True)
    assert killed["may_run_on"] == []
    assert {(each["state"], each["pod"], "runtime" in each["proof"]) for each in killed["processes"] if each["argv"][0] == "sh"} == {("ended", "web/box", True)}
    assert "killed by" in program.end().said
    revoked = gateway.ask_json("revoke", grant, "--reason", "enough")
    assert (set(revoked) >= GRANT, revoked["state"], revoked["remaining_s"]) == (True, "revoked", 0)
    released = gateway.ask_json("release", gateway.window(agent), by=agent)
    assert (set(released) >= GRANT, released["state"], released["identity"]) == (True, "released", agent.name)


def test_a_denied_wait_fails(gateway: Gateway, agent: Agent) -> None:
    """`--wait` blocks until it is decided; a denial is exit code 1 with the person's reason."""
    program = gateway.spawn("request", "test", "--duration", "1m", "--reason", "may I", "--wait", by=agent)
    gateway.jitui("deny", gateway.pending(agent), "--reason", "ask the owner").ok()
    result = program.end()
    assert result.code == 1
    assert "ask the owner" in result.said


def test_an_approved_wait_says_until_when(gateway: Gateway, agent: Agent) -> None:
    """`--wait --json` prints the decided request: approved, its grant and its deadline."""
    program = gateway.spawn("request", "test", "--duration", "1m", "--reason", "may I", "--wait", by=agent, as_json=True)
    gateway.jitui("approve", gateway.pending(agent)).ok()
    decided = json.loads(program.end().ok().out)
    assert (decided["state"], decided["duration_s"]) == ("approved", 60)
    assert decided["deadline"].endswith("Z")


def test_the_credential_plugin(gateway: Gateway, agent: Agent, kubectl: Kubectl) -> None:
    """A kubeconfig without a token in it: kubectl runs `jitui credential`, in a window and outside one."""
    gateway.kubeconfig(agent, plugin=True)
    assert agent.token not in agent.kubeconfig.read_text()
    denied = gateway.kubectl(kubectl, agent, "get", "pods", "-n", "web")
    assert denied.code == 1
    assert "jitui request test" in denied.said
    gateway.window(agent)
    assert "pod/box" in gateway.kubectl(kubectl, agent, "get", "pods", "-n", "web", "-o", "name").ok().text


def test_a_plugin_that_asks(gateway: Gateway, agent: Agent, one_kubectl: Kubectl) -> None:
    """With `--ask` plain `kubectl get pods` asks by itself, waits with one line on stderr, and works once a person said yes."""
    gateway.kubeconfig(agent, "--ask", plugin=True)
    program = gateway.spawn_kubectl(one_kubectl, agent, "get", "pods", "-n", "web", "-o", "name")
    gateway.jitui("approve", gateway.pending(agent)).ok()
    result = program.end().ok()
    assert "pod/box" in result.text
    assert len(result.said.strip().splitlines()) == 1


def test_a_request_file(gateway: Gateway, agent: Agent) -> None:
    """The request of the reference document works verbatim as a file; who asks is the token's matter, not the file's."""
    file = agent.home / "request.yaml"
    form = "# access request, not a standing binding\nidentity: {}\nconnection: test\nduration: 30m   # session lapses automatically\napproval: required\n"
    file.write_text(form.format("somebody-else"))
    wrong = gateway.jitui("request", "-f", str(file), "--reason", "from a file", by=agent)
    assert wrong.code == 1
    assert "somebody-else" in wrong.said
    file.write_text(form.format(agent.name))
    asked = gateway.ask_json("request", "-f", str(file), "--reason", "from a file", by=agent)
    assert (asked["state"], asked["duration_s"], asked["identity"]) == ("pending", 1800, agent.name)


def test_wrong_usage_is_2(gateway: Gateway) -> None:
    """Wrong usage: exit code 2; refused: 1 with one line; nobody there: 1 with one line."""
    assert gateway.jitui("approve").code == 2
    assert gateway.jitui("no-such-command").code == 2
    gone = gateway.jitui("approve", "r-999999")
    assert gone.code == 1
    assert len(gone.said.strip().splitlines()) == 1
    nobody = gateway.jitui("--gateway", "unix:/nonexistent/desk.sock", "requests")
    assert nobody.code == 1
    assert len(nobody.said.strip().splitlines()) == 1
