"""Where the gateway's CPU of a request goes, by stage: parse, admit, judge, record, journal, upstream, answer, TLS; and the busiest functions.

    JITUI_TEST_CLUSTER=DIR python -m tests.bench.profile [--seconds 8] [--connections 16]

Needs wrk and the real cluster, as bench_requests does. py-spy samples both threads from outside, and the CPU that they used (schedstat) is shared out by
its samples; a thread that waits for a core is sampled as well, so run it where nothing else runs. It says where the next improvement is; what one gives is
measured with bench_requests.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.bench.bench_requests import PATHS, SCOPE, Round, Target, wrk
from tests.bench.clients import UNLIMITED
from tests.support.clusters import real
from tests.support.gateway import Gateway, rule

LOOP, WRITER, OTHER = "MainThread", "jitui-journal", "other"
FRAME: Final = re.compile(r"(\S+) \(([^():]+)(?::\d+)?\)$")
# the first that fits the innermost frame of the house, `file:function`; what C does for a function counts for that
STAGES: Final = (
    ("TLS, decrypting", ("ssl.py",)),
    ("loop, reading", ("serve.py",)),
    ("TLS and kernel, writing", ("proxy/outlet.py:Outlet._hand", "clusters/pool.py:Connection.ask", "clusters/pool.py:Connection.send")),
    ("parse", ("protocol/", "listeners/kube/client.py", "listeners/kube/inlet.py", "listeners/patience.py", "listeners/turnstile.py")),
    ("judge", ("access/broker.py", "access/windows.py", "policy/", "proxy/entry.py:Proxy.judge", "proxy/entry.py:Proxy._judge", "clusters/discovery.py")),
    ("admit", ("listeners/", "auth/", "values/bucket.py")),
    ("record", ("proxy/recorder.py", "proxy/live.py", "proxy/gate.py", "proxy/hold.py", "proxy/deliveries.py", "values/", "access/notes.py")),
    ("journal, on the loop", ("store/",)),
    ("upstream", ("clusters/", "proxy/dialer.py", "proxy/upload.py", "proxy/heads.py")),
    ("answer", ("proxy/",)),
)


def places(raw: str) -> Iterator[tuple[str, str, int]]:
    """Thread, place and samples of each line: frames from the outside in, and their number."""
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        thread, *frames = stack.split(";")[0].rpartition(": ")[2], *stack.split(";")[1:]
        for frame in reversed(frames):
            found = FRAME.search(frame)
            if found and ("jitui/" in found[2] or found[2].startswith("ssl.py")):
                yield thread, f"{found[2].partition('jitui/')[2] or found[2]}:{found[1]}", int(count)
                break


def stage(place: str) -> str:
    return next((name for name, starts in STAGES if place.startswith(starts)), OTHER)


def show(what: str, raw: str, run: Round) -> None:
    """Prints microseconds a request."""
    seen = list(places(raw))
    print(f"{what}: {run.cpu.whole / 1000:.0f} us of CPU a request, {run.many} requests")
    for thread, used in ((LOOP, run.cpu.first), (WRITER, run.cpu.other)):
        mine = Counter[str]()
        for name, place, count in seen:
            if name == thread:
                mine[place] += count
        stages: Counter[str] = Counter()
        for place, count in mine.items():
            stages[stage(place) if thread == LOOP else place.partition(":")[0]] += count
        unit = used / 1000 / max(mine.total(), 1)
        print(f"  {thread}: {used / 1000:.0f} us")
        for name, count in stages.most_common():
            print(f"    {name:26} {count * unit:7.1f} us")
        print("    busiest: " + ", ".join(f"{place} {count * unit:.1f}" for place, count in mine.most_common(10)), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--connections", type=int, default=16)
    args = parser.parse_args()
    cluster = real()
    if cluster is None:
        sys.exit("this profile needs wrk and the real cluster: apt-get install wrk; make cluster; JITUI_TEST_CLUSTER=DIR")
    with (
        tempfile.TemporaryDirectory(prefix="jitui-profile-") as name,
        Gateway(Path(name) / "gateway", cluster, rules=[rule("bencher", bytes="500GiB", scope=SCOPE)], config={"limits": UNLIMITED}) as gateway,
    ):
        agent = gateway.agent("bencher")
        gateway.window(agent)
        target = Target("jitui", f"{gateway.ready['kube']}/c/test", agent.token, gateway.program.pid)
        file, spy = Path(name) / "samples", str(Path(sys.executable).with_name("py-spy"))
        for what, path in PATHS.items():
            wrk(target, path, args.connections, 1)
            argv = [spy, "record", "-p", str(target.pid), "-d", str(args.seconds), "-r", "250", "-f", "raw", "-t", "-F", "--nonblocking", "-o", str(file)]
            with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as sampling:
                run = wrk(target, path, args.connections, args.seconds)
            assert sampling.returncode == 0, "py-spy did not sample the gateway: it needs the same user, and ptrace"
            show(what, file.read_text(), run)


if __name__ == "__main__":
    main()
