"""All benches, one after the other: `make bench`. Each can be run by itself: python -m tests.bench.bench_deadline."""

import subprocess
import sys

BENCHES = ("bench_store", "bench_deadline", "bench_requests", "bench_streams", "bench_floods")


def main() -> int:
    worst = 0
    for name in BENCHES:
        print(f"== {name}", flush=True)
        worst = max(worst, subprocess.run([sys.executable, "-m", f"tests.bench.{name}"], check=False).returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main())
