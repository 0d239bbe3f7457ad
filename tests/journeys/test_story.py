"""The whole story, with old and new kubectls: denied, asked, approved, at work, ended, denied again, and all of it on record."""

import pytest

from tests.support.gateway import Agent, Gateway
from tests.support.kubectls import SPDY, TRIED, Kubectl
from tests.support.processes import until


@pytest.mark.parametrize("kubectl", [pytest.param(version, marks=pytest.mark.kubectl) for version in (SPDY[0], *TRIED)], indirect=True)
def test_from_denied_to_denied(gateway: Gateway, agent: Agent, kubectl: Kubectl) -> None:
    """A refused call passes in the window, ends with it and is refused again, and the record has the bytes that kubectl printed."""

    def call(*args: str) -> str:
        return gateway.kubectl(kubectl, agent, *args).ok().text

    def refused() -> None:
        result = gateway.kubectl(kubectl, agent, "get", "pods", "-n", "web")
        assert result.code == 1, result
        assert result.out == b""
        assert "Error from server (Forbidden)" in result.said
        assert "no live window on test" in result.said
        assert "jitui request test" in result.said

    refused()

    asked = gateway.ask_json("request", "test", "--duration", "12s", "--reason", "look after the web pods", by=agent)
    assert asked["state"] == "pending"
    assert (asked["identity"], asked["connection"], asked["duration_s"]) == (agent.name, "test", 12)
    refused()
    by_itself = gateway.jitui("approve", asked["id"], by=agent)
    assert by_itself.code == 1, by_itself
    assert gateway.ask_json("requests")["id"] == asked["id"]
    refused()

    approved = gateway.ask_json("approve", asked["id"])
    assert approved["state"] == "approved"
    grant = approved["grant"]

    listed = call("get", "pods", "-n", "web", "-o", "name")
    assert "pod/box" in listed
    said = call("exec", "-n", "web", "box", "--", "sh", "-c", "echo one; echo two")
    assert said == "one\ntwo\n"
    assert call("describe", "pod", "box", "-n", "web").startswith("Name:")
    assert call("logs", "-n", "web", "chatty", "--tail", "2").count("\n") == 2

    until(lambda: grant not in [one["id"] for one in gateway.grants()], "end of the window", 30)
    refused()

    (session,) = [one for one in gateway.sessions("exec") if one["grant"] == grant]
    assert gateway.raw(session["id"], "stdout") == said.encode()
    assert "two" in gateway.jitui("replay", session["id"], "--text").ok().text
    gateway.jitui("verify", session["id"]).ok()
