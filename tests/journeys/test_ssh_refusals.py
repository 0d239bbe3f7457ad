"""Requests of SSH that are refused, and odd ones that are not, with OpenSSH and asyncssh, at one gateway."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from tests.support.clusters import Cluster
from tests.support.gateway import Gateway, rule
from tests.support.ssh_client import LISTEN, OpenSsh

NAME = "bot-ssh"


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


@pytest.mark.parametrize(("words", "says"), [
    (("test", "web/nobody", "true"), "nobody"), (("test", "web/box/nobody", "true"), ""), (("dev", "web/box", "true"), "no connection dev here; yours: test"),
    (("test", "kube-system/box", "true"), "whoever writes the rule adds: exec pods:box in kube-system"),
    ((), "there is no shell on the gateway"), (("test",), "USAGE"),
    (("test", "web/box", "sh", "-c", "true; false"), "; outside of quotes"), (("scp", "-t", "/tmp"), "use kubectl cp"),
    (("test", "web/box", "'x"), "single quote without its end"),
])  # fmt: skip
def test_a_refusal_is_one_line(ssh: OpenSsh, words: tuple[str, ...], says: str) -> None:
    """It says what is missing, with 255 and nothing on standard output."""
    result = ssh.run(*words)
    assert (result.code, result.out, result.said[:7], result.said.count("\n")) == (255, b"", "jitui: ", 1), result
    assert says.replace("USAGE", "say: ssh AGENT@GATEWAY") in result.said


@pytest.mark.parametrize("program", ["scp", "sftp"])
def test_files_are_kubectls(ssh: OpenSsh, tmp_path: Path, program: str) -> None:
    """Whichever protocol scp uses, the sentence says what copies files."""
    (tmp_path / "file").write_text("x")
    options = [*ssh.argv()[1:-3], "-P", str(ssh.port)]
    target = f"{NAME}@127.0.0.1"
    argv = [program, *options, *((str(tmp_path / "file"), f"{target}:/tmp/x") if program == "scp" else (target,))]
    done = ssh.execute(argv)
    assert done.code != 0
    assert "use kubectl cp" in done.said


@pytest.mark.parametrize("options", [("-A",), ("-X",), ("-R", "0:127.0.0.1:22"), ("-o", "SendEnv=HOME"), ("-o", "Compression=yes")])
def test_options_that_have_no_effect(ssh: OpenSsh, options: tuple[str, ...]) -> None:
    """The command runs as if they were not there."""
    result = ssh.run("test", "web/box", "echo", "on", options=options)
    assert (result.code, result.out) == (0, b"on\n"), result


def test_one_connection_has_several_sessions(ssh: OpenSsh, tmp_path: Path) -> None:
    """OpenSSH's ControlMaster: each command is a session of its own on record."""
    options = ("-o", "ControlMaster=auto", "-o", f"ControlPath={tmp_path}/mux", "-o", "ControlPersist=10")
    before = len(ssh.gateway.sessions("exec"))
    for number in range(3):
        assert ssh.run("test", "web/box", "sh", "-c", f"'exit {number}'", options=options).code == number
    assert len(ssh.gateway.sessions("exec")) == before + 3
    ssh.run("-O", "exit", options=options)


def test_a_command_of_a_million_bytes(ssh: OpenSsh) -> None:
    """It is more than a packet of SSH may have: the connection ends, and the gateway goes on."""

    async def ask() -> str:
        key = asyncssh.read_private_key(ssh.key)
        async with asyncssh.connect("127.0.0.1", ssh.port, username=NAME, client_keys=[key], known_hosts=None, config=None) as client:
            try:
                await client.run(f"test web/box echo {'a' * 1_000_000}", check=False)
            except (asyncssh.Error, OSError) as error:
                return str(error)
        return ""

    assert asyncio.run(ask())
    assert ssh.run("test", "web/box", "true").code == 0
    long = "a" * 100_000  # one argument may have 128 KiB on Linux
    assert ssh.run("test", "web/box", "sh", "-c", "'echo ${#0}'", long).out == b"100000\n"


def test_the_record_says_how_the_agent_came(ssh: OpenSsh) -> None:
    """By which key, and from where."""
    ssh.run("test", "web/box", "true")
    facts = ssh.gateway.desk(lambda remote: remote.facts(limit=1000))
    newest = [fact for fact in facts if fact.kind == "session.opened"][-1]
    assert re.fullmatch(r"127\.0\.0\.1:[0-9]+ by ssh, key SHA256:[A-Za-z0-9+/]{43}", newest.what["peer"])
