"""The record after a session, and the result of verify for it, whole and altered."""

import json
import shutil
import sqlite3
from datetime import datetime
from pathlib import Path

import pytest

from tests.support.clusters import Cluster
from tests.support.gateway import JITUI, Agent, Gateway, rule
from tests.support.kubectls import Kubectl
from tests.support.processes import run


def test_every_call_has_its_verdict(gateway: Gateway, agent: Agent, one_kubectl: Kubectl) -> None:
    """Denied and allowed calls of kubectl are listed with verb, resource, verdict, clause and code."""
    gateway.kubectl(one_kubectl, agent, "get", "pods", "-n", "web")
    grant = gateway.window(agent)
    gateway.kubectl(one_kubectl, agent, "get", "pod", "box", "-n", "web").ok()
    actions = gateway.jitui("actions", "--grant", grant, as_json=True).ok().jsons
    (found,) = [one for one in actions if one["name"] == "box" and one["verdict"] == "allowed"]
    assert (found["verb"], found["resource"], found["namespace"], found["hazard"], found["code"]) == ("get", "pods", "web", "READ", 200)
    assert found["clause"]
    denied = [one for one in gateway.jitui("actions", as_json=True).ok().jsons if one["identity"] == agent.name and one["verdict"] == "denied"]
    assert [(one["verb"], one["resource"], one["namespace"]) for one in denied] == [("list", "pods", "web")]


def test_request_and_response_are_on_record_without_credentials(gateway: Gateway, agent: Agent, one_kubectl: Kubectl) -> None:
    """Heads and bodies of a plain call are there; the token is nowhere in the data folder."""
    grant = gateway.window(agent)
    printed = gateway.kubectl(one_kubectl, agent, "get", "pod", "box", "-n", "web", "-o", "json").ok().json
    (session,) = [one for one in gateway.sessions("api") if one["grant"] == grant]
    recorded = gateway.raw(session["id"], "request")
    assert b"GET /api/v1/namespaces/web/pods/box" in recorded
    assert b"uthorization" not in recorded
    assert printed["metadata"]["uid"].encode() in gateway.raw(session["id"], "response")
    secret = agent.token.encode()
    assert [path for path in gateway.data.rglob("*") if path.is_file() and secret in path.read_bytes()] == []


def test_facts_tell_the_story(gateway: Gateway, agent: Agent) -> None:
    """The audit log has the ask, the yes and the end, in order, each with the hash of the chain."""
    grant = gateway.window(agent)
    gateway.jitui("revoke", grant, "--reason", "enough").ok()
    facts = gateway.jitui("facts", as_json=True).ok().jsons
    assert [one["seq"] for one in facts] == list(range(facts[0]["seq"], facts[0]["seq"] + len(facts)))
    assert all(one["hash"] for one in facts)
    ended = [one for one in facts if one["subject"] == grant][-1]
    assert (ended["kind"], ended["what"]["state"], ended["what"]["why"]) == ("grant.ended", "revoked", "enough")
    assert datetime.fromisoformat(facts[-1]["at"]).tzinfo is not None


def test_exports(gateway: Gateway, agent: Agent, one_kubectl: Kubectl) -> None:
    """asciicast v3 begins with its header; JSON lines are frames; a bundle verifies with no gateway and no data folder."""
    session = _exec(gateway, agent, one_kubectl, "echo exported")
    cast = gateway.jitui("export", session, "--format", "cast").ok().text.splitlines()
    assert json.loads(cast[0])["version"] == 3
    assert any("exported" in line for line in cast[1:])
    lines = gateway.jitui("export", session, "--format", "jsonl").ok().jsons
    assert lines
    bundle = agent.home / "evidence.bundle"
    gateway.jitui("export", session, "--format", "bundle", "--output", str(bundle)).ok()
    env = gateway.environment(agent.home) | {"JITUI_GATEWAY": "unix:/nonexistent/desk.sock"}
    assert run([*JITUI, "verify", str(bundle)], env=env).code == 0
    assert "exported" in run([*JITUI, "replay", str(bundle), "--text"], env=env).ok().text
    content = bundle.read_bytes()
    assert b"exported\n" in content
    bundle.write_bytes(content.replace(b"exported\n", b"EXPORTED\n"))
    assert run([*JITUI, "verify", str(bundle)], env=env).code == 1


def test_verify_names_what_was_altered(embedded_cluster: Cluster, tmp_path: Path, one_kubectl: Kubectl) -> None:
    """One byte of one frame changed in the files: verify, offline, exits 1 and names the session; the untouched copy verifies."""
    with Gateway(tmp_path / "gateway", embedded_cluster, rules=[rule("bot")]) as gateway:
        agent = gateway.agent("bot")
        session = _exec(gateway, agent, one_kubectl, "echo untouched")
        gateway.stop()
        env = gateway.environment(tmp_path) | {"JITUI_GATEWAY": "unix:/nonexistent/desk.sock"}
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    for copy in (whole, cut):
        shutil.copytree(gateway.data, copy, ignore=shutil.ignore_patterns("*.sock"))
    (tape,) = (cut / "tapes").glob("*.db")
    with sqlite3.connect(tape) as connection:
        changed = connection.execute("update frames set body = cast(replace(cast(body as text), 'untouched', 'UNTOUCHED') as blob) "
                                     "where instr(cast(body as text), 'untouched') and channel = 1")
        assert changed.rowcount >= 1
    assert run([*JITUI, "verify", str(whole)], env=env).code == 0
    result = run([*JITUI, "verify", str(cut)], env=env)
    assert result.code == 1, result
    assert session in result.text + result.said


@pytest.mark.parametrize("mode", [0o750, 0o777])
def test_a_folder_others_can_read_is_refused(embedded_cluster: Cluster, tmp_path: Path, mode: int) -> None:
    """The gateway does not start on a data folder with a wider mode than 0700, and says so in one line."""
    data = tmp_path / "data"
    data.mkdir(mode=mode)
    data.chmod(mode)
    with pytest.raises(AssertionError, match="did not start"):
        Gateway(tmp_path / "gateway", embedded_cluster, rules=[rule("bot")], data=data)


def _exec(gateway: Gateway, agent: Agent, kubectl: Kubectl, script: str) -> str:
    """Run it in the pod within a window; the session's id."""
    grant = gateway.window(agent)
    gateway.kubectl(kubectl, agent, "exec", "-n", "web", "box", "--", "sh", "-c", script).ok()
    (session,) = [one["id"] for one in gateway.sessions("exec") if one["grant"] == grant]
    return str(session)
