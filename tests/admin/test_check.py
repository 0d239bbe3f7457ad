"""What `jitui check` finds in a configuration, before and beside what its clusters answer."""

import json
from pathlib import Path

import pytest

from jitui import config
from jitui.admin import check as checks
from jitui.clusters.kubeconfig import context
from jitui.clusters.registry import BY_NAME
from tests.clusters.kubeconfig import corpus
from tests.fakes.desk import PUBLIC
from tests.support import openssh
from tests.support.clusters import Cluster


def test_advice_on_automatic_approval(tmp_path: Path) -> None:
    """`check` has a line for requests that pass without a person."""
    rule = "{identity: a, connection: c, duration: 5m, scope: '@debug in web', approval: automatic, automatic_for: [READ, EXEC]}"
    settings = config.read(f"people: {{ana: {{uid: 7, roles: [approver]}}}}\nconnections: {{c: {{kind: kubernetes}}}}\nrules: [{rule}]\n", tmp_path / "c")
    assert [found.said for found in checks.notes(settings)] == ["EXEC, READ pass without a person"]


def test_an_unverified_certificate_is_noted(tmp_path: Path) -> None:
    """insecure_skip_tls_verify works only written out here, and check says what it costs."""
    text = "people: {ana: {uid: 7, roles: [approver]}}\nconnections: {c: {kind: kubernetes, insecure_skip_tls_verify: true}}\n"
    (found,) = checks.notes(config.read(text, tmp_path / "c"))
    assert found.what == "connection c"
    assert "is not verified" in found.said


async def test_a_file_that_can_not_be_read_is_the_one_finding(tmp_path: Path) -> None:
    """Nothing else is looked at."""
    (found,) = [found async for found in checks.checks(tmp_path / "none")]
    assert (found.verdict, found.what) == ("wrong", "configuration")


@pytest.mark.parametrize(("isolation", "verdict"), [("required", "wrong"), ("advised", "note")])
async def test_a_credential_in_the_reach_of_others(
    embedded_cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, isolation: str, verdict: str
) -> None:
    """It is wrong where agents must be kept from it, and worth a thought elsewhere; the cluster is asked all the same."""
    monkeypatch.setattr(context, "readers", lambda path: "everybody")
    file = tmp_path / "c.yaml"
    file.write_text(f"people: {{ana: {{uid: 7, roles: [approver]}}}}\nconnections: {{test: {{kind: kubernetes, isolation: {isolation}, "
                    f"kubeconfig: '{embedded_cluster.kubeconfig}'}}}}\n")  # fmt: skip
    _, exposed, answers = [found async for found in checks.checks(file)]
    assert (exposed.verdict, exposed.what) == (verdict, "connection test, credential")
    assert "may be read or changed by everybody" in exposed.said
    assert (answers.verdict, answers.what) == ("ok", "connection test")


async def test_each_broken_kubeconfig_is_a_finding_of_its_own(tmp_path: Path) -> None:
    """Whatever is wrong with it, the finding names file and fault; the other connections are looked at all the same."""
    cases = [(name, case) for name, case in corpus.cases() if name.startswith(("ca-", "data-", "client-", "clusters-", "path-", "proxy-"))]
    broken = {name: case for name, case in cases if "error" in corpus.answers()[name]}
    for name, case in broken.items():
        case.write(tmp_path / name)
    file = tmp_path / "c.yaml"
    file.write_text(json.dumps({"connections": {name: {"kind": "kubernetes", "kubeconfig": f"{name}/config"} for name in broken}}))
    found = [found async for found in checks.checks(file) if found.what.startswith("connection ")]
    assert [(one.verdict, one.what) for one in found if not one.what.endswith("credential")] == [("wrong", f"connection {name}") for name in broken]
    assert [one for one in found if not one.said.startswith("kubeconfig ")] == []


def test_only_a_role_of_the_gateway_is_compared_with_the_rules() -> None:
    """The user of a kubeconfig may have rights for other purposes too."""
    assert {name for name, kind in BY_NAME.items() if kind.compares_rights} == {"kubernetes-eks"}


def test_the_ways_in_over_ssh(tmp_path: Path) -> None:
    """Keys, authorities and passwords are counted; without a listener they have no effect, which is said."""
    people = f"people: {{ana: {{uid: 7, roles: [approver], ssh_keys: ['{PUBLIC}']}}}}\nconnections: {{c: {{kind: kubernetes}}}}\n"
    (found,) = checks.notes(config.read(people, tmp_path / "c"))
    assert found.said == "is not set, so people's ssh_keys have no effect; set it as in listen: {ssh: 127.0.0.1:8422}"
    assert checks.ssh(config.read("connections: {c: {kind: kubernetes}}", tmp_path / "c")) == []
    authority = openssh.public(openssh.made(tmp_path / "ca")).strip()
    text = f"{people}listen: {{ssh: 127.0.0.1:0}}\nssh: {{password_tokens: true, user_ca: '{authority}'}}\n"
    listener, vouching, passwords = checks.notes(config.read(text, tmp_path / "c"))
    assert listener.said == "127.0.0.1:0: keys of identities (jitui identity keys NAME), and 1 of people in the file"
    assert vouching.said == f"whoever has {openssh.printed(tmp_path / 'ca')} can be any identity and person here"
    assert passwords.what == "ssh.password_tokens"
