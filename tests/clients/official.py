"""The Kubernetes project's own Python client."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import kubernetes.client
import kubernetes.config
import kubernetes.informer
import kubernetes.stream
import kubernetes.watch

from tests.clients.table import ABSENT, BOTH, COPIES, COUNTER, ECHO, ELSEWHERE, GET, HTTPD, RESIZE, SAID, SIZED, TOLD, namespace, run, words

SELECTED = "kind=clients"
Configured: Any = kubernetes.config.new_client_from_config  # the client has no annotations
Informer: Any = kubernetes.informer.SharedInformer
stream: Any = kubernetes.stream
Watch: Any = kubernetes.watch.Watch


@contextmanager
def core(kubeconfig: str | None) -> Iterator[Any]:
    with Configured(kubeconfig) as client:
        yield kubernetes.client.CoreV1Api(client)


def version(kubeconfig: str | None) -> str:
    with Configured(kubeconfig) as client:
        return str(kubernetes.client.VersionApi(client).get_code().minor)


def listed(kubeconfig: str | None) -> list[str]:
    with core(kubeconfig) as api:
        return sorted(pod.metadata.name for pod in api.list_namespaced_pod(namespace(), label_selector=SELECTED).items)


def pages(kubeconfig: str | None) -> list[str]:
    found, more = [], None
    with core(kubeconfig) as api:
        while more != "":
            page = api.list_namespaced_pod(namespace(), label_selector=SELECTED, limit=1, **({"_continue": more} if more else {}))
            found += [pod.metadata.name for pod in page.items]
            more = page.metadata._continue or ""
    return sorted(found)


def missing(kubeconfig: str | None) -> str:
    with core(kubeconfig) as api:
        try:
            return str(api.read_namespaced_pod(ABSENT, namespace()))
        except kubernetes.client.ApiException as error:
            return f"{error.status} {words(error.body)}"


def changes(api: Any, name: str) -> None:
    """Make a config map, change it and take it away."""
    api.create_namespaced_config_map(namespace(), {"metadata": {"name": name}, "data": {"n": "1"}})
    api.patch_namespaced_config_map(name, namespace(), {"data": {"n": "2"}})
    api.delete_namespaced_config_map(name, namespace())


def watched(kubeconfig: str | None) -> list[str]:
    """From before the changes on."""
    with core(kubeconfig) as api, Configured(kubeconfig) as other:
        since = api.list_namespaced_config_map(namespace()).metadata.resource_version
        changes(kubernetes.client.CoreV1Api(other), "official-watch")
        seen: list[str] = []
        for event in Watch().stream(api.list_namespaced_config_map, namespace(), field_selector="metadata.name=official-watch", resource_version=since):
            seen.append(event["type"])
            if len(seen) == 3:
                break
        return seen


def informed(kubeconfig: str | None) -> list[str]:
    with core(kubeconfig) as api, Configured(kubeconfig) as other:
        seen: list[str] = []
        there, changed, gone = Event(), Event(), Event()
        informer = Informer(api.list_namespaced_config_map, namespace(), field_selector="metadata.name=official-informer")

        def noted(kind: str, event: Event) -> Callable[[object], None]:
            def handle(_: object) -> None:
                if kind not in seen:
                    seen.append(kind)
                event.set()
            return handle

        for kind, event in (("ADDED", there), ("MODIFIED", changed), ("DELETED", gone)):
            informer.add_event_handler(kind, noted(kind, event))
        writer: Any = kubernetes.client.CoreV1Api(other)
        writer.create_namespaced_config_map(namespace(), {"metadata": {"name": "official-informer"}})
        informer.start()
        try:
            there.wait(10)
            writer.patch_namespaced_config_map("official-informer", namespace(), {"data": {"n": "2"}})
            changed.wait(10)
        finally:
            writer.delete_namespaced_config_map("official-informer", namespace())
        gone.wait(10)
        informer.stop()
        return seen


def opened(api: Any, pod: str, command: list[str], **more: Any) -> Any:
    shown = {"stderr": True, "stdout": True, "stdin": False, "_preload_content": False} | more
    return stream.stream(api.connect_get_namespaced_pod_exec, pod, namespace(), command=command, **shown)


def executed(kubeconfig: str | None) -> list[Any]:
    with core(kubeconfig) as api:
        process = opened(api, TOLD, BOTH)
        process.run_forever(timeout=15)
        return [process.read_stdout(), process.read_stderr(), process.returncode]


def fed(*, binary: bool) -> Callable[[str | None], list[Any]]:
    """A str goes out in text messages, which the API server takes as it takes binary ones; closing stdin ends `cat`."""

    def through(kubeconfig: str | None) -> list[Any]:
        with core(kubeconfig) as api:
            process = opened(api, TOLD, COPIES, stdin=True, binary=binary)
            for said in SAID:
                process.write_stdin(said.encode() if binary else said)
            process.close_channel(0)
            process.run_forever(timeout=15)
            out = process.read_stdout()
            return [out.decode() if binary else out, process.returncode]

    return through


def resized(kubeconfig: str | None) -> str:
    with core(kubeconfig) as api:
        process = opened(api, TOLD, SIZED, stdin=True, tty=True)
        process.write_channel(4, RESIZE)
        process.run_forever(timeout=15)
        return str(process.read_stdout()).strip()


def refused(kubeconfig: str | None) -> str:
    """The words of an answer to an upgrade."""
    with core(kubeconfig) as api:
        try:
            return str(opened(api, ABSENT, BOTH))
        except kubernetes.client.ApiException as error:
            return words(error)


def denied(kubeconfig: str | None) -> str:
    with core(kubeconfig) as api:
        try:
            return f"{len(api.list_namespaced_config_map(ELSEWHERE).items)} config maps"
        except kubernetes.client.ApiException as error:
            return f"{error.status} {error.body}"


def attached(kubeconfig: str | None) -> str:
    said = f"official {kubeconfig is None}"
    with core(kubeconfig) as api:
        process = stream.stream(api.connect_get_namespaced_pod_attach, ECHO, namespace(), stdin=True, stdout=True, stderr=True, _preload_content=False)
        process.write_stdin(said + "\n")
        while (line := process.readline_stdout(timeout=15)) not in {said, None, ""}:
            pass
        process.close()
        return "echoed" if line == said else f"not echoed: {line}"


def forwarded(kubeconfig: str | None) -> str:
    with core(kubeconfig) as api:
        forward = stream.portforward(api.connect_get_namespaced_pod_portforward, HTTPD, namespace(), ports="8080,8081")
        connection = forward.socket(8080)
        connection.settimeout(15)
        connection.sendall(GET)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
        forward.close()
        return str(answer.decode().rpartition("\r\n")[2])


def logged(kubeconfig: str | None) -> str:
    with core(kubeconfig) as api:
        return str(api.read_namespaced_pod_log(TOLD, namespace()))


def followed(kubeconfig: str | None) -> list[str]:
    with core(kubeconfig) as api:
        lines = Watch().stream(api.read_namespaced_pod_log, COUNTER, namespace())
        return [next(lines) for _ in range(5)]


if __name__ == "__main__":
    run({
        "version": version, "list": listed, "pages": pages, "missing": missing, "denied": denied, "watch": watched, "informer": informed, "exec": executed,
        "stdin": fed(binary=False), "stdin, binary": fed(binary=True), "resize": resized, "refused": refused, "attach": attached, "forward": forwarded,
        "log": logged, "follow": followed,
    })  # fmt: skip
