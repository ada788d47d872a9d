"""Print what sharing a store costs a kiosk: a server and two kiosks on this machine.

    python benchmarks/fleet.py [--people N] [--runs N]

Starts a PostgreSQL server of its own behind a socket, so that no network is counted: add one round trip for
every question to the server. What each line decides is said beside it.
"""

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from builders import template
from postgres_server import PostgresServer, find_binaries

from sigverify.corpora.synthetic import SyntheticConfig, synthesize
from sigverify.fleet import FleetStore
from sigverify.matcher import Matcher
from sigverify.model_file import Model
from sigverify.policy import Policy
from sigverify.protection.keys import Key
from sigverify.store import SqliteStore
from sigverify.verifier import Verifier


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=500)
    arguments = parser.parse_args()
    server = PostgresServer(find_binaries())
    try:
        with tempfile.TemporaryDirectory() as folder:
            measure(server, Path(folder), people=arguments.people, runs=arguments.runs)
    finally:
        server.close()


def measure(server, folder, *, people, runs):
    """Fill a fleet, and print line by line."""
    key, url = Key.generate(), server.url()
    matcher = Matcher.open(Model.read("base"))
    signatures = signatures_of_one(runs + 5)
    with FleetStore(url, key=key, cache=folder / "one.db", poll_s=None) as one:
        fill(one, people, matcher.model.id)
        # A new kiosk, or one after a rekey: how long until it can be used.
        seconds = timed(lambda: FleetStore(url, key=key, cache=folder / "new.db", poll_s=None).close())
        show("a new kiosk reads the fleet", f"{people / seconds:.0f} people/s")
        # How often each kiosk may ask, and how many kiosks a server carries.
        polls = [1000 * timed(one.synchronize) for _ in range(200)]
        show("one poll, nothing new, median", f"{np.median(polls):.2f} ms")
        with Verifier(one, matcher, policy=policy()) as verifier:
            # The wait at the counter, beside enrolling into a file.
            show("enroll at a kiosk", f"{1000 * timed(lambda: enroll(verifier, signatures)):.0f} ms")
    with Verifier(SqliteStore(folder / "file.db", key=key), matcher, policy=policy()) as verifier:
        show("enroll into a file", f"{1000 * timed(lambda: enroll(verifier, signatures)):.0f} ms")
        # Whether a person at the gate notices that the store is shared.
        show("verify, file, median", milliseconds(verifier, signatures[5:]))
    store = FleetStore(url, key=key, cache=folder / "one.db", poll_s=0.5)
    with Verifier(store, matcher, policy=policy()) as verifier:
        show("verify, fleet, median", milliseconds(verifier, signatures[5:]))
    server.stop()
    store = FleetStore(url, key=key, cache=folder / "one.db", poll_s=0.5)
    with Verifier(store, matcher, policy=policy()) as verifier:
        show("verify, server away, median", milliseconds(verifier, signatures[5:]))
    server.start()
    with FleetStore(url, key=key, cache=folder / "two.db", poll_s=None) as two:
        # How long other kiosks wait while one tells what it noted in an outage.
        for number in range(people):
            with two.transaction(durable=False, local=True) as records:
                records.put("replay", f"user-{number}", b"\1" + bytes(81))
        show("uploading what an outage left", f"{people / timed(two.synchronize):.0f} records/s")


def fill(store, people, model_id):
    """Enroll so many in one transaction."""
    its = replace(template("x", 5), model_id=model_id)
    with store.transaction():
        for number in range(people):
            store.put(replace(its, user_id=f"user-{number}"))


def signatures_of_one(count):
    """Genuine signatures of one synthetic writer."""
    corpus = synthesize(SyntheticConfig(writers=1, genuine=count, skilled=0, seed=3))
    return [sample.capture for sample in corpus.samples]


def policy():
    """The rules of a trusted caller, without waits: the same person tries all day."""
    return Policy(per_user=None, per_device=None)


def enroll(verifier, signatures):
    """Enroll one person by five signatures."""
    verifier.enroll("alice", signatures[:5], quality="record", replace=True)


def milliseconds(verifier, probes):
    """Verify each probe once; the median."""
    times = [1000 * timed(lambda probe=probe: verifier.verify("alice", probe)) for probe in probes]
    return f"{np.median(times):.2f} ms"


def timed(work):
    """Return the seconds that `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def show(what, value):
    """Print one line."""
    print(f"{what:<32}{value:>16}")  # noqa: T201


if __name__ == "__main__":
    main()
