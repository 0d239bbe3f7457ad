"""The logs of pods (pods/log). A line is a function of its number, so nothing is stored and all readers get the same lines."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from jitui.demo.cluster.http import Request
from jitui.demo.cluster.kinds import Object
from jitui.demo.cluster.status import bad_request

KEPT_S: Final = 60.0  # seconds of log before the cluster's start

_PATHS: Final = ("/", "/cart", "/healthz", "/products/17", "/login", "/static/app.js")
_WORK: Final = ("order 4{n:03} paid", "cart {n} updated", "cache hit 97%", "order 4{n:03} shipped", "queue empty")


@dataclass(frozen=True, slots=True)
class Voice:
    """The rhythm of a pod's log: one line each period, the n-th at start + n * period."""

    period_s: float
    say: Callable[[int], str]


def voice_of(pod: Object, chatter_s: float) -> Voice:
    """The rhythm for a pod's label `app`: `chatty` writes a line five times as often as the others."""
    app = (pod["metadata"].get("labels") or {}).get("app", "")
    if app == "chatty":
        return Voice(chatter_s / 5, lambda n: f"line {n}")
    if app == "web":
        return Voice(chatter_s, lambda n: f'10.244.0.{n % 7 + 2} "GET {_PATHS[n % len(_PATHS)]} HTTP/1.1" {404 if n % 23 == 22 else 200} {n * 37 % 4096}')
    if app == "shop":
        return Voice(chatter_s, lambda n: "shop: " + _WORK[n % len(_WORK)].format(n=n % 1000))
    return Voice(10.0, lambda n: "still here" if n else "started")


@dataclass(frozen=True, slots=True)
class Reading:
    """The options of one pods/log request. Times in seconds since 1970."""

    follow: bool
    timestamps: bool
    tail: int | None
    since: float

    @classmethod
    def of(cls, request: Request) -> "Reading":
        """Reads the options of a request. Raises StatusError 400."""
        try:
            tail = int(request.first("tailLines")) if request.first("tailLines") else None
            since = 0.0
            if request.first("sinceSeconds"):
                since = time.time() - int(request.first("sinceSeconds"))
            elif request.first("sinceTime"):
                since = datetime.fromisoformat(request.first("sinceTime")).timestamp()
        except ValueError as error:
            raise bad_request(f"invalid log options: {error}") from error
        return cls(request.flag("follow"), request.flag("timestamps"), tail, since)


def check(pod: Object, container: str) -> None:
    """Raises StatusError 400 where a real API server does: no such container, or it has not started."""
    names = [found["name"] for found in pod["spec"]["containers"]]
    name = pod["metadata"]["name"]
    if container and container not in names:
        raise bad_request(f"container {container} is not valid for pod {name}")
    if not container and len(names) > 1:
        raise bad_request(f"a container name must be specified for pod {name}, choose one of: [{' '.join(names)}]")
    if pod.get("status", {}).get("phase") == "Pending":
        raise bad_request(f'container "{container or names[0]}" in pod "{name}" is waiting to start: ContainerCreating')


async def lines(voice: Voice, started: float, reading: Reading, gone: Callable[[], bool]) -> AsyncIterator[bytes]:
    """The lines of the log from `started` (seconds since 1970): the past ones, then with `follow` the new ones until the pod is `gone`."""
    now = time.time()
    last = int((now - started) / voice.period_s)
    first = max(0, int((reading.since - started) / voice.period_s) + 1) if reading.since else 0
    if reading.tail is not None:
        first = max(first, last + 1 - reading.tail)
    block = b""
    for number in range(first, last + 1):
        block += _line(voice, number, started, reading)
        if len(block) > 16_384:
            yield block
            block = b""
    yield block
    number = max(first, last + 1)
    while reading.follow and not gone():
        wait = started + number * voice.period_s - time.time()
        if wait > 0:
            await asyncio.sleep(min(wait, 0.5))
            continue
        yield _line(voice, number, started, reading)
        number += 1


def _line(voice: Voice, number: int, started: float, reading: Reading) -> bytes:
    text = voice.say(number) + "\n"
    if not reading.timestamps:
        return text.encode()
    at = started + number * voice.period_s
    return f"{datetime.fromtimestamp(at, UTC).strftime('%Y-%m-%dT%H:%M:%S.%f')}000Z {text}".encode()
