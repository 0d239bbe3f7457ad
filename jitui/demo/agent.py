"""An agent at work: it tries, is refused, asks, waits, works on a terminal until its window ends under its hands, and begins anew.

    python -m jitui.demo.agent WINDOW_S

It knows its gateway, token and kubeconfig from the environment, as any agent does, and drives the real command line and kubectl.
What it does is written to stdout, a line each.
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

PAUSE_S: Final = 4.0  # after a window, before it wants the next
REFUSED_S: Final = 65.0  # after a denial: the gateway takes no new ask for a minute

# what it says it is for, and what it types then
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
        """For ever: errand after errand."""
        for reason, lines in itertools.cycle(ERRANDS):
            self._call("get", "-n", "web", "pods")  # there may be no window; it looks first, as agents do
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
        """Ask and wait; whether somebody said yes."""
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
        """A log that it keeps an eye on meanwhile."""
        follow = subprocess.Popen([*self._kubectl, "logs", "-n", "web", "-f", "--tail", "3", "web"], stdin=subprocess.DEVNULL,  # noqa: S603 - kubectl
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield
        finally:
            follow.terminate()
            follow.wait()

    def _shell(self, lines: Sequence[str]) -> None:
        """Type and read, with a person's pauses, until the window ends it."""
        with Terminal([*self._kubectl, "exec", "-it", "-n", "web", "web", "--", "sh"], os.environ) as shell:
            try:
                at = shell.expect("web $ ")
                for line in itertools.cycle(lines):
                    shell.keys(line + "\r")
                    at = shell.expect("web $ ", after=at + len(line))
                    if not shell.read(min(2.0, max(0.5, self._window_s / 20))):
                        break
            except JituiError:  # the terminal closed under its hands
                pass
            code = shell.end(5.0)
            tell(f"shell ended: exit {code} {clean(shell.said[-120:].decode('utf-8', 'replace'))}")


def tell(line: str) -> None:
    """One line of what it does."""
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {clean(line, 300)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    Agent(float(sys.argv[1])).work()
