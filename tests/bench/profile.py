"""Where the gateway's CPU of a request goes, by stage: parse, admit, judge, record, journal, upstream, answer, TLS; the busiest functions; and by library.

    JITUI_TEST_CLUSTER=DIR python -m tests.bench.profile [--seconds 8] [--connections 16]

Needs wrk and the real cluster, as bench_requests does. py-spy samples both threads from outside, and the CPU that they used (schedstat) is shared out by
its samples; a thread that waits for a core is sampled as well, as is one that the kernel took off its core within a write, so run it where nothing else
runs. Where there is perf (and root) a second run is sampled by it, on the cores alone: it tells how much of a thread is the kernel, the interpreter, TLS,
SQLite. The switches of a thread are its own (it waits) and forced ones (another took its core). It says where the next improvement is; what one gives is
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
from tests.bench.usage import Calls
from tests.support.clusters import real
from tests.support.gateway import Gateway, rule

LOOP, WRITER, OTHER = "MainThread", "jitui-journal", "other"
LIBRARIES: Final = {"kernel": "kernel", "__mypyc": "compiled Python", "sqlite": "SQLite", "libssl": "TLS and hashes", "libcrypto": "TLS and hashes",
                    "_ssl": "TLS and hashes", "_hashlib": "TLS and hashes", "loop.cpython": "uvloop", "backend_c": "zstd", "python": "interpreter",
                    "libc": "libc"}  # the first that a file's name has
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


def library(name: str) -> str:
    """The words for the file that an instruction is in."""
    file = name.rstrip(")").rpartition("/")[2]
    return next((words for part, words in LIBRARIES.items() if part in file), "other")


class Parts:
    """Samples where the threads of a process are on their cores, from now to `show`, and counts their switches."""

    def __init__(self, pid: int, file: Path, seconds: int) -> None:
        self._pid, self._file = pid, file
        self._before = switches(pid)
        argv = ["perf", "record", "-q", "-F", "999", "-p", str(pid), "-o", str(file), "--", "sleep", str(seconds)]
        self._perf = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def show(self, run: Round) -> None:
        """Prints microseconds a request by library, and switches a request, of the loop and of the busiest other thread."""
        assert self._perf.wait() == 0, "perf did not sample the gateway"
        argv = ["perf", "script", "-i", str(self._file), "-F", "tid,ip,dso"]
        lines = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.splitlines()
        seen = Counter((int(fields[0]), library(fields[-1])) for fields in map(str.split, lines) if len(fields) > 2)
        threads = Counter[int]()
        for (thread, _), count in seen.items():
            threads[thread] += count
        writer = max((thread for thread in threads if thread != self._pid), key=threads.__getitem__, default=0)
        now = switches(self._pid)
        for name, thread, used in ((LOOP, self._pid, run.cpu.first), (WRITER, writer, run.cpu.other)):
            unit = used / 1000 / max(threads[thread], 1)
            mine = Counter({words: count for (of, words), count in seen.items() if of == thread})
            own, forced = (after - before for after, before in zip(now[thread], self._before[thread], strict=True))
            print(f"  {name}: " + ", ".join(f"{words} {count * unit:.1f}" for words, count in mine.most_common())
                  + f" us; switches: {own / run.many:.2f} of its own, {forced / run.many:.2f} forced", flush=True)


def switches(pid: int) -> dict[int, tuple[int, int]]:
    """How often each thread of a process let its core go, and how often that was taken from it (proc_pid_status)."""
    found = {}
    for thread in Path(f"/proc/{pid}/task").iterdir():
        fields = dict(line.split(":", 1) for line in (thread / "status").read_text().splitlines())
        found[int(thread.name)] = int(fields["voluntary_ctxt_switches"]), int(fields["nonvoluntary_ctxt_switches"])
    return found


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
            if Calls.possible():
                parts = Parts(target.pid, Path(name) / "perf", args.seconds)
                parts.show(wrk(target, path, args.connections, args.seconds))


if __name__ == "__main__":
    main()
