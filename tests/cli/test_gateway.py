"""The commands of whoever runs the gateway."""

import grp
import os
import stat
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Front, jitui
from tests.support import openssh
from tests.support.clusters import Cluster
from tests.support.processes import Result, run

GOOD = """\
connections: {staging: {kind: kubernetes, kubeconfig: none.yaml}}
rules: [{identity: a, connection: staging, duration: 5m, scope: 'exec pods:x in web -- sh -c *'}]
"""
EKS = "connections: {prod: {kind: kubernetes-eks, cluster_name: x, region: y}}\n"


def test_identities(front: Front, tmp_path: Path) -> None:
    """A token is printed once, or written 0600; the list never shows it."""
    made = front("identity", "add", "agent-b", "--role", "agent", "--owner", "bo", "--json").json
    assert (made["identity"], made["roles"], made["owner"], made["token"][:3]) == ("agent-b", ["agent"], "bo", "jt_")
    said = front("identity", "add", "agent-c", "--role", "agent", "--owner", "bo")
    assert said.out.startswith("jt_")
    assert "good until" in said.err
    file = tmp_path / "agent-c.token"
    quiet = front("identity", "rotate", "agent-c", "--output", str(file), "--json")
    assert (quiet.json["token_file"], "token" in quiet.json, stat.S_IMODE(file.stat().st_mode)) == (str(file), False, 0o600)
    assert file.read_text().startswith("jt_00000001_")
    assert front("identity", "disable", "agent-b").out == "agent-b is disabled; everything of it has ended\n"
    assert [line.split()[:4] for line in front("identity", "list").out.splitlines()[1:]] == [
        ["agent-b", "agent", "bo", "disabled"], ["agent-c", "agent", "bo", "enabled"]]
    assert [one["name"] for one in front("identity", "list", "--json").jsons] == ["agent-b", "agent-c"]
    assert front("identity", "add", "x", "--role", "admin").code == 2
    assert front("identity", "add", "x", "--role", "agent", by="ana").err == "jitui: ana may not identity add\n"


def test_ssh_keys(front: Front, tmp_path: Path) -> None:
    """They are added from files, listed and revoked; a private key does not leave the command, and an empty file is a mistake."""
    one, two = (openssh.made(tmp_path / name, comment=name) for name in ("one", "two"))
    named = [part for key in (one, two) for part in ("--ssh-key", f"{key}.pub")]
    assert front("identity", "add", "agent-k", "--role", "agent", "--owner", "bo", *named, "--json").code == 0
    assert [(line.split()[0], line.split()[2]) for line in front("identity", "keys", "agent-k").out.splitlines()[1:]] == [
        (openssh.printed(one), "one"), (openssh.printed(two), "two")]
    assert front("identity", "list").out.splitlines()[1].split()[-1] == "2"
    more = openssh.made(tmp_path / "more")
    assert [view["fingerprint"] for view in front("identity", "add-key", "agent-k", f"{more}.pub", "--json").jsons][-1] == openssh.printed(more)
    assert "revoked" in front("identity", "revoke-key", "agent-k", openssh.printed(one)).out.splitlines()[1]
    calls = len(front.house.calls)
    assert front("identity", "add-key", "agent-k", str(more)).err == f"jitui: {more} is a private key; it stays where it is; name the public one: {more}.pub\n"
    (tmp_path / "empty").touch()
    assert "is empty" in front("identity", "add-key", "agent-k", str(tmp_path / "empty")).err
    assert front("identity", "add-key", "agent-k", str(tmp_path / "none")).code == 2
    assert len(front.house.calls) == calls
    assert front("identity", "keys", "agent-k", by="ana").err == "jitui: ana may not identity keys\n"


def test_a_token_is_written_to_an_ordinary_file_only(front: Front, tmp_path: Path) -> None:
    """A device, a pipe or a folder stays what it is, also for root; a link's file is written, the link stays."""
    pipe, real, link = tmp_path / "pipe", tmp_path / "real", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(real)
    refused = front("identity", "add", "agent-p", "--role", "agent", "--owner", "bo", "--output", str(pipe))
    assert (refused.code, refused.err.splitlines()[-1]) == (1, f"jitui: {pipe} is no ordinary file; name another, or leave --output out to print it")
    assert stat.S_ISFIFO(pipe.lstat().st_mode)
    assert front("identity", "add", "agent-l", "--role", "agent", "--owner", "bo", "--output", str(link)).code == 0
    assert link.is_symlink()
    assert real.read_text().startswith("jt_")


def test_lockdown_and_reload(front: Front) -> None:
    """Each says what holds now."""
    assert front("lockdown", "on", "--reason", "x").out.startswith("locked down")
    assert front("lockdown", "off", "--reason", "x", "--json").json["lockdown"] is False
    assert front("lockdown", "maybe", "--reason", "x").code == 2
    assert front("reload").out == "nothing changed\n"
    assert front("reload", by="agent").code == 1


def test_no_gateway(homes: Path) -> None:
    """One line that says how to start one, whatever is asked."""
    for args in (("requests",), ("stop",), ("grants", "--json"), ("actions",), ("approve", "r-1")):
        done = jitui(*args)
        assert (done.code, done.out) == (1, "")
        assert done.err == f"jitui: no gateway running: {homes}/runtime_dir/jitui/desk.sock is not there; start one with: jitui serve --config FILE\n"


