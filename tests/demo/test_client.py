"""The small kubectl against the embedded cluster, beside what the real one says."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jitui.demo.client import parse
from tests.support.clusters import Cluster, embedded
from tests.support.processes import Program, Result, run


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with embedded(tmp_path_factory.mktemp("cluster")) as made:
        yield made


def argv(*args: str) -> list[str]:
    return [sys.executable, "-m", "jitui.demo.client", args[0], "-n", "web", *args[1:]]


def environment(cluster: Cluster) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(Path(cluster.kubeconfig).parent), "KUBECONFIG": str(cluster.kubeconfig), "TERM": "xterm"}


def small(cluster: Cluster, *args: str, stdin: bytes = b"") -> Result:
    return run(argv(*args), env=environment(cluster), stdin=stdin)


def test_looking(cluster: Cluster) -> None:
    """get, describe, logs."""
    listed = small(cluster, "get", "pods").ok().text.splitlines()
    assert listed[0].split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert ["box", "1/1", "Running", "0", "26h"] in [line.split() for line in listed]
    assert "Started container web" in small(cluster, "describe", "pod", "web").ok().text
    assert small(cluster, "logs", "web", "--tail", "2").ok().text.count("\n") == 2


def test_exec(cluster: Cluster) -> None:
    """Output on both streams, and the exit code."""
    result = small(cluster, "exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (result.code, result.text, result.said) == (7, "out\n", "err\ncommand terminated with exit code 7\n")
    assert small(cluster, "exec", "web", "--", "nope").said.startswith("error: Internal error occurred: error executing command in container")


def test_refusals(cluster: Cluster) -> None:
    """In kubectl's words, with exit code 1."""
    result = small(cluster, "describe", "pod", "nope")
    assert (result.code, result.said) == (1, 'Error from server (NotFound): pods "nope" not found\n')


def test_a_terminal(cluster: Cluster) -> None:
    """A shell with the terminal's size; what it prints arrives as it is."""
    with Program(argv("exec", "-it", "web", "--", "sh"), env=environment(cluster), tty=(40, 132)) as shell:
        after = shell.expect("web $ ")
        shell.write(b"stty size\r")
        shell.expect("40 132\r\n", after=after)
        shell.write(b"exit 5\r")
        assert shell.end().code == 5


def test_following(cluster: Cluster) -> None:
    """Lines come as they are said."""
    with Program(argv("logs", "-f", "--tail", "1", "chatty"), env=environment(cluster)) as follow:
        at = follow.expect("line ")
        number = int(follow.out[at:follow.out.index(b"\n", at)])
        follow.expect(f"line {number + 3}\n")


def test_the_command_line() -> None:
    """As kubectl's: flags anywhere before `--`, the command after it."""
    given = parse(["exec", "-it", "-n", "web", "box", "--", "ls", "-n", "--"])
    assert (given.what, given.namespace, given.stdin, given.tty, given.argv) == (["box"], "web", True, True, ["ls", "-n", "--"])
    assert parse(["logs", "-n", "web", "-f", "--tail", "3", "web"]).what == ["web"]
