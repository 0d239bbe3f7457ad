"""A small kubectl for machines without one: `get pods`, `describe pod`, `logs`, `exec`, with the words and exit codes of the real one.

It puts kubectl's command line on the `kubernetes` package, as far as the demo's agent and story need it.
"""

import argparse
import contextlib
import json
import os
import select
import shutil
import sys
import termios
import tty
from collections.abc import Sequence
from typing import Any, Final

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import stream

from jitui.demo.cluster.tables import age

ERROR: Final = 3  # the channel of the Status
RESIZE: Final = 4


class Kubectl:
    """The commands on one namespace of the cluster that KUBECONFIG names."""

    def __init__(self, namespace: str) -> None:
        config.load_kube_config(os.environ.get("KUBECONFIG"))  # type: ignore[no-untyped-call]
        self._api: Any = client.CoreV1Api()
        self._namespace = namespace

    def get(self) -> int:
        """Runs `get pods`; its exit code."""
        rows = [("NAME", "READY", "STATUS", "RESTARTS", "AGE")]
        for pod in self._api.list_namespaced_pod(self._namespace).items:
            statuses = pod.status.container_statuses or []
            ready = f"{sum(bool(one.ready) for one in statuses)}/{len(pod.spec.containers)}"
            rows.append((pod.metadata.name, ready, pod.status.phase, str(sum(one.restart_count for one in statuses)), age(_stamp(pod.metadata))))
        widths = [max(len(row[column]) for row in rows) + 3 for column in range(len(rows[0]))]
        for row in rows:
            _write("".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n")
        return 0

    def describe(self, name: str) -> int:
        """Runs `describe pod NAME`; its exit code."""
        pod = self._api.read_namespaced_pod(name, self._namespace)
        events = self._api.list_namespaced_event(self._namespace, field_selector=f"involvedObject.uid={pod.metadata.uid}").items
        containers = "".join(f"  {one.name}:\n    Image:  {one.image}\n" for one in pod.spec.containers)
        said = "".join(f"  {one.type}  {one.reason}  {one.message}\n" for one in events)
        _write(f"Name:       {name}\nNamespace:  {self._namespace}\nNode:       {pod.spec.node_name}\nStatus:     {pod.status.phase}\n"
               f"IP:         {pod.status.pod_ip}\nContainers:\n{containers}Events:\n{said}")
        return 0

    def logs(self, name: str, tail: int | None, *, follow: bool) -> int:
        """Runs `logs [-f] [--tail N] NAME`; its exit code."""
        options: dict[str, Any] = {"tail_lines": tail} if tail is not None else {}
        answer = self._api.read_namespaced_pod_log(name, self._namespace, follow=follow, _preload_content=False, **options)
        for piece in answer.stream(decode_content=False):
            _write(piece.decode("utf-8", "replace"))
        return 0

    def execute(self, name: str, argv: Sequence[str], *, stdin: bool, terminal: bool) -> int:
        """Runs `exec [-i] [-t] NAME -- ARGV...`; its exit code."""
        there = stream(self._api.connect_get_namespaced_pod_exec, name, self._namespace, command=list(argv), stdin=stdin, stdout=True,
                       stderr=not terminal, tty=terminal, binary=True, _preload_content=False)
        with contextlib.ExitStack() as stack:
            if terminal:
                before = termios.tcgetattr(0)
                stack.callback(termios.tcsetattr, 0, termios.TCSADRAIN, before)
                tty.setraw(0)
                columns, rows = shutil.get_terminal_size()
                there.write_channel(RESIZE, json.dumps({"Width": columns, "Height": rows}).encode() + b"\n")  # str would be a text frame
            _relay(there, stdin=stdin)
        return _ended(there.read_channel(ERROR))


def _relay(there: Any, *, stdin: bool) -> None:
    """Copies bytes both ways until the other side closes."""
    while there.is_open():
        there.update(timeout=0.02)
        _copy(there)
        if stdin and select.select([0], [], [], 0)[0]:
            data = os.read(0, 4096)
            if data:
                there.write_stdin(data)
            else:
                stdin = False
    _copy(there)


def _copy(there: Any) -> None:
    for peek, read, target in ((there.peek_stdout, there.read_stdout, sys.stdout), (there.peek_stderr, there.read_stderr, sys.stderr)):
        if peek(timeout=0):
            target.buffer.write(read(timeout=0))
            target.buffer.flush()


def _ended(status: bytes | str) -> int:
    """The exit code that a Status means; prints its message on stderr."""
    said = json.loads(status or b'{"status":"Failure","message":"the connection was lost"}')
    if said.get("status") == "Success":
        return 0
    if said.get("reason") == "NonZeroExitCode":
        code = int(said["details"]["causes"][0]["message"])
        sys.stderr.write(f"command terminated with exit code {code}\n")
        return code
    sys.stderr.write(f"error: {said.get('message', '')}\n")
    return 1


def _stamp(metadata: Any) -> str:
    return str(metadata.creation_timestamp.isoformat())


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def refused(error: ApiException) -> str:
    """The line that kubectl prints for a Status."""
    try:
        said = json.loads(error.body or "")
        return f"Error from server ({said['reason']}): {said['message']}"
    except (TypeError, ValueError, KeyError):
        return f"error: {error.reason}"


def parse(args: Sequence[str]) -> argparse.Namespace:
    """Parses the part of kubectl's command line that this client has."""
    before, argv = (list(args[:args.index("--")]), list(args[args.index("--") + 1:])) if "--" in args else (list(args), [])
    parser = argparse.ArgumentParser(prog="kubectl")
    parser.add_argument("verb", choices=["get", "describe", "logs", "exec"])
    parser.add_argument("what", nargs="+")
    parser.add_argument("-n", "--namespace", default="default")
    parser.add_argument("-f", "--follow", action="store_true")
    parser.add_argument("--tail", type=int)
    parser.add_argument("-i", "--stdin", action="store_true")
    parser.add_argument("-t", "--tty", action="store_true")
    given = parser.parse_intermixed_args(before)
    given.argv = argv
    return given


def main(args: Sequence[str]) -> int:
    """Runs one command; its exit code."""
    given = parse(args)
    kubectl = Kubectl(given.namespace)
    try:
        match given.verb:
            case "get":
                return kubectl.get()
            case "describe":
                return kubectl.describe(given.what[-1])
            case "logs":
                return kubectl.logs(given.what[-1], given.tail, follow=given.follow)
            case _:
                return kubectl.execute(given.what[-1], given.argv, stdin=given.stdin, terminal=given.tty)
    except ApiException as error:
        sys.stderr.write(refused(error) + "\n")
    except OSError as error:
        sys.stderr.write(f"error: {error}\n")
    except Exception as error:  # noqa: BLE001 - urllib3's and websocket's own; a kubectl says one line
        sys.stderr.write(f"error: {type(error).__name__}: {error}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
