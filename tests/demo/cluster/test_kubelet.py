"""The node takes a pod from Pending to Running and away, in seconds that are handed to it."""

from pathlib import Path
from typing import Any

from jitui.demo.cluster.kinds import EVENTS, PODS
from jitui.demo.cluster.kubelet import CREATING_S, ENDING_S, NODE, RUNNING_S, Kubelet
from jitui.demo.cluster.objects import Objects

POD: dict[str, Any] = {"metadata": {"name": "one", "namespace": "web"}, "spec": {"containers": [{"name": "main", "image": "a:1"}], "restartPolicy": "Always"},
                       "status": {"phase": "Pending"}}  # fmt: skip


async def test_a_pod_is_scheduled_runs_and_goes(tmp_path: Path) -> None:
    """It has a node, an address and its events; with its deletion its folder goes, too."""
    objects = Objects("0" * 8)
    kubelet = Kubelet(objects, tmp_path)
    objects.create(PODS, POD)
    assert kubelet.step(0.0)
    assert kubelet.step(CREATING_S)
    assert objects.get(PODS, "web", "one")["spec"]["nodeName"] == NODE
    kubelet.step(RUNNING_S)
    pod = objects.get(PODS, "web", "one")
    assert (pod["status"]["phase"], pod["status"]["podIP"].startswith("10.244.")) == ("Running", True)
    assert {event["reason"] for event in objects.of(EVENTS)} == {"Scheduled", "Pulled", "Created", "Started"}
    folder = kubelet.folder_of(pod)
    assert (folder / "etc" / "hostname").read_text() == "one\n"
    objects.replace(PODS, pod | {"metadata": pod["metadata"] | {"deletionTimestamp": "now", "deletionGracePeriodSeconds": 30}})
    assert kubelet.step(10.0)
    assert not kubelet.step(10.0 + ENDING_S)
    assert (objects.of(PODS), folder.exists()) == ([], False)


async def test_pods_that_are_settled_ran_from_their_creation(tmp_path: Path) -> None:
    objects = Objects("0" * 8)
    objects.create(PODS, POD | {"metadata": POD["metadata"] | {"creationTimestamp": "2026-01-01T00:00:00Z"}})
    Kubelet(objects, tmp_path).settle()
    assert objects.get(PODS, "web", "one")["status"]["startTime"] == "2026-01-01T00:00:00Z"


async def test_the_folder_of_a_pod_that_is_gone_is_removed(tmp_path: Path) -> None:
    objects = Objects("0" * 8)
    kubelet = Kubelet(objects, tmp_path)
    folder = kubelet.folder_of(objects.create(PODS, POD))
    objects.remove(PODS, "web", "one")
    kubelet.forget_missing()
    assert not folder.exists()
