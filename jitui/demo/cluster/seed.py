"""The objects that the cluster starts with: a small shop, as if it had run since yesterday."""

import base64
import time
from collections.abc import Mapping
from typing import Any, Final

from jitui.demo.cluster import controllers
from jitui.demo.cluster.discovery import GIT_VERSION
from jitui.demo.cluster.kinds import CONFIGMAPS, DEPLOYMENTS, NAMESPACES, NODES, PODS, SECRETS, SERVICEACCOUNTS, SERVICES, Object
from jitui.demo.cluster.kubelet import NODE, Kubelet
from jitui.demo.cluster.objects import Objects, timestamp
from jitui.demo.cluster.resources import Place, create

IMAGE: Final = "registry.demo/busybox:1"
RUNNING_S: Final = 26 * 3600 + 17 * 60  # the age of all objects in seconds


def plant(objects: Objects, kubelet: Kubelet) -> None:
    """Makes the namespaces web (deployment shop with two pods, pods web, box (a shell to attach to) and chatty) and payments (a secret), and a node."""
    created = timestamp(time.time() - RUNNING_S)
    stamp = {"creationTimestamp": created}
    for name in ("default", "kube-system", "payments", "web"):
        labels = {"kubernetes.io/metadata.name": name}
        objects.create(NAMESPACES, {"metadata": {"name": name, "labels": labels} | stamp, "spec": {"finalizers": ["kubernetes"]},
                                    "status": {"phase": "Active"}})
        objects.create(SERVICEACCOUNTS, {"metadata": {"name": "default", "namespace": name} | stamp})
    objects.create(NODES, _node() | {"metadata": _node()["metadata"] | stamp})
    for name, command in (("web", ["httpd", "-f", "-p", "8080", "-h", "/var/www"]), ("box", ["sh"]), ("chatty", ["chatty"])):
        more = {"stdin": True, "tty": True} if name == "box" else {}
        create(objects, Place(PODS, "web"), _pod(name, _container(name, command) | more), dry=False, created=created)
    create(objects, Place(DEPLOYMENTS, "web"), _shop(), dry=False, created=created)
    for name, app, port in (("web", "web", 80), ("shop", "shop", 8080)):
        spec = {"selector": {"app": app}, "ports": [{"port": port, "targetPort": 8080, "protocol": "TCP"}]}
        create(objects, Place(SERVICES, "web"), {"metadata": {"name": name, "namespace": "web"}, "spec": spec}, dry=False, created=created)
    objects.create(CONFIGMAPS, {"metadata": {"name": "shop", "namespace": "web"} | stamp, "data": {"LOG_LEVEL": "info", "CURRENCY": "EUR"}})
    objects.create(SECRETS, {"metadata": {"name": "card-keys", "namespace": "payments"} | stamp, "type": "Opaque",
                             "data": {"key": base64.b64encode(b"not-a-real-secret").decode()}})
    for _ in range(3):
        controllers.step(objects, created)
        kubelet.settle()


def _pod(name: str, container: Object) -> Object:
    labels = {"app": name}
    return {"metadata": {"name": name, "namespace": "web", "labels": labels}, "spec": {"terminationGracePeriodSeconds": 0, "containers": [container]}}


def _container(name: str, command: list[str]) -> Object:
    return {"name": name, "image": IMAGE, "imagePullPolicy": "IfNotPresent", "command": command, "resources": {},
            "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}


def _shop() -> Object:
    labels = {"app": "shop"}
    template = {"metadata": {"labels": labels}, "spec": {"terminationGracePeriodSeconds": 0, "containers": [_container("shop", ["shop"])]}}
    return {"metadata": {"name": "shop", "namespace": "web", "labels": labels},
            "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}}


def _node() -> Object:
    size: Mapping[str, Any] = {"cpu": "4", "memory": "16Gi", "pods": "110", "ephemeral-storage": "100Gi"}
    info = {"kubeletVersion": GIT_VERSION, "osImage": "jitui demo", "kernelVersion": "6", "containerRuntimeVersion": "demo://1", "operatingSystem": "linux",
            "architecture": "amd64", "bootID": "", "machineID": "", "systemUUID": "", "kubeProxyVersion": ""}
    labels = {"kubernetes.io/hostname": NODE, "node-role.kubernetes.io/control-plane": ""}
    return {"metadata": {"name": NODE, "labels": labels}, "spec": {"podCIDR": "10.244.0.0/16"},
            "status": {"capacity": size, "allocatable": size, "nodeInfo": info, "addresses": [{"type": "InternalIP", "address": "10.0.0.4"}],
                       "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "it runs",
                                       "lastHeartbeatTime": timestamp(), "lastTransitionTime": timestamp()}]}}
