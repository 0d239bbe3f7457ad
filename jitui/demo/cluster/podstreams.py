"""The long-lived requests on a pod: log, exec. Attach and port-forward are refused: these pods have no main process and no network."""

import time
from datetime import datetime

from jitui.demo.cluster import logs, remotecommand
from jitui.demo.cluster.http import Connection, Request
from jitui.demo.cluster.kinds import PODS, Object
from jitui.demo.cluster.kubelet import Kubelet
from jitui.demo.cluster.objects import Objects
from jitui.demo.cluster.programs import STDERR, STDOUT
from jitui.demo.cluster.resources import Place
from jitui.demo.cluster.status import StatusError, bad_request, method_not_allowed
from jitui.demo.cluster.websocket import WebSocketPeer, choose

Headers = list[tuple[str, str]]


class PodStreams:
    """Logs and execs of the one node."""

    def __init__(self, objects: Objects, kubelet: Kubelet, chatter_s: float) -> None:
        self._objects = objects
        self._kubelet = kubelet
        self._chatter_s = chatter_s
        self._born = time.time()

    async def answer(self, connection: Connection, request: Request, place: Place, headers: Headers) -> None:
        """Raises StatusError before the stream begins."""
        pod = self._objects.get(PODS, place.namespace, place.name)
        logs.check(pod, request.first("container"))
        if place.subresource == "log":
            await self._log(connection, request, pod, headers)
        elif place.subresource == "exec":
            await self._exec(connection, request, pod)
        else:
            raise StatusError(501, "NotImplemented", f"{place.subresource} is not supported by this cluster")

    def forget_missing(self) -> None:
        """A pod was deleted at once: end what runs in it."""
        self._kubelet.forget_missing()

    async def _log(self, connection: Connection, request: Request, pod: Object, headers: Headers) -> None:
        if request.method != "GET":
            raise method_not_allowed()
        if request.flag("previous"):
            raise bad_request(f'previous terminated container "{pod["spec"]["containers"][0]["name"]}" in pod "{pod["metadata"]["name"]}" not found')
        reading = logs.Reading.of(request)
        started = max(datetime.fromisoformat(pod["status"]["startTime"]).timestamp(), self._born - logs.KEPT_S)
        metadata = pod["metadata"]

        def gone() -> bool:
            found = self._objects.find(PODS, metadata["namespace"], metadata["name"])
            return found is None or found["metadata"]["uid"] != metadata["uid"]

        async def stream() -> None:
            connection.begin("text/plain", headers)
            async for block in logs.lines(logs.voice_of(pod, self._chatter_s), started, reading, gone):
                await connection.chunk(block)
            await connection.end()

        await connection.while_there(stream())

    async def _exec(self, connection: Connection, request: Request, pod: Object) -> None:
        upgrade = request.header("upgrade").lower()
        if not upgrade:
            raise bad_request("Upgrade request required")
        if upgrade.startswith("spdy"):
            raise bad_request("SPDY is not spoken here: use a client that speaks WebSocket (kubectl 1.30 or newer)")
        if upgrade != "websocket":
            raise bad_request(f"unable to upgrade: unknown protocol {upgrade!r}")
        if request.method != "GET":
            raise StatusError(405, "MethodNotAllowed", "bad method: a WebSocket upgrade is a GET")
        argv = request.query.get("command", [])
        if not argv:
            raise bad_request("you must specify at least one command for the container")
        version = choose(request)
        if not version:
            connection.finished = True
            await connection.reply(403, b"", "text/plain")
            return
        tty = request.flag("tty")
        peer = await WebSocketPeer.accept(connection, request, version)
        if not any(request.flag(name) for name in ("stdin", "stdout", "stderr")):
            await peer.finish(remotecommand.failed("you must specify at least 1 of stdin, stdout, stderr"))
            return
        try:
            program = self._kubelet.start(pod, argv, stdin=request.flag("stdin"), tty=tty)
        except OSError as error:
            await peer.finish(remotecommand.not_started(argv, error.strerror or str(error)))
            return
        if program is None:
            await peer.finish(remotecommand.not_started(argv))
            return
        wanted = {channel for channel, name in ((STDOUT, "stdout"), (STDERR, "stderr")) if request.flag(name)}
        await remotecommand.run(peer, program, argv, wanted)
