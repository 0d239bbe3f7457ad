"""Tables: the server makes the columns that `kubectl get` prints (meta.k8s.io/v1 Table; kubernetes: pkg/printers/internalversion)."""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from jitui.demo.cluster.kinds import CONFIGMAPS, DEPLOYMENTS, EVENTS, NAMESPACES, NODES, PODS, REPLICASETS, SECRETS, SERVICEACCOUNTS, SERVICES, Kind, Object

Cell = str | int


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    value: Callable[[Object], Cell]
    wide: bool = False  # only with -o wide
    type: str = "string"

    def definition(self) -> Mapping[str, Any]:
        return {"name": self.name, "type": self.type, "format": "name" if self.name == "Name" else "", "description": self.name,
                "priority": 1 if self.wide else 0}


def age(stamp: str | None, now: float | None = None) -> str:
    """The age in kubectl's words: 42s, 3m12s, 5h, 12d (apimachinery: pkg/util/duration HumanDuration)."""
    if not stamp:
        return "<unknown>"
    seconds = max(0, int((time.time() if now is None else now) - datetime.fromisoformat(stamp).timestamp()))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    steps = ((seconds < 120, f"{seconds}s"), (minutes < 10, _two(minutes, "m", seconds % 60, "s")), (minutes < 180, f"{minutes}m"),
             (hours < 8, _two(hours, "h", minutes % 60, "m")), (hours < 48, f"{hours}h"), (days < 8, _two(days, "d", hours % 24, "h")))
    return next((text for fits, text in steps if fits), f"{days}d")


def _two(first: int, unit: str, second: int, smaller: str) -> str:
    return f"{first}{unit}{second}{smaller}" if second else f"{first}{unit}"


def _containers(pod: Object) -> list[Object]:
    return list(pod["spec"].get("containers", []))


def _statuses(pod: Object) -> list[Object]:
    return list(pod.get("status", {}).get("containerStatuses", []))


def _pod_state(pod: Object) -> str:
    if pod["metadata"].get("deletionTimestamp"):
        return "Terminating"
    waiting = [status["state"]["waiting"]["reason"] for status in _statuses(pod) if "waiting" in status.get("state", {})]
    ended = [status["state"]["terminated"]["reason"] for status in _statuses(pod) if "terminated" in status.get("state", {})]
    return str([*waiting, *ended, pod.get("status", {}).get("phase", "Unknown")][0])


def _images(template: Object) -> tuple[str, str]:
    containers = template["spec"]["containers"]
    return ",".join(c["name"] for c in containers), ",".join(c.get("image", "") for c in containers)


def _selector(labels: Mapping[str, str] | None) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or "<none>"


def _ports(service: Object) -> str:
    return ",".join(f"{port['port']}/{port.get('protocol', 'TCP')}" for port in service["spec"].get("ports", [])) or "<none>"


def _roles(node: Object) -> str:
    found = [re.sub(r"^node-role\.kubernetes\.io/", "", key) for key in node["metadata"].get("labels", {}) if key.startswith("node-role.kubernetes.io/")]
    return ",".join(sorted(found)) or "<none>"


def _address(node: Object, kind: str) -> str:
    return next((a["address"] for a in node.get("status", {}).get("addresses", []) if a["type"] == kind), "<none>")


def _info(field: str) -> Callable[[Object], Cell]:
    return lambda node: str(node.get("status", {}).get("nodeInfo", {}).get(field, "<unknown>"))


def _status(field: str) -> Callable[[Object], Cell]:
    return lambda found: int(found.get("status", {}).get(field) or 0)


def _event_subject(event: Object) -> str:
    return f"{event['involvedObject'].get('kind', '').lower()}/{event['involvedObject'].get('name', '')}"


NAME: Final = Column("Name", lambda found: str(found["metadata"]["name"]))
AGE: Final = Column("Age", lambda found: age(found["metadata"].get("creationTimestamp")))

