"""Checks the shape of an object, so that all other code may rely on it. The API server checks far more, and refuses all that this refuses."""

from collections.abc import Mapping
from typing import Any, Final

from jitui.demo.cluster.kinds import DEPLOYMENTS, EVENTS, PODS, REPLICASETS, SERVICES, Kind, Object
from jitui.demo.cluster.status import StatusError, invalid

REPLICAS: Final = 100  # replicas of one deployment: the node is small


def check(kind: Kind, found: Object) -> None:
    """Raises StatusError 422 naming the field."""
    name = str(found["metadata"].get("name", ""))

    def fault(field: str, why: str) -> StatusError:
        return invalid(kind, name, field, f"Invalid value: {why}")

    for field in ("labels", "annotations"):
        if not _texts(found["metadata"].get(field)):
            raise fault(f"metadata.{field}", "must be a map of texts")
    owners = found["metadata"].get("ownerReferences")
    if owners is not None and not (isinstance(owners, list) and all(isinstance(owner, dict) for owner in owners)):
        raise fault("metadata.ownerReferences", "must be a list of objects")
    for field in ("spec", "status", "data", "involvedObject", "source"):
        if field in found and not isinstance(found[field] or {}, dict):
            raise fault(field, "must be an object")
    if kind is PODS:
        _pod(found.get("spec"), "spec", fault)
    elif kind in {DEPLOYMENTS, REPLICASETS}:
        _workload(found.get("spec"), fault)
    elif kind is SERVICES:
        _service(found.get("spec") or {}, fault)
    elif kind is EVENTS and not isinstance(found.get("involvedObject"), dict):
        raise fault("involvedObject", "must be an object")


def _texts(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and all(isinstance(key, str) and isinstance(text, str) for key, text in value.items()))


def _pod(spec: Any, where: str, fault: Any) -> None:
    containers = spec.get("containers") if isinstance(spec, dict) else None
    if not isinstance(containers, list) or not containers:
        raise fault(f"{where}.containers", "at least one is needed")
    if not all(isinstance(one, dict) and isinstance(one.get("name"), str) and isinstance(one.get("image", ""), str) for one in containers):
        raise fault(f"{where}.containers", "each has a name and an image")
    if not isinstance(spec.get("terminationGracePeriodSeconds") or 0, int):
        raise fault(f"{where}.terminationGracePeriodSeconds", "must be a number of seconds")


def _workload(spec: Any, fault: Any) -> None:
    if not isinstance(spec, dict):
        raise fault("spec", "must be an object")
    replicas = spec.get("replicas", 1)
    if not isinstance(replicas, int) or isinstance(replicas, bool) or not 0 <= replicas <= REPLICAS:
        raise fault("spec.replicas", f"must be a number from 0 to {REPLICAS}")
    template, selector = spec.get("template"), spec.get("selector")
    if not isinstance(template, dict) or not isinstance(template.get("metadata"), dict):
        raise fault("spec.template", "must be an object with metadata")
    labels = template["metadata"].get("labels")
    if not _texts(labels) or not _texts(template["metadata"].get("annotations")):
        raise fault("spec.template.metadata", "labels and annotations must be maps of texts")
    wanted = selector.get("matchLabels") if isinstance(selector, dict) else None
    if not wanted or not _texts(wanted) or not _within(wanted, labels or {}):
        raise fault("spec.template.metadata.labels", "`selector` does not match template `labels`")
    _pod(template.get("spec"), "spec.template.spec", fault)


def _within(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in wanted.items())


def _service(spec: Mapping[str, Any], fault: Any) -> None:
    ports = spec.get("ports") or []
    if not isinstance(ports, list) or not all(isinstance(port, dict) and isinstance(port.get("port"), int) for port in ports):
        raise fault("spec.ports", "each has a port")
    if not _texts(spec.get("selector")):
        raise fault("spec.selector", "must be a map of texts")
