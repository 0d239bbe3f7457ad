"""Every real kubectl on this machine, by version: in PATH, `kubectl.1.NN` beside it, and the test cluster's own."""

import functools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.soak import SOAKING

SPDY: Final = ("1.27", "1.28", "1.29")  # those that speak SPDY alone, unless told otherwise
VERSIONS: Final = ("1.30", "1.31", "1.32", "1.33", "1.34")  # those that speak WebSocket by themselves
TRIED: Final = VERSIONS if SOAKING else (VERSIONS[0], VERSIONS[-1])  # by tests that are run with one kubectl after the other
QUICK: Final = ("/usr/bin/env", "GOGC=off", "GOMEMLIMIT=256MiB")  # a short command collects no garbage, which takes a fifth of its CPU
HOW: Final = "put kubectl.{version} beside the kubectl in PATH; the test cluster brings 1.34 (tests/cluster/README.md)"


@dataclass(frozen=True, slots=True)
class Kubectl:
    """One kubectl; `argv` starts it."""

    version: str  # 1.33
    argv: tuple[str, ...]


def found() -> dict[str, Kubectl]:
    """By version, oldest first; each asked for its version, as names lie."""
    by_version: dict[str, Kubectl] = {}
    for argv in _candidates():
        version = _version(argv)
        if version and version not in by_version:
            by_version[version] = Kubectl(version, (*QUICK, *argv))
    return dict(sorted(by_version.items(), key=lambda item: [int(part) for part in item[0].split(".")]))


def _candidates() -> Iterator[tuple[str, ...]]:
    if folder := os.environ.get("JITUI_TEST_CLUSTER"):
        yield (str(Path(folder) / "kubectl"),)
    yield (str(Path(__file__).parents[1] / "cluster" / "kube"), "kubectl")
    if in_path := shutil.which("kubectl"):
        for beside in sorted({*Path(in_path).parent.glob("kubectl.1.*"), *Path(in_path).resolve().parent.glob("kubectl.1.*")}):
            yield (str(beside),)
        yield (in_path,)


@functools.cache
def _version(argv: tuple[str, ...]) -> str:
    """1.33; empty if it does not start, or is a dispatcher that picks another kubectl by the server it meets."""
    if not Path(argv[0]).exists():
        return ""
    answer = subprocess.run([*argv, "version", "--client", "--output", "json"], capture_output=True, check=False)
    if answer.returncode:
        return ""
    client = json.loads(answer.stdout)["clientVersion"]
    if "dispatcher" in client["gitVersion"]:
        return ""
    return ".".join(client["gitVersion"].removeprefix("v").split(".")[:2])
