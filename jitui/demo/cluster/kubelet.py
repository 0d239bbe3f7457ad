"""The node: it takes pods from Pending to Running, removes deleted ones, gives each pod a folder and runs commands in it.

A pod is a folder and the local processes that an exec or attach starts in it. They are not isolated: this is a demo, and they are your own processes.
"""

import asyncio
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from jitui.demo.cluster import glance, nurse
from jitui.demo.cluster.containers import Attachment, Container
from jitui.demo.cluster.controllers import record
from jitui.demo.cluster.kinds import PODS, Object
from jitui.demo.cluster.objects import Objects, timestamp
from jitui.demo.cluster.process import LocalProcess, find
from jitui.demo.cluster.programs import Program, builtin

NODE: Final = "demo-node"
CREATING_S: Final = 0.2  # seconds until a pod is scheduled
RUNNING_S: Final = 0.8  # seconds until a pod runs
ENDING_S: Final = 0.5  # seconds of any grace period

_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Kubelet:
    """The one node's agent."""

    def __init__(self, objects: Objects, folder: Path) -> None:
        self._objects = objects
        self._folder = folder
        self._seen: dict[str, float] = {}  # uid -> when the pod, or its deletion, was first seen; monotonic seconds
        self._addresses = 2
        self._containers: dict[tuple[str, str], Container] = {}  # uid, name -> its main process, while it runs
        self._started: asyncio.Queue[Container] = asyncio.Queue()

    async def run(self) -> None:
        """Owns the tasks of the main processes."""
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task((await self._started.get()).run())

    def step(self, now: float) -> bool:
        """Moves every pod one step; `now` in monotonic seconds. True while a pod is starting or ending."""
        busy = False
        for pod in self._objects.of(PODS):
            uid = pod["metadata"]["uid"]
            if pod["metadata"].get("deletionTimestamp"):
                busy |= self._ending(pod, now - self._seen.setdefault(f"{uid} ends", now))
            elif pod["status"].get("phase") == "Pending":
                busy |= self._starting(pod, now - self._seen.setdefault(uid, now))
        return busy

    def settle(self) -> None:
        """Makes every Pending pod Running at once, as if since its creation."""
        for pod in self._objects.of(PODS):
            if pod["status"].get("phase") == "Pending":
                self._run(pod, pod["metadata"]["creationTimestamp"])

    def _starting(self, pod: Object, age: float) -> bool:
        if age >= RUNNING_S:
            self._run(pod, timestamp())
            return False
        if age >= CREATING_S and not pod["spec"].get("nodeName"):
            self._bind(pod, timestamp())
        return True

    def _bind(self, pod: Object, at: str) -> Object:
        statuses = [{"name": c["name"], "image": c.get("image", ""), "imageID": "", "ready": False, "restartCount": 0, "started": False,
                     "state": {"waiting": {"reason": "ContainerCreating"}}} for c in pod["spec"]["containers"]]
        status = pod["status"] | {"hostIP": "10.0.0.4", "startTime": at, "containerStatuses": statuses, "conditions": _conditions(at, ready=False)}
        bound = self._objects.replace(PODS, pod | {"spec": pod["spec"] | {"nodeName": NODE}, "status": status})
        where = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        record(self._objects, bound, "Scheduled", f"Successfully assigned {where} to {NODE}", "default-scheduler", at=at)
        return bound

    def _run(self, pod: Object, at: str) -> None:
        if not pod["spec"].get("nodeName"):
            pod = self._bind(pod, at)
        self._addresses += 1
        address = f"10.244.{self._addresses // 250}.{self._addresses % 250}"
        uid = pod["metadata"]["uid"]
        statuses = [{"name": c["name"], "image": c.get("image", ""), "imageID": f"demo://{c.get('image', '')}", "containerID": f"demo://{uid}-{c['name']}",
                     "ready": True, "restartCount": 0, "started": True, "state": {"running": {"startedAt": at}}, "lastState": {}}
                    for c in pod["spec"]["containers"]]
        status = pod["status"] | {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "containerStatuses": statuses,
                                  "conditions": _conditions(at, ready=True)}
        pod = self._objects.replace(PODS, pod | {"status": status})
        for container in pod["spec"]["containers"]:
            for reason, message in (("Pulled", f'Container image "{container.get("image", "")}" already present on machine'),
                                    ("Created", f"Created container: {container['name']}"), ("Started", f"Started container {container['name']}")):
                record(self._objects, pod, reason, message, "kubelet", at=at)

    def _ending(self, pod: Object, age: float) -> bool:
        if age < min(ENDING_S, float(pod["metadata"].get("deletionGracePeriodSeconds", 0))):
            return True
        metadata = pod["metadata"]
        self._objects.remove(PODS, metadata["namespace"], metadata["name"])
        self.forget(metadata["uid"])
        return False

    def forget(self, uid: str) -> None:
        """Ends a removed pod's processes and deletes its folder."""
        self._seen.pop(uid, None)
        self._seen.pop(f"{uid} ends", None)
        nurse.end(f"POD_UID={uid}")
        shutil.rmtree(self._folder / uid, ignore_errors=True)

    def forget_missing(self) -> None:
        """Forgets the pods whose objects are gone."""
        living = {pod["metadata"]["uid"] for pod in self._objects.of(PODS)}
        for folder in self._folder.iterdir():
            if folder.name not in living:
                self.forget(folder.name)

    def folder_of(self, pod: Object) -> Path:
        """The root folder of a pod, made at the first call, with a few files in it."""
        folder = self._folder / str(pod["metadata"]["uid"])
        if not folder.exists():
            name = pod["metadata"]["name"]
            for path, text in (("app/config.yaml", f"name: {name}\nlisten: 0.0.0.0:8080\ndatabase: postgres://db.payments:5432/shop\nworkers: 4\n"),
                               ("app/VERSION", "2026.11.3\n"), ("data/orders.csv", "id,customer,total\n4001,ana,12.40\n4002,ben,7.95\n4003,chiara,31.00\n"),
                               ("etc/hostname", f"{name}\n"), ("tmp/.keep", "")):
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_text(text, encoding="utf-8")
        return folder

    def start(self, pod: Object, argv: Sequence[str], *, stdin: bool, tty: bool) -> Program | None:
        """Runs a command in a pod; None if there is no such command. Raises OSError if it can't be started."""
        if (found := builtin(argv)) is not None:
            return found
        if glance.asked(argv):
            return glance.Glance(f"POD_UID={pod['metadata']['uid']}")
        folder = self.folder_of(pod)
        name = pod["metadata"]["name"]
        environment = {"PATH": _PATH, "HOME": str(folder), "HOSTNAME": name, "TERM": "xterm", "LANG": "C.UTF-8", "PS1": f"{name} $ ",
                       "POD_UID": str(pod["metadata"]["uid"]), "KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}
        file = find(argv, folder, environment)
        if file is None:
            return None
        return LocalProcess(argv, file=os.fspath(file), cwd=folder, environment=environment, stdin=stdin, tty=tty)

    def attach(self, pod: Object, name: str) -> Attachment | None:
        """Attaches to the main process of a container (without a name the first); None if it has no stdin. Raises OSError if it can't be started."""
        spec = next(found for found in pod["spec"]["containers"] if name in {"", found["name"]})
        if not spec.get("stdin"):
            return None
        key = pod["metadata"]["uid"], spec["name"]
        if key not in self._containers:
            argv = [*(spec.get("command") or ()), *(spec.get("args") or ())] or ["sh"]
            process = self.start(pod, argv, stdin=True, tty=bool(spec.get("tty")))
            if process is None:
                raise FileNotFoundError(f'exec: "{argv[0]}": executable file not found in $PATH')
            self._containers[key] = Container(process, once=bool(spec.get("stdinOnce")), ended=lambda code: self._ended(pod, spec["name"], code))
            self._started.put_nowait(self._containers[key])
        return Attachment(self._containers[key])

    def _ended(self, pod: Object, name: str, code: int) -> None:
        """Handles the end of a main process: by the pod's restartPolicy the pod ends, or the next attach starts it again."""
        metadata = pod["metadata"]
        del self._containers[metadata["uid"], name]
        found = self._objects.find(PODS, metadata["namespace"], metadata["name"])
        if found is None or found["metadata"]["uid"] != metadata["uid"] or found["metadata"].get("deletionTimestamp"):
            return
        policy, at = found["spec"]["restartPolicy"], timestamp()
        over = policy == "Never" or (policy == "OnFailure" and code == 0)
        terminated = {"terminated": {"exitCode": code, "reason": "Error" if code else "Completed", "finishedAt": at}}
        statuses = list(found["status"].get("containerStatuses", []))
        for index, status in enumerate(statuses):
            if status["name"] == name:
                change = {"state": terminated, "ready": False, "started": False} if over else {
                    "state": {"running": {"startedAt": at}}, "lastState": terminated, "restartCount": status.get("restartCount", 0) + 1}
                statuses[index] = status | change
        codes = [status.get("state", {}).get("terminated", {}).get("exitCode") for status in statuses]
        more = {} if None in codes else {"phase": "Failed" if any(codes) else "Succeeded", "conditions": _conditions(at, ready=False)}
        self._objects.replace(PODS, found | {"status": found["status"] | {"containerStatuses": statuses} | more})


def monotonic() -> float:
    """The clock for `step`: pods start and end in real time."""
    return time.monotonic()


def _conditions(at: str, *, ready: bool) -> list[Object]:
    states = (("PodReadyToStartContainers", ready), ("Initialized", True), ("Ready", ready), ("ContainersReady", ready), ("PodScheduled", True))
    return [{"type": kind, "status": "True" if true else "False", "lastProbeTime": None, "lastTransitionTime": at} for kind, true in states]
