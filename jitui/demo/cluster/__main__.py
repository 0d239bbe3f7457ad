"""python -m jitui.demo.cluster DIR [--chatter SECONDS]: the embedded cluster alone, until SIGINT or SIGTERM."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

import uvloop

from jitui.demo.cluster.embedded import EmbeddedCluster


async def run(folder: Path, chatter_s: float) -> None:
    """Starts the cluster, prints its kubeconfig's path, waits for a signal, and ends the cluster."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    cluster = await EmbeddedCluster.start(folder, chatter_s=chatter_s)
    try:
        sys.stdout.write(f"{cluster.kubeconfig}\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        await cluster.aclose()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m jitui.demo.cluster", description="A small cluster that real kubectl can talk to.")
    parser.add_argument("folder", type=Path, help="where its kubeconfig, audit log and scratch files go")
    parser.add_argument("--chatter", type=float, default=0.5, metavar="SECONDS", help="between two lines of a pod's log")
    given = parser.parse_args()
    uvloop.run(run(given.folder, given.chatter))


if __name__ == "__main__":
    main()
