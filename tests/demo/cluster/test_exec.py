"""Exec over WebSocket against an independent client."""

import asyncio
import json
import os
import time

import httpx
import pytest
import websockets

from jitui.demo.cluster import EmbeddedCluster
from jitui.demo.cluster.process import LocalProcess
from jitui.demo.cluster.programs import PIECE
from tests.demo.cluster.conftest import Exec


def cause(found: dict[int, bytes]) -> str:
    return str(json.loads(found[3])["details"]["causes"][0]["message"])


@pytest.mark.parametrize("version", ["v4", "v5"])
async def test_output_and_success(alone: EmbeddedCluster, version: str) -> None:
    """The first message is an empty one on stdout; then the output, Status Success, and close 1000."""
    async with Exec(alone, "web", "sh", "-c", "echo out; echo err >&2", version=version) as stream:
        assert await stream.read() == (1, b"")
        assert await stream.rest() == {1: b"out\n", 2: b"err\n", 3: b'{"metadata":{},"status":"Success"}'}


@pytest.mark.parametrize(("command", "code"), [("exit 7", "7"), ("kill -9 $$", "137"), ("exit 255", "255")])
async def test_exit_codes(alone: EmbeddedCluster, command: str, code: str) -> None:
    """A failure is NonZeroExitCode with the code as a cause; a signal counts 128 more."""
    async with Exec(alone, "web", "sh", "-c", command) as stream:
        found = await stream.rest()
    assert json.loads(found[3])["reason"] == "NonZeroExitCode"
    assert cause(found) == code


async def test_half_close_ends_stdin(alone: EmbeddedCluster) -> None:
    """v5: FF 00 is the end of stdin; what is still to come arrives."""
    async with Exec(alone, "web", "wc", "-c", stdin="true") as stream:
        await stream.send(0, b"x" * 100_000)
        await stream.send(255, b"\0")
        assert (await stream.rest())[1].strip() == b"100000"


async def test_v4_has_no_half_close(alone: EmbeddedCluster) -> None:
    """v4: the same bytes are ignored, and so are channels that mean nothing."""
    async with Exec(alone, "web", "sh", "-c", "read line; echo $line", stdin="true", version="v4") as stream:
        await stream.send(255, b"\0")
        await stream.send(9, b"?")
        await stream.send(0, b"still open\n")
        assert (await stream.rest())[1] == b"still open\n"


async def test_without_stdin_it_is_empty(alone: EmbeddedCluster) -> None:
    """Without `stdin=true` a command reads an end of file at once."""
    async with Exec(alone, "web", "cat") as stream:
        assert 1 not in {channel: data for channel, data in (await stream.rest()).items() if data and channel == 1}


async def test_streams_that_were_not_asked_for(alone: EmbeddedCluster) -> None:
    """None at all is a Status 500; one that is not wanted is not sent, and holds nothing up."""
    async with Exec(alone, "web", "true", stdout="false", stderr="false") as stream:
        assert "at least 1 of stdin, stdout, stderr" in json.loads((await stream.rest())[3])["message"]
    async with Exec(alone, "web", "sh", "-c", "head -c 1000000 /dev/zero; echo err >&2", stdout="false") as stream:
        found = await stream.rest()
        assert (found[1], found[2]) == (b"", b"err\n")


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


async def test_no_such_command(alone: EmbeddedCluster) -> None:
    """101, then Status 500 that names it."""
    async with Exec(alone, "web", "no-such-thing") as stream:
        status = json.loads((await stream.rest())[3])
    assert status["code"] == 500
    assert '"no-such-thing": executable file not found in $PATH' in status["message"]


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


