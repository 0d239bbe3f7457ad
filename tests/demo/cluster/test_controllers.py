"""Deployments and replica sets move towards what they ask for, step by step."""

from typing import Any

from jitui.demo.cluster import controllers
from jitui.demo.cluster.kinds import DEPLOYMENTS, EVENTS, NAMESPACES, PODS, REPLICASETS
from jitui.demo.cluster.objects import Objects

LABELS = {"app": "shop"}


def shop(replicas: int, image: str = "a:1") -> dict[str, Any]:
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "shop", "image": image}]}}
    return {"metadata": {"name": "shop", "namespace": "web"}, "spec": {"replicas": replicas, "selector": {"matchLabels": LABELS}, "template": template},
            "status": {}}  # fmt: skip


def made() -> Objects:
    objects = Objects("0" * 8)
    objects.create(NAMESPACES, {"metadata": {"name": "web"}, "status": {"phase": "Active"}})
    return objects


def ready(objects: Objects) -> None:
    """Every pod runs and is ready."""
    for pod in objects.of(PODS):
        objects.replace(PODS, pod | {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}})


def rolled(objects: Objects) -> None:
    for _ in range(4):
        controllers.step(objects)
        ready(objects)


def test_a_deployment_gets_its_pods_and_gives_them_up() -> None:
    """One replica set, as many pods as are asked for, and an event for each change of size."""
    objects = made()
    objects.create(DEPLOYMENTS, shop(2))
    rolled(objects)
    assert (len(objects.of(REPLICASETS)), len(objects.of(PODS))) == (1, 2)
    assert objects.get(DEPLOYMENTS, "web", "shop")["status"]["readyReplicas"] == 2
    deployment = objects.get(DEPLOYMENTS, "web", "shop")
    objects.replace(DEPLOYMENTS, deployment | {"spec": deployment["spec"] | {"replicas": 0}})
    rolled(objects)
    assert [pod for pod in objects.of(PODS) if not pod["metadata"].get("deletionTimestamp")] == []
    scaled = [event["message"].split()[:2] for event in objects.of(EVENTS) if event["reason"] == "ScalingReplicaSet"]
    assert sorted(scaled) == [["Scaled", "down"], ["Scaled", "up"]]


def test_another_image_is_rolled_out_in_a_replica_set_of_its_own() -> None:
    """The old one is empty in the end, and stays for a roll-back."""
    objects = made()
    objects.create(DEPLOYMENTS, shop(1))
    rolled(objects)
    deployment = objects.get(DEPLOYMENTS, "web", "shop")
    objects.replace(DEPLOYMENTS, deployment | {"spec": shop(1, "a:2")["spec"]})
    rolled(objects)
    assert sorted(found["spec"]["replicas"] for found in objects.of(REPLICASETS)) == [0, 1]
    staying = [[pod for pod in controllers.owned(objects, PODS, found) if "deletionTimestamp" not in pod["metadata"]] for found in objects.of(REPLICASETS)]
    assert sorted(len(pods) for pods in staying) == [0, 1]


def test_what_is_owned_goes_with_its_owner() -> None:
    objects = made()
    objects.create(DEPLOYMENTS, shop(1))
    rolled(objects)
    objects.remove(DEPLOYMENTS, "web", "shop")
    rolled(objects)
    assert objects.of(REPLICASETS) == []
