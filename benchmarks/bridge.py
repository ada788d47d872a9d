"""Load on the daemon: how long clients wait when they all verify at once, and whether any goes unanswered.

Decides how many workers to begin: with n clients that ask as fast as they are answered, everybody waits for
n - 1 others, and nobody much longer. The targets are no error, p99 of at most three times p50, and with a
worker on each of two cores 1.7 times what one core does (clients and daemon together, kept to so many).
Nobody is locked out, so that every probe is compared; the store is on disk, log and replay check are on.
Latencies are those of clients that wait for each answer, kept in an HdrHistogram of microseconds. What others
who use the cores change least is the processor time of a verification: of daemon, workers and clients.

Then as many clients keep in the daemon all that one may: captures, an enrollment under way, half a frame.
What each takes decides how many may come in at once (`--clients`) beside the memory that the service has.

    python benchmarks/bridge.py
    python benchmarks/bridge.py --clients 8 --verifies 1000 --workers 2 --model base
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from hdrh.histogram import HdrHistogram
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from builders import signature

from firmware_bridge.client import Client
from firmware_bridge.protocol.framing import MAX_PAYLOAD
from firmware_bridge.protocol.strokes import MAX_SAMPLES, split
from sigverify.corpora.processes import usable_cores
from sigverify.errors import Disconnected, SigverifyError

REFERENCES = 5
FMR = 0.05
RANGE_US = (1, 60_000_000, 3)
"""What the histograms hold: 1 µs to a minute, by three digits."""
MOST_P99, LEAST_SCALING = 3, 1.7


def main():
    """Start a daemon and the clients, and print what they measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--verifies", type=int, default=1000, help="of each client")
    parser.add_argument(
        "--workers", type=int, default=usable_cores(), help="processes that answer; also cores"
    )
    parser.add_argument("--model", default="base")
    parser.add_argument("--json", action="store_true", help="print JSON instead of lines")
    options = parser.parse_args()
    content = load(options.clients, options.verifies, options.workers, options.model)
    if options.json:
        sys.stdout.write(json.dumps(content, indent=2) + "\n")
    else:
        show(content)
    fine = all(not run["errors"] and run["p99_over_p50"] <= MOST_P99 for run in content["runs"])
    return 0 if fine and content.get("scaling", LEAST_SCALING) >= LEAST_SCALING else 1


def load(clients, verifies, workers, model):
    """Return the runs of one worker on one core and `workers` on as many, and how much faster those are."""
    runs = []
    for count in sorted({1, workers}):
        with tempfile.TemporaryDirectory() as folder:
            runs.append(measure(Path(folder), clients, verifies, count, model))
    content = {"runs": runs}
    if workers > 1:
        content["scaling"] = round(runs[-1]["verifies_a_second"] / runs[0]["verifies_a_second"], 2)
    return content


def show(content):
    """Print the runs beside one another."""
    table = Table(box=None)
    table.add_column("")
    runs = content["runs"]
    for run in runs:
        table.add_column(f"{run['workers']} on {run['workers']}", justify="right")
    for name in runs[0]:
        if name not in ("workers", "histogram_us"):
            table.add_row(name, *(str(run[name]) for run in runs))
    Console().print("workers on cores", table)
    if "scaling" in content:
        Console().print(f"{content['scaling']} times as many verifications a second")


def measure(folder, clients, verifies, workers, model):
    """Return the figures of one run, clients and daemon on as many cores as there are workers."""
    address = folder / "socket"
    command = [sys.executable, "-m", "sigverify.cli", "serve", "--store", folder / "store.db", "--create"]
    command += ["--socket", address, "--model", model, "--no-lockout", "--workers", str(workers)]
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:workers])  # whatever is begun from here on inherits it
    daemon = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(address)
        gate = multiprocessing.Barrier(clients + 1)
        results = multiprocessing.Queue()
        askers = [
            multiprocessing.Process(target=verify_all, args=(address, number, verifies, gate, results))
            for number in range(clients)
        ]
        for asker in askers:
            asker.start()
        gate.wait()
        answering = [daemon.pid, *children(daemon.pid)]
        start, before_s = time.perf_counter(), [*map(processor_s, answering)]
        measured = [results.get() for _ in askers]
        seconds = time.perf_counter() - start
        front_s, *workers_s = (
            processor_s(each) - earlier for each, earlier in zip(answering, before_s, strict=True)
        )
        peak_mb = memory_mb(daemon.pid, "VmHWM")
        hoarder_mb = hoard(address, clients, daemon.pid)
    finally:
        daemon.terminate()
        daemon.wait()
        os.sched_setaffinity(0, before)
    spent = {
        "daemon_processor": front_s,
        "workers_processor": sum(workers_s),
        "clients_processor": sum(each[2] for each in measured),
    }
    return {"workers": workers, **summary(clients, seconds, measured)} | {
        **{f"{who}_ms": round(1000 * its / (clients * verifies), 2) for who, its in spent.items()},
        "daemon_peak_mb": round(peak_mb),
        "hoarder_mb": round(hoarder_mb, 1),
    }


