"""Compare the speed of this code with that of the last release, on whatever machine this is, in ratios.

Milliseconds of two machines, or of two hours of one, say nothing about code. So every figure is divided by
what a compiled DTW of the same signatures takes in the same run, in which nothing of ours is; and those
quotients are compared with the ones in `release.json`, which the release wrote. The load on the daemon is in
it with the histogram of its latencies.

    make bench-compare                          # this code beside the last release; two to four minutes
    python benchmarks/compare.py --save         # at a release: what later ones are compared with

Ends with 1 where a step takes more than half as long again as it did: less is noise on a shared machine.
Where one seems to, all is measured once more: slower code is slower twice, other programs come and go.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from bridge import load
from conftest import STEPS
from rich.console import Console
from rich.table import Table

from sigverify import __version__
from sigverify.corpora.processes import usable_cores

RELEASE = Path(__file__).with_name("release.json")
YARDSTICK = "test_dtw_baseline_whole"
MOST = 1.5
"""Times as long as at the release."""
CLIENTS, VERIFIES = 8, 500


def main():
    """Measure, and compare or save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--save", action="store_true", help=f"write {RELEASE.name} in place of comparing")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if not options.save and not RELEASE.exists():
        sys.exit(f"{RELEASE} is not there; write it with --save")
    now = measure()
    if options.save:
        RELEASE.write_text(json.dumps(now, indent=1) + "\n")
        sys.stdout.write(f"wrote {RELEASE}\n")
        return 0
    release = json.loads(RELEASE.read_text())
    rows = compared(release, now)
    if any(map(is_slower, rows)):
        again = measure()["costs"]
        now["costs"] = {name: min(cost, again[name]) for name, cost in now["costs"].items()}
        rows = compared(release, now)
    if options.json:
        sys.stdout.write(json.dumps(rows, indent=1) + "\n")
    else:
        show(rows, release["version"])
    return 1 if any(map(is_slower, rows)) else 0


def measure():
    """Return what this code takes, in times of the yardstick, and what it was measured on."""
    medians = steps()
    yardstick = medians[YARDSTICK]
    workers = min(2, usable_cores())
    loads = load(CLIENTS, VERIFIES, workers, "base")
    costs = {name: round(median / yardstick, 4) for name, median in medians.items() if name != YARDSTICK}
    for run in loads["runs"]:
        for share in ("p50", "p99"):
            what = f"{CLIENTS} clients of the daemon, workers and cores: {run['workers']}, {share}"
            costs[what] = round(run[f"{share}_ms"] / 1000 / yardstick, 4)
    return {
        "version": __version__,
        "measured": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {usable_cores()} cores, Python {platform.python_version()}",
        "yardstick": "compiled DTW: pen strokes to score, 5 references",
        "yardstick_ms": round(1000 * yardstick, 4),
        "costs": costs,
        "load": loads,
    }


def steps():
    """Return the median of each step in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "steps.json"
        command = [sys.executable, "-m", "pytest", Path(__file__).parent, "-q", "--benchmark-only"]
        command += ["--benchmark-disable-gc", "--benchmark-quiet", "--benchmark-max-time=0.3"]
        command += [f"--benchmark-json={result}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        content = json.loads(result.read_text())
    return {each["name"]: each["stats"]["median"] for each in content["benchmarks"]}


def compared(release, now):
    """Return a row for each figure: what it took at the release and takes now, in times of the yardstick."""
    does = {step.name: step.does for step in STEPS}
    rows = []
    for name, cost in now["costs"].items():
        before = release["costs"].get(name)
        times = None if before is None else round(cost / before, 2)
        rows.append({"what": does.get(name, name), "release": before, "now": cost, "times": times})
    return rows


def is_slower(row):
    """Return whether a step takes longer than at the release, beyond what noise does."""
    return row["times"] is not None and row["times"] > MOST


def show(rows, version):
    """Print the rows as a table."""
    table = Table("what", box=None)
    for heading in (version, "now", "now / then"):
        table.add_column(heading, justify="right")
    for row in rows:
        times = "new" if row["times"] is None else f"{row['times']:.2f}"
        mark = " <- slower" if is_slower(row) else ""
        before = "" if row["release"] is None else f"{row['release']:.3f}"
        table.add_row(row["what"], before, f"{row['now']:.3f}", times + mark)
    console = Console()
    console.print(table)
    console.print("In times of what a compiled DTW takes from pen strokes to score, in the same run.")


if __name__ == "__main__":
    sys.exit(main())