def test_options_may_stand_after_the_command(front: Front) -> None:
    """--gateway and its like count wherever they stand."""
    address = f"unix:{front.address.socket}"
    assert jitui("requests", "--gateway", address).code == 0
    assert jitui("--gateway", address, "requests").code == 0
    assert jitui("--gateway", "http://x", "requests").err.startswith('jitui: a gateway is unix:PATH or https://HOST:PORT, not "http://x"')


def test_check_says_all_that_is_wrong(tmp_path: Path) -> None:
    """Every problem on a line of its own; exit code 1."""
    file = tmp_path / "c.yaml"
    file.write_text(GOOD.replace("duration: 5m", "duration: soon").replace("kind: kubernetes,", "kind: kubernetes, colour: red,"))
    done = jitui("check", "--config", str(file))
    assert done.code == 1
    assert [line.split(":")[2] for line in done.out.splitlines()] == ["1", "2"]
    assert "connections.staging.colour: unknown key" in done.out
    assert jitui("check", "--config", str(tmp_path / "none")).code == 1


def test_check_looks_whether_clusters_answer(tmp_path: Path) -> None:
    """A kubeconfig that is missing is said with its connection; what is merely unwise is a note."""
    file = tmp_path / "c.yaml"
    file.write_text(GOOD)
    done = jitui("check", "--config", str(file), "--json")
    assert done.code == 1
    assert [(one["verdict"], one["what"]) for one in done.jsons] == [
        ("ok", "configuration"), ("note", "people"), ("note", "rule for a on staging, 5m"), ("wrong", "connection staging")]
    assert "none.yaml" in done.jsons[-1]["said"]
    assert "is worth nothing for a shell" in done.jsons[2]["said"]


def test_check_of_a_cluster_that_answers(embedded_cluster: Cluster, tmp_path: Path) -> None:
    """With the gateway's own credential: where it is and its version; exit code 0."""
    file = tmp_path / "c.yaml"
    people = "people: {ana: {uid: 7, roles: [approver]}}\n"
    file.write_text(people + f"connections: {{test: {{kind: kubernetes, kubeconfig: '{embedded_cluster.kubeconfig}'}}}}\n")
    done = jitui("check", "--config", str(file))
    assert done.code == 0, done
    assert [line.split(":")[0] for line in done.out.splitlines()] == ["ok     configuration", "ok     connection test"]
    assert "answers, Kubernetes v1." in done.out


def test_check_looks_for_the_group_of_the_socket(tmp_path: Path) -> None:
    """Without it the gateway would not start: what is missing, and the command that makes it."""
    file = tmp_path / "c.yaml"
    people = "people: {ana: {uid: 7, roles: [approver]}}\nconnections: {}\n"
    file.write_text(people + "listen: {socket_group: nobodys-friends}\n")
    done = jitui("check", "--config", str(file))
    assert done.code == 1
    assert "wrong  listen.socket_group: no group nobodys-friends on this machine; make it with: groupadd nobodys-friends" in done.out
    file.write_text(people + f"listen: {{socket_group: {grp.getgrgid(os.getegid()).gr_name}}}\n")
    done = jitui("check", "--config", str(file))
    assert (done.code, "ok     listen.socket_group" in done.out) == (0, True)


def test_the_schema(tmp_path: Path) -> None:
    """For editors; it needs no configuration."""
    assert jitui("check", "--schema").json["title"] == "jitui configuration"


@pytest.mark.parametrize(("text", "says"), [
    (GOOD.replace("5m", "soon"), "c.yaml:2: rules[0].duration"),
    (GOOD, "none.yaml"),
    (EKS, "c.yaml:1: connections.prod: role_arn is missing, and EKS_ROLE_ARN is not in the environment"),
])
def test_a_gateway_that_can_not_start(tmp_path: Path, text: str, says: str) -> None:
    """Exit code 1 and one line; no traceback."""
    (tmp_path / "c.yaml").write_text("listen: {kube: '127.0.0.1:0', api: '127.0.0.1:0'}\n" + text)
    says = says.replace("c.yaml:2", "c.yaml:3").replace("c.yaml:1:", "c.yaml:2:")
    done = serve(tmp_path, tmp_path / "data")
    assert done.code == 1, done
    assert done.said.count("\n") == 1
    assert says in done.said


def test_a_data_folder_others_can_read(tmp_path: Path) -> None:
    """Refused with the command that mends it."""
    (tmp_path / "c.yaml").write_text("connections: {}\n")
    (tmp_path / "data").mkdir(mode=0o755)
    done = serve(tmp_path, tmp_path / "data")
    assert (done.code, done.said.count("\n")) == (1, 1)
    assert "chmod 700" in done.said


def serve(folder: Path, data: Path) -> Result:
    return run([sys.executable, "-m", "jitui", "serve", "--config", str(folder / "c.yaml"), "--data-dir", str(data)], env=os.environ | {"HOME": str(folder)})


def test_status_in_a_line(front: Front) -> None:
    """Recording, what is live, the room, and the trouble; as JSON all of it."""
    said = front("status").out
    assert said.startswith("records; ")
    assert "left on the disk" in said
    assert front("status", "--json").json["recording"] is True
