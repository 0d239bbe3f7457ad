"""The controllers of deployments and replica sets: a small step, run after every change, moves the actual state towards the desired one."""

import hashlib
import json
import secrets
from typing import Final

from jitui.demo.cluster.kinds import DEPLOYMENTS, EVENTS, PODS, REPLICASETS, Kind, Object
from jitui.demo.cluster.objects import Objects, timestamp
from jitui.demo.cluster.resources import Place, create, remove

REVISION: Final = "deployment.kubernetes.io/revision"
_LETTERS: Final = "bcdfghjklmnpqrstvwxz2456789"  # as in generated names (apimachinery: pkg/util/rand)


def step(objects: Objects, created: str = "") -> None:
    """Runs one step of every controller. `created`: the creationTimestamp of new objects, for a cluster that looks as if it had run for a while."""
    _collect(objects)
    for deployment in objects.of(DEPLOYMENTS):
        _deployment(objects, deployment, created)
    for replicaset in objects.of(REPLICASETS):
        _replicaset(objects, replicaset, created)


def record(objects: Objects, subject: Object, reason: str, message: str, component: str, *, at: str = "", kind: str = "Normal") -> None:
    """Makes an Event about an object. `at`: RFC 3339, default now."""
    metadata, at = subject["metadata"], at or timestamp()
    namespace = metadata.get("namespace", "default")
    involved = {"kind": subject["kind"], "apiVersion": subject["apiVersion"], "name": metadata["name"], "namespace": namespace, "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"]}
    if subject["kind"] == "Pod" and component == "kubelet":
        involved["fieldPath"] = f"spec.containers{{{subject['spec']['containers'][0]['name']}}}"
    name = f"{metadata['name']}.{secrets.token_hex(8)}"
    objects.create(EVENTS, {
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": at}, "involvedObject": involved, "reason": reason, "message": message,
        "source": {"component": component}, "firstTimestamp": at, "lastTimestamp": at, "count": 1, "type": kind,
        "reportingComponent": component, "reportingInstance": ""})


def owned(objects: Objects, kind: Kind, owner: Object) -> list[Object]:
    """The objects of a kind that name `owner` as their controller."""
    uid = owner["metadata"]["uid"]
    return [found for found in objects.of(kind, owner["metadata"]["namespace"])
            if any(ref.get("uid") == uid and ref.get("controller") for ref in found["metadata"].get("ownerReferences") or [])]


def _collect(objects: Objects) -> None:
    """Removes the objects whose owners are gone."""
    living = {found["metadata"]["uid"] for _, found in objects.everything()}
    for kind, found in objects.everything():
        owners = found["metadata"].get("ownerReferences") or []
        if owners and not any(owner.get("uid") in living for owner in owners) and not found["metadata"].get("deletionTimestamp"):
            remove(objects, kind, found)


def _reference(owner: Object) -> list[Object]:
    return [{"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"],
             "controller": True, "blockOwnerDeletion": True}]


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def _hash(template: Object) -> str:
    """The pod-template-hash: equal templates give equal ones."""
    digest = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).digest()
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:10])


def _deployment(objects: Objects, deployment: Object, created: str) -> None:
    metadata, spec = deployment["metadata"], deployment["spec"]
    mark = _hash(spec["template"])
    all_sets = owned(objects, REPLICASETS, deployment)
    current = next((found for found in all_sets if found["metadata"]["labels"].get("pod-template-hash") == mark), None)
    if current is None:
        current = _new_set(objects, deployment, mark, len(all_sets) + 1, created)
    wanted = int(spec.get("replicas", 1))
    _scale(objects, deployment, current, wanted, created)
    ready = int(current.get("status", {}).get("readyReplicas", 0))
    old_sets = [found for found in all_sets if found["metadata"]["uid"] != current["metadata"]["uid"]]
    for old in old_sets:
        if int(old["spec"].get("replicas", 0)) > max(0, wanted - ready):
            _scale(objects, deployment, old, max(0, wanted - ready))
    sets = owned(objects, REPLICASETS, deployment)
    total = sum(int(found.get("status", {}).get("replicas", 0)) for found in sets)
    available = sum(int(found.get("status", {}).get("readyReplicas", 0)) for found in sets)
    deployment = objects.get(DEPLOYMENTS, metadata["namespace"], metadata["name"])
    revision = current["metadata"].get("annotations", {}).get(REVISION, "1")
    noted = {**(deployment["metadata"].get("annotations") or {}), REVISION: revision}
    done = ready >= wanted and total == wanted
    status = {"observedGeneration": deployment["metadata"]["generation"], "replicas": total,
              "updatedReplicas": int(current.get("status", {}).get("replicas", 0)), "readyReplicas": available, "availableReplicas": available,
              "unavailableReplicas": max(0, wanted - available), "conditions": _conditions(deployment, current, ready=available >= wanted, done=done)}
    objects.replace(DEPLOYMENTS, deployment | {"metadata": deployment["metadata"] | {"annotations": noted},
                                               "status": {key: value for key, value in status.items() if value != 0}})


