"""Runs every benchmark: `python -m tests.bench [polls|scrape|memory|tap|watch|mqtt ...]`."""

import subprocess
import sys

ALL = ("polls", "scrape", "memory", "tap", "watch", "mqtt")


def main(names: list[str]) -> int:
    worst = 0
    for name in names or ALL:
        if name not in ALL:
            print(f"unknown benchmark {name!r}; use one of {', '.join(ALL)}", file=sys.stderr)
            return 2
        print(f"== {name}", flush=True)
        worst = max(worst, subprocess.call([sys.executable, "-m", f"tests.bench.{name}"]))
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
