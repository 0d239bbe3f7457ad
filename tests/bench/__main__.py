"""All benches, one after the other: `make bench`. Each can be run by itself: python -m tests.bench.bench_deadline."""

import subprocess
import sys

from tests.bench.bench_requests import AIMS

BENCHES = ("bench_store", "bench_deadline", "bench_requests", "bench_streams", "bench_floods", "bench_idle")


def main() -> int:
    worst, aims = 0, []
    for name in BENCHES:
        print(f"== {name}", flush=True)
        with subprocess.Popen([sys.executable, "-m", f"tests.bench.{name}"], stdout=subprocess.PIPE, text=True) as bench:
            assert bench.stdout
            for line in bench.stdout:
                print(line, end="", flush=True)
                if line.startswith(AIMS):
                    aims.append(line.removeprefix(AIMS).strip())
        worst = max(worst, bench.returncode)
    print(f"{AIMS}{'; '.join(aims) or 'not measured, see above'}")
    return worst


if __name__ == "__main__":
    sys.exit(main())