def _conditions(deployment: Object, current: Object, *, ready: bool, done: bool) -> list[Object]:
    since = deployment["metadata"]["creationTimestamp"]
    name = current["metadata"]["name"]
    progress = ("NewReplicaSetAvailable", f'ReplicaSet "{name}" has successfully progressed.') if done else (
        "ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.')
    available = ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.") if ready else (
        "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    return [
        {"type": "Available", "status": available[0], "reason": available[1], "message": available[2], "lastUpdateTime": since, "lastTransitionTime": since},
        {"type": "Progressing", "status": "True", "reason": progress[0], "message": progress[1], "lastUpdateTime": since, "lastTransitionTime": since}]


def _new_set(objects: Objects, deployment: Object, mark: str, revision: int, created: str) -> Object:
    metadata, spec = deployment["metadata"], deployment["spec"]
    labels = {**(spec["template"]["metadata"].get("labels") or {}), "pod-template-hash": mark}
    template = spec["template"] | {"metadata": spec["template"]["metadata"] | {"labels": labels}}
    selector = {"matchLabels": {**spec["selector"].get("matchLabels", {}), "pod-template-hash": mark}}
    stamp = {"creationTimestamp": created} if created else {}
    name = f"{metadata['name']}-{mark}"
    return objects.create(REPLICASETS, {
        "metadata": {"name": name, "namespace": metadata["namespace"], "labels": labels, "annotations": {REVISION: str(revision)},
                     "ownerReferences": _reference(deployment)} | stamp,
        "spec": {"replicas": 0, "selector": selector, "template": template}, "status": {}})


def _scale(objects: Objects, deployment: Object, found: Object, replicas: int, created: str = "") -> None:
    before = int(found["spec"].get("replicas", 0))
    if before == replicas:
        return
    objects.replace(REPLICASETS, found | {"spec": found["spec"] | {"replicas": replicas}})
    way, name = "up" if replicas > before else "down", found["metadata"]["name"]
    record(objects, deployment, "ScalingReplicaSet", f"Scaled {way} replica set {name} from {before} to {replicas}", "deployment-controller", at=created)


def _replicaset(objects: Objects, found: Object, created: str) -> None:
    metadata = found["metadata"]
    pods = [pod for pod in owned(objects, PODS, found) if not pod["metadata"].get("deletionTimestamp")]
    wanted = int(found["spec"].get("replicas", 0))
    for _ in range(wanted - len(pods)):
        name = f"{metadata['name']}-{_random(5)}"
        template = found["spec"]["template"]
        given = {"metadata": {"name": name, "namespace": metadata["namespace"], "generateName": f"{metadata['name']}-",
                              "labels": template["metadata"].get("labels") or {}, "annotations": template["metadata"].get("annotations") or {},
                              "ownerReferences": _reference(found)}, "spec": template["spec"]}
        create(objects, Place(PODS, metadata["namespace"]), given, dry=False, created=created)
        record(objects, found, "SuccessfulCreate", f"Created pod: {name}", "replicaset-controller", at=created)
    for pod in sorted(pods, key=lambda pod: int(pod["metadata"]["resourceVersion"]))[wanted:]:
        remove(objects, PODS, pod)
        record(objects, found, "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}", "replicaset-controller")
    pods = [pod for pod in owned(objects, PODS, found) if not pod["metadata"].get("deletionTimestamp")]
    ready = sum(any(c["type"] == "Ready" and c["status"] == "True" for c in pod.get("status", {}).get("conditions", [])) for pod in pods)
    found = objects.get(REPLICASETS, metadata["namespace"], metadata["name"])
    status = {"replicas": len(pods), "fullyLabeledReplicas": len(pods), "readyReplicas": ready, "availableReplicas": ready,
              "observedGeneration": found["metadata"]["generation"]}
    objects.replace(REPLICASETS, found | {"status": {key: value for key, value in status.items() if value or key == "replicas"}})
