"""The sample recordings, from a real run: an agent's shell in a pod, and a stream of logs that its window's deadline cuts.

    .venv/bin/python recordings/make.py      needs a real kubectl
"""

import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.support import kubectls
from tests.support.clusters import embedded
from tests.support.gateway import Gateway, rule

LINES = ("ls -l", "cat data/orders.csv", "echo 'order 4002 is stuck' > tmp/note", "wc -c tmp/note", "exit")
HERE = Path(__file__).parent


def typed(line: str) -> list[bytes]:
    """As somebody types it."""
    return [key.encode() for key in line] + [b"\r"]


def main() -> None:
    for old in HERE.glob("*.jitui"):
        old.unlink()
    kubectl = next(reversed(kubectls.found().values()))
    with tempfile.TemporaryDirectory(prefix="jitui-recordings-") as name:
        folder = Path(name)
        with embedded(folder / "cluster") as cluster, Gateway(folder / "gateway", cluster, rules=[rule("agent-sre", scope=["@debug in web"])]) as gateway:
            agent = gateway.agent("agent-sre", owner="ana")
            gateway.window(agent)
            shell = gateway.spawn_kubectl(kubectl, agent, "-n", "web", "exec", "-it", "web", "--", "sh", tty=(24, 80))
            session = gateway.live("exec")["id"]
            time.sleep(1)
            for line in LINES:
                for key in typed(line):
                    shell.write(key)
                    time.sleep(0.06)
                time.sleep(1.2)
            shell.end()
            gateway.jitui("export", session, "--format", "bundle", "--output", str(HERE / "shell.jitui")).ok()
            gateway.jitui("revoke", gateway.grants()[0]["id"], "--reason", "done").ok()
            gateway.window(agent, duration="8s")
            logs = gateway.spawn_kubectl(kubectl, agent, "-n", "web", "logs", "-f", "chatty")
            session = gateway.live("logs")["id"]
            logs.end()
            time.sleep(1)
            gateway.jitui("export", session, "--format", "bundle", "--output", str(HERE / "cut-at-the-deadline.jitui")).ok()
    for path in sorted(HERE.glob("*.jitui")):
        print(path.relative_to(ROOT), path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
