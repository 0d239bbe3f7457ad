"""Where the gateway's CPU of a request goes, by stage: parse, admit, judge, record, journal, upstream, answer, TLS, sockets; and the busiest functions.

    JITUI_TEST_CLUSTER=DIR python -m tests.bench.profile [--seconds 8] [--connections 16]

Needs wrk and the real cluster, as bench_requests does. The loop's thread is sampled in the gateway itself (tests/bench/sampled.py); of the writer's thread
the sum is shown. It says where the next improvement is; what one gives is measured with bench_requests.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Final

from tests.bench.bench_requests import PATHS, SCOPE, Target, wrk
from tests.bench.clients import UNLIMITED
from tests.support import gateway as support
from tests.support.clusters import real
from tests.support.gateway import Gateway, rule
from tests.support.processes import until

# the first that fits a place: a file or a room, or one function of it
STAGES: Final = (
    ("TLS", ("ssl.py",)),
    ("writing", ("proxy/outlet.py:_hand", "clusters/pool.py:ask", "clusters/pool.py:send")),
    ("loop and reading", ("loop", "serve.py")),
    ("parse", ("protocol/", "listeners/kube/client.py", "listeners/kube/inlet.py", "listeners/patience.py", "listeners/turnstile.py")),
    ("judge", ("access/broker.py", "access/windows.py", "policy/", "proxy/entry.py:judge", "proxy/entry.py:_judge", "clusters/discovery.py")),
    ("admit", ("listeners/", "auth/", "values/bucket.py")),
    ("record", ("proxy/recorder.py", "proxy/live.py", "proxy/gate.py", "proxy/hold.py", "proxy/deliveries.py", "values/", "access/notes.py")),
    ("journal, on the loop", ("store/",)),
    ("upstream", ("clusters/", "proxy/dialer.py", "proxy/upload.py", "proxy/heads.py")),
    ("answer", ("proxy/",)),
)


def stage(place: str) -> str:
    return next((name for name, starts in STAGES if place.startswith(starts)), "other")


def show(what: str, used: dict[str, int], writer: int, many: int) -> None:
    """Prints microseconds a request."""
    stages: Counter[str] = Counter()
    for place, nanoseconds in used.items():
        stages[stage(place)] += nanoseconds
    total = sum(used.values()) + writer
    print(f"{what}: {total / many / 1000:.0f} us of CPU a request, {many} requests")
    for name, nanoseconds in [*stages.most_common(), ("writer's thread", writer)]:
        print(f"  {name:22} {nanoseconds / many / 1000:7.1f} us  {nanoseconds / total:6.1%}")
    print("  busiest: " + ", ".join(f"{place} {nanoseconds / many / 1000:.1f}" for place, nanoseconds in Counter(used).most_common(12)), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--connections", type=int, default=16)
    args = parser.parse_args()
    cluster = real()
    if cluster is None:
        sys.exit("this profile needs wrk and the real cluster: apt-get install wrk; make cluster; JITUI_TEST_CLUSTER=DIR")
    with tempfile.TemporaryDirectory(prefix="jitui-profile-") as name:
        file = Path(name) / "used.json"
        plain = support.JITUI
        support.JITUI = (sys.executable, "-m", "tests.bench.sampled", str(file))  # type: ignore[misc, assignment]
        with Gateway(Path(name) / "gateway", cluster, rules=[rule("bencher", bytes="500GiB", scope=SCOPE)], config={"limits": UNLIMITED}) as gateway:
            support.JITUI = plain  # type: ignore[misc]
            agent = gateway.agent("bencher")
            gateway.window(agent)
            target = Target("jitui", f"{gateway.ready['kube']}/c/test", agent.token, gateway.program.pid)
            for what, path in PATHS.items():
                wrk(target, path, args.connections, 1)
                os.kill(target.pid, signal.SIGUSR1)
                run = wrk(target, path, args.connections, args.seconds)
                os.kill(target.pid, signal.SIGUSR2)
                until(file.exists, "profile of the gateway")
                show(what, json.loads(file.read_text()), run.cpu.other * run.many, run.many)
                file.unlink()


if __name__ == "__main__":
    main()
