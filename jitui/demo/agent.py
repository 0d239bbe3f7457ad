"""An agent at work: it tries, is refused, asks, waits, works on a terminal until its window ends, and begins again.

    python -m jitui.demo.agent WINDOW_S

Its gateway, token and kubeconfig come from the environment, as for any agent, and it drives the real command line and kubectl.
It writes each step to stdout, as one line.
"""

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from jitui.demo.house import CONNECTION, JITUI, find_kubectl
from jitui.demo.terminal import Terminal
from jitui.values import span
from jitui.values.errors import JituiError
from jitui.values.instant import from_rfc3339
from jitui.values.said import clean

PAUSE_S: Final = 4.0  # seconds between the end of a window and the next request
REFUSED_S: Final = 65.0  # seconds after a denial: the gateway takes no new request for a minute

# the reason of each request, and the lines that the agent types then
ERRANDS: Final = (
    ("orders look stuck since the last deploy: look at web, read its data", ("ls", "cat app/config.yaml", "head data/orders.csv", "wc -l data/orders.csv")),
    ("check that 2026.11.3 is what runs, and how much room is left", ("cat app/VERSION", "df -h .", "du -sh data", "env | sort | head")),
    ("customers report wrong totals: add up one day",
     ("cat data/orders.csv", "awk -F, 'NR > 1 {sum += $3} END {print sum}' data/orders.csv", "date", "uptime")),
)


class Agent:
    """One agent on one connection."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._kubectl = find_kubectl()
        self._deadline = 0.0

    def work(self) -> None:
        """Works for ever, one errand after the other."""
        for reason, lines in itertools.cycle(ERRANDS):
            self._call("get", "-n", "web", "pods")  # without a window: agents try first
            if not self._ask(reason):
                time.sleep(REFUSED_S)
                continue
            self._call("get", "-n", "web", "pods")
            self._call("describe", "-n", "web", "pod", "web")
            with self._following():
                self._shell(lines)
            self._call("get", "-n", "web", "pods")
            time.sleep(PAUSE_S)

    def _ask(self, reason: str) -> bool:
        """Asks and waits; whether somebody approved."""
        argv = [*JITUI, "request", CONNECTION, "--duration", span.show(self._window_s), "--reason", reason, "--wait", "--json"]
        tell(f"asks: {reason}")
        done = subprocess.run(argv, capture_output=True, check=False, stdin=subprocess.DEVNULL)  # noqa: S603 - ourselves
        if done.returncode:
            tell(f"refused: {done.stderr.decode('utf-8', 'replace').strip()}")
            return False
        approved: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        self._deadline = from_rfc3339(approved["deadline"]) / 1e6
        tell(f"approved: {approved['grant']} until {approved['deadline']}")
        return True

    def _call(self, *args: str) -> None:
        done = subprocess.run([*self._kubectl, *args], capture_output=True, check=False, stdin=subprocess.DEVNULL)  # noqa: S603 - kubectl
        tell(f"kubectl {' '.join(args)}: exit {done.returncode} {done.stderr.decode('utf-8', 'replace').strip()}")

    @contextmanager
    def _following(self) -> Iterator[None]:
        """Follows a log until the block ends."""
        follow = subprocess.Popen([*self._kubectl, "logs", "-n", "web", "-f", "--tail", "3", "web"], stdin=subprocess.DEVNULL,  # noqa: S603 - kubectl
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield
        finally:
            follow.terminate()
            follow.wait()

    def _shell(self, lines: Sequence[str]) -> None:
        """Types and reads, with a person's pauses, until the window ends."""
        with Terminal([*self._kubectl, "exec", "-it", "-n", "web", "web", "--", "sh"], os.environ) as shell:
            try:
                at = shell.expect("web $ ")
                for line in itertools.cycle(lines):
                    shell.keys(line + "\r")
                    at = shell.expect("web $ ", after=at + len(line))
                    if not shell.read(min(2.0, max(0.5, self._window_s / 20))):
                        break
            except JituiError:  # the window ended, and with it the terminal
                pass
            code = shell.end(5.0)
            tell(f"shell ended: exit {code} {clean(shell.said[-120:].decode('utf-8', 'replace'))}")


def tell(line: str) -> None:
    """Prints one step."""
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {clean(line, 300)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    Agent(float(sys.argv[1])).work()
