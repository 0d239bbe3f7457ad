"""A remote command ends with its Status: success, an exit code, or a command that could not start."""

import json

import pytest

from jitui.demo.cluster import EmbeddedCluster
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


async def test_no_such_command(alone: EmbeddedCluster) -> None:
    """101, then Status 500 that names it."""
    async with Exec(alone, "web", "no-such-thing") as stream:
        status = json.loads((await stream.rest())[3])
    assert status["code"] == 500
    assert '"no-such-thing": executable file not found in $PATH' in status["message"]
