"""Load on the daemon: how long clients wait when they all verify at once, and whether any goes unanswered.

Decides whether one worker thread is enough: with n clients that ask as fast as they are answered, everybody
waits for n - 1 others, and nobody much longer. The target is no error, and p99 of at most five times p50.
Nobody is locked out, so that every probe is compared; the store is on disk, log and replay check are on.

Then as many clients keep in the daemon all that one may: captures, an enrollment under way, half a frame.
What each takes decides how many may come in at once (`--clients`) beside the memory that the service has.

    python benchmarks/bridge.py
    python benchmarks/bridge.py --clients 8 --verifies 1000 --model base
"""

import argparse
import contextlib
import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from builders import signature

from firmware_bridge.client import Client
from firmware_bridge.protocol.framing import MAX_PAYLOAD
from firmware_bridge.protocol.strokes import MAX_SAMPLES, split
from sigverify.errors import Disconnected, SigverifyError

REFERENCES = 5
FMR = 0.05


def main():
    """Start a daemon and the clients, and print what they measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--verifies", type=int, default=1000, help="of each client")
    parser.add_argument("--model", default="base")
    parser.add_argument("--json", action="store_true", help="print JSON instead of lines")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        content = measure(Path(folder), options.clients, options.verifies, options.model)
    text = (
        json.dumps(content, indent=2) if options.json else "\n".join(f"{k}: {v}" for k, v in content.items())
    )
    sys.stdout.write(text + "\n")
    return 0 if not content["errors"] and content["p99_over_p50"] <= 5 else 1


def measure(folder, clients, verifies, model):
    """Return the figures of one run."""
    address = folder / "socket"
    command = [sys.executable, "-m", "sigverify.cli", "serve", "--store", folder / "store.db", "--create"]
    command += ["--socket", address, "--model", model, "--no-lockout"]
    daemon = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(address)
        gate = multiprocessing.Barrier(clients + 1)
        results = multiprocessing.Queue()
        workers = [
            multiprocessing.Process(target=verify_all, args=(address, number, verifies, gate, results))
            for number in range(clients)
        ]
        for worker in workers:
            worker.start()
        gate.wait()
        start = time.perf_counter()
        measured = [results.get() for _ in workers]
        seconds = time.perf_counter() - start
        peak_mb = memory_mb(daemon.pid, "VmHWM")
        hoarder_mb = hoard(address, clients, daemon.pid)
    finally:
        daemon.terminate()
        daemon.wait()
    return summary(clients, seconds, measured) | {
        "daemon_peak_mb": round(peak_mb),
        "hoarder_mb": round(hoarder_mb, 1),
    }


def memory_mb(process, name):
    """Return the resident memory of a process: VmRSS, or the most that it had, VmHWM."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split(f"{name}:")[1].split()[0]) / 1024


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
    user, latencies, said = f"user{number}", [], Counter()
    probes = [signature(number, REFERENCES + each) for each in range(verifies)]
    with Client(address, timeout_s=60) as client:
        client.enroll(user, [signature(number, each) for each in range(REFERENCES)])
        gate.wait()
        for probe in probes:
            start = time.perf_counter()
            try:
                said[client.verify(user, probe, fmr=FMR).reason.name.lower()] += 1
            except SigverifyError:
                said["errors"] += 1
            latencies.append(time.perf_counter() - start)
    results.put((latencies, said))


def summary(clients, seconds, measured):
    """Put the clients' figures together; milliseconds."""
    latencies = 1000 * np.concatenate([each[0] for each in measured])
    said = sum((each[1] for each in measured), Counter())
    p50, p99 = np.percentile(latencies, [50, 99])
    return {
        "clients": clients,
        "verifies": len(latencies),
        "errors": said.pop("errors", 0),
        "decisions": dict(said.most_common()),
        "verifies_a_second": round(len(latencies) / seconds, 1),
        "p50_ms": round(float(p50), 2),
        "p99_ms": round(float(p99), 2),
        "max_ms": round(float(latencies.max()), 2),
        "p99_over_p50": round(float(p99 / p50), 2),
    }


if __name__ == "__main__":
    sys.exit(main())