async def test_a_flood_waits_for_its_reader(alone: EmbeddedCluster) -> None:
    """Nothing is lost, no frame is larger than the API server's, and a client that does not read holds the writer up."""
    async with Exec(alone, "web", "sh", "-c", "head -c 20000000 /dev/zero; echo done >&2") as stream:
        await asyncio.sleep(0.5)
        sizes: dict[int, list[int]] = {1: [], 2: []}
        while (message := await stream.read())[0] in sizes:  # two pipes: what is last on stdout may come after stderr's line
            sizes[message[0]].append(len(message[1]))
        assert (sum(sizes[1]), max(sizes[1]) <= PIECE, sum(sizes[2])) == (20_000_000, True, len("done\n"))
        assert json.loads(message[1])["status"] == "Success"


async def test_five_hundred_streams(alone: EmbeddedCluster) -> None:
    """The built-in commands cost no process: 500 echoes at once, each with its own bytes."""
    async def one(number: int) -> bytes:
        async with Exec(alone, "web", "jitui-echo", stdin="true") as stream:
            await stream.send(0, b"echo %d" % number)
            await stream.send(255, b"\0")
            return (await stream.rest())[1]

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(number)) for number in range(500)]
    assert [task.result() for task in tasks] == [b"echo %d" % number for number in range(500)]


async def test_built_in_flood_and_sink(alone: EmbeddedCluster) -> None:
    """jitui-flood writes as many bytes as it is told, jitui-sink counts what it reads."""
    async with Exec(alone, "web", "jitui-flood", "1000001") as stream:
        assert len((await stream.rest())[1]) == 1_000_001
    async with Exec(alone, "web", "jitui-sink", stdin="true") as stream:
        for _ in range(10):
            await stream.send(0, bytes(50_000))
        await stream.send(255, b"\0")
        assert (await stream.rest())[1] == b"500000\n"


async def test_an_endless_flood_ends_with_its_client(alone: EmbeddedCluster) -> None:
    """And the cluster answers meanwhile."""
    async with Exec(alone, "web", "jitui-flood") as stream:
        for _ in range(50):
            await stream.read()
        async with Exec(alone, "web", "true") as other:
            assert json.loads((await other.rest())[3])["status"] == "Success"


async def test_attach_follows_the_main_process(alone: EmbeddedCluster) -> None:
    """From now on, line after line as its log says them, on stdout; stdin is taken and lost; going does nothing to the pod."""
    async with Exec(alone, "chatty", subresource="attach", stdin="true") as stream:
        assert await stream.read() == (1, b"")
        await stream.send(0, b"anyone?\n")
        out = await stream.until(b"\n")
        number = int(out.split()[1])
        await stream.until(b"line %d\n" % (number + 3))


async def test_attach_ends_with_its_pod(alone: EmbeddedCluster, client: httpx.AsyncClient) -> None:
    """With Status Success and close 1000."""
    async with Exec(alone, "chatty", subresource="attach", version="v4") as stream:
        await stream.until(b"line")
        assert (await client.delete("/api/v1/namespaces/web/pods/chatty")).status_code == 200
        assert (await stream.rest())[3] == b'{"metadata":{},"status":"Success"}'


@pytest.mark.parametrize(("options", "status"), [
    ({}, 400), ({"Upgrade": "h2c", "Connection": "Upgrade"}, 400), ({"Upgrade": "SPDY/2", "Connection": "Upgrade"}, 400),
    ({"Upgrade": "websocket", "Connection": "Upgrade"}, 405), ({"Upgrade": "SPDY/3.1", "Connection": "Upgrade"}, 400)])
async def test_other_upgrades_are_refused(alone: EmbeddedCluster, client: httpx.AsyncClient, options: dict[str, str], status: int) -> None:
    """With a Status, before any upgrade: none, an unknown one, a WebSocket that is not a GET, SPDY that offers no protocol."""
    answer = await client.post("/api/v1/namespaces/web/pods/web/exec?command=ls&stdout=true", headers=options)
    assert (answer.status_code, answer.json()["kind"]) == (status, "Status")


async def test_unknown_subprotocols_are_refused(alone: EmbeddedCluster) -> None:
    """403 without a body, as the API server does."""
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with Exec(alone, "web", "ls", version="v9"):
            pass
    assert refused.value.response.status_code == 403


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