def children(process):
    """Return the numbers of the processes that it has begun: its workers."""
    return Path(f"/proc/{process}/task/{process}/children").read_text().split()


def processor_s(process):
    """Return the processor time that a process took so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(process, name):
    """Return the resident memory of a process and its workers: VmRSS, or the most that each had, VmHWM."""
    statuses = (Path(f"/proc/{each}/status").read_text() for each in (process, *children(process)))
    return sum(int(status.split(f"{name}:")[1].split()[0]) for status in statuses) / 1024


def hoard(address, clients, process):
    """Return how many MB a client makes the daemon keep that sends all that is taken, and asks nothing."""
    most, third = MAX_SAMPLES, MAX_SAMPLES // 3
    with contextlib.ExitStack() as opened:
        hoarders = [opened.enter_context(Client(address, timeout_s=60)) for _ in range(clients + 1)]
        for number, client in enumerate(hoarders):
            if number == 1:
                before = memory_mb(process, "VmRSS")  # with one, so that what all share is there
            enrollment = client.enrollment(f"hoarder{number}", references=12)
            for repetition in range(3):
                enrollment.add(signature(number, repetition, samples=third))
            capture = client.begin()
            for piece in split(signature(number, samples=most), capture, size=64):
                client.points(piece)
            client._wire.write(b"\x01" * MAX_PAYLOAD)
        return (memory_mb(process, "VmRSS") - before) / clients


def wait_for(address):
    """Wait until the daemon answers."""
    for _ in range(200):
        try:
            with Client(address) as client:
                client.health()
                return
        except Disconnected:
            time.sleep(0.05)
    raise SystemExit("the daemon did not start")


def verify_all(address, number, verifies, gate, results):
    """Enroll one person, then verify signatures that differ, as fast as they are answered."""
    user, latencies, said = f"user{number}", HdrHistogram(*RANGE_US), Counter()
    probes = [signature(number, REFERENCES + each) for each in range(verifies)]
    with Client(address, timeout_s=60) as client:
        client.enroll(user, [signature(number, each) for each in range(REFERENCES)])
        gate.wait()
        before_s = time.process_time()
        for probe in probes:
            start = time.perf_counter()
            try:
                said[client.verify(user, probe, fmr=FMR).reason.name.lower()] += 1
            except SigverifyError:
                said["errors"] += 1
            latencies.record_value(round(1e6 * (time.perf_counter() - start)))
        spent_s = time.process_time() - before_s
    results.put((latencies.encode(), said, spent_s))


def summary(clients, seconds, measured):
    """Put the clients' figures together; milliseconds."""
    latencies = HdrHistogram(*RANGE_US)
    for encoded, *_ in measured:
        latencies.decode_and_add(encoded)
    said = sum((each[1] for each in measured), Counter())
    p50, p99 = (latencies.get_value_at_percentile(each) / 1000 for each in (50, 99))
    return {
        "clients": clients,
        "verifies": latencies.get_total_count(),
        "errors": said.pop("errors", 0),
        "decisions": dict(said.most_common()),
        "verifies_a_second": round(latencies.get_total_count() / seconds, 1),
        "p50_ms": round(p50, 2),
        "p99_ms": round(p99, 2),
        "max_ms": round(latencies.get_max_value() / 1000, 2),
        "p99_over_p50": round(p99 / p50, 2),
        "histogram_us": latencies.encode().decode(),
    }


if __name__ == "__main__":
    sys.exit(main())
