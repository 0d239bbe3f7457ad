"""lightkube, over httpx: it has no attach and no port-forward, and its exec sends no sizes of a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from httpx2 import ReadError
from httpx2.websockets import WebSocketUpgradeError
from lightkube import ApiError, Client, KubeConfig
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap, Pod

from tests.clients.table import ABSENT, BOTH, COPIES, COUNTER, ELSEWHERE, SAID, TOLD, namespace, run, words

NAME = "light-watch"


@contextmanager
def connected(kubeconfig: str | None) -> Iterator[Client]:
    found = KubeConfig.from_file(kubeconfig) if kubeconfig else KubeConfig.from_env()
    with Client(config=found, namespace=namespace()) as client:
        yield client


def listed(kubeconfig: str | None) -> list[str]:
    with connected(kubeconfig) as client:
        return sorted(name(pod) for pod in client.list(Pod, labels={"kind": "clients"}))


def pages(kubeconfig: str | None) -> list[str]:
    with connected(kubeconfig) as client:
        return sorted(name(pod) for pod in client.list(Pod, labels={"kind": "clients"}, chunk_size=1))


def name(pod: Pod) -> str:
    assert pod.metadata is not None
    return str(pod.metadata.name)


def missing(kubeconfig: str | None) -> str:
    with connected(kubeconfig) as client:
        try:
            return str(client.get(Pod, ABSENT))
        except ApiError as error:
            return f"{error.status.code} {words(error)}"


def denied(kubeconfig: str | None) -> str:
    with connected(kubeconfig) as client:
        try:
            return f"{len(list(client.list(ConfigMap, namespace=ELSEWHERE)))} config maps"
        except ApiError as error:
            return f"{error.status.code} {error}"


def watched(kubeconfig: str | None) -> list[str]:
    with connected(kubeconfig) as client:
        before = client.list(ConfigMap)
        assert list(before)  # its version is known then
        client.create(ConfigMap(metadata=ObjectMeta(name=NAME), data={"n": "1"}))
        client.patch(ConfigMap, NAME, {"data": {"n": "2"}})
        client.delete(ConfigMap, NAME)
        events = client.watch(ConfigMap, fields={"metadata.name": NAME}, resource_version=before.resourceVersion)
        return [event for event, _ in islice(events, 3)]


def executed(kubeconfig: str | None) -> list[Any]:
    with connected(kubeconfig) as client:
        done = client.exec(TOLD, command=BOTH, stdout=True, stderr=True, timeout=15)
        return [done.stdout, done.stderr, done.exit_code]


def fed(kubeconfig: str | None) -> list[Any]:
    """Over v5, with the end of stdin."""
    with connected(kubeconfig) as client:
        done = client.exec(TOLD, command=COPIES, stdin="".join(SAID), stdout=True, timeout=15)
        return [done.stdout, done.exit_code]


def refused(kubeconfig: str | None) -> str:
    """The status of an answer to an upgrade: it does not read the rest of it."""
    for _ in range(3):
        with connected(kubeconfig) as client:
            try:
                return str(client.exec(ABSENT, command=BOTH, stdout=True))
            except WebSocketUpgradeError as error:
                return str(error.response.status_code)
            except ReadError as error:  # seen once, under load: the thread in which the library reads a stream outlived it, and read of the next connection
                said = str(error)
    return said


def logged(kubeconfig: str | None) -> str:
    with connected(kubeconfig) as client:
        return "".join(client.log(TOLD))


def followed(kubeconfig: str | None) -> list[str]:
    with connected(kubeconfig) as client:
        return list(islice(client.log(COUNTER, follow=True, newlines=False), 5))


if __name__ == "__main__":
    run({
        "list": listed, "pages": pages, "missing": missing, "denied": denied, "watch": watched, "exec": executed, "stdin": fed, "refused": refused,
        "log": logged, "follow": followed,
    })  # fmt: skip
