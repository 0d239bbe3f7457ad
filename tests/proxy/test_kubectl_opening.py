"""Real kubectl over SPDY, ended while it opens its streams, and cut off without words: by itself it waits 30 s for an answer, or takes a cut for success."""

import asyncio
import json
import os
import time
from pathlib import Path

import pytest

from jitui.protocol import spdy
from jitui.protocol.spdy_command import READ
from jitui.proxy.relay import Relay
from tests.fakes.house import House, house, rule
from tests.fakes.upstream import Asked
from tests.proxy.spdypeers import IDS, Pod
from tests.support.kubectls import Kubectl

pytestmark = pytest.mark.kubectl
PODS = {"name": "pods", "singularName": "pod", "namespaced": True, "kind": "Pod", "verbs": ["get", "list"]}
ANSWERS = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [PODS]},
    "/api/v1/namespaces/web/pods/web-1": {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "web-1", "namespace": "web"},
                                          "spec": {"containers": [{"name": "c"}]}, "status": {"phase": "Running"}},
}  # fmt: skip


def cluster(home: House, answers: int) -> Pod:
    """A cluster whose pod answers so many streams of an exec."""
    pod = Pod(home, "v4.channel.k8s.io")

    async def answer(asked: Asked) -> None:
        path = asked.target.partition("?")[0]
        if path.endswith("/exec"):
            await pod.serve(asked)
        else:
            found = ANSWERS.get(path)
            asked.line.answer(json.dumps(found or {}).encode(), "200 OK" if found else "404 Not Found")

    home.cluster.answerer = answer
    pod.answers = answers
    return pod


async def execs(home: House, folder: Path, kubectl: Kubectl) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *kubectl.argv, "--server", f"https://localhost:{home.listener.port}/c/prod", "--certificate-authority", str(folder / "tls" / "ca.crt"),
        "--token", home.token, "exec", "-i", "-n", "web", "web-1", "--", "sh",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"HOME": str(folder), "KUBECONFIG": "/dev/null", "KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false"},
    )  # fmt: skip


@pytest.mark.parametrize("version", ["1.27", "1.33"])
@pytest.mark.parametrize("stands", [0, 2])
async def test_an_end_while_kubectl_opens_its_streams(tmp_path: Path, all_kubectls: dict[str, Kubectl], version: str, stands: int) -> None:
    """The cluster answers the first streams and no more; at the end kubectl prints the words and fails, at once."""
    async with house(tmp_path, rules=(rule(),)) as home:
        await home.window()
        pod = cluster(home, stands)
        kubectl = await execs(home, tmp_path, all_kubectls[version])
        try:
            await home.until(lambda: len(pod.got) == stands + 1, 20)
            (session,) = [one for one in home.broker.windows.sessions.values() if one.kind == "exec"]
            began = time.monotonic()
            home.broker.windows.kill(session, by="ana", reason="enough")
            async with asyncio.timeout(10):
                said = (await kubectl.communicate())[1]
            assert (kubectl.returncode, said.decode()) == (1, "error: jitui: killed by ana: enough\n")
            assert time.monotonic() - began < 2
        finally:
            if kubectl.returncode is None:
                kubectl.kill()
                await kubectl.wait()


@pytest.mark.parametrize(("ends", "code", "says"), [("cut", 1, "unexpected end of JSON input"), ("ended", 0, ""), ("failed", 3, "exit code 3")])
async def test_a_cut_is_no_success(tmp_path: Path, one_kubectl: Kubectl, ends: str, code: int, says: str) -> None:
    """Whatever aborts the connection before the Status is there, kubectl exits 1; the Status that comes counts as it always does."""
    async with house(tmp_path, rules=(rule(),)) as home:
        await home.window()
        pod = cluster(home, 9)
        kubectl = await execs(home, tmp_path, one_kubectl)
        try:
            await home.until(lambda: len(pod.got) == 4, 20)
            pod.say(spdy.data(IDS["stdout"], b"half of it\n"))
            assert kubectl.stdout is not None
            assert await kubectl.stdout.readline() == b"half of it\n"
            if ends == "cut":
                (stream,) = (leg for one in home.broker.windows.sessions.values() for leg in one._legs if isinstance(leg, Relay))
                stream.client.abort()
            else:
                status = {"status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": [{"reason": "ExitCode", "message": "3"}]}}
                said = json.dumps(status if ends == "failed" else {"metadata": {}, "status": "Success"}).encode()
                pod.say(b"".join(spdy.data(IDS[name], said if name == "error" else b"", fin=True) for name in ("error", "stdout", "stderr")))
                await asyncio.sleep(READ)
                pod.say(spdy.goaway(7))
            async with asyncio.timeout(10):
                said = (await kubectl.communicate())[1]
            assert (kubectl.returncode, says in said.decode()) == (code, True), said
        finally:
            if kubectl.returncode is None:
                kubectl.kill()
                await kubectl.wait()
