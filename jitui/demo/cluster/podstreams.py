"""The long-lived requests on a pod: log, exec, attach, port-forward."""

import time
from collections.abc import Callable
from datetime import datetime

from jitui.demo.cluster import logs, remotecommand, upgrades
from jitui.demo.cluster.http import Connection, Request
from jitui.demo.cluster.kinds import PODS, Object
from jitui.demo.cluster.kubelet import Kubelet
from jitui.demo.cluster.mainprocess import MainProcess
from jitui.demo.cluster.objects import Objects
from jitui.demo.cluster.portforward import Forwards
from jitui.demo.cluster.programs import Program
from jitui.demo.cluster.resources import Place
from jitui.demo.cluster.status import bad_request, method_not_allowed

Headers = list[tuple[str, str]]


class PodStreams:
    """The long-lived requests on pods of the one node."""

    def __init__(self, objects: Objects, kubelet: Kubelet, chatter_s: float) -> None:
        self._objects = objects
        self._kubelet = kubelet
        self._chatter_s = chatter_s
        self._born = time.time()

    async def answer(self, connection: Connection, request: Request, place: Place, headers: Headers) -> None:
        """Answers one request. Raises StatusError before the stream begins."""
        pod = self._objects.get(PODS, place.namespace, place.name)
        logs.check(pod, request.first("container"))
        if place.subresource == "log":
            await self._log(connection, request, pod, headers)
        elif (phase := pod["status"]["phase"]) != "Running":
            raise bad_request(f"cannot {place.subresource} a container in a completed pod; current phase is {phase}")
        elif place.subresource == "exec":
            await self._exec(connection, request, pod)
        elif place.subresource == "attach":
            await self._attach(connection, request, pod)
        elif (client := await upgrades.forward(connection, request)) is not None:
            await Forwards(client, pod).run()

    def forget_missing(self) -> None:
        """Ends the processes of pods that were deleted at once."""
        self._kubelet.forget_missing()

    async def _log(self, connection: Connection, request: Request, pod: Object, headers: Headers) -> None:
        if request.method != "GET":
            raise method_not_allowed()
        if request.flag("previous"):
            raise bad_request(f'previous terminated container "{pod["spec"]["containers"][0]["name"]}" in pod "{pod["metadata"]["name"]}" not found')
        reading = logs.Reading.of(request)

        async def stream() -> None:
            connection.begin("text/plain", headers)
            async for block in logs.lines(logs.voice_of(pod, self._chatter_s), self._started(pod), reading, self._gone(pod)):
                await connection.chunk(block)
            await connection.end()

        await connection.while_there(stream())

    async def _exec(self, connection: Connection, request: Request, pod: Object) -> None:
        argv = request.query.get("command", [])
        if not argv:
            raise bad_request("you must specify at least one command for the container")
        if (peer := await upgrades.command(connection, request)) is None:
            return
        wanted = upgrades.asked(request)
        if not wanted:
            await peer.finish(remotecommand.failed("you must specify at least 1 of stdin, stdout, stderr"))
            return
        try:
            program = self._kubelet.start(pod, argv, stdin=request.flag("stdin"), tty=request.flag("tty"))
        except OSError as error:
            await peer.finish(remotecommand.not_started(argv, error.strerror or str(error)))
            return
        if program is None:
            await peer.finish(remotecommand.not_started(argv))
            return
        await remotecommand.run(peer, program, argv, wanted)

    async def _attach(self, connection: Connection, request: Request, pod: Object) -> None:
        if (peer := await upgrades.command(connection, request)) is None:
            return
        process: Program | None
        try:
            process = self._kubelet.attach(pod, request.first("container"))
        except OSError as error:
            await peer.finish(remotecommand.failed(f"error attaching to container: {error}"))
            return
        if process is None:
            process = MainProcess(logs.voice_of(pod, self._chatter_s), self._started(pod), self._gone(pod))
        await remotecommand.run(peer, process, (), upgrades.asked(request))

    def _started(self, pod: Object) -> float:
        """The time at which the pod's log begins; seconds since 1970."""
        return max(datetime.fromisoformat(pod["status"]["startTime"]).timestamp(), self._born - logs.KEPT_S)

    def _gone(self, pod: Object) -> Callable[[], bool]:
        """A test whether this pod, by its uid, has stopped running."""
        metadata = pod["metadata"]

        def gone() -> bool:
            found = self._objects.find(PODS, metadata["namespace"], metadata["name"])
            return found is None or found["metadata"]["uid"] != metadata["uid"] or found["status"]["phase"] != "Running"

        return gone
