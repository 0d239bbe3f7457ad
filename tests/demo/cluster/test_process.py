"""Real local processes behind an exec: terminal, environment, and children that outlive them."""

import asyncio
import json
import os
import time

import pytest

from jitui.demo.cluster import EmbeddedCluster
from jitui.demo.cluster.process import LocalProcess
from tests.demo.cluster.conftest import Exec


def cause(found: dict[int, bytes]) -> str:
    return str(json.loads(found[3])["details"]["causes"][0]["message"])


async def test_a_terminal_has_a_size_and_one_output(alone: EmbeddedCluster) -> None:
    """With a tty stderr comes on stdout, and a resize reaches the program."""
    async with Exec(alone, "web", "sh", "-c", "read go; stty size; echo err >&2; test -t 0 && echo tty", stdin="true", tty="true") as stream:
        await stream.send(4, b'{"Width":132,"Height":40}\n')
        await stream.send(0, b"go\r")
        found = await stream.rest()
    assert b"40 132\r\nerr\r\ntty\r\n" in found[1]
    assert 2 not in found


async def test_a_shell_on_a_terminal(alone: EmbeddedCluster) -> None:
    """An interactive shell prompts with the pod's name, echoes, takes ^C, and gives its exit code."""
    async with Exec(alone, "web", "sh", stdin="true", tty="true") as stream:
        await stream.until(b"web $ ")
        await stream.send(0, b"sleep 100\r")
        await stream.until(b"sleep 100")
        await asyncio.sleep(0.2)
        await stream.send(0, b"\x03")
        await stream.until(b"web $ ")
        await stream.send(0, b"exit 3\r")
        assert cause(await stream.rest()) == "3"


async def test_nothing_of_the_machine_is_inherited(alone: EmbeddedCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command sees a small environment of its own, and starts in the pod's folder."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-for-pods")
    async with Exec(alone, "web", "sh", "-c", "env; cat etc/hostname") as stream:
        out = (await stream.rest())[1].decode()
    assert "not-for-pods" not in out
    assert {line.partition("=")[0] for line in out.splitlines() if "=" in line} <= {
        "PATH", "HOME", "HOSTNAME", "TERM", "LANG", "PS1", "PS2", "PS4", "IFS", "OPTIND", "POD_UID", "PWD", "OLDPWD", "SHLVL", "_",
        "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"}
    assert out.endswith("web\n")


async def test_a_client_that_goes_leaves_the_process(alone: EmbeddedCluster) -> None:
    """As on a real cluster: no signal reaches it; a stdin that is a pipe ends."""
    async with Exec(alone, "web", "sh", "-c", "echo $$; exec sleep 1000") as stream:
        await stream.read()
        pid = int((await stream.read())[1])
    await asyncio.sleep(0.3)
    os.kill(pid, 0)
    async with Exec(alone, "web", "sh", "-c", "cat; touch data/read-to-the-end", stdin="true") as stream:
        await stream.read()
    async with Exec(alone, "web", "sh", "-c", "until test -e data/read-to-the-end; do sleep 0.01; done") as stream:
        assert json.loads((await stream.rest())[3])["status"] == "Success"


async def test_background_children_do_not_hold_an_exec(alone: EmbeddedCluster) -> None:
    """A command that leaves a child with its pipes open ends when it ends."""
    before = time.monotonic()
    async with Exec(alone, "web", "sh", "-c", "sleep 30 & echo started") as stream:
        assert (await stream.rest())[1] == b"started\n"
    assert time.monotonic() - before < 5


async def test_a_process_without_pidfd(alone: EmbeddedCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel has no pidfd, its end is seen by looking."""
    monkeypatch.delattr(os, "pidfd_open")
    process = LocalProcess(["sh", "-c", "exit 5"], file="/bin/sh", cwd=alone.kubeconfig.parent, environment={}, stdin=False, tty=False)
    assert await asyncio.wait_for(process.wait(), 5) == 5
    process.release()
