"""The small shop that the cluster starts with."""

from pathlib import Path

from jitui.demo.cluster.kinds import DEPLOYMENTS, NODES, PODS, SECRETS
from jitui.demo.cluster.kubelet import Kubelet
from jitui.demo.cluster.objects import Objects
from jitui.demo.cluster.seed import plant


async def test_all_of_it_runs_since_yesterday(tmp_path: Path) -> None:
    """Five pods, a deployment of two, a secret and a node; each is as old as the others."""
    objects = Objects("0" * 8)
    plant(objects, Kubelet(objects, tmp_path))
    pods = objects.of(PODS, "web")
    assert [pod["status"]["phase"] for pod in pods] == ["Running"] * 5
    assert {"web", "box", "chatty"} < {pod["metadata"]["name"] for pod in pods}
    assert objects.get(DEPLOYMENTS, "web", "shop")["status"]["readyReplicas"] == 2
    assert objects.get(SECRETS, "payments", "card-keys")["type"] == "Opaque"
    assert len(objects.of(NODES)) == 1
    assert len({pod["metadata"]["creationTimestamp"] for pod in pods}) == 1
