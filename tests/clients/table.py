"""Runs one client's table of operations twice and prints JSON: {"direct": {name: result}, "gateway": {name: result}, "plugin": names of pods}.

    KUBECONFIG=GATEWAY python -m tests.clients.CLIENT NAMESPACE DIRECT PLUGIN

GATEWAY, DIRECT and PLUGIN are kubeconfigs: the gateway's with a token, where the client looks for it by itself; the cluster's own; the gateway's with a
credential plugin. Programs in other languages (`javascript`, `java`, `go`) take the same arguments and print the same.
"""

import asyncio
import inspect
import json
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

SECONDS: Final = 20  # for one operation

HTTPD: Final = "web"  # answers on port 8080
TOLD: Final = "told"  # has said three lines
COUNTER: Final = "counter"  # says `line 0`, `line 1` and so on
ECHO: Final = "echo"  # copies stdin to stdout
ABSENT: Final = "nobody"  # is no pod
ELSEWHERE: Final = "elsewhere"  # a namespace that holds nothing, and of which no rule says anything

BOTH: Final = ["sh", "-c", "echo out; echo err >&2; exit 5"]
COPIES: Final = ["sh", "-c", "cat; exit 3"]
ENDS: Final = ["sh", "-c", "head -n 2; exit 3"]  # v4 has no half close: the command must know itself when it has read all
SAID: Final = ("grüße\n", "end\n")
SIZED: Final = ["sh", "-c", 'until [ "$(stty size 2>&1)" = "37 111" ]; do sleep 0.05; done; echo resized']
RESIZE: Final = '{"height":37,"width":111}'  # the letter case is not that of kubectl
NOT_FOUND: Final = 'pods "nobody" not found'
GET: Final = b"GET / HTTP/1.0\r\n\r\n"

Operation = Callable[[Any], Any | Awaitable[Any]]  # takes the kubeconfig's path, None for the environment's


def run(operations: Mapping[str, Operation]) -> None:
    """Each operation on its own; one that raises, or takes longer than SECONDS, has {"error": text} for its result."""
    signal.signal(signal.SIGALRM, _late)
    json.dump(asyncio.run(_all(operations, *sys.argv[2:])), sys.stdout)


async def _all(operations: Mapping[str, Operation], direct: str, plugin: str) -> dict[str, Any]:
    return {
        "direct": {name: await _one(operation, direct) for name, operation in operations.items()},
        "gateway": {name: await _one(operation, None) for name, operation in operations.items()},
        "plugin": await _one(operations["list"], plugin),
    }


def namespace() -> str:
    return sys.argv[1]


def words(said: object) -> str:
    """NOT_FOUND if the API server's own words are in what the client says, else all of that."""
    text = str(said)
    return NOT_FOUND if NOT_FOUND in text.replace('\\"', '"') else text


async def _one(operation: Operation, kubeconfig: str | None) -> Any:
    signal.alarm(SECONDS)
    try:
        result = operation(kubeconfig)
        signal.alarm(0)
        async with asyncio.timeout(SECONDS):
            return await result if inspect.isawaitable(result) else result
    except Exception as error:  # noqa: BLE001 -- whatever a client raises is a result
        return {"error": f"{type(error).__name__}: {error}", "where": traceback.format_exc(limit=-3)}
    finally:
        signal.alarm(0)


def _late(*_: object) -> None:
    raise TimeoutError(f"no result after {SECONDS} s")
