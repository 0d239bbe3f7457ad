"""Refused requests, and the words that say so."""

import subprocess

from tests.support.gateway import Agent, Gateway
from tests.support.kubectls import Kubectl

PODS = ("get", "pods", "-n", "web")


def test_a_denial_names_the_command_that_asks(gateway: Gateway, agent: Agent, one_kubectl: Kubectl) -> None:
    """The command in the denial, run as it stands, asks for what was denied."""
    denied = gateway.kubectl(one_kubectl, agent, "exec", "-n", "web", "box", "--", "true")
    command = denied.said[denied.said.index("jitui request"):].splitlines()[0]
    asked = subprocess.run(["bash", "-c", f"{command} --json"], env=gateway.environment(agent.home, agent), capture_output=True, text=True, check=False)
    assert asked.returncode == 0, (command, asked)
    gateway.ask_json("approve", gateway.pending(agent))
    gateway.kubectl(one_kubectl, agent, "exec", "-n", "web", "box", "--", "true").ok()


def test_nobody_grants_themselves(gateway: Gateway, agent: Agent, other: Agent) -> None:
    """No agent decides: neither its own request nor another's; a person who owns the agent neither."""
    asked = gateway.ask_json("request", "test", "--duration", "1m", "--reason", "mine", by=agent)["id"]
    for who in (agent, other):
        result = gateway.jitui("approve", asked, by=who)
        assert result.code == 1, result
        assert result.out == b""
        assert len(result.said.strip().splitlines()) == 1
    assert gateway.pending(agent) == asked


def test_an_approver_with_a_token_decides(gateway: Gateway, agent: Agent, one_kubectl: Kubectl) -> None:
    """A person from elsewhere, by token; what they may not do they are told."""
    ana = gateway.person(f"ana-{agent.name}", "approver")
    otto = gateway.person(f"otto-{agent.name}", "operator")
    asked = gateway.ask_json("request", "test", "--duration", "1m", "--reason", "please", by=agent)["id"]
    assert gateway.jitui("approve", asked, by=otto).code == 1
    assert gateway.jitui("approve", asked, by=ana).code == 0
    gateway.kubectl(one_kubectl, agent, *PODS).ok()
    assert gateway.jitui("identity", "add", "sock-puppet", "--role", "approver", by=ana).code == 1
    assert gateway.jitui("lockdown", "off", "--reason", "mine", by=ana).code == 1


def test_a_denied_request_opens_nothing(gateway: Gateway, agent: Agent, one_kubectl: Kubectl) -> None:
    """Denied: the reason reaches the agent, nothing opens, and it is too late to approve."""
    asked = gateway.ask_json("request", "test", "--duration", "1m", "--reason", "hm", by=agent)["id"]
    gateway.jitui("deny", asked, "--reason", "not today").ok()
    assert gateway.kubectl(one_kubectl, agent, *PODS).code == 1
    late = gateway.jitui("approve", asked)
    assert late.code == 1
    assert "denied" in late.said
    again = gateway.jitui("request", "test", "--duration", "1m", "--reason", "hm", by=agent)
    assert again.code == 1, "after a denial one waits"


def test_a_withdrawn_request_opens_nothing(gateway: Gateway, agent: Agent) -> None:
    """Withdrawn by the agent: too late to approve."""
    asked = gateway.ask_json("request", "test", "--duration", "1m", "--reason", "hm", by=agent)["id"]
    gateway.jitui("withdraw", asked, by=agent).ok()
    late = gateway.jitui("approve", asked)
    assert late.code == 1
    assert "withdrawn" in late.said


def test_the_same_ask_is_the_same_request(gateway: Gateway, agent: Agent) -> None:
    """Asked twice in the same words it has one id; an approval may only tighten."""
    words = ("request", "test", "--duration", "2m", "--reason", "once", "--scope", "read pods in web")
    asked = gateway.ask_json(*words, by=agent)["id"]
    assert gateway.ask_json(*words, by=agent)["id"] == asked
    wider = gateway.jitui("approve", asked, "--scope", "@debug in web")
    assert wider.code == 1, wider
    longer = gateway.jitui("approve", asked, "--duration", "10m")
    assert longer.code == 1, longer
    grant = gateway.ask_json("approve", asked, "--duration", "1m")["grant"]
    (found,) = [one for one in gateway.grants() if one["id"] == grant]
    assert 50 < found["remaining_s"] <= 60
    assert found["scope"] == "read pods in web"


def test_more_than_the_rule_allows_can_not_be_asked(gateway: Gateway, agent: Agent) -> None:
    """Too long and too wide are refused with both values; without a rule nothing can be asked."""
    long = gateway.jitui("request", "test", "--duration", "2h", "--reason", "x", by=agent)
    assert long.code == 1
    assert "2h" in long.said
    assert "30m" in long.said
    wide = gateway.jitui("request", "test", "--duration", "1m", "--reason", "x", "--scope", "get secrets in payments", by=agent)
    assert wide.code == 1
    assert gateway.jitui("request", "elsewhere", "--duration", "1m", "--reason", "x", by=agent).code == 1


def test_a_scope_ends_at_its_namespace(gateway: Gateway, agent: Agent, one_kubectl: Kubectl) -> None:
    """`-A` is denied with a hint; another namespace and secrets are denied; all of it within a live window."""
    gateway.window(agent, scope="read pods in web")
    everywhere = gateway.kubectl(one_kubectl, agent, "get", "pods", "-A")
    assert everywhere.code == 1
    assert "-n web" in everywhere.said
    for args in (("get", "pods", "-n", "payments"), ("get", "secrets", "-n", "payments"), ("delete", "pod", "box", "-n", "web"),
                 ("exec", "-n", "web", "box", "--", "true")):
        result = gateway.kubectl(one_kubectl, agent, *args)
        assert result.code == 1, result
        assert "Forbidden" in result.said, result
    gateway.kubectl(one_kubectl, agent, *PODS).ok()


def test_a_window_is_its_own_agents(gateway: Gateway, agent: Agent, other: Agent, one_kubectl: Kubectl) -> None:
    """Another agent's window is no use to one without."""
    gateway.window(agent)
    gateway.kubectl(one_kubectl, agent, *PODS).ok()
    assert gateway.kubectl(one_kubectl, other, *PODS).code == 1


def test_a_wrong_token_is_nobody(gateway: Gateway, agent: Agent, one_kubectl: Kubectl) -> None:
    """A token with one character changed is refused with 401, with a live window beside it; so is none."""
    gateway.window(agent)
    changed = agent.token[:-1] + ("A" if agent.token[-1] != "A" else "B")
    result = gateway.kubectl(one_kubectl, agent, "--token", changed, *PODS)
    assert result.code == 1
    assert "Unauthorized" in result.said or "logged in" in result.said
    assert changed not in result.said


def test_nobody_speaks_for_another(gateway: Gateway, agent: Agent, one_kubectl: Kubectl) -> None:
    """`--as` is refused, also within a window: the gateway decides who one is."""
    gateway.window(agent)
    gateway.kubectl(one_kubectl, agent, *PODS).ok()  # kubectl has its discovery cache: of errors on the way there it prints "unknown"
    result = gateway.kubectl(one_kubectl, agent, "--as", "system:admin", "--as-group", "system:masters", *PODS)
    assert result.code == 1
    assert "mpersonat" in result.said
