"""An agent's commands over SSH, with Debian's OpenSSH and asyncssh, against the embedded cluster and the real one."""

import hashlib
import os
import re
from collections.abc import Iterator

import pytest

from tests.support.clusters import Cluster
from tests.support.gateway import Gateway, rule
from tests.support.processes import until
from tests.support.ssh_client import LISTEN, OpenSsh

NAME = "bot-ssh"
SHELL = ("test", "web/box", "env", "PS1=pod\\>\\ ", "sh")


@pytest.fixture(scope="module")
def gateway(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One gateway with an SSH listener before each cluster."""
    with Gateway(tmp_path_factory.mktemp("gateway"), cluster, rules=[rule(NAME)], config={"listen": LISTEN}) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def ssh(gateway: Gateway) -> OpenSsh:
    """One agent, with a window for half an hour unless a test ends it."""
    return OpenSsh(gateway, gateway.agent(NAME))


@pytest.fixture(autouse=True)
def _window(gateway: Gateway, ssh: OpenSsh) -> None:
    if not gateway.grants():
        gateway.window(ssh.caller)


@pytest.mark.parametrize("place", ["web/box", "web/box/box"])
def test_a_command_and_its_exit(ssh: OpenSsh, place: str) -> None:
    """Its status is the command's, its errors stand apart; the pod's default container may be named, as kubectl always does."""
    result = ssh.run("test", "--", place, "sh", "-c", "'cat; echo err >&2; exit 7'", stdin=b"in\n")
    assert (result.code, result.out, result.err) == (7, b"in\n", b"err\n")


def test_binary_both_ways(ssh: OpenSsh) -> None:
    """Some megabytes by their hash; the record has as many."""
    data = os.urandom(3 << 20)
    result = ssh.run("test", "web/box", "cat", stdin=data)
    assert (result.code, hashlib.sha256(result.out).digest()) == (0, hashlib.sha256(data).digest())
    newest = ssh.gateway.sessions("exec")[-1]["id"]
    assert ssh.gateway.raw(newest, "stdin") == ssh.gateway.raw(newest, "stdout") == data


def test_a_terminal(ssh: OpenSsh) -> None:
    """It has the client's size, and each new one; what is typed is echoed, Ctrl-C interrupts, and the exit status is the shell's."""
    with ssh.spawn(*SHELL, tty=(33, 99)) as program:
        program.expect("pod> ")
        program.write(b"stty size\n")
        program.expect("33 99")
        program.resize(40, 120)
        until(lambda: _asks(program, "40 120"), "new size")
        program.write(b"echo be''gun; sleep 100\n")
        at = program.expect("begun")
        program.write(b"\x03")
        program.expect("pod> ", after=at)
        program.write(b"exit 5\n")
        result = program.end(10)
    assert result.code == 5, result


def _asks(program: object, size: str) -> bool:
    program.write(b"stty size\n")  # type: ignore[attr-defined]
    try:
        program.expect(size, 1)  # type: ignore[attr-defined]
    except AssertionError:
        return False
    return True


def test_a_kill_reaches_a_terminal(ssh: OpenSsh) -> None:
    """The person's reason is one line on the terminal, and the status is 255."""
    with ssh.spawn(*SHELL, tty=(24, 80)) as program:
        program.expect("pod> ")
        ssh.gateway.jitui("kill", ssh.gateway.live("exec")["id"], "--reason", "lunch is over").ok()
        result = program.end(10)
    assert result.code == 255, result
    assert len(re.findall("jitui: .*lunch is over", result.text)) == 1


def test_a_program_that_is_not_there(ssh: OpenSsh) -> None:
    """The cluster's own words, on one line, and no status of a command."""
    result = ssh.run("test", "web/box", "no-such-program")
    assert result.code in {126, 127, 255}, result
    assert result.said.count("\n") <= 1


def test_the_deadline(gateway: Gateway, ssh: OpenSsh) -> None:
    """One line about the window, and 255; what was printed before is all there."""
    for grant in gateway.grants():
        gateway.jitui("revoke", grant["id"], "--reason", "another test").ok()
    grant = gateway.window(ssh.caller, duration="10s")
    result = ssh.run("test", "web/box", "sh", "-c", "'while :; do echo tick; sleep 0.1; done'")
    assert (result.code, result.said.count("\n")) == (255, 1), result
    assert f"window {grant} ended" in result.said
    assert set(result.out.splitlines()) == {b"tick"}
