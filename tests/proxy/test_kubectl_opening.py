"""Real kubectl over SPDY, ended while it opens its streams: by itself it waits 30 s for an answer and says "Timeout occurred"."""

import asyncio
import json
import os
import time
from pathlib import Path

import pytest

from tests.fakes.house import house, rule
from tests.fakes.upstream import Asked
from tests.proxy.spdypeers import Pod
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


@pytest.mark.parametrize("version", ["1.27", "1.33"])
@pytest.mark.parametrize("stands", [0, 2])
async def test_an_end_while_kubectl_opens_its_streams(tmp_path: Path, all_kubectls: dict[str, Kubectl], version: str, stands: int) -> None:
    """The cluster answers the first streams and no more; at the end kubectl prints the words and fails, at once."""
    async with house(tmp_path, rules=(rule(),)) as home:
        await home.window()
        pod = Pod(home, "v4.channel.k8s.io")

        async def answer(asked: Asked) -> None:
            path = asked.target.partition("?")[0]
            if path.endswith("/exec"):
                await pod.serve(asked)
            else:
                found = ANSWERS.get(path)
                asked.line.answer(json.dumps(found or {}).encode(), "200 OK" if found else "404 Not Found")

        home.cluster.answerer = answer
        pod.answers = stands
        kubectl = await asyncio.create_subprocess_exec(
            *all_kubectls[version].argv, "--server", f"https://localhost:{home.listener.port}/c/prod",
            "--certificate-authority", str(tmp_path / "tls" / "ca.crt"),
            "--token", home.token, "exec", "-i", "-n", "web", "web-1", "--", "sh", stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env=os.environ | {"HOME": str(tmp_path), "KUBECONFIG": "/dev/null", "KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false"},
        )  # fmt: skip
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
