"""Port-forward as a kubelet does it: over one SPDY connection an error and a data stream for each TCP connection (protocol portforward.k8s.io)."""

import asyncio
import contextlib
from functools import partial
from typing import Final

from jitui.demo.cluster.kinds import Object
from jitui.demo.cluster.services import Service, service_of
from jitui.demo.cluster.spdy import SpdyConnection
from jitui.protocol.spdy import Frame, Kind

PROTOCOL: Final = "portforward.k8s.io"
TUNNEL: Final = f"SPDY/3.1+{PROTOCOL}"  # the same inside WebSocket messages (KEP-4006)

_WAITING: Final = 16  # queued reads for a slow service; when they are full the whole connection waits, as spdystream has no flow control


class Forwards:
    """All connections that one client forwards to a pod."""

    def __init__(self, connection: SpdyConnection, pod: Object) -> None:
        self._connection = connection
        self._pod = pod
        self._errors: dict[bytes, int] = {}  # request id -> its error stream, until its data stream comes
        self._inboxes: dict[int, asyncio.Queue[bytes]] = {}  # data stream -> what the client sends; b"" ends it
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Serves until the client is gone."""
        async with asyncio.TaskGroup() as group:
            async for frame in self._connection.frames():
                if frame.kind is Kind.SYN_STREAM:
                    await self._open(frame, group)
                elif frame.kind is Kind.RST_STREAM and frame.stream in self._tasks:
                    self._tasks[frame.stream].cancel()
                elif (inbox := self._inboxes.get(frame.stream)) is not None:
                    if frame.payload:
                        await inbox.put(frame.payload)
                    if frame.fin:
                        await inbox.put(b"")
            for task in self._tasks.values():
                task.cancel()
        self._connection.close()

    async def _open(self, frame: Frame, group: asyncio.TaskGroup) -> None:
        """Handles a new stream: an error stream, then a data stream with the same request id. Clients without request ids open them in a row."""
        headers = dict(frame.headers)
        kind, port = headers.get(b"streamtype"), headers.get(b"port", b"")
        if kind == b"error":
            self._errors[headers.get(b"requestid", b"%d" % frame.stream)] = frame.stream
            return
        error = self._errors.pop(headers.get(b"requestid", b"%d" % (frame.stream - 2)), 0)
        if kind != b"data" or not error or not port.isdigit() or not 0 < int(port[:6]) < 1 << 16:
            with contextlib.suppress(ConnectionError):
                await self._connection.reset(frame.stream)
            return
        self._inboxes[frame.stream] = asyncio.Queue(_WAITING)
        self._tasks[frame.stream] = group.create_task(self._carry(frame.stream, error, int(port)))

    async def _carry(self, data: int, error: int, port: int) -> None:
        """Serves one connection to its end; both streams end with it."""
        inbox, send = self._inboxes[data], self._connection.send
        service: Service | None = service_of(self._pod, port)
        try:
            if service is None:
                await send(error, self._refused(port).encode())
            else:
                await service(inbox.get, partial(send, data))
            await send(data, b"", fin=True)
            await send(error, b"", fin=True)
        except ConnectionError:
            pass
        finally:
            del self._inboxes[data], self._tasks[data]
            while not inbox.empty():  # a producer that waits for room goes on
                inbox.get_nowait()

    def _refused(self, port: int) -> str:
        """The error for a closed port, in containerd's words as the kubelet passes them on."""
        sandbox = self._pod["metadata"]["uid"]
        return (f'error forwarding port {port} to pod {sandbox}, uid : failed to execute portforward in network namespace "/var/run/netns/cni-{sandbox}": '
                f'failed to connect to localhost:{port} inside namespace "{sandbox}", IPv4: dial tcp4 127.0.0.1:{port}: connect: connection refused '
                "IPv6 dial tcp6: address localhost: no suitable address found ")