COLUMNS: Final[Mapping[Kind, tuple[Column, ...]]] = {
    PODS: (NAME, Column("Ready", lambda pod: f"{sum(bool(s.get('ready')) for s in _statuses(pod))}/{len(_containers(pod))}"),
           Column("Status", _pod_state), Column("Restarts", lambda pod: sum(int(s.get("restartCount", 0)) for s in _statuses(pod)), type="integer"), AGE,
           Column("IP", lambda pod: str(pod.get("status", {}).get("podIP") or "<none>"), wide=True),
           Column("Node", lambda pod: str(pod["spec"].get("nodeName") or "<none>"), wide=True),
           Column("Nominated Node", lambda _: "<none>", wide=True), Column("Readiness Gates", lambda _: "<none>", wide=True)),
    DEPLOYMENTS: (NAME, Column("Ready", lambda found: f"{found.get('status', {}).get('readyReplicas', 0)}/{found['spec'].get('replicas', 1)}"),
                  Column("Up-to-date", _status("updatedReplicas"), type="integer"), Column("Available", _status("availableReplicas"), type="integer"), AGE,
                  Column("Containers", lambda found: _images(found["spec"]["template"])[0], wide=True),
                  Column("Images", lambda found: _images(found["spec"]["template"])[1], wide=True),
                  Column("Selector", lambda found: _selector(found["spec"]["selector"].get("matchLabels")), wide=True)),
    REPLICASETS: (NAME, Column("Desired", lambda found: int(found["spec"].get("replicas", 1)), type="integer"),
                  Column("Current", _status("replicas"), type="integer"), Column("Ready", _status("readyReplicas"), type="integer"), AGE,
                  Column("Containers", lambda found: _images(found["spec"]["template"])[0], wide=True),
                  Column("Images", lambda found: _images(found["spec"]["template"])[1], wide=True),
                  Column("Selector", lambda found: _selector(found["spec"]["selector"].get("matchLabels")), wide=True)),
    SERVICES: (NAME, Column("Type", lambda found: str(found["spec"].get("type", "ClusterIP"))),
               Column("Cluster-IP", lambda found: str(found["spec"].get("clusterIP", "<none>"))), Column("External-IP", lambda _: "<none>"),
               Column("Port(s)", _ports), AGE, Column("Selector", lambda found: _selector(found["spec"].get("selector")), wide=True)),
    CONFIGMAPS: (NAME, Column("Data", lambda found: len(found.get("data") or {}) + len(found.get("binaryData") or {}), type="integer"), AGE),
    SECRETS: (NAME, Column("Type", lambda found: str(found.get("type", "Opaque"))),
              Column("Data", lambda found: len(found.get("data") or {}), type="integer"), AGE),
    SERVICEACCOUNTS: (NAME, Column("Secrets", lambda found: len(found.get("secrets") or []), type="integer"), AGE),
    NAMESPACES: (NAME, Column("Status", lambda found: str(found.get("status", {}).get("phase", "Active"))), AGE),
    NODES: (NAME, Column("Status", lambda _: "Ready"), Column("Roles", _roles), AGE, Column("Version", _info("kubeletVersion")),
            Column("Internal-IP", lambda node: _address(node, "InternalIP"), wide=True), Column("External-IP", lambda _: "<none>", wide=True),
            Column("OS-Image", _info("osImage"), wide=True), Column("Kernel-Version", _info("kernelVersion"), wide=True),
            Column("Container-Runtime", _info("containerRuntimeVersion"), wide=True)),
    EVENTS: (Column("Last Seen", lambda event: age(event.get("lastTimestamp"))), Column("Type", lambda event: str(event.get("type", ""))),
             Column("Reason", lambda event: str(event.get("reason", ""))), Column("Object", _event_subject),
             Column("Subobject", lambda event: str(event["involvedObject"].get("fieldPath", "")), wide=True),
             Column("Source", lambda event: str(event.get("source", {}).get("component", "")), wide=True),
             Column("Message", lambda event: str(event.get("message", "")).strip()),
             Column("First Seen", lambda event: age(event.get("firstTimestamp")), wide=True),
             Column("Count", lambda event: int(event.get("count", 1)), wide=True, type="integer"), Column("Name", NAME.value, wide=True)),
}


def partial(found: Object) -> Object:
    """The object's metadata alone (PartialObjectMetadata)."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": found["metadata"]}


def table(kind: Kind, found: Iterable[Object], metadata: Object, *, include: str = "Metadata", headers: bool = True, version: str = "v1") -> Object:
    """A Table of objects. `include`: Metadata, Object or None, the part of the object beside each row's cells."""
    columns = COLUMNS.get(kind, (NAME, AGE))
    beside: Mapping[str, Callable[[Object], Any]] = {"Metadata": partial, "Object": lambda found: found, "None": lambda _: None}
    rows = [{"cells": [column.value(item) for column in columns], "object": beside.get(include, partial)(item)} for item in found]
    return {"kind": "Table", "apiVersion": f"meta.k8s.io/{version}", "metadata": metadata,
            "columnDefinitions": [column.definition() for column in columns] if headers else [], "rows": rows}
